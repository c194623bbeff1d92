"""A real server for a proxy to stand in front of, and what asks it as a browser would."""

import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from tests.deploy.proxies import ROOT, free_port

START_S = 120


@dataclass(frozen=True, slots=True)
class Served:
    """A running app: host and port, its cache, its log."""

    address: str
    cache: Path
    log: Path


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
        yield Served(f"127.0.0.1:{port}", cache, log)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def trusting() -> ssl.SSLContext:
    """Return a context that takes the certificate of this test for good."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _wait_until_it_lives(process: subprocess.Popen, variables: dict[str, str], log: Path) -> None:
    deadline = time.monotonic() + START_S
    base = variables.get("STREAMLIT_SERVER_BASE_URL_PATH", "")
    url = f"http://127.0.0.1:{variables['STREAMLIT_SERVER_PORT']}/{base + '/' if base else ''}"
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text("utf-8")
        for path in ("health/live", "_stcore/health"):
            with suppress(OSError):
                urlopen(url + path, timeout=4).close()
                return
        time.sleep(0.3)
    raise AssertionError(f"not there after {START_S} s:\n{log.read_text('utf-8')}")
