"""A freshly started server for each home folder, and pages of a real Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.chromium import FLAGS, find_chromium

ROOT = Path(__file__).resolve().parents[2]
START_S = 120
# Patience, not a promise: how fast it is, benchmarks/ says.
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True)
class Server:
    """A running app; `log` is where it writes."""

    url: str
    home: Path
    log: Path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    assert path, "no Chromium; type: python tests/browser/chromium.py"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser) -> Iterator[Callable[..., Page]]:
    """Open a new person's page: a context of its own, with its errors and requests noted.

    Playwright's `wait_for_function` evaluates text, which the pages' policy forbids; so the
    policy is off, except in `test_sign_in.py`, which holds every page to it.
    """
    contexts = []

    def open_one(url: str, **options) -> Page:
        context = browser.new_context(
            **({"viewport": {"width": 1280, "height": 800}, "bypass_csp": True} | options)
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def start_server(tmp_path_factory) -> Iterator[Callable[[Path], Server]]:
    """Start the app on a home folder, as `make run` does, and stop it at the end.

    `options` are Streamlit's, `environment` what CocoSift is told beside the usual.
    """
    running = []

    def start(home: Path, *options: str, **told: str) -> Server:
        folder = tmp_path_factory.mktemp("server")
        port = _free_port()
        log = folder / "log.txt"
        environment = os.environ | {
            "COCOSIFT_HOME": str(home),
            "COCOSIFT_CACHE": str(folder / "cache"),
            "COCOSIFT_DATABASE_URL": f"sqlite:///{folder / 'catalogue.sqlite3'}",
            "OMP_NUM_THREADS": "1",
            **told,
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "streamlit", "run", "streamlit_app.py"),
                    *("--server.address=127.0.0.1", f"--server.port={port}", *options),
                ],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        running.append(process)
        server = Server(f"http://127.0.0.1:{port}", home, log)
        _wait_until_healthy(server, process)
        return server

    yield start
    for process in running:
        process.terminate()
    for process in running:
        process.wait(60)  # it goes on for a while, so that nobody is cut off


@pytest.fixture(scope="session")
def demo_server(start_server) -> Server:
    return start_server(ROOT)


@pytest.fixture
def demo_copy(tmp_path) -> Path:
    """A home folder with a copy of the demo, to be damaged."""
    for name in ("data", "models", "embeddings"):
        shutil.copytree(
            ROOT / name / "demo", tmp_path / name / "demo", ignore=shutil.ignore_patterns(".index")
        )
    return tmp_path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(server: Server, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, server.log.read_text()
        try:
            with urllib.request.urlopen(f"{server.url}/health/live", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"not healthy after {START_S} s: {server.log.read_text()}")
