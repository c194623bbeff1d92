"""`python -m core trail …`: who did what on this instance."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.atomic import atomic_file
from core.cli.operating import operating
from core.cli.users import columns
from core.errors import PeopleError

if TYPE_CHECKING:
    from core.audit import TrailPage

app = typer.Typer(
    help="""The trail: who signed in, exported, saved, deleted, and what admins changed.

    Examples:

        python -m core trail list --who ann --since 2026-05-01

        python -m core trail csv trail.csv
    """,
    no_args_is_help=True,
)

_Who = Annotated[str, typer.Option(help="Part of the person's name.")]
_What = Annotated[str | None, typer.Option(help="What was done, such as exported or deleted.")]
_Since = Annotated[str | None, typer.Option(metavar="DATE", help="Not before this day, UTC.")]
_Until = Annotated[str | None, typer.Option(metavar="DATE", help="Not after this day, UTC.")]


@app.command("list")
def list_(
    who: _Who = "",
    what: _What = None,
    since: _Since = None,
    until: _Until = None,
    offset: Annotated[int, typer.Option(min=0, help="Leave out so many at the start.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=500, help="So many at most.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """List what was done, the newest first.

    Examples:

        python -m core trail list

        python -m core trail list --what sign-in-failed --since 2026-05-01 --json
    """
    with operating() as (settings, _):
        from core.audit import shared_trail

        trail = shared_trail(settings)
        page = trail.list(who, what, _day(since), _day(until, 1), offset, limit)
    if as_json:
        lines = [line.to_json() for line in page.lines]
        document = {"total": page.total, "offset": page.offset, "trail": lines}
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
    elif page.lines:
        typer.echo(_table(page))
    else:
        typer.echo("Nothing that fits was done.")


@app.command("csv")
def csv_(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where to; standard output if not said.")
    ] = None,
    who: _Who = "",
    what: _What = None,
    since: _Since = None,
    until: _Until = None,
) -> None:
    """Write what was done as CSV, the oldest first, safe to open in a spreadsheet.

    Examples:

        python -m core trail csv trail.csv

        python -m core trail csv --what exported --since 2026-05-01
    """
    with operating() as (settings, _):
        from core.audit import shared_trail

        blocks = shared_trail(settings).csv(who, what, _day(since), _day(until, 1))
        if file is None:
            sys.stdout.writelines(blocks)
            return
        try:
            with atomic_file(file) as out:
                out.writelines(block.encode() for block in blocks)
        except OSError as error:
            raise PeopleError(f"{file} cannot be written: {error.strerror or error}.") from error
    typer.echo(f"Wrote {file}.", err=True)


def _day(text: str | None, later: int = 0) -> datetime | None:
    """Return the beginning of a day in UTC, or of one so many days later.

    Raises:
        PeopleError: it is no date.
    """
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=later)
    except (ValueError, OverflowError):
        raise PeopleError(f"Expected a date such as 2026-05-01, found {text!r:.40}.") from None


def _table(page: "TrailPage") -> str:
    rows: list[tuple[str, ...]] = [("when (UTC)", "what", "who", "subject", "from")]
    for line in page.lines:
        by = {0: "(operator)", -1: "(nobody)"}.get(line.who_id, "")
        who = f"{line.who} {by}".strip()
        subject = line.subject if len(line.subject) <= 60 else f"{line.subject[:59]}…"
        rows.append((f"{line.at:%Y-%m-%d %H:%M:%S}", line.what, who, subject, line.address))
    last = page.offset + len(page.lines)
    return f"{columns(rows)}\n{page.offset + 1:,} to {last:,} of {page.total:,}"
