"""A real server for a proxy to stand in front of, and what asks it as a browser would."""

import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from websockets.asyncio.client import connect

from benchmarks.visitors import MAX_MESSAGE, Visitor
from tests.deploy.proxies import ROOT, free_port

START_S = 300
PATIENCE_S = 120


@dataclass(frozen=True, slots=True)
class Served:
    """A running app: host and port, its cache, its log, and the variables it was given."""

    address: str
    cache: Path
    log: Path
    told: dict[str, str]


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[Served]:
    """Run the app on the demo with a catalogue and a cache in `folder`, until the block ends."""
    port, log, cache = free_port(), folder / "server.log", folder / "cache"
    cache.mkdir()
    variables = {
        "COCOSIFT_HOME": str(ROOT),
        "COCOSIFT_CACHE": str(cache),
        "COCOSIFT_DATABASE_URL": f"sqlite:///{folder / 'catalogue.sqlite3'}",
        "COCOSIFT_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
        "STREAMLIT_SERVER_PORT": str(port),
        "FORWARDED_ALLOW_IPS": "",
        **environment,
    }
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"],
            cwd=ROOT,
            env=os.environ | variables,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_it_lives(process, variables, log)
        yield Served(f"127.0.0.1:{port}", cache, log, variables)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def asked(
    url: str, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers (lower case) and body of one request; redirects are not followed."""
    parts = urlsplit(url)
    connection = HTTPSConnection(parts.netloc, context=trusting(), timeout=PATIENCE_S)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, parts.path + path, body=body, headers=named)
        answer = connection.getresponse()
        kept = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, kept, answer.read()
    finally:
        connection.close()


async def pictures_on(url: str, query: str, **headers: str) -> int | None:
    """Return how many pictures the page draws, asked over the websocket as a browser asks."""
    async with connect(
        f"{url.replace('https', 'wss')}/_stcore/stream",
        subprotocols=["streamlit"],
        max_size=MAX_MESSAGE,
        ssl=trusting(),
        # Streamlit compares it with the host that it was asked by.
        origin=f"https://{urlsplit(url).netloc}",
        additional_headers=headers,
        # A browser does not ask whether the server still lives.
        ping_interval=None,
    ) as socket:
        return (await Visitor(socket, url, {}).open(query)).pictures


def trusting() -> ssl.SSLContext:
    """Return a context that takes the certificate of this test for good."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _wait_until_it_lives(process: subprocess.Popen, variables: dict[str, str], log: Path) -> None:
    deadline = time.monotonic() + START_S
    asking = [sys.executable, "deploy/healthy.py", "5"]
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text("utf-8")
        done = subprocess.run(asking, cwd=ROOT, env=os.environ | variables, capture_output=True)
        if done.returncode == 0:
            return
    raise AssertionError(f"not there after {START_S} s:\n{log.read_text('utf-8')}")
