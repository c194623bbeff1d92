"""`python -m core search`: words, pictures and conditions in, pictures in rank order out."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.asking import query_asked
from core.cli.exporting import WithoutMissing, refuse_without_export
from core.cli.opening import BarWhenNeeded, open_coco
from core.cli.remembering import NoCatalogue, remember
from core.cli.signature import signature
from core.errors import QueryError
from core.progress import TerminalProgress
from core.query.address import link
from core.query.json_form import to_json
from core.query.record import DEFAULT_TOP_K, Mode, Prompts

if TYPE_CHECKING:
    from core.export import ExportReport
    from core.found import Found
    from core.library import Library
    from core.query.record import Query
    from core.searchable import SearchableDataset

_WIDEST_TABLE = 140
_LOOKED_FOR = "What is looked for"
_FILTERS = "What a picture must be"
_CUT = "How many, and in which order"


def search(
    ctx: typer.Context,
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT",
            show_default=False,
            help="What the pictures should show, in words. Without a text or picture the "
            "pictures come in the dataset's order.",
        ),
    ] = None,
    not_: Annotated[
        list[str] | None,
        typer.Option("--not", metavar="TEXT", help="Not this.", rich_help_panel=_LOOKED_FOR),
    ] = None,
    like: Annotated[
        list[int] | None,
        typer.Option(
            metavar="ID", help="Like this picture of the dataset.", rich_help_panel=_LOOKED_FOR
        ),
    ] = None,
    not_like: Annotated[
        list[int] | None,
        typer.Option(metavar="ID", help="Not like this one.", rich_help_panel=_LOOKED_FOR),
    ] = None,
    image: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Like the picture in a file.", rich_help_panel=_LOOKED_FOR
        ),
    ] = None,
    not_image: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Not like this one.", rich_help_panel=_LOOKED_FOR),
    ] = None,
    upload: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SHA256",
            help="Like a picture that was uploaded before.",
            rich_help_panel=_LOOKED_FOR,
        ),
    ] = None,
    not_upload: Annotated[
        list[str] | None,
        typer.Option(metavar="SHA256", help="Not like this one.", rich_help_panel=_LOOKED_FOR),
    ] = None,
    weight: Annotated[
        list[float] | None,
        typer.Option(
            metavar="NUMBER",
            help="How much the text or picture right before it counts, 0 to 100; 1 if not said.",
            rich_help_panel=_LOOKED_FOR,
        ),
    ] = None,
    mode: Annotated[
        Mode,
        typer.Option(
            help="Score by the weighted sum of all, by the best or by the worst of each.",
            rich_help_panel=_LOOKED_FOR,
        ),
    ] = "blend",
    prompts: Annotated[
        Prompts,
        typer.Option(
            help="Put texts as nouns into 7 (simple) or 80 (full) published templates.",
            rich_help_panel=_LOOKED_FOR,
        ),
    ] = "off",
    category: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TERM",
            help='It has such instances: "dog", "dog>=2", "small:person=0", "super:animal".',
            rich_help_panel=_FILTERS,
        ),
    ] = None,
    any_category: Annotated[
        list[str] | None,
        typer.Option(metavar="TERM", help="One of these holds.", rich_help_panel=_FILTERS),
    ] = None,
    without_category: Annotated[
        list[str] | None,
        typer.Option(metavar="TERM", help="None of these holds.", rich_help_panel=_FILTERS),
    ] = None,
    crowd: Annotated[
        bool | None,
        typer.Option(
            "--crowd/--no-crowd",
            help="It has a crowd instance, or has none.",
            rich_help_panel=_FILTERS,
        ),
    ] = None,
    words: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORDS",
            help="Its captions have these words: 'dog \"red ball\" -cat'.",
            rich_help_panel=_FILTERS,
        ),
    ] = None,
    license: Annotated[
        list[str] | None,
        typer.Option(
            metavar="USE|ID",
            help="Its licence allows use as commercial or modifications, or has one of these ids.",
            rich_help_panel=_FILTERS,
        ),
    ] = None,
    orientation: Annotated[
        list[str] | None,
        typer.Option(
            metavar="landscape|portrait|square",
            help="It is one of these.",
            rich_help_panel=_FILTERS,
        ),
    ] = None,
    size: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BOUND",
            help='Its sides in pixels: "width>=640", "height<=480".',
            rich_help_panel=_FILTERS,
        ),
    ] = None,
    annotated: Annotated[
        bool | None,
        typer.Option(
            "--annotated/--unannotated",
            help="It has annotations, or has none.",
            rich_help_panel=_FILTERS,
        ),
    ] = None,
    only_ids: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|IDS",
            help="It is listed: in a text file, in a COCO file, or as 1,2,3.",
            rich_help_panel=_FILTERS,
        ),
    ] = None,
    without_ids: Annotated[
        str | None,
        typer.Option(metavar="FILE|IDS", help="It is not listed.", rich_help_panel=_FILTERS),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            help=f"So many pictures, best first; {DEFAULT_TOP_K} if nothing else is said.",
            rich_help_panel=_CUT,
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="SCORE", help="All that score at least so much.", rich_help_panel=_CUT
        ),
    ] = None,
    percentile: Annotated[
        float | None,
        typer.Option(
            metavar="PERCENT",
            help="All that score as much as so many percent of the dataset: 99 is the best 1%.",
            rich_help_panel=_CUT,
        ),
    ] = None,
    hide_duplicates: Annotated[
        float | None,
        typer.Option(
            metavar="COSINE",
            help="Of pictures at least so similar, only the best: 0.95.",
            rich_help_panel=_CUT,
        ),
    ] = None,
    diversity: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            help="How much unlikeness to those before counts, 0 to 1.",
            rich_help_panel=_CUT,
        ),
    ] = 0.0,
    dataset: Annotated[
        str | None, typer.Option(help="The dataset; may be left out when it is clear.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The model; may be left out when it is clear.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    as_url: Annotated[
        bool,
        typer.Option("--url", help="Print the link that opens this in the app; search nothing."),
    ] = False,
    export: Annotated[
        Path | None,
        typer.Option(metavar="FILE.zip", help="Write the pictures as a COCO-format ZIP, too."),
    ] = None,
    without_missing: WithoutMissing = False,
    reproducible: Annotated[
        bool,
        typer.Option("--reproducible", help="Leave who and when out of what is exported."),
    ] = False,
    no_catalogue: NoCatalogue = False,
) -> None:
    """Search a dataset by words, pictures and conditions.

    Options that give a value may be repeated; a --weight belongs to the text or picture
    right before it. Scores are cosine similarities; equal ones are ordered by image id.
    Notes (words the model does not know, how many pictures pass the filters) go to stderr,
    so that stdout holds results alone.

    Examples:

        python -m core search "a dog on a beach"

        python -m core search "three wine glasses at night" --top-k 5 --json

        python -m core search dog --not leash --weight 0.5 --category "dog>=2" --threshold 0.27

        python -m core search --category person --words '"red ball"' --license commercial

        python -m core search "a dog on a beach" --hide-duplicates 0.95 --url

        python -m core search "cars at night" --top-k 50 --export cars.zip
    """
    refuse_without_export(export, without_missing=without_missing, reproducible=reproducible)
    if as_url and (as_json or export is not None):
        raise QueryError("--url prints the link alone. Leave out --json and --export.")
    # Here, so that --help does not wait for PyTorch.
    from core.library import open_library

    library = open_library()
    query = query_asked(ctx, library.uploads)
    if as_url:
        typer.echo(_link(library, query, dataset, model))
        return
    searchable = _open(library, query, dataset, model)
    with BarWhenNeeded("index words", "captions") as progress:
        found = searchable.find(query, progress)
    for note in _notes(found):
        typer.echo(note, err=True)
    typer.echo(_json(found) if as_json else _table(found))
    if export is not None:
        report = _export(found, export, without_missing, reproducible)
        if not no_catalogue:
            remember(found.dataset.library, report)


def _open(
    library: "Library", query: "Query", dataset: str | None, model: str | None
) -> "SearchableDataset":
    # Conditions alone need no model.
    if query.parts or dataset is None:
        dataset, model = library.pair(dataset, model)
    open_coco(library, dataset)
    return library.dataset(dataset, model)


def _link(library: "Library", query: "Query", dataset: str | None, model: str | None) -> str:
    dataset, model = library.pair(dataset, model)
    return link(library.settings.url, query, dataset=dataset, model=model, lists=library.views)


def _notes(found: "Found") -> list[str]:
    notes = [*(found.dataset.warnings if found.query.is_ranked else ()), *found.notes]
    counts = found.counts
    if counts.filters:
        notes.append(f"{counts.passing:,} of {counts.total:,} pictures pass the filters.")
    if not counts.passing and len(counts.filters) > 1:
        notes += [
            f"Without the filter {one.label!r} {one.passing_without:,} pass."
            for one in counts.filters
        ]
    scores = found.passing_scores
    if not len(found) and scores is not None and len(scores):
        notes.append(
            f"No picture scores that high: the best of the {len(scores):,} that pass scores "
            f"{scores[0]:.4f}."
        )
    if hidden := sum(map(len, found.duplicates.values())):
        noun = "near-duplicate is" if hidden == 1 else "near-duplicates are"
        notes.append(f"{hidden:,} {noun} hidden behind these.")
    return notes


def _export(
    found: "Found", path: Path, without_missing: bool, reproducible: bool
) -> "ExportReport":
    with TerminalProgress("export", "B") as progress:
        report = found.export(
            path,
            **signature(reproducible=reproducible),
            without_missing=without_missing,
            progress=progress,
        )
    typer.echo(
        f"Wrote {report.n_images:,} pictures with {report.n_annotations:,} annotations "
        f"({report.n_bytes:,} bytes) to {path}",
        err=True,
    )
    for missing in report.missing:
        typer.echo(f"Left out: {missing.file_name} ({missing.reason})", err=True)
    return report


def _json(found: "Found") -> str:
    document: dict[str, Any] = {
        "query": found.words,
        "dataset": found.dataset.name,
        "model": found.dataset.model if found.query.is_ranked else None,
        "asked": to_json(found.query),
        "counts": {
            "total": found.counts.total,
            "passing": found.counts.passing,
            "filters": [
                {
                    "filter": one.label,
                    "passing_alone": one.passing_alone,
                    "passing_without": one.passing_without,
                }
                for one in found.counts.filters
            ],
        },
        "duplicates": {str(kept): list(hidden) for kept, hidden in found.duplicates.items()},
        "results": [
            {
                "rank": image.rank,
                "image_id": image.image_id,
                "file_name": image.file_name,
                "score": image.score,
            }
            for image in found
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=1)


def _table(found: "Found") -> str:
    """Return the results as lines; the first caption of a picture fills what width is left."""
    captions = found.dataset.coco.captions_of(found.image_ids)
    rows = [("rank", "score", "image id", "file", "caption" if any(captions) else "")]
    for image, of_one in zip(found, captions, strict=True):
        caption = of_one[0] if of_one else ""
        score = "" if image.score is None else f"{image.score:.4f}"
        rows.append((str(image.rank), score, str(image.image_id), image.file_name, caption))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    columns = shutil.get_terminal_size(fallback=(_WIDEST_TABLE, 0)).columns
    room = min(columns, _WIDEST_TABLE) - sum(widths) - 8
    lines = []
    for rank, score, image_id, file_name, caption in rows:
        cells = (
            rank.rjust(widths[0]),
            score.rjust(widths[1]),
            image_id.rjust(widths[2]),
            file_name.ljust(widths[3]),
            _fitted(" ".join(caption.split()), room),
        )
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _fitted(text: str, width: int) -> str:
    if width < 12:
        return ""
    return text if len(text) <= width else text[: width - 1] + "…"
