"""`python -m core verify`: is a package whole, and is it what its dataset says?"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.opening import open_coco
from core.cli.remote import server
from core.client.documents import verification_document
from core.errors import CocoSiftError
from core.export import verify_package
from core.progress import TerminalProgress
from core.recipe import read_recipe

if TYPE_CHECKING:
    from core.coco import CocoDataset

_DIFFERENT = 1


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="A package of CocoSift.")],
    dataset: Annotated[
        str | None,
        typer.Option(help="The dataset to compare with; by default the one it was made from."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Check a package: its checksums, its annotations against its pictures and its source.

    The exit code is 0 when all is as it should be, else 1, and every difference is named.

    Examples:

        python -m core verify dogs.zip

        python -m core verify dogs.zip --dataset val2014 --json
    """
    there = server()
    told = _looked(file, dataset) if there is None else there.verify(file, dataset)
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        for line in (*told["differences"], _words(told)):
            typer.echo(line)
        for line in told["notes"]:
            typer.echo(line, err=True)
    if not told["whole"]:
        raise typer.Exit(_DIFFERENT)


def _looked(file: Path, dataset: str | None) -> dict[str, Any]:
    source, note = _source(file, dataset)
    with TerminalProgress("verify", "B") as progress:
        found = verify_package(file, source, progress)
    return verification_document(found, [*([note] if note else []), *found.notes])


def _source(file: Path, name: str | None) -> "tuple[CocoDataset | None, str]":
    """The dataset to compare with, or why there is none."""
    from core.library import open_library

    if name is not None:
        library = open_library()
        return open_coco(library, name), ""
    try:
        made_from = read_recipe(file).dataset.name
        library = open_library()
        if made_from not in library.datasets():
            return None, (
                f"Not compared with its source: there is no dataset {made_from!r} here. Name "
                "another with --dataset."
            )
        return open_coco(library, made_from), ""
    except CocoSiftError as error:
        return None, f"Not compared with its source: {error}"


def _words(told: Mapping[str, Any]) -> str:
    if count := len(told["differences"]):
        return f"{told['file']}: {count:,} {'difference' if count == 1 else 'differences'}."
    source = told["compared_with"]
    compared = f", as the dataset {source} has them" if source else ""
    return (
        f"{told['file']} is whole: {told['files']:,} files, {told['images']:,} pictures, "
        f"{told['annotations']:,} annotations{compared}."
    )
