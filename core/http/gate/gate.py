"""The gate: every request and every websocket passes it, or is turned away.

What is not named in `PUBLIC` needs somebody who is known. A route that is added anywhere,
by whomever, is behind the gate without further ado.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import CocoSiftError, DatabaseError, SignInError
from core.http.answers import json_answer
from core.http.gate import bodies
from core.http.gate.arrival import METRICS, Arrival, is_listed
from core.http.gate.connections import KEY_HEADER, Connection, Connections
from core.http.gate.recognition import Recognition
from core.http.gate.visit import Visit, Way
from core.http.headers import DATA_POLICY, policy_of, secure
from core.http.sign_in.pages import refusal
from core.observe import logs
from core.people import NOBODY
from core.people.acting import acting_as
from core.rights import Right, may

logger = logging.getLogger("cocosift")

SIGN_IN = "/sign-in"
SIGN_OUT = "/sign-out"
HEALTH = frozenset({"/health/live", "/health/ready"})
PUBLIC = HEALTH | {
    SIGN_IN,
    f"{SIGN_IN}/first",
    f"{SIGN_IN}/password",
    f"{SIGN_IN}/with",
    SIGN_OUT,
}
"""Routes that nobody has to sign in for, below the base path."""
OIDC = frozenset({"/auth/login", "/oauth2callback"})
"""The same, where people sign in with an OIDC provider: Streamlit's own."""

RECHECK_S = 15.0
_OWN_HEADERS = "x-cocosift-"
_UPLOADS = "/_stcore/upload_file/"
_STREAM = "/_stcore/stream"
_ENDED = 1008
_TRY_AGAIN = 1013

# Exchanges what an OIDC provider said for a session of ours; None: it said nothing new.
Exchange = Callable[[Arrival], Awaitable[Response | None]]


async def _no_exchange(_arrival: Arrival) -> Response | None:
    return None


