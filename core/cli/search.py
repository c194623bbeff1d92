"""`python -m core search`: words in, pictures in rank order out."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.opening import open_coco
from core.errors import QueryError
from core.progress import TerminalProgress
from core.search import DEFAULT_TOP_K

if TYPE_CHECKING:
    from core.library import Found

_WIDEST_TABLE = 140


def search(
    text: Annotated[str, typer.Argument(help="What the pictures should show, in words.")],
    top_k: Annotated[int, typer.Option(help="How many pictures, best first.")] = DEFAULT_TOP_K,
    dataset: Annotated[
        str | None, typer.Option(help="The dataset; may be left out when it is clear.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The model; may be left out when it is clear.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    export: Annotated[
        Path | None,
        typer.Option(metavar="FILE.zip", help="Write the pictures as a COCO-format ZIP, too."),
    ] = None,
    without_missing: Annotated[
        bool,
        typer.Option("--without-missing", help="Export without the pictures that cannot be had."),
    ] = False,
) -> None:
    """Search a dataset in words.

    Scores are cosine similarities; equal ones are ordered by image id. Notes (words the
    model does not know, text it cuts) go to stderr, so that stdout holds results alone.

    Examples:

        python -m core search "a dog on a beach"

        python -m core search "three wine glasses at night" --top-k 5 --json

        python -m core search "cars at night" --top-k 50 --export cars.zip
    """
    if without_missing and export is None:
        raise QueryError("--without-missing belongs to an export. Add: --export FILE.zip")
    # Here, so that --help does not wait for PyTorch.
    from core.library import open_library

    library = open_library()
    dataset, model = library.pair(dataset, model)
    open_coco(library, dataset)
    searchable = library.dataset(dataset, model)
    found = searchable.search(text, top_k)
    for note in (*searchable.warnings, *found.notes):
        typer.echo(note, err=True)
    typer.echo(_json(found) if as_json else _table(found))
    if export is not None:
        with TerminalProgress("export", "B") as progress:
            report = found.export(export, without_missing=without_missing, progress=progress)
        typer.echo(
            f"Wrote {report.n_images:,} pictures with {report.n_annotations:,} annotations "
            f"({report.n_bytes:,} bytes) to {export}",
            err=True,
        )
        for missing in report.missing:
            typer.echo(f"Left out: {missing.file_name} ({missing.reason})", err=True)


def _json(found: "Found") -> str:
    return json.dumps(
        {
            "query": found.query,
            "dataset": found.dataset.name,
            "model": found.dataset.model,
            "results": [
                {
                    "rank": image.rank,
                    "image_id": image.image_id,
                    "file_name": image.file_name,
                    "score": image.score,
                }
                for image in found
            ],
        },
        ensure_ascii=False,
        indent=1,
    )


def _table(found: "Found") -> str:
    """Return the results as lines; the first caption of a picture fills what width is left."""
    captions = found.dataset.coco.captions_of(found.image_ids)
    rows = [("rank", "score", "image id", "file", "caption" if any(captions) else "")]
    for image, of_one in zip(found, captions, strict=True):
        caption = of_one[0] if of_one else ""
        score = f"{image.score:.4f}"
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
