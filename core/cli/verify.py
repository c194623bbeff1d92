"""`python -m core verify`: is a package whole, and is it what its dataset says?"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.opening import open_coco
from core.errors import CocoSiftError
from core.export import Verification, verify_package
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
    source, note = _source(file, dataset)
    with TerminalProgress("verify", "B") as progress:
        found = verify_package(file, source, progress)
    notes = [*([note] if note else []), *found.notes]
    if as_json:
        typer.echo(json.dumps(_as_json(found, notes), ensure_ascii=False, indent=1))
    else:
        for line in (*found.differences, _words(found)):
            typer.echo(line)
        for line in notes:
            typer.echo(line, err=True)
    if not found.is_whole:
        raise typer.Exit(_DIFFERENT)


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


def _words(found: Verification) -> str:
    if found.differences:
        count = len(found.differences)
        return f"{found.path}: {count:,} {'difference' if count == 1 else 'differences'}."
    compared = f", as the dataset {found.compared_with} has them" if found.compared_with else ""
    return (
        f"{found.path} is whole: {found.n_members:,} files, {found.n_images:,} pictures, "
        f"{found.n_annotations:,} annotations{compared}."
    )


def _as_json(found: Verification, notes: list[str]) -> dict[str, Any]:
    return {
        "file": str(found.path),
        "whole": found.is_whole,
        "files": found.n_members,
        "images": found.n_images,
        "annotations": found.n_annotations,
        "compared_with": found.compared_with or None,
        "differences": list(found.differences),
        "notes": notes,
    }
