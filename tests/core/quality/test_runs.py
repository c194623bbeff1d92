"""Runs: one for all who ask for the same, one after the other, stopped for all, failures said."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import WorkerError
from core.library import open_library
from core.progress import Cancelled, Progress
from core.quality.runs import Run, Runs, State, shared_runs
from core.quality.store import find_measurement
from core.quality.subject import Subject, subject_of
from core.settings import Settings

PATIENCE_S = 60.0


def subject(model: str = "one") -> Subject:
    return Subject("data", model, "a", "b", "c", 5, 10)


class Work:
    """Stands for the other process: goes on until it is let go, and notes what it was given."""

    def __init__(self) -> None:
        self.begun: list[dict[str, Any]] = []
        self.go = threading.Event()
        self.error: Exception | None = None

    def __call__(
        self,
        task: str,
        arguments: dict[str, Any],
        *,
        settings: Settings,
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> str:
        self.begun.append(arguments)
        progress.update(25, 100)
        while not self.go.wait(0.01):
            if cancelled():
                raise Cancelled
        if self.error is not None:
            raise self.error
        return "key"


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def settings(tiny_settings: Settings, tmp_path: Path) -> Settings:
    """The tiny pair, and a database of the test's own."""
    return replace(tiny_settings, database_url=f"sqlite:///{tmp_path / 'jobs.sqlite3'}")


@pytest.fixture
def runs(work: Work, settings: Settings) -> Iterator[Runs]:
    runs = Runs(settings, work)
    yield runs
    runs.close()
    work.go.set()


def until(runs: Runs, key: str, *states: State) -> Run:
    """Wait until a run is in one of some states."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        run = runs.get(key)
        if run is not None and run.state in states:
            return run
        time.sleep(0.01)
    raise AssertionError(f"still {runs.get(key)}")


def test_two_who_ask_for_the_same_share_one_run(runs: Runs, work: Work) -> None:
    first, second = runs.start(subject()), runs.start(subject())
    assert first.subject == second.subject
    until(runs, subject().key, State.RUNNING)
    work.go.set()
    until(runs, subject().key, State.DONE)
    assert work.begun == [{"dataset": "data", "model": "one", "pictures": 5}]


def test_another_waits_its_turn(runs: Runs, work: Work) -> None:
    runs.start(subject())
    until(runs, subject().key, State.RUNNING)
    other = runs.start(subject("other"))
    assert (other.state, other.ahead) == (State.WAITING, 1)
    work.go.set()
    until(runs, subject("other").key, State.DONE)
    assert [one["model"] for one in work.begun] == ["one", "other"]


def test_it_says_how_far_it_is_and_how_long_it_will_take(work: Work, settings: Settings) -> None:
    now = [100.0]
    runs = Runs(settings, work, clock=lambda: now[0])
    runs.start(subject())
    until(runs, subject().key, State.RUNNING)
    now[0] = 110.0
    while not (run := runs.get(subject().key)) or not run.share:
        time.sleep(0.01)
    assert run.share == 0.25
    assert run.left_s == pytest.approx(30.0)
    runs.close()


def test_stopping_ends_it_for_all_and_it_can_be_started_again(runs: Runs, work: Work) -> None:
    runs.start(subject())
    until(runs, subject().key, State.RUNNING)
    runs.stop(subject().key)
    stopped = until(runs, subject().key, State.STOPPED)
    assert not stopped.is_under_way
    assert runs.start(subject()).is_under_way
    work.go.set()
    until(runs, subject().key, State.DONE)


def test_what_is_stopped_while_it_waits_never_begins(runs: Runs, work: Work) -> None:
    runs.start(subject())
    until(runs, subject().key, State.RUNNING)
    runs.start(subject("other"))
    runs.stop(subject("other").key)
    runs.start(subject("third"))
    work.go.set()
    until(runs, subject("third").key, State.DONE)
    assert [one["model"] for one in work.begun] == ["one", "third"]


def test_a_killed_worker_is_said(runs: Runs, work: Work) -> None:
    work.error = WorkerError("It was ended from outside.")
    work.go.set()
    runs.start(subject())
    assert until(runs, subject().key, State.FAILED).error == "It was ended from outside."


def test_a_mistake_of_ours_is_no_traceback(runs: Runs, work: Work) -> None:
    work.error = KeyError("secret")
    work.go.set()
    runs.start(subject())
    failed = until(runs, subject().key, State.FAILED)
    assert "server's log" in failed.error
    assert "secret" not in failed.error


def test_what_nobody_asked_for_has_no_run(runs: Runs) -> None:
    assert runs.get(subject().key) is None
    runs.stop(subject().key)


def test_a_process_has_one_set_of_runs_a_cache(settings: Settings) -> None:
    runs = shared_runs(settings)
    assert shared_runs(settings) is runs
    runs.close()
    assert shared_runs(settings) is not runs
    shared_runs(settings).close()


@pytest.mark.slow
def test_another_process_measures_and_this_one_finds_it(settings: Settings) -> None:
    wanted = subject_of(open_library(settings).dataset("tiny", "tiny"))
    runs = Runs(settings)
    runs.start(wanted)
    until(runs, wanted.key, State.DONE)
    found = find_measurement(settings, wanted.key)
    assert found is not None
    assert found.subject == wanted
