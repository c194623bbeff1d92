"""What nobody sends by mistake: each input gets its own refusal, and does nothing else.

A test here gives one thing that is made to harm to the code that takes it. It must be refused
with an error of ours that says in words what was expected; nothing may be written outside the
folder of the test, nothing half-made left within, and memory stays within bounds. Refusals of
odd input that nobody meant badly are tested where the code that reads it is.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.settings import Settings

# What refusing may take at most, in bytes: twice the largest picture that is decoded.
MOST_MEMORY = 700 * 2**20


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An instance with nothing in it, in `home`; what lies beside it belongs to others."""
    home = tmp_path / "home"
    for name in ("data", "models", "embeddings"):
        (home / name).mkdir(parents=True)
    return Settings(home=home, cache=home / "cache")


@pytest.fixture(autouse=True)
def unharmed(tmp_path: Path) -> Iterator[None]:
    """Fail a test that wrote beside `home` and `given`, or took too much memory."""
    (tmp_path / "others").mkdir()
    (tmp_path / "others/secret.txt").write_text("of others")
    (tmp_path / "given").mkdir()
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins anew
    yield
    assert _memory("VmHWM") - before < MOST_MEMORY
    assert {path.name for path in tmp_path.iterdir()} <= {"home", "others", "given"}
    assert [path.name for path in (tmp_path / "others").iterdir()] == ["secret.txt"]
    assert (tmp_path / "others/secret.txt").read_text() == "of others"


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """Where what is given lies."""
    return tmp_path / "given"


def _memory(name: str) -> int:
    """A figure of this process in bytes."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found, name
    return int(found[1]) * 1024
