"""What commands that can export beside their own work have in common."""

from pathlib import Path
from typing import Annotated

import typer

from core.errors import ExportError

WithoutMissing = Annotated[
    bool,
    typer.Option("--without-missing", help="Export without the pictures that cannot be had."),
]


def refuse_without_export(
    export: Path | None, *, without_missing: bool, reproducible: bool
) -> None:
    """Raise an `ExportError` for options that say how to export when nothing is exported."""
    if export is None and (without_missing or reproducible):
        option = "--without-missing" if without_missing else "--reproducible"
        raise ExportError(f"{option} belongs to an export. Add: --export FILE.zip")
