"""Slow looks in the background: each in a process of low priority, seen by all who wait."""

import os
import threading
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.coco.work import BUILD
from core.inventory import findings, taking
from core.inventory.records import DatasetEntry, ModelEntry, PairEntry
from core.jobs import JSON, Asker, Begun, KeyedKind, Seen, State, shared_jobs
from core.people.person import OPERATOR
from core.rights import Right, require
from core.settings import Settings


class Kind(StrEnum):
    """What is looked at; the value is the task."""

    COUNT = "core.inventory.work:count_pictures"
    READ = BUILD
    VERIFY_MODEL = "core.inventory.work:verify_model"
    VERIFY_PAIR = "core.inventory.work:verify_pair"
    CACHES = "core.inventory.work:measure_caches"

    @property
    def words(self) -> str:
        """What it does, for people."""
        return _WORDS[self]

    @property
    def is_by_itself(self) -> bool:
        """Whether the page Library begins it, and nobody has to ask for it."""
        return self.lane == "quick"

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
_WORDS = {
    Kind.COUNT: "counting the pictures of",
    Kind.CACHES: "measuring the caches",
    Kind.READ: "reading the annotations of",
    Kind.VERIFY_MODEL: "verifying",
    Kind.VERIFY_PAIR: "looking at every vector of",
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


class Checks(KeyedKind[Subject, Check]):
    """The looks of all replicas. All methods may be called from any thread."""

    name = "look"
    noun = "look at the library"
    words = "Check"
    remembered = 200
    kept_s = 7 * 86_400.0

    def get(self, subject: Subject) -> Check | None:
        """Return how the last look at `subject` stands, None when there was none.

        What it has found counts for this replica from now on, whichever has looked.

        Raises:
            DatabaseError: nothing is known of it and the database is away.
        """
        seen = self.find(subject)
        if seen is None:
            return None
        check = self.shown(seen)
        # What failed before this server began may work now.
        if check.state is not State.FAILED or (check.finished or 0.0) >= self._jobs.since:
            _remember(check)
        return check

    def stop(self, subject: Subject) -> None:
        """Take back what the person who acts wants; an admin ends it for all who wait.

        Raises:
            RightsError: they did not ask for it and may not manage.
            DatabaseError: it cannot be noted now.
        """
        seen = self.find(subject)
        if seen is not None:
            self._jobs.stop(seen.id)

    def call_off(self, subject: Subject) -> None:
        """End a look that is of no use to anybody any more."""
        seen = self.find(subject)
        if seen is not None and seen.is_under_way:
            self._jobs.end(seen.id)

    def under_way(self) -> tuple[Check, ...]:
        """Return all that are waiting or running."""
        looks = self._jobs.remembered(self.name)
        return tuple(self.shown(seen) for seen in looks if seen.is_under_way)

    def is_fresh(self, subject: Subject, for_s: float) -> bool:
        """Whether a look at `subject` is under way, or ended in the last `for_s` seconds."""
        check = self.get(subject)
        if check is None:
            return False
        return check.finished is None or self._clock() - check.finished <= for_s

    def forget(self, kind: Kind) -> None:
        """Have what is known of this kind looked at anew, once somebody asks."""
        looks = self._jobs.remembered(self.name)
        of_kind = [seen.id for seen in looks if self.subject_of(seen).kind is kind]
        self._jobs.forget(of_kind)

    def described(self, subject: Subject) -> JSON:
        return asdict(subject)

    def read(self, told: JSON) -> Subject:
        return Subject(**told | {"kind": Kind(told["kind"])})

    def about(self, subject: Subject) -> str:
        names = (subject.dataset, subject.model)
        return f"{subject.kind.words} {' by '.join(filter(None, names))}".strip()

    def lane(self, subject: Subject) -> str:
        return f"look-{subject.kind.lane}"

    def goes_on(self, subject: Subject) -> bool:
        return subject.kind.lane != "verifying"

    def allow(self, subject: Subject) -> None:
        if not subject.kind.is_by_itself:
            require(Right.RUN)

    def asker(self, subject: Subject) -> Asker:
        # The page asks for it by itself: it is nobody's.
        return Asker(OPERATOR.id) if subject.kind.is_by_itself else super().asker(subject)

    def request(self, subject: Subject) -> tuple[str, dict[str, Any]]:
        names = {"dataset": subject.dataset, "model": subject.model, "path": subject.path}
        return str(subject.kind), names

    def result(self, subject: Subject, value: Any) -> JSON:
        return findings.described(value)

    def shown(self, seen: Seen) -> Check:
        value = findings.read(seen.result) if seen.state is State.DONE else None
        ended = seen.ended
        return Check(self.subject_of(seen), seen.state, seen.share, value, seen.error, ended)

    def completed(self, begun: Begun, result: JSON) -> None:
        _remember(Check(self.subject_of(begun), State.DONE, 1.0, findings.read(result)))


def _remember(check: Check) -> None:
    """Let the inventory of this process know what a look has found."""
    subject = check.subject
    if subject.kind is Kind.COUNT and check.state is State.DONE:
        taking.remember_counts(subject.version, check.value)
    if subject.kind is Kind.READ and check.state is State.FAILED:
        taking.remember_failure(subject.version, check.error)


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


_shared: dict[tuple[Path, Path, str, int], Checks] = {}
_shared_lock = threading.Lock()


def shared_checks(settings: Settings) -> Checks:
    """Return this process's one `Checks` for these settings, on its shared queue."""
    key = (settings.home, settings.cache, settings.database_url, os.getpid())
    with _shared_lock:
        jobs = shared_jobs(settings)
        checks = _shared.get(key)
        if checks is None or not checks.is_of(jobs):
            checks = _shared[key] = Checks(settings, jobs=jobs)
        return checks
