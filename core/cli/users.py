"""`python -m core users …`: the people who may come in, and what each may do."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from core.cli.operating import operating

if TYPE_CHECKING:
    from core.people import Account, Person

app = typer.Typer(
    help="""The people of an instance: add them, and say what each may do.

    A reader searches and downloads, an editor also saves subsets and changes their own, an
    admin manages all subsets, the library and the people.

    Examples:

        python -m core users add ann@example.org --role editor

        python -m core users list

        python -m core users disable ann@example.org
    """,
    no_args_is_help=True,
)

_Name = Annotated[
    str, typer.Argument(metavar="NAME", help="What they sign in with, such as their e-mail.")
]
_RoleName = Literal["reader", "editor", "admin"]
_Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


@app.command()
def add(
    name: _Name,
    role: Annotated[_RoleName, typer.Option(help="What they may do.")] = "reader",
    shown: Annotated[str, typer.Option(help="What others read; the name if not said.")] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read their password from standard input.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Add a person. Where people sign in by passwords, a one-time password is printed.

    Who comes by it chooses a password of their own. It is good for three days. Where a
    provider or a proxy names people, none is needed.

    Examples:

        python -m core users add ann --role editor

        python -m core users add bob@example.org --shown "Bob Stone" --json
    """
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    with operating() as (settings, people):
        from core.people import Role

        person = people.add(name, Role(role), shown=shown, password=password)
        one_time = None
        if password is None and settings.sign_in in ("none", "local"):
            one_time = people.reset(person.name)
    _say(person, f"Added {person.name}, {person.role.value}.", one_time, as_json)
    if settings.sign_in == "none":
        typer.echo(
            "Nobody has to sign in yet: set COCOSIFT_SIGN_IN and start the server again.", err=True
        )


@app.command("list")
def list_(as_json: _Json = False) -> None:
    """List the people: what each may do, how they come in, when they last did.

    Examples:

        python -m core users list

        python -m core users list --json
    """
    with operating() as (_, people):
        accounts = people.accounts()
    if as_json:
        _print_json([_document(account) for account in accounts])
    elif accounts:
        typer.echo(_table(accounts))
    else:
        typer.echo("There is nobody yet. Add one: python -m core users add NAME --role admin")


@app.command()
def disable(name: _Name, as_json: _Json = False) -> None:
    """Let a person in no more: sessions end within a minute, tokens do not count.

    Examples:

        python -m core users disable ann

        python -m core users disable ann --json
    """
    with operating() as (_, people):
        person = people.disable(name)
    _say(person, f"{person.name} is disabled.", None, as_json)


@app.command()
def enable(name: _Name, as_json: _Json = False) -> None:
    """Let a person in again who was disabled.

    Examples:

        python -m core users enable ann

        python -m core users enable ann --json
    """
    with operating() as (_, people):
        person = people.enable(name)
    _say(person, f"{person.name} may come in.", None, as_json)


@app.command()
def reset(name: _Name, as_json: _Json = False) -> None:
    """Print a one-time password for a person; their sessions end.

    Examples:

        python -m core users reset ann

        python -m core users reset ann --json
    """
    with operating() as (_, people):
        one_time = people.reset(name)
        person = people.named(name)
    _say(person, f"The password of {person.name} was reset.", one_time, as_json)


@app.command()
def role(
    name: _Name,
    role: Annotated[
        _RoleName, typer.Argument(metavar="reader|editor|admin", help="What they may do now.")
    ],
    as_json: _Json = False,
) -> None:
    """Give a person another role.

    Examples:

        python -m core users role ann admin

        python -m core users role ann reader --json
    """
    with operating() as (_, people):
        from core.people import Role

        person = people.set_role(name, Role(role))
    _say(person, f"{person.name} is {_article(person.role.value)} now.", None, as_json)


def _say(person: "Person", sentence: str, one_time: str | None, as_json: bool) -> None:
    if as_json:
        extra = {} if one_time is None else {"one_time_password": one_time}
        _print_json({**_facts(person), **extra})
        return
    typer.echo(sentence)
    if one_time is not None:
        typer.echo(f"One-time password, good for three days: {one_time}")


def _facts(person: "Person") -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "shown": person.shown,
        "role": person.role.value,
        "way": person.way,
        "disabled": person.disabled,
    }


def _document(account: "Account") -> dict[str, Any]:
    return {
        **_facts(account.person),
        "made": account.made.isoformat(),
        "seen": None if account.seen is None else account.seen.isoformat(),
        "has_password": account.has_password,
        "sessions": account.sessions,
        "tokens": account.tokens,
    }


def _table(accounts: "tuple[Account, ...]") -> str:
    rows: list[tuple[str, ...]] = [
        ("name", "role", "comes by", "last came", "sessions", "tokens", "")
    ]
    for account in accounts:
        person = account.person
        seen = "never" if account.seen is None else f"{account.seen:%Y-%m-%d %H:%M} UTC"
        rows.append(
            (
                person.name,
                person.role.value,
                "password" if person.way == "local" else person.way,
                seen,
                str(account.sessions),
                str(account.tokens),
                "disabled" if person.disabled else "",
            )
        )
    return columns(rows)


def columns(rows: list[tuple[str, ...]]) -> str:
    """Return `rows` as text with columns that are as wide as they need to be."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
