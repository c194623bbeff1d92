"""What commands that can export beside their own work have in common."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.signature import signature
from core.errors import ExportError
from core.progress import TerminalProgress

if TYPE_CHECKING:
    from core.client import Client, Exported
    from core.export import ExportReport

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


def wrote(report: "ExportReport") -> str:
    """Say what was written, and where."""
    return (
        f"Wrote {report.n_images:,} pictures with {report.n_annotations:,} annotations "
        f"({report.n_bytes:,} bytes) to {report.path}"
    )


def say_left_out(report: "ExportReport") -> None:
    """Name on stderr the pictures that are not in a package."""
    for missing in report.missing:
        typer.echo(f"Left out: {missing.file_name} ({missing.reason})", err=True)


def export_there(
    there: "Client",
    source: Mapping[str, Any],
    path: Path,
    *,
    without_missing: bool,
    remember: bool = False,
) -> "Exported":
    """Have a server make a package, and fetch it to `path`.

    Args:
        source: which pictures, and in which shape, as `POST /exports` takes it.
        remember: put it into the catalogue of the server.

    Raises:
        CocoSiftError: it cannot be made, fetched or written.
    """
    wish = {
        **source,
        "without_missing": without_missing,
        "remember": remember,
        "who": signature()["who"] or "",
    }
    with TerminalProgress("export", "B") as progress:
        return there.export(wish, path, progress)
