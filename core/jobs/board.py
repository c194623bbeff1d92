"""What a replica remembers of the queue: many who ask cost the database one look a second."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from core.errors import DatabaseError
from core.jobs.book import Book, Row

FRESH_S = 1.0
# Jobs that are over change no more, but may be swept by another replica.
OVER_S = 5.0
_MOST_OVER = 1_000


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at the queue has found.

    Attributes:
        rows: in the order in which they were asked for.
        before: by job under way, how many of its lane come before it.
    """

    rows: tuple[Row, ...] = ()
    owners: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    by_id: Mapping[int, Row] = field(default_factory=dict)
    latest: Mapping[tuple[str, str], Row] = field(default_factory=dict)
    before: Mapping[int, int] = field(default_factory=dict)


class Board:
    """The queue as it was seen last.

    Args:
        book: where it is looked up.
        remembered: returns the kinds of which also what is over is wanted.
    """

    def __init__(self, book: Book, remembered: Callable[[], tuple[str, ...]]) -> None:
        self._book = book
        self._remembered = remembered
        self._look: _Look | None = None
        self._looked = self._failed = -1e9
        self._changes = self._seen_changes = 0
        self._reading = threading.Lock()
        self._over: OrderedDict[int, tuple[Row | None, float]] = OrderedDict()
        self._over_lock = threading.Lock()

    def forget(self) -> None:
        """Look anew when next asked: this replica has changed something."""
        self._changes += 1
        with self._over_lock:
            self._over.clear()

    def read(self) -> tuple[Row, ...]:
        """Look now and return what is under way and remembered.

        Raises:
            DatabaseError: it cannot be looked at.
        """
        with self._reading:
            return self._read().rows

    def known(self) -> tuple[Row, ...]:
        """Return what `read` would, as it was seen a second ago at most.

        Raises:
            DatabaseError: it was never seen and cannot be looked at.
        """
        return self._fresh().rows

    def row(self, job_id: int) -> tuple[Row | None, int]:
        """Return a job, and how many of its lane come before it."""
        look = self._fresh()
        row = look.by_id.get(job_id)
        return (self._row_over(job_id), 0) if row is None else (row, look.before.get(job_id, 0))

    def latest(self, kind: str, key: str) -> tuple[Row | None, int]:
        """Return the last job of a remembered kind and a key, and how many come before it."""
        look = self._fresh()
        row = look.latest.get((kind, key))
        return row, 0 if row is None else look.before.get(row.id, 0)

    def all_of(self, kind: str) -> list[tuple[Row, int]]:
        """Return the jobs of a remembered kind, each with how many come before it."""
        look = self._fresh()
        return [(row, look.before.get(row.id, 0)) for row in look.rows if row.kind == kind]

    def under_way(self) -> list[tuple[Row, int]]:
        """Return the jobs under way, each with how many come before it."""
        look = self._fresh()
        return [(look.by_id[job_id], before) for job_id, before in look.before.items()]

    def owners(self, job_id: int) -> Mapping[int, str]:
        """Return who waits for a job under way, by id, with their names."""
        return {} if self._look is None else self._look.owners.get(job_id, {})

    def _fresh(self) -> _Look:
        look = self._look
        is_changed = look is None or self._changes != self._seen_changes
        if look is not None and not is_changed and time.monotonic() - self._looked < FRESH_S:
            return look
        # Where nothing has changed here, one looks for all, and the others take what was seen.
        if not self._reading.acquire(blocking=is_changed) and look is not None:
            return look
        try:
            if (seen := self._look) is not None and self._is_enough():
                return seen
            return self._read()
        except DatabaseError:
            self._failed = time.monotonic()
            if self._look is None:
                raise
            return self._look
        finally:
            self._reading.release()

    def _is_enough(self) -> bool:
        """Whether another has looked, or tried in vain, while one waited."""
        if time.monotonic() - self._failed < FRESH_S:
            return True
        is_changed = self._changes != self._seen_changes
        return not is_changed and time.monotonic() - self._looked < FRESH_S

    def _read(self) -> _Look:
        changes = self._changes
        rows = tuple(self._book.rows(self._remembered()))
        before: dict[int, int] = {}
        lanes: dict[str, int] = {}
        for row in rows:
            if row.state.is_under_way:
                before[row.id] = lanes.get(row.lane, 0)
                lanes[row.lane] = before[row.id] + 1
        look = _Look(
            rows,
            self._book.owners() if before else {},
            {row.id: row for row in rows},
            {(row.kind, row.key): row for row in rows},
            before,
        )
        self._look, self._looked, self._seen_changes = look, time.monotonic(), changes
        return look

    def _row_over(self, job_id: int) -> Row | None:
        with self._over_lock:
            row, when = self._over.get(job_id, (None, -1e9))
        if time.monotonic() - when < OVER_S:
            return row
        try:
            row = self._book.row(job_id)
        except DatabaseError:
            if row is None:
                raise
            return row
        if row is None or not row.state.is_under_way:
            with self._over_lock:
                self._over[job_id] = row, time.monotonic()
                while len(self._over) > _MOST_OVER:
                    self._over.popitem(last=False)
        return row
