"""Finding out who asks: a session's cookie, a token, or the name that a proxy gives.

The database is asked at most once in `FRESH_S` for each of them, however many thumbnails a
page has; so a session that another process has ended lives on that long here. While the
database is away, who was known in the last `GRACE_S` stays known.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import anyio
import anyio.to_thread

from core.errors import DatabaseError, SignInError
from core.http.gate.arrival import Arrival
from core.http.gate.visit import Visit, Way
from core.people import OPERATOR, People, Person
from core.settings import Settings

COOKIE = "cocosift_session"
FRESH_S = 5.0
GRACE_S = 60.0
MOST_KNOWN = 10_000
THREADS = 4
OUR_START = "cs_"
# Longer ones are nobody's.
MOST_LETTERS = 300


@dataclass(frozen=True, slots=True)
class _Known:
    """An answer of the database; `visit` None: it knows nobody by that."""

    visit: Visit | None
    since: float


class Recognition:
    """Who is who at this process. Belongs to one event loop."""

    def __init__(
        self,
        settings: Settings,
        people: Callable[[], People],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._people = people
        self._clock = clock
        self._known: OrderedDict[tuple[Way, str], _Known] = OrderedDict()
        self._asking: dict[tuple[Way, str], asyncio.Future[Visit | None]] = {}
        self._limiter = anyio.CapacityLimiter(THREADS)

    @property
    def people(self) -> People:
        """The instance's people.

        Raises:
            DatabaseError, SettingsError: their database cannot be used.
        """
        return self._people()

    async def visit(self, arrival: Arrival) -> Visit | None:
        """Return who asks; None if nobody is known by what the request says.

        A token goes before all else, so that one which is not valid any more is told so.

        Raises:
            SignInError: the proxy names somebody who may not come in.
            DatabaseError: nobody can be looked up just now.
        """
        if token := _bearer(arrival):
            return await self._by(Way.BEARER, token)
        if self.settings.sign_in == "none":
            return Visit(OPERATOR, Way.NONE, "")
        if self.settings.sign_in == "proxy":
            name = arrival.one_header(self.settings.proxy_header) if arrival.by_proxy else ""
            return await self._by(Way.PROXY, name) if name else None
        token = arrival.cookies.get(COOKIE, "")
        return await self._by(Way.COOKIE, token) if token else None

    async def again(self, arrival: Arrival) -> Visit | None:
        """As `visit`, for a connection that lasts: None as well for who may not come in now."""
        try:
            return await self.visit(arrival)
        except SignInError:
            return None

    def forget(self, visit: Visit) -> None:
        """Ask the database the next time that somebody comes who is known by the same."""
        self._known.pop((visit.way, visit.known_by), None)

    async def _by(self, way: Way, text: str) -> Visit | None:
        if len(text) > MOST_LETTERS:
            return None
        key = (way, digest(text))
        known, now = self._known.get(key), self._clock()
        if known and now - known.since < FRESH_S:
            return known.visit
        try:
            visit = await self._asked(key, way, text)
        except DatabaseError:
            if known and now - known.since < GRACE_S:
                return known.visit
            raise
        self._known[key] = _Known(visit, now)
        self._known.move_to_end(key)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return visit

    async def _asked(self, key: tuple[Way, str], way: Way, text: str) -> Visit | None:
        """Ask the database once for all who want to know the same now."""
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.ensure_future(self._look_up(way, text))
            self._asking[key] = asking
            asking.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(asking)

    def _answered(self, key: tuple[Way, str], done: "asyncio.Future[Visit | None]") -> None:
        self._asking.pop(key, None)
        if not done.cancelled():
            done.exception()  # seen, even if all who asked have gone

    async def _look_up(self, way: Way, text: str) -> Visit | None:
        person = await anyio.to_thread.run_sync(self._person, way, text, limiter=self._limiter)
        return Visit(person, way, digest(text)) if person else None

    def _person(self, way: Way, text: str) -> Person | None:
        if way is Way.BEARER:
            return self.people.by_token(text)
        if way is Way.PROXY:
            return self.people.arrived("proxy", text, text)
        session = self.people.session(text)
        return session.person if session else None


def digest(text: str) -> str:
    """Return what stands for a secret where it might be seen."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _bearer(arrival: Arrival) -> str:
    """A token of ours; a proxy may send others, for itself."""
    if not arrival.takes_tokens:
        return ""
    scheme, _, token = arrival.headers.get("authorization", "").partition(" ")
    is_ours = scheme.lower() == "bearer" and token.strip().startswith(OUR_START)
    return token.strip() if is_ours else ""
