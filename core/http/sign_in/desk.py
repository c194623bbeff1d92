"""Letting somebody in, and letting them out again."""

import logging
from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread
from starlette.responses import Response

from core.errors import SignInError
from core.http.gate.arrival import Arrival
from core.http.gate.connections import Connections
from core.http.gate.recognition import COOKIE, Recognition
from core.http.gate.visit import Visit
from core.http.sign_in import cookies, pages
from core.http.sign_in.identity import Identity, IdentitySource, NoIdentities
from core.observe import metrics
from core.people import People, Person
from core.settings import Settings

Value = TypeVar("Value")

# A password's hash takes a core and tens of MB for a while.
AT_ONCE = 2

logger = logging.getLogger("cocosift")


class Desk:
    """Where sessions begin and end. Belongs to one event loop.

    Args:
        recognition: who is who.
        connections: the open websockets, those of a session that ends are closed.
        base: "" or `/…`, what all paths begin with.
        source: where what OIDC providers say comes from.
    """

    def __init__(
        self,
        recognition: Recognition,
        connections: Connections,
        base: str = "",
        source: IdentitySource | None = None,
    ) -> None:
        self.recognition = recognition
        self.connections = connections
        self.base = base
        self.source: IdentitySource = source or NoIdentities()
        self._limiter = anyio.CapacityLimiter(AT_ONCE)

    @property
    def settings(self) -> Settings:
        return self.recognition.settings

    @property
    def people(self) -> People:
        return self.recognition.people

    async def asked(self, question: Callable[[], Value]) -> Value:
        """Return what `question` returns; it runs in a thread, and few of them do at once."""
        return await anyio.to_thread.run_sync(question, limiter=self._limiter)

    async def by_password(
        self, arrival: Arrival, check: Callable[[], Person]
    ) -> tuple[Person, str]:
        """Return the person and, unless they must change their password, a session's token.

        Args:
            check: returns who it is, by whatever they have typed.

        Raises:
            SignInError, PeopleError: they may not come in, or not yet.
        """

        def let_in() -> tuple[Person, str]:
            person = check()
            if person.must_change:
                return person, ""
            return person, self.people.begin_session(person, address=arrival.address)

        try:
            found = await self.asked(let_in)
        except SignInError:
            metrics.sign_ins("local", worked=False)
            raise
        metrics.sign_ins("local", worked=True)
        return found

    async def exchange(self, arrival: Arrival) -> Response | None:
        """Begin a session for whom a provider has just named; None if it has named nobody."""
        if self.settings.sign_in != "oidc":
            return None
        identity = self.source.identity(arrival.cookies)
        if identity is None:
            return None
        try:
            person = await self.asked(lambda: self._arrived(identity))
        except SignInError as error:
            metrics.sign_ins("oidc", worked=False)
            return self._identity_used(arrival, pages.refusal(str(error), 403, self.base))
        try:
            token = await self.asked(
                lambda: self.people.begin_session(
                    person, origin=identity.origin, address=arrival.address
                )
            )
        except SignInError:
            # It began a session before: of this browser, which then is let through, or of another.
            return self._identity_used(arrival, cookies.led_on(f"{self.base}/sign-in"))
        metrics.sign_ins("oidc", worked=True)
        answer = cookies.led_on(cookies.kept_onward(arrival, self.base))
        cookies.set_session(answer, arrival, self.base, token, self.settings.session_hours)
        return self._identity_used(arrival, answer)

    async def let_out(self, arrival: Arrival, visit: Visit | None) -> Response:
        """End the session, close its websockets, and have the browser forget it."""
        token = arrival.cookies.get(COOKIE, "")
        if token:
            await self.asked(lambda: self.people.end_session(token, address=arrival.address))
        if visit is not None and visit.known_by:
            self.recognition.forget(visit)
            self.connections.end(visit.known_by)
        answer = cookies.led_on(f"{self.base}/sign-in")
        cookies.clear(answer, self.base, [COOKIE])
        # What this browser has kept of pictures is not for who uses it next.
        answer.headers["Clear-Site-Data"] = '"cache"'
        return self._identity_used(arrival, answer)

    def _arrived(self, identity: Identity) -> Person:
        if not identity.email:
            raise SignInError(
                "Your provider gave no e-mail address that it has verified, so CocoSift cannot "
                "tell who you are. Ask an admin: the provider has to give the scope email."
            )
        return self.people.arrived("oidc", identity.email, identity.shown)

    def _identity_used(self, arrival: Arrival, answer: Response) -> Response:
        names = [*self.source.cookie_names(arrival.cookies), cookies.ONWARD_COOKIE]
        cookies.clear(answer, self.base, names)
        return answer
