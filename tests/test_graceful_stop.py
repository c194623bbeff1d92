"""A server that is told to end says so first, goes on for a while, tells browsers, and ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 180
SERVICE_RESTART = 1012

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path) -> Iterator[tuple[subprocess.Popen, str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "COCOSIFT_HOME": str(ROOT),
        "COCOSIFT_CACHE": str(tmp_path / "cache"),
        "COCOSIFT_DATABASE_URL": f"sqlite:///{tmp_path / 'catalogue.sqlite3'}",
        "COCOSIFT_LOG_FORMAT": "json",
        "OMP_NUM_THREADS": "1",
    }
    address = ("--server.address=127.0.0.1", f"--server.port={port}")
    with (tmp_path / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", *address],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    yield process, f"127.0.0.1:{port}"
    process.kill()
    process.wait(20)


def answer(where: str, path: str) -> tuple[int, object]:
    try:
        with urllib.request.urlopen(f"http://{where}{path}", timeout=20) as found:
            return found.status, json.load(found)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:
        return 0, None


def wait_for(where: str, status: int) -> object:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found, said = answer(where, "/health/ready")
        if found == status:
            return said
        time.sleep(0.05)
    raise AssertionError(f"no {status} from /health/ready within {PATIENCE_S} s")


def test_readiness_ends_first_and_browsers_are_told(server, tmp_path):
    process, where = server
    wait_for(where, 200)
    stream = f"ws://{where}/_stcore/stream"
    with connect(stream, origin=f"http://{where}", subprotocols=["streamlit"]) as browser:
        process.send_signal(signal.SIGTERM)
        assert wait_for(where, 503) == {"status": "not ready", "failing": ["stopping"]}
        assert answer(where, "/health/live")[0] == 200
        with pytest.raises(ConnectionClosed) as closed:
            browser.recv(timeout=60)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == SERVICE_RESTART
    process.wait(60)
    records = [
        json.loads(line)
        for line in (tmp_path / "log.txt").read_text("utf-8").splitlines()
        if line.startswith("{")
    ]
    events = [one["event"] for one in records]
    assert events.index("Stopping: not ready from now on") < events.index("disconnected")
    assert not [one for one in records if one["level"] in ("error", "critical")]
