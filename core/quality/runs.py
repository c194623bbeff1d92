"""Measurements in the making: each in a process of low priority, one after the other.

Whoever asks for what is being measured already waits for the same run; what it finds is kept on
disk.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.jobs import Job, Jobs, Runner, State
from core.quality.subject import Subject
from core.quality.work import TASK
from core.settings import Settings
from core.workers import run_apart


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
        return self.state.is_under_way


class Runs(Jobs[str, Subject, Run]):
    """The runs of one process, found by `Subject.key`; what a stopped one has encoded is kept.

    Args:
        run: does the work; `core.workers.run_apart` unless something else is to be tried.
        clock: seconds from some moment on.
    """

    noun = "measurement"
    mistake = "It could not be measured; the server's log says more."

    def __init__(
        self,
        settings: Settings,
        run: Runner = run_apart,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(settings, run, clock)

    def key(self, subject: Subject) -> str:
        return subject.key

    def request(self, subject: Subject) -> tuple[str, dict[str, Any]]:
        return TASK, {
            "dataset": subject.dataset,
            "model": subject.model,
            "pictures": subject.pictures or None,
        }

    def seen(self, job: Job[Subject]) -> Run:
        waiting = [one for one in self._jobs.values() if one.is_under_way]
        ahead = waiting.index(job) if job.state is State.WAITING and job in waiting else 0
        passed = self._clock() - job.began if job.began is not None else 0.0
        left = None
        if job.share >= 0.02 and job.is_under_way:
            left = passed * (1 - job.share) / job.share
        return Run(job.subject, job.state, ahead, job.share, left, job.error)


_shared: dict[Path, Runs] = {}
_shared_lock = threading.Lock()


def shared_runs(settings: Settings) -> Runs:
    """Return this process's one `Runs` for `settings.cache`."""
    with _shared_lock:
        return _shared.setdefault(settings.cache, Runs(settings))
