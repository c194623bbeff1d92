"""`python -m core restore FILE`: a backup is put back, and what was there is kept."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from core.cli.backup import words
from core.errors import BackupError
from core.settings import Settings


def restore(
    file: Annotated[Path, typer.Argument(help="A backup that `backup` made.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Say whether it is whole and what is in it, no more.")
    ] = False,
    with_settings: Annotated[
        bool, typer.Option("--with-settings", help="Put .env and cocosift.toml back, too.")
    ] = False,
) -> None:
    """Put a backup back into the database, whether that is SQLite or PostgreSQL.

    What is there is kept first, below the home folder in backups/. All of it is put back or
    nothing is changed. People sign in anew afterwards, and slow work under way ends.

    Examples:

        python -m core restore monday.cocosift --check

        python -m core restore monday.cocosift --yes
    """
    from core.audit import note
    from core.backup import look_into
    from core.backup import restore as put_back

    contents = look_into(file)
    typer.echo(f"{file} is whole: {words(contents)}")
    if check:
        return
    settings = Settings.from_environment()
    if not yes:
        _ask()
    restored = put_back(file, settings, with_settings=with_settings)
    note(settings, "restored", "backup", {"file": file.name, "made": contents.made_at.isoformat()})
    typer.echo(f"Put back. What was there is kept in {restored.kept}")
    for path in restored.settings:
        typer.echo(f"Put back: {path}. Restart the servers, so that it counts.")
    if contents.settings and not with_settings:
        typer.echo(
            f"Not put back: {', '.join(contents.settings)}. To have them, too: --with-settings",
            err=True,
        )


def _ask() -> None:
    question = "This replaces the subsets, people and trail that are there now. Go on?"
    if not sys.stdin.isatty():
        raise BackupError(f"{question} Nobody can answer here, so add --yes. Nothing was changed.")
    if not typer.confirm(question):
        raise BackupError("Nothing was changed.")
