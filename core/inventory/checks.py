"""Slow looks in the background: each in a process of low priority, seen by all who wait.

A look goes on when the page that asked for it is closed. Anybody may stop it, for all.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.coco.work import BUILD
from core.errors import CocoSiftError
from core.inventory import taking
from core.inventory.records import DatasetEntry, ModelEntry, PairEntry
from core.progress import Cancelled
from core.settings import Settings
from core.workers import run_apart

REMEMBERED = 200

_log = logging.getLogger(__name__)

Runner = Callable[..., Any]


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


class State(StrEnum):
    """Where a look stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


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
        return self.state in (State.WAITING, State.RUNNING)


class Checks:
    """The looks of one process. All methods may be called from any thread.

    Args:
        run: does the work; `core.workers.run_apart` unless something else is to be tried.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        settings: Settings,
        run: Runner = run_apart,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._run = run
        self._clock = clock
        self._lock = threading.Lock()
        self._turns = {lane: threading.Lock() for lane in _LANES.values()}
        self._jobs: dict[Subject, _Job] = {}

    def start(self, subject: Subject) -> Check:
        """Begin a look in the background, unless the same is under way already."""
        with self._lock:
            job = self._jobs.get(subject)
            if job is None or not job.is_under_way:
                self._jobs.pop(subject, None)
                job = self._jobs[subject] = _Job(subject)
                self._forget_oldest()
                # A daemon: a server that is stopped does not wait for it.
                threading.Thread(
                    target=self._work, args=(job,), name=subject.kind.name, daemon=True
                ).start()
            return job.snapshot()

    def get(self, subject: Subject) -> Check | None:
        """Return how the last look at `subject` stands, None when there was none."""
        with self._lock:
            job = self._jobs.get(subject)
            return None if job is None else job.snapshot()

    def under_way(self) -> tuple[Check, ...]:
        """Return all that are waiting or running."""
        with self._lock:
            return tuple(job.snapshot() for job in self._jobs.values() if job.is_under_way)

    def is_fresh(self, subject: Subject, for_s: float) -> bool:
        """Whether a look at `subject` is under way, or ended in the last `for_s` seconds."""
        check = self.get(subject)
        if check is None:
            return False
        return check.finished is None or self._clock() - check.finished <= for_s

    def stop(self, subject: Subject) -> None:
        """End a look for all who wait for it."""
        with self._lock:
            if job := self._jobs.get(subject):
                job.stop.set()

    def forget(self, kind: Kind) -> None:
        """Have what is known of this kind looked at anew, once somebody asks."""
        with self._lock:
            for subject, job in list(self._jobs.items()):
                if subject.kind is kind and not job.is_under_way:
                    del self._jobs[subject]

    def _work(self, job: "_Job") -> None:
        subject = job.subject
        with self._turns[subject.kind.lane]:
            if job.stop.is_set():
                self._finish(job, State.STOPPED)
                return
            job.state = State.RUNNING
            try:
                value = self._run(
                    str(subject.kind),
                    {"dataset": subject.dataset, "model": subject.model, "path": subject.path},
                    settings=self._settings,
                    progress=job,
                    cancelled=job.stop.is_set,
                )
            except Cancelled:
                self._finish(job, State.STOPPED)
            except CocoSiftError as error:
                if subject.kind is Kind.READ:
                    taking.remember_failure(subject.version, str(error))
                self._finish(job, State.FAILED, error=str(error))
            except Exception:
                _log.exception("a look at the library failed")
                self._finish(job, State.FAILED, error="It failed; the server's log says more.")
            else:
                if subject.kind is Kind.COUNT:
                    taking.remember_counts(subject.version, value)
                self._finish(job, State.DONE, value)

    def _finish(self, job: "_Job", state: State, value: Any = None, error: str = "") -> None:
        with self._lock:
            job.state, job.value, job.error, job.finished = state, value, error, self._clock()

    def _forget_oldest(self) -> None:
        over = [subject for subject, job in self._jobs.items() if not job.is_under_way]
        for subject in over[: max(0, len(self._jobs) - REMEMBERED)]:
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


@dataclass(slots=True, eq=False)
class _Job:
    """One look, and the progress that it reports to."""

    subject: Subject
    state: State = State.WAITING
    done: int = 0
    total: int = 1
    value: Any = None
    error: str = ""
    finished: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def is_under_way(self) -> bool:
        return self.state in (State.WAITING, State.RUNNING) and not self.stop.is_set()

    def update(self, done: int, total: int) -> None:
        self.done, self.total = done, total

    def snapshot(self) -> Check:
        is_stopped = self.stop.is_set() and self.state in (State.WAITING, State.RUNNING)
        state = State.STOPPED if is_stopped else self.state
        share = self.done / max(1, self.total)
        return Check(self.subject, state, share, self.value, self.error, self.finished)


_shared: dict[Path, Checks] = {}
_shared_lock = threading.Lock()


def shared_checks(settings: Settings) -> Checks:
    """Return this process's one `Checks` for `settings.home`."""
    with _shared_lock:
        return _shared.setdefault(settings.home, Checks(settings))
