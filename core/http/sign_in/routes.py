"""The routes for signing in and out.

GET  /sign-in            the page; `next` is where to go on to
POST /sign-in            name, password
GET  /sign-in/first      the first admin, by the code that the server printed
POST /sign-in/first      code, name, password, again
GET  /sign-in/password   change the password
POST /sign-in/password   name, old, password, again
GET  /sign-in/with       to an OIDC provider: `provider`, `next`
POST /sign-out           end the session
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from core.errors import CocoSiftError, DatabaseError, PeopleError
from core.http.gate.arrival import Arrival
from core.http.gate.visit import Visit, Way
from core.http.sign_in import cookies, pages
from core.http.sign_in.desk import Desk
from core.people import Person

_MOST_FIELDS = 20
_BY_PROXY = (
    "The proxy in front of CocoSift signs people in, and it has not said who you are. Open "
    "CocoSift by the address that your team uses, or ask an admin."
)

Form = Mapping[str, str]


def routes(desk: Desk) -> list[BaseRoute]:
    """Return the routes; the gate lets everybody through to them."""
    counter = _Counter(desk)
    base = desk.base

    def path(name: str, getting: "_Answer", posting: "_Answer | None" = None) -> list[BaseRoute]:
        found: list[BaseRoute] = [Route(f"{base}{name}", _endpoint(desk, getting))]
        if posting is not None:
            found.append(Route(f"{base}{name}", _endpoint(desk, posting), methods=["POST"]))
        return found

    return [
        *path("/sign-in", counter.show, counter.take),
        *path("/sign-in/first", counter.show_first, counter.take_first),
        *path("/sign-in/password", counter.show_password, counter.take_password),
        *path("/sign-in/with", counter.lead_to_provider),
        *path("/sign-out", counter.lead_home, counter.let_out),
    ]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request for one of these pages."""

    arrival: Arrival
    visit: Visit | None
    form: Form
    onward: str


_Answer = Callable[[_Asked], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class _Counter:
    """The pages, and what they take."""

    desk: Desk

    async def show(self, asked: _Asked) -> Response:
        way, base = self.desk.settings.sign_in, self.desk.base
        if asked.visit is not None:
            return cookies.led_on(asked.onward)
        if way == "proxy":
            return pages.refusal(_BY_PROXY, 403, base)
        if way == "oidc":
            return pages.with_providers(base, self.desk.source.providers(), asked.onward)
        return await self._name_and_password(asked)

    async def take(self, asked: _Asked) -> Response:
        if self.desk.settings.sign_in != "local":
            return cookies.led_on(f"{self.desk.base}/sign-in")
        people, form = self.desk.people, asked.form
        name, password = form.get("name", "").strip(), form.get("password", "")
        try:
            person, token = await self.desk.by_password(
                asked.arrival, lambda: people.sign_in(name, password, asked.arrival.address)
            )
        except PeopleError as error:
            return await self._name_and_password(asked, name, str(error))
        if not token:
            return pages.new_password(self.desk.base, person.name, asked.onward, must=True)
        return self._let_in(asked, token)

    async def show_first(self, asked: _Asked) -> Response:
        if not await self._is_new():
            return cookies.led_on(f"{self.desk.base}/sign-in")
        return pages.first_admin(self.desk.base)

    async def take_first(self, asked: _Asked) -> Response:
        if self.desk.settings.sign_in != "local":
            return cookies.led_on(f"{self.desk.base}/sign-in")
        form, people, address = asked.form, self.desk.people, asked.arrival.address
        name = form.get("name", "").strip()

        def claim() -> Person:
            _same_twice(form)
            return people.claim(form.get("code", ""), name, form["password"], address)

        try:
            _, token = await self.desk.by_password(asked.arrival, claim)
        except PeopleError as error:
            return pages.first_admin(self.desk.base, name=name, problem=str(error))
        return self._let_in(asked, token)

    async def show_password(self, asked: _Asked) -> Response:
        visit = asked.visit
        if visit is None or visit.way is not Way.COOKIE or visit.person.way != "local":
            return cookies.led_on(f"{self.desk.base}/sign-in")
        return pages.new_password(self.desk.base, visit.person.name, asked.onward, must=False)

    async def take_password(self, asked: _Asked) -> Response:
        if self.desk.settings.sign_in != "local":
            return cookies.led_on(f"{self.desk.base}/sign-in")
        form, people, address = asked.form, self.desk.people, asked.arrival.address
        name, must = form.get("name", ""), bool(form.get("must"))

        def change() -> Person:
            _same_twice(form)
            return people.change_password(name, form.get("old", ""), form["password"], address)

        try:
            _, token = await self.desk.by_password(asked.arrival, change)
        except PeopleError as error:
            return pages.new_password(
                self.desk.base, name, asked.onward, must=must, problem=str(error)
            )
        return self._let_in(asked, token)

    async def lead_to_provider(self, asked: _Asked) -> Response:
        named = dict(parse_qsl(asked.arrival.query)).get("provider", "")
        known = {provider.name for provider in self.desk.source.providers()}
        if self.desk.settings.sign_in != "oidc" or named not in known:
            return cookies.led_on(f"{self.desk.base}/sign-in")
        answer = cookies.led_on(f"{self.desk.base}{self.desk.source.login_path(named)}")
        cookies.set_onward(answer, asked.arrival, self.desk.base, asked.onward)
        return answer

    async def lead_home(self, asked: _Asked) -> Response:
        return cookies.led_on(f"{self.desk.base}/")

    async def let_out(self, asked: _Asked) -> Response:
        return await self.desk.let_out(asked.arrival, asked.visit)

    def _let_in(self, asked: _Asked, token: str) -> Response:
        desk = self.desk
        answer = cookies.led_on(asked.onward)
        hours = desk.settings.session_hours
        cookies.set_session(answer, asked.arrival, desk.base, token, hours)
        return answer

    async def _name_and_password(
        self, asked: _Asked, name: str = "", problem: str = ""
    ) -> Response:
        is_new = await self._is_new()
        return pages.name_and_password(
            self.desk.base, asked.onward, name=name, problem=problem, is_new=is_new
        )

    async def _is_new(self) -> bool:
        """Tell whether nobody is an admin yet."""
        if self.desk.settings.sign_in != "local":
            return False
        return not await self.desk.asked(self.desk.people.has_admin)


def _endpoint(desk: Desk, answer: _Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        state = request.scope.get("state", {})
        arrival = state.get("arrival") or Arrival.of(request.scope, desk.settings, desk.base)
        form = await _form(request)
        told = form.get("next") or dict(parse_qsl(arrival.query)).get("next", "")
        asked = _Asked(arrival, state.get("visit"), form, cookies.onward(told, desk.base))
        try:
            return await answer(asked)
        except DatabaseError:
            words = "CocoSift cannot look up who you are just now. Try again in a moment."
            return pages.refusal(words, 503, desk.base)
        except CocoSiftError as error:
            return pages.refusal(str(error), 403, desk.base)

    return endpoint


async def _form(request: Request) -> Form:
    if request.method != "POST":
        return {}
    text = (await request.body()).decode("utf-8", "replace")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}


def _same_twice(form: Form) -> None:
    if form.get("password", "") != form.get("again", ""):
        raise PeopleError("The two new passwords differ. Type the same one twice.")
    if not form.get("password"):
        raise PeopleError("Choose a password.")
