"""Slow looks in the background: each in a process of low priority, seen by all who wait."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.coco.work import BUILD
from core.inventory import taking
from core.inventory.records import DatasetEntry, ModelEntry, PairEntry
from core.jobs import Job, Jobs, Runner, State
from core.settings import Settings
from core.workers import run_apart


class Kind(StrEnum):
    """What is looked at; the value is the task."""

    COUNT = "core.inventory.work:count_pictures"
    READ = BUILD
    VERIFY_MODEL = "core.inventory.work:verify_model"
    VERIFY_PAIR = "core.inventory.work:verify_pair"
    CACHES = "core.inventory.work:measure_caches"

    @property
    def lane(self) -> str:
        """Those of one lane wait for one another: seconds never wait for minutes."""
        return _LANES[self]


_LANES = {
    Kind.COUNT: "quick",
    Kind.CACHES: "quick",
    Kind.READ: "reading",
    Kind.VERIFY_MODEL: "verifying",
    Kind.VERIFY_PAIR: "verifying",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What one look is at.

    Attributes:
        dataset, model: names; "" where the kind has none.
        version: of the files, so that an answer is not taken for that of later ones.
        path: of the dataset, as `core.coco.find_datasets` gives it; "" where not asked for.
    """

    kind: Kind
    dataset: str = ""
    model: str = ""
    version: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """How a look stands at this moment; ask `Checks.get` for news.

    Attributes:
        share: of the work that is done, 0 to 1.
        value: what the task returned; None until it is done.
        error: what went wrong, in words for a person; "" unless it failed.
        finished: seconds since the epoch; None until it is.
    """

    subject: Subject
    state: State
    share: float
    value: Any = None
    error: str = ""
    finished: float | None = None

    @property
    def is_under_way(self) -> bool:
        return self.state.is_under_way


class Checks(Jobs[Subject, Subject, Check]):
    """The looks of one process. All methods may be called from any thread.

    Args:
        run: does the work; `core.workers.run_apart` unless something else is to be tried.
        clock: seconds since the epoch.
    """

    noun = "look at the library"
    remembered = 200

    def __init__(
        self,
        settings: Settings,
        run: Runner = run_apart,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(settings, run, clock)

    def key(self, subject: Subject) -> Subject:
        return subject

    def lane(self, subject: Subject) -> str:
        return subject.kind.lane

    def request(self, subject: Subject) -> tuple[str, dict[str, Any]]:
        names = {"dataset": subject.dataset, "model": subject.model, "path": subject.path}
        return str(subject.kind), names

    def seen(self, job: Job[Subject]) -> Check:
        is_stopped = job.stop.is_set() and job.state.is_under_way
        state = State.STOPPED if is_stopped else job.state
        return Check(job.subject, state, job.share, job.value, job.error, job.ended)

    def succeeded(self, subject: Subject, value: Any) -> None:
        if subject.kind is Kind.COUNT:
            taking.remember_counts(subject.version, value)

    def failed(self, subject: Subject, error: str) -> None:
        if subject.kind is Kind.READ:
            taking.remember_failure(subject.version, error)

    def under_way(self) -> tuple[Check, ...]:
        """Return all that are waiting or running."""
        with self._lock:
            return tuple(self.seen(job) for job in self._jobs.values() if job.is_under_way)

    def is_fresh(self, subject: Subject, for_s: float) -> bool:
        """Whether a look at `subject` is under way, or ended in the last `for_s` seconds."""
        check = self.get(subject)
        if check is None:
            return False
        return check.finished is None or self._clock() - check.finished <= for_s

    def forget(self, kind: Kind) -> None:
        """Have what is known of this kind looked at anew, once somebody asks."""
        with self._lock:
            for subject, job in list(self._jobs.items()):
                if subject.kind is kind and not job.is_under_way:
                    del self._jobs[subject]


def counting_of(entry: DatasetEntry) -> Subject:
    """The look that counts the pictures of a dataset."""
    return Subject(Kind.COUNT, entry.name, version=taking.counts_version(entry))


def reading_of(entry: DatasetEntry) -> Subject:
    """The look that reads the annotations of a dataset."""
    return Subject(Kind.READ, entry.name, version=entry.version, path=str(entry.path))


def verification_of(entry: ModelEntry | PairEntry) -> Subject:
    """The look at every byte of a checkpoint, or at every vector of a pair."""
    if isinstance(entry, ModelEntry):
        return Subject(Kind.VERIFY_MODEL, model=entry.name, version=entry.version)
    return Subject(Kind.VERIFY_PAIR, entry.dataset, entry.model, entry.version)


CACHES = Subject(Kind.CACHES)


_shared: dict[Path, Checks] = {}
_shared_lock = threading.Lock()


def shared_checks(settings: Settings) -> Checks:
    """Return this process's one `Checks` for `settings.home`."""
    with _shared_lock:
        return _shared.setdefault(settings.home, Checks(settings))
