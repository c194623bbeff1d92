"""`--server`: commands that do on a server what they do here, and print the same."""

from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import SettingsError

if TYPE_CHECKING:
    from core.client import Client

# The others work on the files of the machine on which they are typed.
COMMANDS = frozenset(
    {"search", "subsets", "export", "verify", "replay", "evaluate", "library", "datasets"}
)
_there: "ContextVar[Client | None]" = ContextVar("core_cli_server", default=None)


def choose_server(
    ctx: typer.Context,
    server: Annotated[
        str,
        typer.Option(
            envvar="COCOSIFT_SERVER",
            metavar="URL",
            show_default=False,
            help="Work on this server of CocoSift instead of on the files here.",
        ),
    ] = "",
    token: Annotated[
        str,
        typer.Option(
            envvar="COCOSIFT_TOKEN",
            metavar="TOKEN",
            show_default=False,
            help="Your token there. Others on this machine can see what you type: put it into "
            "COCOSIFT_TOKEN.",
        ),
    ] = "",
) -> None:
    """Hear which server is meant, before the command that it is for.

    Raises:
        SettingsError: the command cannot work on a server, or the server's address is none.
    """
    _there.set(None)
    if not server or ctx.invoked_subcommand is None:
        return
    if ctx.invoked_subcommand not in COMMANDS:
        raise SettingsError(
            f"{ctx.invoked_subcommand} works on the files of this machine, not on a server. Leave "
            "out --server, and COCOSIFT_SERVER; or type it on the server itself. On a server work: "
            f"{', '.join(sorted(COMMANDS))}."
        )
    # Here, so that commands without a server do not wait for it.
    from core.client import Client

    _there.set(Client(server, token))


def server() -> "Client | None":
    """Return the server that the command is for; None is here."""
    return _there.get()


def refuse_on_server(option: str, instead: str) -> None:
    """Refuse what only works here, when a server is meant.

    Raises:
        SettingsError: one is.
    """
    if server() is not None:
        raise SettingsError(f"{option} does not work with --server. {instead}")
