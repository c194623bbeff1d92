"""The command line as a process: what it prints and returns when something is wrong."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from core.cli import app
from core.cli.demo import _stopped
from core.progress import TerminalProgress
from core.settings import PROJECT_ROOT
from tests.conftest import run_core


def run(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT_ROOT,
        env={**os.environ, "COCOSIFT_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_mistake_is_one_line_on_stderr_and_exit_code_2(tmp_path: Path) -> None:
    done = run("-m", "core", "add", "mine", "--captions", "gone.json", home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"There is no file \S*gone\.json\. .+\n", done.stderr)


def test_an_option_that_there_is_not_is_exit_code_2_without_a_traceback(tmp_path: Path) -> None:
    done = run("-m", "core", "datasets", "--nosuch", home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such option: --nosuch" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("group", ["app", "checkpoint.app"], ids=["command", "in a group"])
def test_a_command_that_is_stopped_says_so_and_is_exit_code_130(tmp_path: Path, group: str) -> None:
    code = (
        "import os, signal, sys\n"
        # Who runs the tests in the background has ^C ignored, and children inherit that.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from core.cli import app, checkpoint, main\n"
        f"@{group}.command()\n"
        "def wait():\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        f"sys.argv[1:] = {['wait'] if group == 'app' else ['checkpoint', 'wait']}\n"
        "main()\n"
    )
    done = run("-c", code, home=tmp_path)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "Stopped; nothing was written.\n"


@pytest.mark.parametrize(
    ("saved", "resumed", "message"),
    [
        (500, False, r"after 500 steps was saved; .* with --resume"),
        (0, True, r"still there; .* with --resume"),
        (0, False, r"before any state was saved"),
    ],
    ids=["saved", "resumed", "early"],
)
def test_a_training_that_is_stopped_says_how_to_go_on(
    saved: int, resumed: bool, message: str
) -> None:
    assert re.search(message, _stopped(saved, resumed))


def commands(group: typer.core.TyperGroup, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path]
    for name, command in group.commands.items():
        nested = isinstance(command, typer.core.TyperGroup)
        found += commands(command, (*path, name)) if nested else [(*path, name)]
    return found


@pytest.mark.parametrize("path", commands(get_command(app)), ids=" ".join)
def test_help_has_examples_one_a_line(tmp_path: Path, path: tuple[str, ...]) -> None:
    text = run_core(*path, "--help", home=tmp_path, COLUMNS="100").stdout
    assert "Examples:" in text
    lines = text[text.index("Examples:") : text.index("╭")].splitlines()[1:]
    examples = [line.strip() for line in lines if line.strip()]
    assert examples
    for example in examples:
        assert example.startswith(" ".join(("python -m core", *path)))
        assert example.count("python -m core") == 1


def test_bytes_are_shown_in_megabytes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with TerminalProgress("split", "B") as progress:
        progress.update(5_000_000, 90_000_000)
    assert "5.00M/90.0M" in capsys.readouterr().err
