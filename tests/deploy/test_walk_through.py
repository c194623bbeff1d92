"""What docs/hosting.md says to type works as it stands there.

Typed are steps 1 to 5, with other folders and ports; `stand_ins.py` says what is not what it
seems. Step 6 needs Docker and is only read.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import pytest

from tests.core.catalogue.postgres import find_programs, running_server
from tests.deploy.proxies import ROOT, free_port, make_certificate, program
from tests.deploy.servers import START_S, asked
from tests.deploy.stand_ins import STAND_INS, moved, stop

TEXT = (ROOT / "docs/hosting.md").read_text("utf-8")
ADMIN = "you@example.org"
PASSWORD = "a long way to the beach"


def step(number: int) -> list[list[str]]:
    """The commands of each block of a step."""
    (found,) = re.findall(rf"^## {number}\. .*?(?=^## )", TEXT, re.DOTALL | re.MULTILINE)
    blocks = re.findall(r"```bash\n(.*?)```", found, re.DOTALL)
    return [block.strip().splitlines() for block in blocks]


@dataclass(frozen=True)
class Machine:
    """A folder in which a walk-through takes place, and how its commands are typed there."""

    root: Path
    https: int
    port: int
    environment: dict[str, str]
    instead: dict[str, str]

    def typed(self, command: str) -> str:
        for old, new in self.instead.items():
            command = command.replace(old, new)
        return moved(command, self.root)

    def type(self, commands: list[str]) -> str:
        """Type them one after the other; return what they print."""
        printed = ""
        for command in commands:
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", self.typed(command)],
                cwd=self.root,
                env=self.environment,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}{self.logs()}"
            printed += done.stdout
        return printed

    def logs(self) -> str:
        return "".join(path.read_text("utf-8") for path in self.root.glob("run/*.log"))


@pytest.fixture
def machine(tmp_path) -> Iterator[Machine]:
    root, commands = tmp_path / "machine", tmp_path / "bin"
    for folder in (root / "etc/ssl/certs", root / "etc/ssl/private", commands):
        folder.mkdir(parents=True)
    certificate, key = make_certificate(tmp_path)
    certificate.rename(root / "etc/ssl/certs/cocosift.pem")
    key.rename(root / "etc/ssl/private/cocosift.key")
    for name in STAND_INS:
        file = commands / name
        arguments = shlex.join([sys.executable, str(ROOT / "tests/deploy/stand_ins.py"), name])
        file.write_text(f'#!/bin/sh\nexec {arguments} "$@"\n')
        file.chmod(0o755)
    ports = {"8501": free_port(), "443": free_port(), "80": free_port()}
    environment = {name: value for name, value in os.environ.items() if "COCOSIFT" not in name}
    environment |= {
        "PATH": f"{commands}:{root}/usr/local/bin:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "WALK_PATH": os.environ["PATH"],
        "WALK_PORTS": json.dumps(ports),
        "WALK_ROOT": str(root),
        "WALK_SOURCE": str(ROOT),
        "WALK_VENV": sys.prefix,
        "WALK_NGINX": program("nginx"),
    }
    instead = {
        "REPOSITORY": str(ROOT),
        "YOUR.NAME": "127.0.0.1",
        "/opt/cocosift/.venv/bin/pip": "pip",
        "PORT=8501": f"PORT={ports['8501']}",
    }
    found = Machine(root, ports["443"], ports["8501"], environment, instead)
    yield found
    for file in (root / "run").glob("*"):
        if file.suffix != ".log":
            stop(file.name, root)


def answer(url: str) -> int:
    try:
        with urlopen(url, timeout=60) as got:
            return got.status
    except HTTPError as error:
        return error.code


def sign_in(url: str, one_time: str = "") -> str:
    """Sign in, choosing a password first if given a one-time one; return the cookie."""
    if one_time:
        status, _, page = posted(url, "/sign-in", name=ADMIN, password=one_time)
        assert (status, b"again" in page) == (200, True), page.decode()
        new = {"old": one_time, "password": PASSWORD, "again": PASSWORD, "must": "1"}
        status, headers, page = posted(url, "/sign-in/password", name=ADMIN, **new)
    else:
        status, headers, page = posted(url, "/sign-in", name=ADMIN, password=PASSWORD)
    assert status == 303, page.decode()
    return headers["set-cookie"].partition(";")[0]


def posted(url: str, path: str, **form: str) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(url)
    headers = {
        "Content_Type": "application/x-www-form-urlencoded",
        "Origin": f"{parts.scheme}://{parts.netloc}",
    }
    return asked(url, path, "POST", urlencode(form).encode(), **headers)


def one_time_password(printed: str) -> str:
    (found,) = re.findall(r"One-time password, .*: (\S+)", printed)
    return found


@pytest.mark.slow
def test_a_service_behind_nginx_at_the_root_below_a_path_and_on_postgresql(machine):
    service, admin = step(3)
    machine.type(service)
    assert answer(f"http://127.0.0.1:{machine.port}/health/live") == 200
    assert answer(f"http://127.0.0.1:{machine.port}/api/datasets/demo/annotations?ids=1") == 401
    password = one_time_password(machine.type(admin))

    at_root, below_a_path = step(4)
    machine.type(at_root)
    url = f"https://127.0.0.1:{machine.https}"
    cookie = sign_in(url, password)
    picture = "/api/datasets/demo/images/46/picture"
    assert asked(url, picture)[0] == 401
    assert asked(url, picture, Cookie=cookie)[0] == 200

    machine.type(below_a_path)
    assert asked(url, "/cocosift/health/live")[0] == 200
    # Who has signed in stays so: only the cookie's path is another.
    assert asked(f"{url}/cocosift", picture, Cookie=cookie)[0] == 200

    (postgresql,) = step(5)
    with running_server() as server:
        parts = urlsplit(server)
        place = f"{parts.hostname}:{parts.port}"
        machine.environment.update(
            PGHOST=parts.hostname,
            PGPORT=str(parts.port),
            PGUSER=parts.username,
            PGDATABASE="postgres",
            WALK_POSTGRES=str(find_programs()),
        )
        # That server's own user has our name already.
        machine.instead.update(
            {
                "ROLE cocosift": "ROLE team",
                "--owner cocosift cocosift": "--owner team team",
                "cocosift:CHANGE-ME@127.0.0.1/cocosift": f"team:CHANGE-ME@{place}/team",
            }
        )
        machine.type(postgresql)
        assert asked(f"{url}/cocosift", "/health/live")[0] == 200
        # People and their passwords came along; they sign in anew.
        assert asked(f"{url}/cocosift", picture, Cookie=cookie)[0] == 401
        cookie = sign_in(f"{url}/cocosift")
        assert asked(f"{url}/cocosift", picture, Cookie=cookie)[0] == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    ("block", "stranger", "words"),
    [(0, 401, "/sign-in/first"), (3, 200, "")],
    ids=["with accounts", "open to all"],
)
def test_directly_on_the_network(machine, block, stranger, words):
    first = step(1)[0]
    assert first[-1] == "make run"
    machine.type(first[:-2])
    clone = machine.root / "cocosift"
    # Make finds its packages there, as new as they must be.
    (clone / ".venv").symlink_to(sys.prefix)
    os.utime(clone / "requirements.txt", (0, 0))
    (command,) = step(2)[block]
    with (machine.root / "log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", machine.typed(command)],
            cwd=clone,
            env=machine.environment | {"COCOSIFT_OFFLINE": "1"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for(f"http://127.0.0.1:{machine.port}/health/live", process, machine.root / "log")
        picture = f"http://127.0.0.1:{machine.port}/api/datasets/demo/images/46/picture"
        assert answer(picture) == stranger
        assert words in (machine.root / "log").read_text("utf-8")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.parametrize("number", range(1, 7))
def test_what_a_step_names_of_the_checkout_is_there(number):
    for block in step(number):
        for command in block:
            for path in re.findall(r"(?:/opt/cocosift/|\b)(deploy/[\w./-]+)", command):
                if not path.endswith("/.env"):
                    assert (ROOT / path).is_file(), command


def wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text("utf-8")
        try:
            if answer(url) == 200:
                return
        except OSError:
            time.sleep(0.3)
    raise AssertionError(log.read_text("utf-8"))
