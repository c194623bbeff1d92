"""`python -m core tokens …`: what scripts show to the HTTP API instead of a password."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.operating import operating
from core.cli.users import columns

if TYPE_CHECKING:
    from core.people import Token

app = typer.Typer(
    help="""Tokens for scripts: each belongs to a person and may do less than they.

    Examples:

        python -m core tokens make ann "nightly export" --scope read --days 30

        python -m core tokens list --person ann

        python -m core tokens revoke 3
    """,
    no_args_is_help=True,
)

_Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


@app.command()
def make(
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Whose it is.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    scopes: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            metavar="read|write|admin|metrics",
            help="What it may do; may be repeated. Only reading if not said.",
        ),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3_650, help="How many days it counts.")] = 90,
    for_ever: Annotated[bool, typer.Option("--for-ever", help="It does not expire.")] = False,
    as_json: _Json = False,
) -> None:
    """Make a token and print it, this once; only its digest is kept.

    Examples:

        python -m core tokens make ann "nightly export"

        python -m core tokens make root prometheus --scope metrics --for-ever --json
    """
    expires = None if for_ever else datetime.now(UTC) + timedelta(days=days)
    with operating() as (_, people):
        secret = people.new_token(people.named(person), name, scopes or ["read"], expires)
    if as_json:
        until = None if expires is None else expires.isoformat()
        _print_json({"token": secret, "expires": until})
    else:
        typer.echo(secret)
        typer.echo("Keep it now: nobody can print it again.", err=True)


@app.command("list")
def list_(
    person: Annotated[str | None, typer.Option(help="Only those of this person.")] = None,
    as_json: _Json = False,
) -> None:
    """List the tokens, the newest first.

    Examples:

        python -m core tokens list

        python -m core tokens list --person ann --json
    """
    with operating() as (_, people):
        tokens = people.tokens(None if person is None else people.named(person))
    if as_json:
        _print_json([_document(token) for token in tokens])
    elif tokens:
        typer.echo(_table(tokens))
    else:
        typer.echo("There is no token. Make one: python -m core tokens make PERSON NAME")


@app.command()
def revoke(
    token_id: Annotated[int, typer.Argument(metavar="ID", help="Its number, as `list` shows it.")],
) -> None:
    """Let a token count no more.

    Examples:

        python -m core tokens revoke 3
    """
    with operating() as (_, people):
        people.revoke(token_id)
    typer.echo(f"Token {token_id} counts no more.")


def _document(token: "Token") -> dict[str, Any]:
    moments = {name: getattr(token, name) for name in ("made", "expires", "used", "revoked")}
    return {
        "id": token.id,
        "person": token.person,
        "name": token.name,
        "scopes": list(token.scopes),
        **{name: at if at is None else at.isoformat() for name, at in moments.items()},
    }


def _table(tokens: "tuple[Token, ...]") -> str:
    rows: list[tuple[str, ...]] = [("id", "person", "name", "scopes", "expires", "last used", "")]
    for token in tokens:
        rows.append(
            (
                str(token.id),
                token.person,
                token.name,
                ", ".join(token.scopes),
                "never" if token.expires is None else f"{token.expires:%Y-%m-%d}",
                "never" if token.used is None else f"{token.used:%Y-%m-%d}",
                "revoked" if token.revoked else "",
            )
        )
    return columns(rows)


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
