"""The outermost ASGI middleware: each request gets a number, is counted, timed and logged."""

import json
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import Any

import structlog
from starlette.datastructures import MutableHeaders
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.observe import metrics
from core.observe.logs import new_request_id, usable_request_id, within_request
from core.settings import Settings

HEADER = "X-Request-Id"
# The route of what fits none.
NO_ROUTE = "(none)"

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Text is for whoever has the server in a terminal: what went wrong, and what took long.
_LONG_S = 1.0
# Parameters of paths that may be written; others, such as tokens, open something.
_HARMLESS = frozenset({"dataset", "image_id", "model", "id", "job", "subset", "size", "path"})
# They are asked for every few seconds, and say nothing when all is well.
_ASKED_OFTEN = ("/health/live", "/health/ready", "/metrics", "/_stcore/health")
_LONGEST_PATH = 200
_RAW_HEADER = HEADER.lower().encode()

_log = structlog.stdlib.get_logger("cocosift.request")


class RequestLog:
    """Gives each request a number, and counts, times and logs it with that.

    The number goes back as `X-Request-Id` and into every log record that is written meanwhile,
    those of errors among them. One that a proxy of `Settings.proxy_addresses` has sent is
    taken over. An error that nobody else has caught is logged, and answered with 500.

    A record has the route's pattern and the path without what opens something, never the
    query string. Who asks, and from where when a proxy stands between, a middleware within
    tells `core.observe.logs.known`.

    Args:
        app: what answers.
        settings_of: returns the settings when the first request arrives.
    """

    def __init__(self, app: ASGIApp, settings_of: Callable[[], Settings]) -> None:
        self._app = app
        self._settings_of = settings_of

    @cached_property
    def _settings(self) -> Settings:
        return self._settings_of()

    @cached_property
    def _proxies(self) -> "tuple[Any, ...]":
        return tuple(ip_network(one, strict=False) for one in self._settings.proxy_addresses)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request = _Request(self._number(scope), scope)
        # Pages know the number by the header.
        given = [(name, value) for name, value in scope["headers"] if name != _RAW_HEADER]
        scope["headers"] = [*given, (_RAW_HEADER, request.number.encode())]
        with within_request(request.number, (scope.get("client") or ("",))[0]):
            if scope["type"] == "http":
                await self._answer(request, receive, send)
            else:
                await self._connect(request, receive, send)

    async def _answer(self, request: "_Request", receive: Receive, send: Send) -> None:
        async def numbered(message: Message) -> None:
            if message["type"] == "http.response.start":
                request.status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request.number
            elif message["type"] == "http.response.body":
                request.n_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(request.scope, receive, numbered)
        except Exception:
            _say_unexpected(request)
            if request.status:  # half an answer cannot be taken back
                raise
            await _answer_unexpected(numbered, request.number)
        finally:
            self._count(request)
            self._write(request, "request")

    async def _connect(self, request: "_Request", receive: Receive, send: Send) -> None:
        with ExitStack() as connected:

            async def noted(message: Message) -> None:
                if message["type"] == "websocket.accept":
                    request.status = 101
                    MutableHeaders(scope=message)[HEADER] = request.number
                    connected.enter_context(metrics.sessions())
                    self._write(request, "connected")
                elif message["type"] == "websocket.http.response.start":
                    request.status = message["status"]
                    MutableHeaders(scope=message)[HEADER] = request.number
                await send(message)

            try:
                await self._app(request.scope, receive, noted)
            except Exception:
                _say_unexpected(request)
                with suppress(Exception):  # it may be closed already
                    await send({"type": "websocket.close", "code": 1011})
            finally:
                was_open = request.status == 101
                request.status = request.status or 403  # the answer to a handshake that is closed
                self._write(request, "disconnected" if was_open else "request")

    def _number(self, scope: Scope) -> str:
        """The number of a request: that of a proxy that is believed, else a new one."""
        given = next((value for name, value in scope["headers"] if name == _RAW_HEADER), b"")
        known = usable_request_id(given.decode("latin-1"))
        return known if known and self._is_believed(scope) else new_request_id()

    def _is_believed(self, scope: Scope) -> bool:
        try:
            address = ip_address((scope.get("client") or ("",))[0])
        except ValueError:
            return False
        return any(address in network for network in self._proxies)

    def _count(self, request: "_Request") -> None:
        method = request.method if request.method in _METHODS else "OTHER"
        metrics.requests(request.route, method, request.status or 499, request.seconds)

    def _write(self, request: "_Request", event: str) -> None:
        level = self._level(request, event)
        if not logging.getLogger("cocosift.request").isEnabledFor(level):
            return
        facts: dict[str, object] = {
            "method": request.method,
            "route": request.route,
            "path": request.path,
            "status": request.status or 499,  # nobody waited for an answer
        }
        if event != "connected":
            facts["ms"] = round(request.seconds * 1000, 1)
        if event == "request":
            facts["bytes"] = request.n_bytes
        _log.log(level, event, **facts)

    def _level(self, request: "_Request", event: str) -> int:
        is_bad = (request.status or 499) >= 400
        if is_bad:
            return logging.INFO
        if self._settings.log_format == "json":
            return logging.DEBUG if request.route.endswith(_ASKED_OFTEN) else logging.INFO
        is_long = event == "request" and request.seconds >= _LONG_S
        return logging.INFO if is_long else logging.DEBUG


