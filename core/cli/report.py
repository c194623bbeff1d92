"""`python -m core report`: a subset in one offline HTML file, for those who never saw the app."""

import json
from pathlib import Path
from typing import Annotated

import typer

from core.cli.opening import BarWhenNeeded, open_coco
from core.errors import ReportError
from core.settings import Settings


def report(
    subset: Annotated[
        str,
        typer.Argument(
            metavar="FILE|SUBSET",
            show_default=False,
            help="A package (ZIP), a recipe.json, or a saved subset by its number or name.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.html", help="Where to write it.")
    ] = Path("report.html"),
    reproducible: Annotated[
        bool,
        typer.Option(
            "--reproducible", help="Leave out who and when, so that it is the same each time."
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was written as JSON.")
    ] = False,
) -> None:
    """Write what a subset holds, how it was found and how right it is into one HTML file.

    The file has the query, the first pictures, scores, makeup, lift, licences, what labels and
    people say of it, and the recipe. It opens without a network and can be printed.

    Examples:

        python -m core report dogs.zip -o dogs.html

        python -m core report 3 -o dogs.html
    """
    if output.suffix.lower() not in (".html", ".htm"):
        raise ReportError(f"Expected a file ending in .html, found {output}. Try: -o report.html")
    # Here, so that --help does not wait for NumPy.
    from core.report.sources import source_of

    source = source_of(Settings.from_environment(), subset)
    # Here, so that a file that is no recipe does not wait for PyTorch.
    from core.errors import CocoSiftError
    from core.library import open_library
    from core.report import report_of, write_report

    library = open_library()
    try:
        open_coco(library, source.recipe.dataset.name)
    except CocoSiftError as problem:
        typer.echo(f"Without figures of its pictures: {problem}", err=True)
    with BarWhenNeeded("index words", "captions") as progress:
        made = report_of(
            library,
            source.recipe,
            source.about,
            uploads=source.uploads,
            reproducible=reproducible,
            is_package=source.is_package,
            progress=progress,
        )
    n_bytes = write_report(made, output)
    if as_json:
        told = {"file": str(output), "bytes": n_bytes, "title": made.title, "images": made.count}
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        typer.echo(f"Wrote a report of {made.count:,} pictures to {output} ({n_bytes:,} bytes)")
