"""`python -m core doctor`: whether an installation is well, and what to do where it is not."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from core.settings import Settings


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Look over this installation: packages, disk, database, sign-in, proxy, what fits together.

    Run it as the user and with the environment that the server has. The exit code is 1 when
    something does not work; what should only be looked at does not count.

    Examples:

        python -m core doctor

        python -m core doctor --json
    """
    from core.doctor import Level, examine

    findings = []
    for finding in examine(Settings.from_environment()):
        findings.append(finding)
        if not as_json:
            typer.echo(f"{finding.level:5} {finding.about:9} {finding.said}")
            if finding.todo:
                typer.echo(f"{'':15} -> {finding.todo}")
    if as_json:
        records = [asdict(finding) | {"level": str(finding.level)} for finding in findings]
        typer.echo(json.dumps(records, ensure_ascii=False))
    if any(finding.level is Level.FAIL for finding in findings):
        raise typer.Exit(1)