@dataclass(frozen=True, slots=True)
class Gate:
    """ASGI middleware that knows who asks, and turns away whom it does not know.

    The app finds the person in `scope["state"]["person"]`, by `core.people.acting.current`
    within the request, and, in a page's script, by `Connections`.

    Attributes:
        app: what lies behind.
        recognition: who is who.
        connections: where open websockets are noted.
        base: "" or `/…`, what all paths begin with.
        page_policy: the Content-Security-Policy of what is not data.
        body_bytes: the largest body by the route's prefix.
        exchange: see `Exchange`.
        recheck_s: how often it is asked whether a person with an open websocket may stay.
    """

    app: ASGIApp
    recognition: Recognition
    connections: Connections
    base: str = ""
    page_policy: str = DATA_POLICY
    body_bytes: Mapping[str, int] = field(default_factory=dict)
    exchange: Exchange = _no_exchange
    recheck_s: float = RECHECK_S

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        arrival = Arrival.of(scope, self.recognition.settings, self.base)
        scope = _told(scope, arrival)
        if scope["type"] == "websocket":
            await self._websocket(arrival, scope, receive, send)
        else:
            await self._http(arrival, scope, receive, self._secured(arrival, send))

    async def _http(self, arrival: Arrival, scope: Scope, receive: Receive, send: Send) -> None:
        most = bodies.most_bytes(arrival.route, self.body_bytes)
        refusal = _too_large(most) if bodies.is_announced_larger(arrival.headers, most) else None
        visit = None
        if refusal is None:
            visit, refusal = await self._let_in(arrival)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        person = visit.person if visit else NOBODY
        _note(visit, arrival)
        scope["state"] = {
            **scope.get("state", {}),
            "person": person,
            "visit": visit,
            "arrival": arrival,
        }
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        with acting_as(person):
            try:
                await self.app(scope, bodies.bounded(receive, most), noting)
            except bodies.BodyTooLargeError:
                if not started:
                    await _too_large(most)(scope, receive, send)

    async def _let_in(self, arrival: Arrival) -> tuple[Visit | None, Response | None]:
        """Who asks, or the answer that turns them away."""
        if arrival.is_unsafe and arrival.comes_from_elsewhere:
            return None, _from_elsewhere()
        if self._is_public(arrival.route):
            return await self._known_or_nobody(arrival), None
        if arrival.route in METRICS and self._may_measure(arrival):
            return None, None
        try:
            visit = await self.recognition.visit(arrival)
            exchanged = None if visit else await self._exchanged(arrival)
        except SignInError as error:
            return None, self._turned_away(arrival, str(error), 403)
        except CocoSiftError as error:
            return None, self._not_now(arrival, error)
        if visit is None:
            return None, exchanged or self._stranger(arrival)
        return visit, self._refused(arrival, visit)

    def _refused(self, arrival: Arrival, visit: Visit) -> Response | None:
        """The answer to somebody known who may not have this, or not in this way."""
        by_browser = visit.way in (Way.COOKIE, Way.PROXY)
        if arrival.is_unsafe and by_browser and not arrival.says_where_from:
            return _from_elsewhere()
        if arrival.route in METRICS and not _may_see_figures(visit):
            return problem(403, "Not for you", "The figures are for admins and their tokens.")
        if arrival.route.startswith(_UPLOADS):
            session = arrival.route.removeprefix(_UPLOADS).partition("/")[0]
            owner = self.connections.owner(session)
            if owner is not None and owner != visit.person.id:
                return problem(404, "Not there", "There is no such page of yours.")
        return None

    async def _known_or_nobody(self, arrival: Arrival) -> Visit | None:
        """Who asks for what is open to all; nobody, if that cannot be told just now."""
        if arrival.route in HEALTH:
            return None
        with suppress(CocoSiftError):
            return await self.recognition.visit(arrival)
        return None

    async def _exchanged(self, arrival: Arrival) -> Response | None:
        return await self.exchange(arrival) if arrival.is_navigation else None

    def _is_public(self, route: str) -> bool:
        return route in PUBLIC or (route in OIDC and self.recognition.settings.sign_in == "oidc")

    def _may_measure(self, arrival: Arrival) -> bool:
        return is_listed(arrival.address, self.recognition.settings.metrics_addresses)

    def _stranger(self, arrival: Arrival) -> Response:
        if arrival.is_navigation:
            asked = f"{self.base}{arrival.route}" + (f"?{arrival.query}" if arrival.query else "")
            query = "" if asked == f"{self.base}/" else f"?{urlencode({'next': asked})}"
            return RedirectResponse(
                f"{self.base}{SIGN_IN}{query}", 303, {"Cache-Control": "no-store"}
            )
        answer = problem(401, "Sign in first", "This needs somebody who has signed in.")
        if arrival.takes_tokens:
            answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    def _turned_away(self, arrival: Arrival, words: str, status: int) -> Response:
        if arrival.is_navigation:
            return refusal(words, status, self.base)
        return problem(status, "Turned away", words)

    def _not_now(self, arrival: Arrival, error: CocoSiftError) -> Response:
        logger.warning("Nobody can be let in: %s", error)
        words = "CocoSift cannot look up who you are just now. Try again in a moment."
        answer = self._turned_away(arrival, words, 503)
        answer.headers["Retry-After"] = "10"
        return answer

    def _secured(self, arrival: Arrival, send: Send) -> Send:
        policy = policy_of(arrival.route, self.page_policy)

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                secure(message, policy, arrival.scheme == "https")
            await send(message)

        return secured

    async def _websocket(
        self, arrival: Arrival, scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            visit = await self.recognition.again(arrival)
        except CocoSiftError:
            await _closed_before_open(receive, send, _TRY_AGAIN)
            return
        if visit is None or arrival.comes_from_elsewhere:
            await _closed_before_open(receive, send, _ENDED)
            return
        _note(visit, arrival)
        connection = self.connections.opened(visit)
        headers = MutableHeaders(scope=scope)
        headers[KEY_HEADER] = connection.key
        self._keep_to_own_session(headers, visit)
        scope["state"] = {**scope.get("state", {}), "person": visit.person, "visit": visit}
        checking = asyncio.create_task(self._check_again(connection, arrival))
        ending = asyncio.create_task(connection.ended.wait())
        try:
            with acting_as(visit.person):
                await self.app(scope, *_until(ending, receive, send))
        finally:
            checking.cancel()
            ending.cancel()
            self.connections.closed(connection)

    def _keep_to_own_session(self, headers: MutableHeaders, visit: Visit) -> None:
        """Streamlit resumes whatever session the browser names third; only one's own may be."""
        entries = headers.get("sec-websocket-protocol", "").split(",")
        if len(entries) > 2 and self.connections.owner(entries[2].strip()) != visit.person.id:
            headers["sec-websocket-protocol"] = ",".join(entries[:2])

    async def _check_again(self, connection: Connection, arrival: Arrival) -> None:
        while connection.visit.way is not Way.NONE:
            await asyncio.sleep(self.recheck_s)
            try:
                visit = await self.recognition.again(arrival)
            except DatabaseError:
                continue  # nobody is thrown out because the database is away
            if visit is None or visit.person.id != connection.visit.person.id:
                connection.end()
                return
            connection.visit = visit


def problem(status: int, title: str, detail: str) -> Response:
    """Return an answer in words, as RFC 9457 has it."""
    content: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    answer = json_answer({**content, "detail": detail, "error": detail}, status)
    answer.headers["Content-Type"] = "application/problem+json"
    return answer


def _told(scope: Scope, arrival: Arrival) -> Scope:
    """The scope with what is believed of the sender, and without what is ours to say."""
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if not name.lower().startswith(_OWN_HEADERS.encode())
    ]
    told = {**scope, "headers": headers}
    if arrival.kind == "http":
        told["scheme"] = arrival.scheme
    else:
        told["scheme"] = "wss" if arrival.scheme == "https" else "ws"
    told["client"] = (arrival.address, 0) if arrival.address else None
    return told


def _note(visit: Visit | None, arrival: Arrival) -> None:
    """Have the log of requests know who asks."""
    person = visit.person.id if visit else None
    logs.known(person=person, address=arrival.address)


def _may_see_figures(visit: Visit) -> bool:
    return "metrics" in (visit.person.scopes or ()) or may(visit.person, Right.MANAGE)


def _too_large(most: int) -> Response:
    return problem(413, "Too large", f"At most {most:,} bytes are taken here.")


def _from_elsewhere() -> Response:
    words = "This came from a page of another site, or does not say where from."
    return problem(403, "From elsewhere", words)


async def _closed_before_open(receive: Receive, send: Send, code: int) -> None:
    await receive()
    await send({"type": "websocket.close", "code": code})


def _until(ending: "asyncio.Task[bool]", receive: Receive, send: Send) -> tuple[Receive, Send]:
    """A websocket that hangs up at both ends once `ending` is done."""

    async def receiving() -> Message:
        coming = asyncio.ensure_future(receive())
        try:
            await asyncio.wait({coming, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                return await coming
        finally:
            coming.cancel()
        with suppress(Exception):  # the browser may have gone by itself
            await send({"type": "websocket.close", "code": _ENDED, "reason": "signed out"})
        return {"type": "websocket.disconnect", "code": _ENDED}

    async def sending(message: Message) -> None:
        if not ending.done():
            await send(message)

    return receiving, sending
