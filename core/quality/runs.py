"""Measurements in the making: each in a process of low priority, one after the other.

Whoever asks for what is being measured already waits for the same run. A run goes on when the
page that asked for it is closed; what it finds is kept on disk. Anybody may stop it, for all.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.errors import CocoSiftError
from core.progress import Cancelled
from core.quality.subject import Subject
from core.quality.work import TASK
from core.settings import Settings
from core.workers import run_apart

REMEMBERED = 50

_log = logging.getLogger(__name__)

Runner = Callable[..., Any]


class State(StrEnum):
    """Where a run stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """How a run stands at this moment; ask `Runs.get` for news.

    Attributes:
        ahead: runs that come before it; 0 once it has begun.
        share: of the work that is done, from 0 to 1.
        left_s: seconds that it will still take, as far as it can be told; None when not yet.
        error: what went wrong, in words for a person; "" unless it failed.
    """

    subject: Subject
    state: State
    ahead: int
    share: float
    left_s: float | None
    error: str

    @property
    def is_under_way(self) -> bool:
        return self.state in (State.WAITING, State.RUNNING)


class Runs:
    """The runs of one process. All methods may be called from any thread.

    Args:
        run: does the work; `core.workers.run_apart` unless something else is to be tried.
        clock: seconds from some moment on.
    """

    def __init__(
        self,
        settings: Settings,
        run: Runner = run_apart,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._run = run
        self._clock = clock
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._jobs: dict[str, _Job] = {}

    def start(self, subject: Subject) -> Run:
        """Measure `subject` in the background, unless that is under way already."""
        with self._lock:
            job = self._jobs.get(subject.key)
            if job is None or not job.is_under_way:
                self._jobs.pop(subject.key, None)
                job = self._jobs[subject.key] = _Job(subject)
                self._forget_oldest()
                # A daemon: a server that is stopped does not wait for it.
                threading.Thread(
                    target=self._work, args=(job,), name="measurement", daemon=True
                ).start()
            return self._snapshot(job)

    def get(self, key: str) -> Run | None:
        """Return how the last run of `Subject.key` stands, None when there was none."""
        with self._lock:
            job = self._jobs.get(key)
            return None if job is None else self._snapshot(job)

    def stop(self, key: str) -> None:
        """End a run for all who wait for it; what was encoded so far is kept."""
        with self._lock:
            if job := self._jobs.get(key):
                job.stop.set()

    def close(self) -> None:
        """End all runs."""
        with self._lock:
            for job in self._jobs.values():
                job.stop.set()

    def _work(self, job: "_Job") -> None:
        with self._turn:
            if job.stop.is_set():
                self._finish(job, State.STOPPED)
                return
            job.state, job.began = State.RUNNING, self._clock()
            arguments = {
                "dataset": job.subject.dataset,
                "model": job.subject.model,
                "pictures": job.subject.pictures or None,
            }
            try:
                self._run(
                    TASK,
                    arguments,
                    settings=self._settings,
                    progress=job,
                    cancelled=job.stop.is_set,
                )
            except Cancelled:
                self._finish(job, State.STOPPED)
            except CocoSiftError as error:
                self._finish(job, State.FAILED, str(error))
            except Exception:
                _log.exception("measurement failed")
                self._finish(
                    job, State.FAILED, "It could not be measured; the server's log says more."
                )
            else:
                self._finish(job, State.DONE)

    def _finish(self, job: "_Job", state: State, error: str = "") -> None:
        with self._lock:
            job.state, job.error = state, error

    def _snapshot(self, job: "_Job") -> Run:
        waiting = [one for one in self._jobs.values() if one.is_under_way]
        ahead = waiting.index(job) if job.state is State.WAITING and job in waiting else 0
        share = job.done / max(1, job.total)
        passed = self._clock() - job.began if job.began is not None else 0.0
        left = passed * (1 - share) / share if share >= 0.02 and job.is_under_way else None
        state = job.state
        if job.is_under_way and job.stop.is_set():
            state = State.STOPPED
        return Run(job.subject, state, ahead, share, left, job.error)

    def _forget_oldest(self) -> None:
        over = [key for key, job in self._jobs.items() if not job.is_under_way]
        for key in over[: max(0, len(self._jobs) - REMEMBERED)]:
            del self._jobs[key]


@dataclass(slots=True, eq=False)
class _Job:
    """One run, and the progress that it reports to."""

    subject: Subject
    state: State = State.WAITING
    done: int = 0
    total: int = 1
    began: float | None = None
    error: str = ""
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def is_under_way(self) -> bool:
        return self.state in (State.WAITING, State.RUNNING) and not self.stop.is_set()

    def update(self, done: int, total: int) -> None:
        self.done, self.total = done, total


_shared: dict[Path, Runs] = {}
_shared_lock = threading.Lock()


def shared_runs(settings: Settings) -> Runs:
    """Return this process's one `Runs` for `settings.cache`."""
    with _shared_lock:
        return _shared.setdefault(settings.cache, Runs(settings))
