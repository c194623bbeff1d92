"""Jobs: slow work in the background, each in a process of low priority, one for all who ask.

Whoever asks for what is under way already waits for the same job. It goes on when the page that
asked for it is closed, and anybody may stop it, for all.
"""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from core.errors import CocoSiftError
from core.progress import Cancelled
from core.settings import Settings

_log = logging.getLogger(__name__)

Runner = Callable[..., Any]
Key = TypeVar("Key", bound=Hashable)
Subject = TypeVar("Subject")
Seen = TypeVar("Seen")


class State(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def is_under_way(self) -> bool:
        return self in (State.WAITING, State.RUNNING)


@dataclass(slots=True, eq=False)
class Job(Generic[Subject]):
    """One job, and the progress that it reports to.

    Attributes:
        value: what its task returned; None until it is done.
        error: what went wrong, in words for a person; "" unless it failed.
        began, ended: by the clock of its `Jobs`; None until then.
    """

    subject: Subject
    state: State = State.WAITING
    done: int = 0
    total: int = 1
    value: Any = None
    error: str = ""
    began: float | None = None
    ended: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def is_under_way(self) -> bool:
        return self.state.is_under_way and not self.stop.is_set()

    @property
    def share(self) -> float:
        """Of the work that is done, 0 to 1."""
        return self.done / max(1, self.total)

    def update(self, done: int, total: int) -> None:
        self.done, self.total = done, total


class Jobs(ABC, Generic[Key, Subject, Seen]):
    """The jobs of one kind of a process. All methods may be called from any thread.

    Args:
        run: does the work, as `core.workers.run_apart` does.
        clock: seconds.

    Attributes:
        noun: what a job is called in the log.
        remembered: so many are kept, those that are over for as long as there is room.
        mistake: what is said of one that failed by a mistake of ours.
    """

    noun = "job"
    remembered = 50
    mistake = "It failed; the server's log says more."

    def __init__(self, settings: Settings, run: Runner, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._run = run
        self._clock = clock
        self._lock = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}
        self._jobs: dict[Key, Job[Subject]] = {}

    def start(self, subject: Subject) -> Seen:
        """Begin with `subject` in the background, unless the same is under way already."""
        key = self.key(subject)
        with self._lock:
            job = self._jobs.get(key)
            if job is None or not job.is_under_way:
                self._jobs.pop(key, None)
                job = self._jobs[key] = Job(subject)
                turn = self._turns.setdefault(self.lane(subject), threading.Lock())
                self._forget_oldest()
                # A daemon: a server that is stopped does not wait for it.
                threading.Thread(
                    target=self._work, args=(job, turn), name=self.noun, daemon=True
                ).start()
            return self.seen(job)

    def get(self, key: Key) -> Seen | None:
        """Return how the last job of `key` stands, None when there was none."""
        with self._lock:
            job = self._jobs.get(key)
            return None if job is None else self.seen(job)

    def stop(self, key: Key) -> None:
        """End a job for all who wait for it."""
        with self._lock:
            if job := self._jobs.get(key):
                job.stop.set()

    def close(self) -> None:
        """End all jobs."""
        with self._lock:
            for job in self._jobs.values():
                job.stop.set()

    @abstractmethod
    def key(self, subject: Subject) -> Key:
        """Return what tells one subject from another."""

    @abstractmethod
    def request(self, subject: Subject) -> tuple[str, dict[str, Any]]:
        """Return the task for `subject` and its arguments."""

    @abstractmethod
    def seen(self, job: Job[Subject]) -> Seen:
        """Return how a job stands at this moment; called while none of them changes."""

    def lane(self, subject: Subject) -> str:
        """Return the lane of a job; those of one wait for one another."""
        return ""

    def succeeded(self, subject: Subject, value: Any) -> None:
        """Do what is to be done before others see that a job is done."""

    def failed(self, subject: Subject, error: str) -> None:
        """Do what is to be done before others see that a job has failed."""

    def _work(self, job: Job[Subject], turn: threading.Lock) -> None:
        with turn:
            if job.stop.is_set():
                self._finish(job, State.STOPPED)
                return
            job.state, job.began = State.RUNNING, self._clock()
            task, arguments = self.request(job.subject)
            try:
                value = self._run(
                    task,
                    arguments,
                    settings=self._settings,
                    progress=job,
                    cancelled=job.stop.is_set,
                )
            except Cancelled:
                self._finish(job, State.STOPPED)
            except CocoSiftError as error:
                self.failed(job.subject, str(error))
                self._finish(job, State.FAILED, error=str(error))
            except Exception:
                _log.exception("a %s failed", self.noun)
                self._finish(job, State.FAILED, error=self.mistake)
            else:
                self.succeeded(job.subject, value)
                self._finish(job, State.DONE, value)

    def _finish(self, job: Job[Subject], state: State, value: Any = None, error: str = "") -> None:
        with self._lock:
            job.state, job.value, job.error, job.ended = state, value, error, self._clock()

    def _forget_oldest(self) -> None:
        over = [key for key, job in self._jobs.items() if not job.is_under_way]
        for key in over[: max(0, len(self._jobs) - self.remembered)]:
            del self._jobs[key]