def route_of(routes: Sequence[BaseRoute], scope: Scope) -> str:
    """Return the pattern of the route that answers `scope`, such as `/api/views/{view}`."""
    return _matched(routes, scope)[0]


@dataclass(slots=True)
class _Request:
    """What is known of a request.

    Attributes:
        number: that it is known by.
        scope: as the app within gets it.
        status: of the answer; 101 for a websocket that is open; 0 when there is none.
        n_bytes: of the answer's body.
    """

    number: str
    scope: Scope
    status: int = 0
    n_bytes: int = 0
    began: float = field(default_factory=time.perf_counter)
    _asked: dict[str, Any] = field(default_factory=dict)
    _found: tuple[str, dict[str, Any]] | None = None

    def __post_init__(self) -> None:
        # Routing writes into the scope.
        self._asked = {
            name: self.scope.get(name, "") for name in ("type", "path", "root_path", "method")
        }

    @property
    def method(self) -> str:
        return str(self.scope.get("method", "GET"))

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began

    @property
    def route(self) -> str:
        return self._match()[0]

    @property
    def path(self) -> str:
        """The path, with an ellipsis for what opens something."""
        route, parameters = self._match()
        if route == NO_ROUTE or (route.endswith("/{path}") and "path" not in parameters):
            return str(self._asked["path"])[:_LONGEST_PATH]  # a page, or a file of the browser's
        shown = route
        for name, value in parameters.items():
            shown = shown.replace(f"{{{name}}}", str(value) if name in _HARMLESS else "…")
        return shown[:_LONGEST_PATH]

    def _match(self) -> tuple[str, dict[str, Any]]:
        if self._found is None:
            routes = getattr(self.scope.get("app"), "routes", ())
            self._found = _matched(routes, self._asked)
        return self._found


def _matched(routes: Sequence[BaseRoute], scope: Scope) -> tuple[str, dict[str, Any]]:
    """Return the pattern that fits, with its path's parameters as they were given."""
    partly = None
    for route in routes:
        match, child = route.matches(scope)
        if match is Match.NONE:
            continue
        pattern = str(getattr(route, "path_format", getattr(route, "path", "")))
        parameters = dict(child.get("path_params", {}))
        within = getattr(route, "routes", None)
        if within:
            inner, more = _matched(within, {**scope, **child})
            before = pattern.removesuffix("/{path}")
            found = (before + ("/{path}" if inner == NO_ROUTE else inner), parameters | more)
        else:
            found = (pattern, parameters)
        if match is Match.FULL:
            return found
        partly = partly or found  # another method of the same route
    return partly or (NO_ROUTE, {})


def _say_unexpected(request: _Request) -> None:
    metrics.unexpected_error()
    _log.exception("Unexpected error", route=request.route, method=request.method)


async def _answer_unexpected(send: Send, number: str) -> None:
    said = f"Something went wrong that is not your doing. The server's log has it under {number}."
    content = {"type": "about:blank", "title": "Unexpected error", "status": 500, "detail": said}
    body = json.dumps({**content, "error": said}).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", b"default-src 'none'"),
    ]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})
