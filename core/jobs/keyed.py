"""Kinds of jobs that are found again by what they are about, as measurements and looks are."""

import json
import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from core.jobs.jobs import Jobs
from core.jobs.kind import Begun, Kind, Run, Runner
from core.jobs.records import JSON, Asker, Seen, Wish
from core.people.acting import current
from core.people.person import OPERATOR
from core.settings import Settings
from core.workers import run_apart

Subject = TypeVar("Subject")
Shown = TypeVar("Shown")


class KeyedKind(Kind, Generic[Subject, Shown]):
    """Jobs by subject. All methods may be called from any thread.

    Args:
        settings: name the database, and are handed to the work.
        run: does the work; `core.workers.run_apart` unless something else is to be tried.
        clock: seconds since the epoch.
        jobs: the queue; None makes one for these alone, which `close` ends.
    """

    def __init__(
        self,
        settings: Settings,
        run: Runner = run_apart,
        clock: Callable[[], float] = time.time,
        *,
        jobs: Jobs | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock if jobs is None else jobs.clock
        self._jobs = jobs or Jobs(settings, run=run, clock=clock)
        self._jobs.register(self)

    def start(self, subject: Subject) -> Shown:
        """Begin with `subject` in the background, unless the same is under way already.

        Raises:
            RightsError: who acts may not begin it.
            JobError: they have as much under way as they may.
            DatabaseError: it cannot be noted now.
        """
        self.allow(subject)
        wish = Wish(
            self.name,
            self.key(subject),
            self.lane(subject),
            self.about(subject),
            None,
            self.goes_on(subject),
        )
        job_id = self._jobs.ask(wish, self.asker(subject))
        seen = self._jobs.get(job_id)
        if seen is None:
            raise RuntimeError("what was asked for just now is not there")
        return self.shown(seen)

    def find(self, subject: Subject) -> Seen | None:
        """Return how the last job about `subject` stands, None when there was none.

        Raises:
            DatabaseError: nothing is known of it and the database is away.
        """
        return self._jobs.latest(self.name, self.key(subject))

    def is_of(self, jobs: Jobs) -> bool:
        """Whether these stand in this queue."""
        return self._jobs is jobs

    def close(self) -> None:
        """Put back what is under way, and begin nothing any more."""
        self._jobs.close()

    def key(self, subject: Subject) -> str:
        """Return what tells one subject from another, and is read again by `subject_of`."""
        return json.dumps(self.described(subject), sort_keys=True)

    def subject_of(self, seen: Seen | Begun) -> Subject:
        """Return what a job is about."""
        return self.read(json.loads(seen.key))

    @abstractmethod
    def described(self, subject: Subject) -> JSON:
        """Return a subject as JSON."""

    @abstractmethod
    def read(self, told: JSON) -> Subject:
        """Return the subject that `described` gave."""

    @abstractmethod
    def request(self, subject: Subject) -> tuple[str, dict[str, Any]]:
        """Return the task for `subject` and its arguments."""

    @abstractmethod
    def shown(self, seen: Seen) -> Shown:
        """Return how a job stands, as those who ask are told it."""

    def about(self, subject: Subject) -> str:
        """Return what `subject` is, in words."""
        return ""

    def lane(self, subject: Subject) -> str:
        """Return the lane of a job; those of one wait for one another."""
        return self.name

    def goes_on(self, subject: Subject) -> bool:
        """Whether a job begins anew when its server has ended."""
        return True

    def allow(self, subject: Subject) -> None:
        """Raise `RightsError` where who acts may not begin this."""

    def asker(self, subject: Subject) -> Asker:
        """Return who asks: the person who acts."""
        return asker_of(self._settings)

    def result(self, subject: Subject, value: Any) -> JSON:
        """Return what the task has returned as JSON."""
        return value

    def work(self, begun: Begun, run: Run) -> JSON:
        subject = self.subject_of(begun)
        task, arguments = self.request(subject)
        return self.result(subject, run(task, arguments))


def asker_of(settings: Settings, *, ticket: str | None = None, details: JSON = None) -> Asker:
    """Return who acts now as one who asks; people with an account are held to their bound."""
    person = current()
    most = None if person.id == OPERATOR.id else settings.jobs_per_person
    return Asker(person.id, person.shown or person.name, ticket, details, most)
