"""What stands before every request: who asks, how often they may, how large a body may be."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

import anyio
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.http.api.problems import ProblemError, problem_answer
from core.people import Person
from core.people.acting import acting_as, current
from core.recipe import MAX_BYTES as RECIPE_BYTES
from core.settings import Settings
from core.uploads import MAX_FILE_BYTES

USUAL_BYTES = 2**20
LISTS_BYTES = 32 * 2**20
PACKAGE_BYTES = 2 * 2**30
# Of what may be larger than usual, by how the path below the API begins.
LARGER: Mapping[str, int] = {
    "/recipes/verify": PACKAGE_BYTES,
    "/recipes/": RECIPE_BYTES,
    "/subsets/": USUAL_BYTES,
    "/subsets": RECIPE_BYTES,
    "/exports": RECIPE_BYTES,
    "/search": LISTS_BYTES,
    "/links": LISTS_BYTES,
    "/evaluations": LISTS_BYTES,
    "/uploads": MAX_FILE_BYTES,
}
# How long nothing of a body may come.
SILENCE_S = 30.0
_MOST_ASKERS = 10_000


class Bounds:
    """ASGI middleware: a request that gets through is of a known person and within bounds.

    Args:
        settings_of: the settings, when the first request comes.
        clock: seconds from some moment on.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings_of: Callable[[], Settings],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._settings_of = settings_of
        self._clock = clock
        self._rates: Rates | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        person: Person = scope.get("state", {}).get("person") or current()
        problem = self._too_often(person, scope) or _too_large(scope)
        if problem is not None:
            answer = problem_answer(problem, scope["path"])
            await answer(scope, receive, send)
            return
        with acting_as(person):
            await self._app(scope, _bounded(scope, receive), send)

    def _too_often(self, person: Person, scope: Scope) -> ProblemError | None:
        if self._rates is None:
            self._rates = Rates(self._settings_of().requests_per_minute, self._clock)
        client = scope.get("client")
        # Those whom nobody has named are told apart by where they ask from.
        name = f"person {person.id}" if person.id > 0 else f"address {client and client[0]}"
        wait = self._rates.take(name)
        if not wait:
            return None
        return ProblemError(
            429,
            f"At most {self._rates.per_minute:,} requests a minute are answered a person. "
            f"Ask again in {wait} s.",
            headers={"Retry-After": str(wait)},
        )


class Rates:
    """How often each may ask: a bucket that fills evenly and holds a minute's requests.

    Args:
        per_minute: requests.
        clock: seconds from some moment on.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        # By name: what is left, and when that was so; the longest unused first.
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> int:
        """Count a request; return 0, or in how many whole seconds to ask again."""
        now = self._clock()
        left, then = self._left.pop(name, (float(self.per_minute), now))
        left = min(self.per_minute, left + max(0.0, now - then) * self.per_minute / 60)
        allowed = left >= 1
        self._left[name] = (left - 1 if allowed else left, now)
        while len(self._left) > _MOST_ASKERS:
            self._left.popitem(last=False)
        return 0 if allowed else max(1, -int(-(1 - left) * 60 // self.per_minute))


def most_bytes(scope: Scope) -> int:
    """Return how large the body of a request may be."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    return next((most for start, most in LARGER.items() if path.startswith(start)), USUAL_BYTES)


def _too_large(scope: Scope) -> ProblemError | None:
    length = Headers(scope=scope).get("Content-Length", "")
    most = most_bytes(scope)
    if length.isdecimal() and int(length[:20]) > most:
        return ProblemError(413, _TOO_LARGE.format(most))
    return None


_TOO_LARGE = "A body of at most {:,} bytes is taken here. Send less, or in parts."


def _bounded(scope: Scope, receive: Receive) -> Receive:
    most, seen = most_bytes(scope), 0
    is_over = False

    async def bounded() -> Message:
        nonlocal seen, is_over
        if is_over:
            return await receive()
        try:
            with anyio.fail_after(SILENCE_S):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, f"Nothing came for {SILENCE_S:.0f} s.") from None
        seen += len(message.get("body", b""))
        is_over = not message.get("more_body", False)
        if seen > most:
            raise HTTPException(413, _TOO_LARGE.format(most))
        return message

    return bounded
