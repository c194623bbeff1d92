"""Find PostgreSQL's programs for the catalogue's tests, or install Debian's package of them.

As a script (`make test` calls it) it exits with 1 and the one command to type when there
are none and none could be installed.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DEBIAN = Path("/usr/lib/postgresql")
USER = "postgres"
START_S = 60


def find_programs() -> Path | None:
    """Return the folder that holds `initdb` and `postgres`, the newest one, or None."""
    of_debian = sorted(DEBIAN.glob("*/bin"), key=lambda path: int(path.parts[-2]), reverse=True)
    on_path = shutil.which("initdb")
    folders = [*of_debian, *([Path(on_path).resolve().parent] if on_path else [])]
    both = (folder for folder in folders if (folder / "initdb").is_file())
    return next((folder for folder in both if (folder / "postgres").is_file()), None)


def install_programs() -> None:
    """Install Debian's `postgresql` when this user may; no server of its own is started."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        for command in (["update", "-q"], ["install", "-y", "-q", "postgresql"]):
            subprocess.run(["apt-get", *command], check=False, env=environment)


@contextmanager
def running_server() -> Iterator[str]:
    """Run a server on a free port in a temporary folder; yield its address without a database.

    It listens on this machine alone, trusts whoever connects, and is gone with its data
    when the block ends.
    """
    programs = find_programs()
    if programs is None:
        install_programs()
        programs = find_programs()
    if programs is None:
        raise RuntimeError(HOW)
    # Not pytest's: nobody but root may enter that, and PostgreSQL refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="cocosift-postgres-", dir=_open_folder()))
    try:
        yield from _run(programs, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


HOW = (
    "The tests of the catalogue need PostgreSQL and it could not be installed. "
    "Type: sudo apt-get install postgresql"
)


def _run(programs: Path, folder: Path) -> Iterator[str]:
    data, port = folder / "data", _free_port()
    as_user = {}
    if os.geteuid() == 0:
        shutil.chown(folder, USER, USER)
        as_user = {"user": USER, "group": USER, "extra_groups": []}
    made = subprocess.run(
        [
            *(programs / "initdb", "--pgdata", data, "--username=cocosift", "--auth=trust"),
            *("--encoding=UTF8", "--locale=C", "--no-sync"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        **as_user,
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed:\n{made.stderr}")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [
                *(programs / "postgres", "-D", data, "-p", str(port)),
                *("-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"),
                # It lives as long as the tests: what is on disk does not matter.
                *("-c", "fsync=off", "-c", "max_connections=200"),
            ],
            cwd=folder,
            stdout=log,
            stderr=log,
            **as_user,
        )
    try:
        _wait_for(server, port, folder / "log")
        yield f"postgresql://cocosift@127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nobody needs its data any more
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_for(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    import psycopg

    for _ in range(START_S * 20):
        if server.poll() is not None:
            break
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="cocosift", dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text('utf-8', 'replace')}")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _open_folder() -> Path | None:
    """Return a folder for temporary files that any user may enter, if there is one."""
    for folder in map(Path, (tempfile.gettempdir(), "/tmp", "/var/tmp")):
        if all(part.stat().st_mode & 0o001 for part in (folder, *folder.resolve().parents)):
            return folder
    return None


if __name__ == "__main__":
    if find_programs() is None:
        install_programs()
    if find_programs() is None:
        sys.exit(HOW)
