"""The API on a tiny home of its own: in this process, and as a real server on a port."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from core.downloads import Downloads
from core.http.api import lazily
from core.http.entrance import entrance
from core.library import Library
from core.people import Role, shared_people
from core.people.acting import OPERATOR, acting_as
from core.settings import Settings

BASE = "/team/api/v1"


@pytest.fixture
def settings(tiny_home: Path, tmp_path: Path) -> Settings:
    return Settings(
        home=tiny_home,
        cache=tmp_path / "cache",
        offline=True,
        database_url=f"sqlite:///{tmp_path / 'catalogue.sqlite3'}",
    )


@pytest.fixture
def downloads(settings: Settings) -> Iterator[Downloads]:
    downloads = Downloads(settings)
    yield downloads
    downloads.close()


@pytest.fixture
def app(settings: Settings, downloads: Downloads) -> Starlette:
    """The API below a path, where nobody has to sign in."""
    return Starlette(routes=[Mount(BASE, app=lazily(Library(settings), downloads))])


@pytest.fixture
def api(app: Starlette) -> Iterator[TestClient]:
    with TestClient(app, base_url=f"http://testserver{BASE}/") as client:
        yield client


@pytest.fixture
def guarded(settings: Settings, downloads: Downloads) -> Iterator["Guarded"]:
    """The API behind the gate, where people have tokens."""
    with Guarded(settings, downloads) as found:
        yield found


class Guarded(TestClient):
    """A client of an API that wants to know who asks."""

    def __init__(self, settings: Settings, downloads: Downloads) -> None:
        self.settings = replace(settings, sign_in="local", requests_per_minute=30)
        door = entrance(self.settings, base="/team")
        library = Library(self.settings)
        app = Starlette(
            routes=[*door.routes, Mount(BASE, app=lazily(library, downloads))],
            middleware=[door.gate],
        )
        super().__init__(app, base_url=f"http://testserver{BASE}/")

    def token(self, name: str, role: Role, *scopes: str) -> dict[str, str]:
        """Return the header of a new person's token."""
        people = shared_people(self.settings)
        with acting_as(OPERATOR):
            person = people.add(name, role)
            secret = people.new_token(person, "a test's", scopes or ("read",))
        return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def server(app: Starlette) -> Iterator[str]:
    """The API on a port of this machine; the address of its app."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    running = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=running.run)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}/team"
    running.should_exit = True
    thread.join()
