"""The gate and the pages for signing in, put together for one server."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from core.errors import CocoSiftError
from core.http.gate import CONNECTIONS, Connections, Gate, Recognition, page_policy
from core.http.sign_in.desk import Desk
from core.http.sign_in.identity import IdentitySource
from core.http.sign_in.routes import routes
from core.people import People, shared_people
from core.settings import Settings

# An answer of a form; and a whole package, as the API's routes have bounds of their own.
_BODY_BYTES = {"/sign-": 2**14, "/api/v1": 2**31 + 2**20}


@dataclass(frozen=True, slots=True)
class Entrance:
    """What a server puts before and beside its routes.

    Attributes:
        gate: the middleware; only the log of requests may stand before it.
        routes: for signing in and out.
        recognition: who is who.
    """

    gate: Middleware
    routes: list[BaseRoute]
    recognition: Recognition


def entrance(
    settings: Settings,
    *,
    base: str = "",
    index_html: str = "",
    upload_bytes: int = 0,
    source: IdentitySource | None = None,
    people: Callable[[], People] | None = None,
    connections: Connections = CONNECTIONS,
    recheck_s: float | None = None,
) -> Entrance:
    """Return the entrance of a server.

    Args:
        base: "" or `/…`, what all paths begin with.
        index_html: the page whose inline scripts may run.
        upload_bytes: the largest file that the pages take.
        source: what OIDC providers say; None where nobody signs in with one.
        people: returns the instance's people; those of `settings` when left out.
        connections: where open websockets are noted.
        recheck_s: see `Gate`.
    """
    recognition = Recognition(settings, people or (lambda: shared_people(settings)))
    desk = Desk(recognition, connections, base, source)
    sizes: Mapping[str, int] = _BODY_BYTES | {"/_stcore/upload_file": upload_bytes + 2**20}
    rest = {} if recheck_s is None else {"recheck_s": recheck_s}
    gate = Middleware(
        Gate,
        recognition=recognition,
        connections=connections,
        base=base,
        page_policy=page_policy(index_html),
        body_bytes=sizes,
        exchange=desk.exchange,
        **rest,
    )
    return Entrance(gate, routes(desk), recognition)


def first_words(settings: Settings) -> str:
    """Return what to say when the server starts: how to become the first admin; "" if nothing."""
    if settings.sign_in != "local":
        return ""
    try:
        code = shared_people(settings).first_code()
    except CocoSiftError as error:
        return f"Nobody can sign in yet: {error}"
    if code is None:
        return ""
    return (
        "Nobody is an admin here yet. Open the page /sign-in/first of this server and type the "
        f"code {code}\nIt makes one account and is good for a week. Or type: "
        "python -m core users add NAME --role admin"
    )
