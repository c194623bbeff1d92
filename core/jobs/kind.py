"""A kind of slow work: what a replica must know to do it."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from core.errors import CocoSiftError
from core.jobs.book import Hold
from core.jobs.records import JSON, State
from core.progress import Cancelled

Runner = Callable[..., Any]
"""Does a task, as `core.workers.run_apart`."""


class Run(Protocol):
    """Does a task for a job, which hears of its progress and may end it."""

    def __call__(self, task: str, arguments: dict[str, Any]) -> Any: ...


@dataclass(slots=True, eq=False)
class Begun:
    """A job that this replica works at, and the progress that the work reports to.

    Attributes:
        asked: seconds since the epoch when somebody last asked how it stands.
        ends_as: why it ends before it is done; None as long as it goes on. WAITING is to be
            put back, FAILED is waited for by nobody; STOPPED was ended by somebody and
            RUNNING is another replica's, both as the database knows already.
    """

    hold: Hold
    kind: str
    key: str
    subject: str
    lane: str
    arguments: JSON
    asked: float
    patience_s: float | None = None
    clock: Callable[[], float] = time.time
    done: float = 0
    total: float = 1
    ends_as: State | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def id(self) -> int:
        return self.hold.job_id

    def end(self, state: State) -> None:
        """Have the work end; the first reason counts."""
        if not self._stop.is_set():
            self.ends_as = state
            self._stop.set()

    def is_over(self) -> bool:
        if self.patience_s is not None and self.clock() - self.asked > self.patience_s:
            self.end(State.FAILED)  # nobody waits any more
        return self._stop.is_set()

    def look(self) -> None:
        """Raises `Cancelled` when the work is to end."""
        if self.is_over():
            raise Cancelled

    def update(self, done: float, total: float) -> None:
        self.look()
        self.done, self.total = done, total


class Kind(ABC):
    """How one kind of jobs is done. One object serves all threads of a replica.

    Attributes:
        name: of the kind, as the database has it.
        noun: what a job is called in the log; its thread has this name, too.
        words: what people read that is done.
        patience_s: a job is given up when no asker asks for so long; None never does.
        kept_s, remembered: what is over is remembered for so long, and so many of them.
            None for a kind that sweeps by itself.
        mistake: what is said of one that failed by a mistake of ours.
        interrupted: what is said of one that the end of a server has ended.
        given_up: what is said of one for which nobody waited.
    """

    name = ""
    noun = "job"
    words = "Work"
    patience_s: float | None = None
    kept_s: float | None = 86_400.0
    remembered = 50
    mistake = "It failed; the server's log says more."
    interrupted = "The server was restarted while this went on. Start it again."
    given_up = "Nobody waited for this, so it was given up. Ask for it again."

    @abstractmethod
    def work(self, begun: Begun, run: Run) -> JSON:
        """Do the job and return what is kept of it.

        Raises:
            Cancelled: `begun` says that it is to end.
            CocoSiftError: what a person can mend.
        """

    def at_once(self, lane: str) -> int:
        """Return how many jobs of `lane` one replica does at once."""
        return 1

    def trouble(self, error: CocoSiftError) -> JSON:
        """Return what is kept of an error besides its words."""
        return None

    def completed(self, begun: Begun, result: JSON) -> None:  # noqa: B027
        """Do what is to be done before others see that a job is done."""

    def settled(self, begun: Begun, result: JSON) -> None:  # noqa: B027
        """Do what is to be done after others have seen it."""

    def discarded(self, begun: Begun) -> None:  # noqa: B027
        """Remove what a job has made that was stopped, or is held by another replica."""

    def sweep(self) -> None:  # noqa: B027
        """Remove what is kept no longer; called now and then."""
