"""`python -m core search`: words, pictures and conditions in, pictures in rank order out."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.asking import query_asked
from core.cli.exporting import (
    WithoutMissing,
    export_there,
    refuse_without_export,
    say_left_out,
    wrote,
)
from core.cli.opening import BarWhenNeeded, open_coco
from core.cli.remembering import NoCatalogue, remember
from core.cli.remote import server
from core.cli.signature import signature
from core.client.documents import found_document
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
_TOLD = ("query", "dataset", "model", "asked", "counts", "duplicates")
_OF_PICTURE = ("rank", "image_id", "file_name", "score")


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
    there = server()
    if there is not None:
        query = query_asked(ctx, there.uploads)
        if as_url:
            typer.echo(there.link(query, dataset, model))
            return
        _print(there.search(query, dataset, model), as_json)
        if export is not None:
            source = {
                "query": to_json(query),
                "dataset": dataset,
                "model": model,
                "reproducible": reproducible,
            }
            exported = export_there(
                there,
                source,
                export,
                without_missing=without_missing,
                remember=not no_catalogue,
            )
            _tell(exported.report)
            if exported.note:
                typer.echo(exported.note, err=True)
        return
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
    _print(found_document(found, with_captions=not as_json), as_json)
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


def _print(document: dict[str, Any], as_json: bool) -> None:
    """Print what was found, and on stderr what a person should know of it."""
    for note in document["notes"]:
        typer.echo(note, err=True)
    typer.echo(_json(document) if as_json else _table(document))


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
    _tell(report)
    return report


def _tell(report: "ExportReport") -> None:
    typer.echo(wrote(report), err=True)
    say_left_out(report)


def _json(document: Mapping[str, Any]) -> str:
    told = {name: document[name] for name in _TOLD}
    told["results"] = [{name: one[name] for name in _OF_PICTURE} for one in document["results"]]
    return json.dumps(told, ensure_ascii=False, indent=1)


def _table(document: Mapping[str, Any]) -> str:
    """Return the results as lines; the first caption of a picture fills what width is left."""
    results = document["results"]
    has_captions = any(one["caption"] for one in results)
    rows = [("rank", "score", "image id", "file", "caption" if has_captions else "")]
    for one in results:
        score = "" if one["score"] is None else f"{one['score']:.4f}"
        found = (str(one["rank"]), score, str(one["image_id"]), one["file_name"], one["caption"])
        rows.append(found)
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
