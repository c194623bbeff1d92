"""What the Dockerfile promises: small, no root, nothing secret, no weights, all pinned.

It is read here, not built: what its lines run is tried where that can be without Docker.
"""

import fnmatch
import json
import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.deploy.proxies import DEPLOY, ROOT, free_port

LINES = re.sub(r"\\\n\s*", "", (DEPLOY / "Dockerfile").read_text("utf-8")).splitlines()
INSTRUCTIONS = [tuple(line.split(" ", 1)) for line in LINES if line and line[0] not in "# "]
# What follows the last FROM is what is run.
LAST = INSTRUCTIONS[max(n for n, (word, _) in enumerate(INSTRUCTIONS) if word == "FROM") :]


def those(word: str, among=INSTRUCTIONS) -> list[str]:
    return [rest for name, rest in among if name == word]


def test_it_runs_as_a_user_of_its_own_and_never_as_root():
    assert those("USER", LAST) == ["10001:10001"]
    assert LAST.index(("USER", "10001:10001")) < [word for word, _ in LAST].index("CMD")


def test_what_it_stands_on_is_pinned():
    for base in those("FROM"):
        assert re.fullmatch(r"python:\d+\.\d+-slim-\w+( AS \w+)?", base)
    installs = [line for line in those("RUN") if re.search(r"\b(pip|uv pip) install\b", line)]
    assert installs
    assert all("==" in line or "--require-hashes" in line for line in installs)
    (version,) = re.findall(r"UV_VERSION=(\S+)", "\n".join(those("ARG")))
    assert f"uv=={version}\n" in (ROOT / "requirements-dev.txt").read_text("utf-8")


def test_it_is_asked_whether_it_lives():
    (health,) = those("HEALTHCHECK", LAST)
    command = json.loads(health.partition("CMD ")[2])
    assert command == ["python", "deploy/healthy.py"]


def test_nothing_secret_is_written_into_it():
    for word, rest in INSTRUCTIONS:
        if word in ("ENV", "ARG"):
            assert not re.search(r"(?i)password|secret|token|key", rest)


def test_every_path_that_it_copies_is_there_and_is_sent_to_the_builder():
    sent = sent_to_the_builder()
    for line in those("COPY"):
        if line.startswith("--from="):
            continue
        for source in line.split()[:-1]:
            assert any(path == source or path.startswith(f"{source}/") for path in sent), source


def test_neither_data_nor_weights_nor_secrets_are_sent_to_the_builder():
    sent = sent_to_the_builder()
    assert {path.split("/")[0] for path in sent} <= {
        *("LICENSE", "NOTICE", "pyproject.toml", "requirements.lock", "streamlit_app.py"),
        *(".streamlit", "core", "pages", "deploy"),
    }
    assert [path for path in sent if path.startswith((".streamlit", "deploy"))] == [
        *(".streamlit/config.toml", "deploy/healthy.py", "deploy/without-cuda.txt")
    ]
    assert not [path for path in sent if re.search(r"secrets|\.env|model_part|\.npy$", path)]


def test_pytorch_comes_without_what_only_graphics_cards_need():
    excluded = {line for line in read("deploy/without-cuda.txt") if not line.startswith("#")}
    locked = {line.split("==")[0] for line in read("requirements.lock") if "==" in line[:60]}
    of_cuda = {name for name in locked if re.match(r"nvidia-|cuda-|triton$|torch(vision)?$", name)}
    assert of_cuda >= {"torch", "torchvision", "triton"}
    assert excluded == of_cuda


def test_the_lines_that_install_pytorch_name_both_its_packages(tmp_path):
    (line,) = [line for line in those("RUN") if "--torch-backend=cpu" in line]
    (inner,) = re.findall(r"\$\((.+)\)", line)
    done = subprocess.run(inner, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    assert [name.split("==")[0] for name in done.stdout.split()] == ["torch", "torchvision"]


def test_every_program_that_its_command_names_comes_with_a_package():
    (command,) = those("CMD", LAST)
    program, *arguments = json.loads(command)
    assert (Path(sys.executable).parent / program).is_file()
    assert arguments == ["run", "streamlit_app.py"]


def test_all_that_the_app_imports_is_copied_into_it(tmp_path):
    """A tree of only what the image has, read-only, from which the app is imported."""
    for path in sent_to_the_builder():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes((ROOT / path).read_bytes())
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", "import streamlit_app, core.cli"],
        cwd=tmp_path,
        env=os.environ | {"COCOSIFT_HOME": str(home), "COCOSIFT_CACHE": str(home / "cache")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (None, 1)])
def test_the_health_check_tells_a_server_that_lives_from_one_that_does_not(status, code):
    with_server = Asked.serving(status) if status else None
    environment = os.environ | {
        "STREAMLIT_SERVER_PORT": str(with_server.server_port if with_server else free_port()),
        "STREAMLIT_SERVER_BASE_URL_PATH": "/cocosift/",
        "http_proxy": "http://127.0.0.1:9",
    }
    done = subprocess.run(
        [sys.executable, "deploy/healthy.py"], cwd=ROOT, env=environment, capture_output=True
    )
    assert done.returncode == code
    if with_server:
        assert Asked.paths == ["/cocosift/health/live"]
        with_server.shutdown()
        with_server.server_close()


class Asked(BaseHTTPRequestHandler):
    """A server with one answer, which notes what it is asked."""

    status = 200
    paths: list[str] = []  # noqa: RUF012

    @classmethod
    def serving(cls, status: int) -> HTTPServer:
        cls.status, cls.paths = status, []
        server = HTTPServer(("127.0.0.1", 0), cls)
        Thread(target=server.serve_forever, daemon=True).start()
        return server

    def do_GET(self) -> None:
        self.paths.append(self.path)
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def read(path: str) -> list[str]:
    return (ROOT / path).read_text("utf-8").splitlines()


def sent_to_the_builder() -> list[str]:
    """The tracked files that `Dockerfile.dockerignore` lets through, as its few patterns say."""
    rules = [line for line in read("deploy/Dockerfile.dockerignore") if line and line[0] != "#"]
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    listed = tracked.stdout.splitlines() or [
        path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file()
    ]
    sent = []
    for path in listed:
        ignored = False
        for rule in rules:
            pattern = rule.removeprefix("!").removeprefix("**/")
            parts = path.split("/")
            starts = ["/".join(parts[: n + 1]) for n in range(len(parts))]
            names = parts if "**/" in rule else starts
            if any(fnmatch.fnmatchcase(name, pattern) for name in names):
                ignored = not rule.startswith("!")
        if not ignored and (ROOT / path).is_file():
            sent.append(path)
    return sent
