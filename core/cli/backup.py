"""`python -m core backup FILE`: the database and the settings in one file, while it runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.settings import Settings

if TYPE_CHECKING:
    from core.backup import Contents


def backup(
    file: Annotated[
        Path, typer.Argument(help="Where to write it; in a folder, it is named by the time.")
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace an older file of this name.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what is in it as JSON.")] = False,
) -> None:
    """Write a backup of the database and the settings. Servers may run meanwhile.

    It holds the saved subsets, people, tokens, the trail, .env and cocosift.toml; not the
    pictures, models and vectors, which are files of their own. Keep it where only you may read.

    Examples:

        python -m core backup monday.cocosift

        python -m core backup /var/backups/cocosift
    """
    from core.backup import back_up

    written, contents = back_up(Settings.from_environment(), file, replace=replace)
    if as_json:
        typer.echo(contents.to_json())
        return
    typer.echo(f"{written}: {words(contents)}")


def words(contents: "Contents") -> str:
    """What is in a backup, in one line."""
    parts = [_count(contents, "subsets", "subset"), _count(contents, "people", "person")]
    with_settings = f", {' and '.join(contents.settings)}" if contents.settings else ""
    return (
        f"{' and '.join(parts)}{with_settings}, as of {contents.made_at:%Y-%m-%d %H:%M} UTC, "
        f"from {_DATABASES.get(contents.database, contents.database)}."
    )


_DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def _count(contents: "Contents", table: str, one: str) -> str:
    number = contents.rows.get(table, 0)
    return f"{number:,} {one if number == 1 else table}"
