"""Measurements in the making: each in a process of low priority, one after the other.

Whoever asks for what is being measured already waits for the same run; what it finds is kept on
disk.
"""

import json
import os
import threading
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.jobs import JSON, KeyedKind, Seen, State, shared_jobs
from core.quality.subject import Subject
from core.quality.work import TASK
from core.rights import Right, require
from core.settings import Settings

__all__ = ["Run", "Runs", "State", "shared_runs"]


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


class Runs(KeyedKind[Subject, Run]):
    """The runs of all replicas, found by `Subject.key`; what a stopped one has encoded is kept."""

    name = "measurement"
    noun = "measurement"
    words = "Measurement"
    mistake = "It could not be measured; the server's log says more."

    def get(self, key: str) -> Run | None:
        """Return how the last run of `key` stands, None when there was none.

        Raises:
            DatabaseError: nothing is known of it and the database is away.
        """
        seen = self._of(key)
        return None if seen is None else self.shown(seen)

    def stop(self, key: str) -> None:
        """Take back what the person who acts wants; an admin ends it for all who wait.

        Raises:
            RightsError: they did not ask for it and may not manage.
            DatabaseError: it cannot be noted now.
        """
        seen = self._of(key)
        if seen is not None:
            self._jobs.stop(seen.id)

    def described(self, subject: Subject) -> JSON:
        return asdict(subject)

    def read(self, told: JSON) -> Subject:
        return Subject(**told)

    def about(self, subject: Subject) -> str:
        return f"{subject.model} on {subject.dataset}"

    def allow(self, subject: Subject) -> None:
        require(Right.RUN)

    def request(self, subject: Subject) -> tuple[str, dict[str, Any]]:
        return TASK, {
            "dataset": subject.dataset,
            "model": subject.model,
            "pictures": subject.pictures or None,
        }

    def shown(self, seen: Seen) -> Run:
        left = None
        if seen.share >= 0.02 and seen.is_under_way and seen.began is not None:
            passed = self._clock() - seen.began
            left = passed * (1 - seen.share) / seen.share
        state, share = seen.state, seen.share
        return Run(self.subject_of(seen), state, seen.place, share, left, seen.error)

    def _of(self, key: str) -> Seen | None:
        of_key = (one for one in self._jobs.remembered(self.name) if _key(one.key) == key)
        return max(of_key, key=lambda seen: seen.id, default=None)


@lru_cache(maxsize=1_000)
def _key(told: str) -> str:
    return Subject(**json.loads(told)).key


_shared: dict[tuple[Path, Path, str, int], Runs] = {}
_shared_lock = threading.Lock()


def shared_runs(settings: Settings) -> Runs:
    """Return this process's one `Runs` for these settings, on its shared queue."""
    key = (settings.home, settings.cache, settings.database_url, os.getpid())
    with _shared_lock:
        jobs = shared_jobs(settings)
        runs = _shared.get(key)
        if runs is None or not runs.is_of(jobs):
            runs = _shared[key] = Runs(settings, jobs=jobs)
        return runs
