"""`python -m core settings`: what this instance is told, and where each setting comes from."""

from typing import Annotated

import typer


def settings(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the table of docs/settings.md instead.")
    ] = False,
) -> None:
    """Show the settings that are in force and where each comes from; secrets are hidden.

    Examples:

        python -m core settings

        python -m core settings --json

        python -m core settings --markdown
    """
    # Here, so that --help does not wait for pydantic.
    from core.settings import table
    from core.settings.reading import read

    if markdown:
        typer.echo(table.markdown(), nl=False)
        return
    in_force = read().in_force
    typer.echo(table.as_json(in_force) if as_json else "\n".join(table.lines(in_force)))
