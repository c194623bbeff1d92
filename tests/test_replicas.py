"""Two servers on one database and one cache folder: nothing is made twice, and nothing is lost."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest
from sqlalchemy import select

from core.catalogue import shared_catalogue
from core.coco import register_dataset
from core.database import Database
from core.jobs.tables import JobRow
from core.settings import PROJECT_ROOT
from tests.core.conftest import database_url, postgresql  # noqa: F401
from tests.core.odd_dataset import NAMES, Odd, make_odd

PATIENCE_S = 120.0

pytestmark = pytest.mark.slow


class Host:
    """Has the pictures, and gives none before it is told to."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.reached = threading.Event()
        self.pictures: dict[int, Path] = {}

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.reached.set()
        assert self.open.wait(PATIENCE_S)
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(self.pictures[int(handler.path[1:])].read_bytes())


@pytest.fixture
def host() -> Iterator[tuple[Host, str]]:
    host = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(ConnectionError):  # nobody waits any more
                host.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield host, f"127.0.0.1:{server.server_port}"
        host.open.set()
        server.shutdown()


@pytest.fixture
def odd(tmp_path: Path, host: tuple[Host, str], database_url: str) -> Odd:  # noqa: F811
    """A dataset whose pictures are with the host, and the database of the servers."""
    made = make_odd(tmp_path)
    settings = replace(
        made.settings,
        offline=False,
        image_hosts=frozenset({host[1]}),
        database_url=database_url,
    )
    register_dataset(
        settings,
        "odd",
        instances=made.instances,
        captions=made.captions,
        url=f"http://{host[1]}/{{id}}",
        split="val2014",
        replace=True,
    )
    host[0].pictures = {image_id: made.file(image_id) for image_id in NAMES}
    return replace(made, settings=settings).reopened()


@dataclass
class Server:
    """A server process."""

    process: subprocess.Popen[bytes]
    url: str

    def ask(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        try:
            with urlopen(Request(f"{self.url}{path}", method=method), timeout=20) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            return error.code, error.read()

    def start(self, odd: Odd, *image_ids: int) -> dict[str, Any]:
        ids = ",".join(map(str, image_ids or (3, 7)))
        path = f"/start?ids={ids}&hash={odd.coco.annotation_hash}"
        return json.loads(self.ask(path, "POST")[1])

    def state(self, token: str) -> dict[str, Any]:
        return json.loads(self.ask(f"/api/downloads/{token}")[1])

    def finished(self, token: str) -> dict[str, Any]:
        return until(lambda: self.state(token), lambda found: found["state"] != "preparing")

    def zip_of(self, token: str) -> zipfile.ZipFile:
        status, content = self.ask(self.finished(token)["url"])
        assert status == 200
        return zipfile.ZipFile(io.BytesIO(content))

    def end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.wait(PATIENCE_S)


@pytest.fixture
def serve(odd: Odd) -> Iterator[Callable[[], Server]]:
    """Starts servers that are gone with the test."""
    servers: list[Server] = []

    def start() -> Server:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = odd.settings
        told = {
            "port": port,
            "home": str(settings.home),
            "cache": str(settings.cache),
            "database_url": settings.database_url,
            "image_hosts": sorted(settings.image_hosts),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.core.replica", json.dumps(told)],
            cwd=PROJECT_ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        servers.append(Server(process, f"http://127.0.0.1:{port}"))

        def answers() -> bool:
            assert process.poll() is None
            with suppress(URLError, ConnectionError):
                return servers[-1].ask("/api/downloads/nobody")[0] == 404
            return False

        until(answers, bool)
        return servers[-1]

    yield start
    for server in servers:
        server.process.kill()
        server.process.wait()


def until(look: Callable[[], Any], is_so: Callable[[Any], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def jobs(odd: Odd) -> list[JobRow]:
    with Database(odd.settings).reading() as session:
        return list(session.scalars(select(JobRow).order_by(JobRow.id)))


def files(odd: Odd) -> list[str]:
    return [path.name for path in (odd.settings.cache / "downloads").iterdir()]


def test_a_server_that_is_killed_in_the_middle_of_an_export_is_followed_by_the_other(
    odd, host, serve
):
    servers = [serve(), serve()]
    mine, theirs = (server.start(odd) for server in servers)
    assert theirs["job"] == mine["job"]
    assert host[0].reached.wait(PATIENCE_S)
    (job,) = jobs(odd)
    at_work = int(job.replica.split("-")[-2])
    servers.sort(key=lambda server: server.process.pid != at_work)
    first, second = servers
    assert second.state(mine["token"])["state"] == "preparing"

    first.end(signal.SIGKILL)
    host[0].open.set()

    for token in (mine["token"], theirs["token"]):
        package = second.zip_of(token)
        assert package.testzip() is None
        assert sum(name.startswith("images/") for name in package.namelist()) == 2
    (job,) = jobs(odd)
    assert (job.state, job.claim, job.deaths) == ("done", 2, 1)
    assert len(files(odd)) == 1  # nothing half-made is left
    assert second.state(mine["token"])["note"] == "Remembered in Subsets as “Dogs”."
    # The other asker has named theirs, too.
    assert shared_catalogue(odd.settings).list("").total == 2


def test_a_server_that_is_stopped_loses_no_export_and_the_next_start_goes_on(odd, host, serve):
    before = serve()
    begun = before.start(odd)
    assert host[0].reached.wait(PATIENCE_S)
    before.end(signal.SIGTERM)
    (job,) = jobs(odd)
    assert (job.state, job.replica, job.deaths) == ("waiting", "", 0)
    assert files(odd) == []
    host[0].open.set()
    after = serve()
    assert after.zip_of(begun["token"]).testzip() is None


def test_what_one_server_has_made_every_server_gives_also_after_a_restart(odd, host, serve):
    host[0].open.set()
    one = serve()
    token = one.start(odd)["token"]
    url = one.finished(token)["url"]
    content = one.ask(url)[1]
    other = serve()
    assert other.ask(url) == (200, content)
    one.end(signal.SIGTERM)
    other.end(signal.SIGTERM)
    assert serve().ask(url) == (200, content)
