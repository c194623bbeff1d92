"""What the command line exports, remembered in the team's catalogue like what the app exports."""

from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import CatalogueError
from core.recipe import read_recipe

if TYPE_CHECKING:
    from core.export import ExportReport
    from core.library import Library

NoCatalogue = Annotated[
    bool,
    typer.Option("--no-catalogue", help="Do not remember the export in the team's catalogue."),
]


def remember(library: "Library", report: "ExportReport") -> None:
    """Put a finished package into the catalogue and say so on stderr.

    The package is there already, so a catalogue that cannot be written is said and no error.
    """
    # Here, so that --help does not wait for SQLAlchemy.
    from core.catalogue import PackageFacts, shared_catalogue

    facts = PackageFacts(report.path.name, report.n_bytes, report.sha256)
    try:
        catalogue = shared_catalogue(library.settings, library)
        entry = catalogue.save(read_recipe(report.path), package=facts)
    except CatalogueError as error:
        typer.echo(f"Not remembered in the catalogue: {error}", err=True)
    else:
        typer.echo(f"Remembered as subset {entry.id}: {entry.name}", err=True)
