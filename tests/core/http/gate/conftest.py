"""An app behind the gate, with real people in a database of its own."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from core.database import Database
from core.http.entrance import entrance
from core.http.gate import COOKIE, Connections
from core.people import OPERATOR, People, Person, Role
from core.people.acting import acting_as, current
from core.settings import Settings

PASSWORD = "seven green kettles"
SAME = {"Origin": "http://testserver"}


@dataclass
class Place:
    """A server's insides: who is known, and a browser that nobody has signed in with."""

    people: People
    connections: Connections
    client: TestClient
    settings: Settings
    tokens: dict[str, str] = field(default_factory=dict)

    def person(self, name: str, role: Role = Role.READER) -> Person:
        with acting_as(OPERATOR):
            return self.people.add(name, role, password=PASSWORD)

    def signed_in(self, name: str, role: Role = Role.READER) -> str:
        """Have the client hold a session of a new person; return its token."""
        token = self.people.begin_session(replace(self.person(name, role), way="local"))
        self.client.cookies.set(COOKIE, token)
        return token


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables and nobody in it; to be copied."""
    file = tmp_path_factory.mktemp("gate") / "people.sqlite3"
    Database(Settings(database_url=f"sqlite:///{file}")).close()
    return file


@pytest.fixture
def open_place(tmp_path: Path, tables: Path) -> Iterator[Callable[..., Place]]:
    opened: list[TestClient] = []

    def make(*, recheck_s: float = 15.0, address: str = "203.0.113.5", **settings) -> Place:
        file = shutil.copy(tables, tmp_path / "people.sqlite3")
        known = Settings(
            home=tmp_path,
            cache=tmp_path / "cache",
            database_url=f"sqlite:///{file}",
            **({"sign_in": "local"} | settings),
        )
        people = People(
            known,
            database=Database(known),
            hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1),
        )
        connections = Connections()
        door = entrance(known, people=lambda: people, connections=connections, recheck_s=recheck_s)
        app = Starlette(
            routes=[
                *door.routes,
                Route("/health/live", lambda _: PlainTextResponse("alive")),
                Route("/metrics", lambda _: PlainTextResponse("figures")),
                Route("/api/v1/who", _who),
                Route("/body", _body, methods=["POST"]),
                Route("/_stcore/upload_file/{session}/{file}", _who, methods=["PUT"]),
                WebSocketRoute("/_stcore/stream", _stream),
                Route("/{rest:path}", _who, methods=["GET", "POST", "DELETE"]),
            ],
            middleware=[door.gate],
        )
        client = TestClient(app, follow_redirects=False, client=(address, 4711))
        client.__enter__()
        opened.append(client)
        return Place(people, connections, client, known)

    yield make
    for client in opened:
        client.__exit__(None, None, None)


async def _who(request: Request) -> JSONResponse:
    return JSONResponse(
        {"name": request.scope["state"]["person"].name, "acting": current().name}
        | {"address": request.client.host if request.client else "", "scheme": request.url.scheme}
    )


async def _body(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def _stream(websocket: WebSocket) -> None:
    """Tell what a page would see of who is there, whenever something is said."""
    await websocket.accept("streamlit")
    told = {
        "key": websocket.headers["x-cocosift-session"],
        "protocol": websocket.headers.get("sec-websocket-protocol", ""),
    }
    async for _ in websocket.iter_text():
        await websocket.send_json(told)
