"""A running app and a PostgreSQL for the failure drills: both can be stopped and started."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import requests

from tests.core.catalogue.postgres import (
    HOW,
    USER,
    _free_port,
    _open_folder,
    find_programs,
    install_programs,
)

ROOT = Path(__file__).resolve().parent.parent
START_S = 240
PATIENCE_S = 90


def eventually(is_so, what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait until `is_so()`; how long it takes is no promise, that it comes is."""
    end = time.monotonic() + patience_s
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError(f"it never came that {what}")
        time.sleep(0.1)


@dataclass(frozen=True)
class App:
    """A running app; `log` is where it writes."""

    url: str
    pid: int
    log: Path

    def status(self, path: str) -> int:
        """Return what it answers to a request by nobody in particular."""
        return requests.get(
            f"{self.url}{path}", timeout=PATIENCE_S, allow_redirects=False
        ).status_code

    def is_ready(self) -> bool:
        return self.status("/health/ready") == 200

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")


@contextmanager
def running_app(folder: Path, *options: str, ready: bool = True, **variables: str) -> Iterator[App]:
    """Start the app on the demo with these settings; it ends with the block.

    Args:
        options: of `streamlit run`.
        folder: for its log and, unless `variables` say otherwise, its cache and database.
        ready: wait until it is; else until it answers at all.
    """
    port, log = _free_port(), folder / "log.txt"
    url = f"http://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if "COCOSIFT" not in name} | {
        "COCOSIFT_HOME": str(ROOT),
        "COCOSIFT_CACHE": str(folder / "cache"),
        "COCOSIFT_DATABASE_URL": f"sqlite:///{folder / 'catalogue.sqlite3'}",
        "COCOSIFT_OFFLINE": "1",
        "COCOSIFT_URL": url,
        "OMP_NUM_THREADS": "1",
        **variables,
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
    app = App(url, process.pid, log)

    def is_up() -> bool:
        assert process.poll() is None, app.said()
        try:
            return app.is_ready() if ready else app.status("/health/live") == 200
        except requests.RequestException:
            return False

    try:
        eventually(is_up, f"the app is up: {log}", START_S)
        yield app
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class PostgreSQL:
    """A server of databases that can be stopped, and started again on what it has kept."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder, self._port = programs, folder, _free_port()
        self._as_user = {}
        if os.geteuid() == 0:
            shutil.chown(folder, USER, USER)
            self._as_user = {"user": USER, "group": USER, "extra_groups": []}
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://cocosift@127.0.0.1:{self._port}/postgres"
        subprocess.run(
            [
                *(programs / "initdb", "--pgdata", folder / "data", "--username=cocosift"),
                *("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"),
            ],
            cwd=folder,
            capture_output=True,
            check=True,
            **self._as_user,
        )

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self._programs / "postgres", "-D", self._folder / "data"),
                    *("-p", str(self._port), "-c", "listen_addresses=127.0.0.1"),
                    *("-c", f"unix_socket_directories={self._folder}", "-c", "fsync=off"),
                ],
                cwd=self._folder,
                stdout=log,
                stderr=log,
                **self._as_user,
            )
        eventually(self._answers, "PostgreSQL answers")

    def stop(self) -> None:
        """End it as an administrator does who does not wait: connections are cut."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def stoppable_postgresql() -> Iterator[PostgreSQL]:
    """Yield a PostgreSQL that does not run yet; it and its data are gone after the block."""
    if find_programs() is None:
        install_programs()
    programs = find_programs()
    if programs is None:
        raise RuntimeError(HOW)
    folder = Path(tempfile.mkdtemp(prefix="cocosift-drill-", dir=_open_folder()))
    server = PostgreSQL(programs, folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Yield a folder that is a disk of its own of so many MB.

    Raises:
        PermissionError: this user may not mount one.
    """
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", folder],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        raise PermissionError(mounted.stderr)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill_up(folder: Path) -> Path:
    """Leave no byte free on the disk of `folder`; the file that does it can be removed."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                continue
    return filler


def processes_below(pid: int) -> dict[int, str]:
    """Return the command lines of all processes that `pid` has started, and they, by number."""
    parents, lines = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            lines[int(stat.parent.name)] = (stat.parent / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found: dict[int, str] = {}
    level = {pid}
    while level:
        level = {child for child, parent in parents.items() if parent in level}
        found |= {child: lines[child] for child in level}
    return found
