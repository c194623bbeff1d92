"""The request log: every request has a number, is counted, and is one record."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.observe import logs, metrics
from core.observe.request_log import NO_ROUTE, RequestLog
from core.settings import Settings

Start = Callable[..., TestClient]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers = list(root.handlers)
    yield
    root.handlers[:] = handlers
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def start(stream) -> Start:
    """Start a small app behind the log, seen from a client at `address`."""

    def begin(address: str = "198.51.100.7", **settings: object) -> TestClient:
        told = Settings(**({"log_format": "json"} | settings))
        logs.set_up(told, stream)
        app = Starlette(
            routes=[
                Route("/api/images/{image_id}", _hello),
                Route("/api/downloads/{token}", _hello),
                Route("/health/live", _hello),
                Route("/known", _known),
                Route("/broken", _broken),
                Route("/half", _half),
                Mount("/api/v1", routes=[Route("/subsets/{subset}", _hello)]),
                WebSocketRoute("/stream", _echo),
                WebSocketRoute("/refused", _refuse),
                WebSocketRoute("/breaks", _break),
            ],
            middleware=[Middleware(RequestLog, settings_of=lambda: told)],
        )
        return TestClient(app, raise_server_exceptions=False, client=(address, 50_000))

    return begin


async def _hello(request: Request) -> Response:
    return PlainTextResponse(request.headers["x-request-id"])


async def _known(request: Request) -> Response:
    logs.known(person=7, address="203.0.113.9")
    logging.getLogger("cocosift").warning("within")
    return PlainTextResponse("")


async def _broken(request: Request) -> Response:
    raise RuntimeError("a bug")


async def _half(request: Request) -> Response:
    async def body():
        yield b"begun"
        raise RuntimeError("a bug")

    return StreamingResponse(body())


async def _echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(socket.headers["x-request-id"])
    await socket.receive_text()
    await socket.close()


async def _refuse(socket: WebSocket) -> None:
    await socket.close()


async def _break(socket: WebSocket) -> None:
    await socket.accept()
    raise RuntimeError("a bug")


def records(stream: io.StringIO, event: str = "request") -> list[dict[str, object]]:
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [one for one in found if one["event"] == event]


def test_a_request_is_one_record_with_the_number_that_went_back(start, stream):
    answer = start().get("/api/images/12?q=a+private+wish")
    (record,) = records(stream)
    assert record["request_id"] == answer.headers["X-Request-Id"] == answer.text
    assert record["route"] == "/api/images/{image_id}"
    assert record["path"] == "/api/images/12"
    assert (record["method"], record["status"]) == ("GET", 200)
    assert record["bytes"] == len(answer.content)
    assert record["address"] == "198.51.100.7"
    assert "private" not in stream.getvalue()


def test_each_request_has_a_number_of_its_own(start):
    client = start()
    assert (
        client.get("/known").headers["X-Request-Id"] != client.get("/known").headers["X-Request-Id"]
    )


@pytest.mark.parametrize(
    ("address", "proxies", "is_taken"),
    [
        ("10.0.0.4", frozenset({"10.0.0.0/8"}), True),
        ("198.51.100.7", frozenset({"10.0.0.0/8"}), False),
        ("10.0.0.4", frozenset(), False),
    ],
    ids=["a proxy that is believed", "somebody else", "no proxy is believed"],
)
def test_a_given_number_is_taken_over_from_a_proxy_alone(start, address, proxies, is_taken):
    answer = start(address, proxy_addresses=proxies).get(
        "/api/images/1", headers={"X-Request-Id": "from-a-proxy-77"}
    )
    assert (answer.headers["X-Request-Id"] == "from-a-proxy-77") is is_taken
    assert answer.text == answer.headers["X-Request-Id"]


def test_what_opens_something_is_not_in_the_path(start, stream):
    start().get("/api/downloads/q0-very-secret-token")
    (record,) = records(stream)
    assert record["path"] == "/api/downloads/…"
    assert "q0-very" not in stream.getvalue()


def test_a_route_below_a_mount_is_named_whole(start, stream):
    start().get("/api/v1/subsets/5")
    assert records(stream)[0]["route"] == "/api/v1/subsets/{subset}"


def test_paths_that_lead_nowhere_are_counted_under_one_name(start):
    client = start()
    before = metrics.REGISTRY.get_sample_value(
        "cocosift_requests_total", {"route": NO_ROUTE, "method": "GET", "status": "404"}
    )
    for name in ("a", "b", "c"):
        assert client.get(f"/{name}").status_code == 404
    after = metrics.REGISTRY.get_sample_value(
        "cocosift_requests_total", {"route": NO_ROUTE, "method": "GET", "status": "404"}
    )
    assert after == (before or 0) + 3


def test_who_asks_is_in_all_records_of_the_request_and_in_no_other(start, stream):
    client = start()
    client.get("/known")
    client.get("/api/images/1")
    (within,) = records(stream, "within")
    known, other = records(stream)
    assert (within["person"], within["address"]) == (7, "203.0.113.9")
    assert (known["person"], known["address"]) == (7, "203.0.113.9")
    assert "person" not in other
    assert within["request_id"] == known["request_id"] != other["request_id"]


def test_an_error_is_logged_with_the_number_and_answered_without_a_traceback(start, stream):
    answer = start().get("/broken")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["X-Request-Id"] in answer.json()["detail"]
    assert "a bug" not in answer.text
    (error,) = records(stream, "Unexpected error")
    assert error["request_id"] == answer.headers["X-Request-Id"]
    assert "RuntimeError: a bug" in str(error["exception"])
    assert records(stream)[0]["status"] == 500


def test_an_answer_that_breaks_off_is_logged_and_not_taken_for_whole(start, stream):
    client = start()
    client.get("/half")
    assert records(stream, "Unexpected error")
    assert len(records(stream)) == 1


def test_who_looks_whether_it_lives_fills_no_log(start, stream):
    start().get("/health/live")
    assert not records(stream)


def test_in_text_only_what_went_wrong_is_written(start, stream):
    client = start(log_format="text")
    client.get("/api/images/1")
    client.get("/nowhere")
    assert stream.getvalue().count("request") >= 1
    assert "/nowhere" in stream.getvalue()
    assert "/api/images/1" not in stream.getvalue()


def test_a_browser_is_counted_while_it_is_connected_and_told_its_number(start, stream):
    before = metrics.connected()
    with start().websocket_connect("/stream") as socket:
        number = socket.receive_text()
        assert metrics.connected() == before + 1
        socket.send_text("end")
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()
    assert metrics.connected() == before
    (opened,), (closed,) = records(stream, "connected"), records(stream, "disconnected")
    assert opened["request_id"] == closed["request_id"] == number
    assert closed["route"] == "/stream"


@pytest.mark.parametrize(
    ("path", "code"), [("/refused", 1000), ("/breaks", 1011)], ids=["refused", "broken"]
)
def test_a_browser_that_is_turned_away_or_meets_an_error_is_not_counted(start, stream, path, code):
    before = metrics.connected()
    with pytest.raises(WebSocketDisconnect) as closed:  # noqa: SIM117
        with start().websocket_connect(path) as socket:
            socket.receive_text()
    assert closed.value.code == code
    assert metrics.connected() == before
    assert bool(records(stream, "Unexpected error")) is (path == "/breaks")
