"""The queue of slow work as one replica (a server process) works at it and answers for it.

    jobs = shared_jobs(settings)
    jobs.register(kind)
    job_id = jobs.ask(wish, asker)
    jobs.get(job_id).share

Any replica on the same database may do a job. The one that does shows every two seconds that
it lives; when it has shown nothing for 15 s another takes the job over. Whether it did is told
by a number that grows, and for how long by the watcher's own steady clock, so a clock that is
set back or differs between machines does no harm. Time in which the database was away does not
count.

Who asks how a job stands is answered from memory where this replica does it, and else from
what the database said within the last second, for all who ask together.
"""

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from core.audit import note as note_in_trail
from core.database import Database, shared_database
from core.errors import CocoSiftError, DatabaseError, JobError, RightsError
from core.jobs.board import Board
from core.jobs.book import Book, Claimed, Row
from core.jobs.kind import Begun, Kind, Runner
from core.jobs.records import Asker, Seen, State, Ticket, Wish
from core.observe import metrics
from core.observe.stopping import STOPPING
from core.people.acting import current
from core.people.person import Person
from core.progress import Cancelled
from core.rights import Right, may
from core.settings import Settings
from core.workers import run_apart

BEAT_S = 2.0
DEAD_AFTER_S = 15.0
# What ends with the server has so long to clean up.
PATIENCE_S = 8.0
# How often what could not be noted is tried again, and the sweeping is done.
RETRY_S, SWEEP_S = 1.0, 60.0

_log = logging.getLogger(__name__)
Value = TypeVar("Value")


class Jobs:
    """The queue for one replica. All methods may be called from any thread.

    Args:
        settings: name the database, and are handed to the work.
        run: does the work.
        clock: seconds since the epoch.
        database: None takes the one of `settings`, when it is first needed.
        beat_s: how often this replica shows that it lives, and looks after the others.
        dead_after_s: another that shows no life for so long is dead.

    Attributes:
        replica: names this one.
        since: when it began, seconds since the epoch.
        is_resting: it begins nothing any more.
        is_closed: it does nothing any more.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        run: Runner = run_apart,
        clock: Callable[[], float] = time.time,
        database: Database | None = None,
        beat_s: float = BEAT_S,
        dead_after_s: float = DEAD_AFTER_S,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.replica = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self.is_resting = self.is_closed = False
        self._run = run
        self._beat_s, self._dead_after_s = beat_s, dead_after_s
        self.since = clock()
        self.book = Book(lambda: database or shared_database(settings), clock)
        self._kinds: dict[str, Kind] = {}
        self._lock = threading.RLock()
        self._claiming = threading.Lock()
        self._begun: dict[int, Begun] = {}
        self._threads: set[threading.Thread] = set()
        self._board = Board(self.book, self._remembered_kinds)
        self._lifeless: dict[tuple[int, int, int], float] = {}
        self._looked = -1e9
        self._closing = threading.Event()
        self._foreman: threading.Thread | None = None

    def register(self, kind: Kind) -> None:
        """Let this replica do jobs of `kind` from now on, also those that wait already."""
        with self._lock:
            self._kinds[kind.name] = kind
            self._board.forget()
            if self._foreman is None:
                self._foreman = threading.Thread(target=self._watch, name="jobs", daemon=True)
                self._foreman.start()

    def ask(self, wish: Wish, asker: Asker) -> int:
        """Have `wish` done; return the id of its job, which others may have asked for, too.

        Raises:
            JobError: the person has as much under way as they may, or the server is stopping.
            DatabaseError: it cannot be noted now.
        """
        if self.is_closed:
            raise JobError("This server is being stopped. Try again in a moment.")
        job_id = self.book.ask(wish, asker)
        self._board.forget()
        self._fill()
        return job_id

    def get(self, job_id: int) -> Seen | None:
        """Return how a job stands, None when it is not there (any more).

        Raises:
            DatabaseError: nothing is known of it and the database is away.
        """
        row, before = self._board.row(job_id)
        return None if row is None else self._seen(row, before)

    def latest(self, kind: str, key: str) -> Seen | None:
        """Return how the last job of a remembered kind and a key stands, None without one.

        Raises:
            DatabaseError: as `get`.
        """
        row, before = self._board.latest(kind, key)
        return None if row is None else self._seen(row, before)

    def remembered(self, kind: str) -> tuple[Seen, ...]:
        """Return all jobs of a remembered kind, the oldest first.

        Raises:
            DatabaseError: as `get`.
        """
        return tuple(self._seen(row, before) for row, before in self._board.all_of(kind))

    def list(self, owner_id: int | None = None) -> tuple[Seen, ...]:
        """Return what is under way, in the order in which it was asked for.

        Args:
            owner_id: only what this person waits for.

        Raises:
            DatabaseError: as `get`.
        """
        under_way = [self._seen(row, before) for row, before in self._board.under_way()]
        return tuple(
            seen
            for seen in under_way
            if seen.is_under_way and (owner_id is None or owner_id in seen.owners)
        )

    def stop(self, job_id: int, person: Person | None = None) -> None:
        """Take back what `person`, else who acts now, wants; an admin ends it for all.

        The work ends when nobody else waits for it.

        Raises:
            RightsError: they do not wait for it and may not manage.
            DatabaseError: it cannot be noted now.
        """
        person = current() if person is None else person
        seen = self.get(job_id)
        if seen is None or not seen.is_under_way:
            return
        if may(person, Right.MANAGE):
            by = person.shown or person.name
            self.end(job_id, f"It was stopped by {by}." if by else "")
        elif person.id in seen.owners and may(person, Right.READ):
            if self.book.withdraw(job_id, owner_id=person.id):
                self._ended(job_id)
            self._board.forget()
        else:
            raise RightsError("This was asked for by somebody else. Ask them or an admin.")
        what = f"{seen.words} of {seen.subject}" if seen.subject else seen.words
        note_in_trail(self.settings, "job-stopped", what, {"job": job_id}, person)

    def end(self, job_id: int, error: str = "") -> None:
        """End a job for all who wait for it, whoever asks.

        Raises:
            DatabaseError: it cannot be noted now.
        """
        if self.book.stop(job_id, error):
            self._ended(job_id)

    def withdraw(self, ticket: Ticket) -> None:
        """Take back what the holder of a ticket wants.

        Raises:
            DatabaseError: it cannot be noted now.
        """
        if self.book.withdraw(ticket.job_id, ticket_id=ticket.id):
            self._ended(ticket.job_id)
        self._board.forget()

    def asked(self, job_id: int) -> None:
        """Hear that somebody has asked how a job stands."""
        begun = self._begun.get(job_id)
        if begun is not None:
            begun.asked = max(begun.asked, self.clock())

    def forget(self, job_ids: Collection[int]) -> None:
        """Remember these no longer, as far as they are over.

        Raises:
            DatabaseError: it cannot be noted now.
        """
        if job_ids:
            self.book.forget(job_ids)
            self._board.forget()

    def patiently(self, act: Callable[[], Value]) -> Value:
        """Do what needs the database; wait for it where it is away, until the server stops.

        Raises:
            DatabaseError: it is away and the server stops.
        """
        is_told = False
        while True:
            try:
                return act()
            except DatabaseError as error:
                if not is_told:
                    _log.warning("the database is waited for: %s", error)
                is_told = True
                if self._closing.wait(RETRY_S):
                    raise

    def rest(self) -> None:
        """Begin nothing any more, and put back what is under way, for others or the next start.

        Who asks is answered all the same.
        """
        with self._claiming, self._lock:
            self.is_resting = True
            for begun in self._begun.values():
                begun.end(State.WAITING)

    def close(self) -> None:
        """Do nothing any more: what is under way is put back, and waited for a few seconds."""
        self.rest()
        with self._lock:
            self.is_closed = True
            self._closing.set()
            threads = [*self._threads, *filter(None, [self._foreman])]
        deadline = time.monotonic() + PATIENCE_S
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _watch(self) -> None:
        """Show that this replica lives, and look after the others, until it is closed."""
        swept, is_away = -1e9, False
        while not self._closing.is_set():
            try:
                self._look_around()
                if time.monotonic() - swept > SWEEP_S:
                    swept = time.monotonic()
                    self._sweep()
                is_away = False
            except CocoSiftError as error:
                if not is_away:
                    _log.warning("the queue cannot be looked at: %s", error)
                is_away = True
            except Exception:
                _log.exception("the queue cannot be looked at")
            self._closing.wait(self._beat_s)

    def _look_around(self) -> None:
        self._beat()
        rows = self._board.read()
        self._take_over(rows)
        waiting = {row.lane for row in rows if row.state is State.WAITING}
        if waiting:
            self._fill()

    def _beat(self) -> None:
        with self._lock:
            held = list(self._begun.values())
        if not held:
            return
        asked = self.book.beat({begun.hold: (begun.done, begun.total) for begun in held})
        for begun in held:
            if begun.id in asked:
                begun.asked = max(begun.asked, asked[begun.id])
            elif self._begun.get(begun.id) is begun:
                begun.end(State.RUNNING)  # stopped, or another's

    def _take_over(self, rows: Collection[Row]) -> None:
        now = time.monotonic()
        if now - self._looked > self._dead_after_s / 2:
            self._lifeless.clear()  # nobody's life could be seen meanwhile
        self._looked = now
        others = [
            row
            for row in rows
            if row.state is State.RUNNING
            and (row.replica != self.replica or row.id not in self._begun)
        ]
        since = {(row.id, row.claim, row.beat): row for row in others}
        self._lifeless = {beat: self._lifeless.get(beat, now) for beat in since}
        for beat, row in since.items():
            if now - self._lifeless[beat] >= self._dead_after_s:
                _log.warning("taking over job %d from %s, which is gone", row.id, row.replica)
                self.book.take_over(row, self._interrupted(row))
                self._board.forget()

    def _interrupted(self, row: Row) -> str:
        kind = self._kinds.get(row.kind)
        return kind.interrupted if kind is not None else Kind.interrupted

    def _fill(self) -> None:
        """Take as many of the jobs that wait as there is room for."""
        with self._claiming:
            try:
                while not self.is_resting and (claimed := self._claim()) is not None:
                    self._begin(claimed)
            except DatabaseError as error:
                _log.warning("no job can be taken: %s", error)

    def _claim(self) -> Claimed | None:
        with self._lock:
            kinds, busy = dict(self._kinds), [begun.lane for begun in self._begun.values()]
        rows = self._board.known()
        free = {
            row.lane
            for row in rows
            if row.state is State.WAITING
            and row.kind in kinds
            and busy.count(row.lane) < kinds[row.kind].at_once(row.lane)
        }
        if not free:
            return None
        claimed = self.book.claim(self.replica, kinds, free)
        self._board.forget()
        return claimed

    def _begin(self, claimed: Claimed) -> None:
        kind = self._kinds[claimed.kind]
        begun = Begun(
            claimed.hold,
            claimed.kind,
            claimed.key,
            claimed.subject,
            claimed.lane,
            claimed.arguments,
            # Nobody could ask this replica before it was there.
            asked=max(claimed.seen, self.since),
            patience_s=kind.patience_s,
            clock=self.clock,
        )
        thread = threading.Thread(
            target=self._work, args=(begun, kind), name=kind.noun, daemon=True
        )
        with self._lock:
            self._begun[begun.id] = begun
            self._threads.add(thread)
        thread.start()

    def _work(self, begun: Begun, kind: Kind) -> None:
        try:
            self._do(begun, kind)
        except DatabaseError as error:  # and the server stops: the next one takes it up
            _log.warning("how job %d has ended cannot be noted: %s", begun.id, error)
            kind.discarded(begun)
        except Exception:
            _log.exception("how a %s has ended cannot be noted", kind.noun)
        finally:
            with self._lock:
                if self._begun.get(begun.id) is begun:
                    del self._begun[begun.id]
                self._threads.discard(threading.current_thread())
            self._board.forget()
        self._fill()

    def _do(self, begun: Begun, kind: Kind) -> None:
        run = partial(self._run, settings=self.settings, progress=begun, cancelled=begun.is_over)
        try:
            begun.look()
            result = kind.work(begun, run)
            kind.completed(begun, result)
        except Cancelled:
            self._give_back(begun, kind)
        except DatabaseError:
            if not self.is_closed:
                raise
            self._give_back(begun, kind)
        except CocoSiftError as error:
            self._finish(begun, kind, State.FAILED, kind.trouble(error), str(error))
        except Exception:
            _log.exception("a %s failed", kind.noun)
            self._finish(begun, kind, State.FAILED, None, kind.mistake)
        else:
            self._finish(begun, kind, State.DONE, result)

    def _finish(
        self, begun: Begun, kind: Kind, state: State, result: object, error: str = ""
    ) -> None:
        is_noted = self.patiently(partial(self.book.finish, begun.hold, state, result, error))
        metrics.jobs(kind.name, state.value if is_noted else State.STOPPED.value)
        self._board.forget()
        if not is_noted or state is not State.DONE:
            kind.discarded(begun)
        if is_noted:
            kind.settled(begun, result)

    def _give_back(self, begun: Begun, kind: Kind) -> None:
        """End what was not done, as whoever ended it wants it."""
        kind.discarded(begun)
        if begun.ends_as is not State.WAITING:
            metrics.jobs(kind.name, State.STOPPED.value)
        if begun.ends_as is State.WAITING:
            self.book.put_back(begun.hold, kind.interrupted)
        elif begun.ends_as is State.FAILED:
            note = partial(self.book.finish, begun.hold, State.STOPPED, None, kind.given_up)
            self.patiently(note)
        elif begun.ends_as is None:  # the work has ended itself
            self.patiently(partial(self.book.finish, begun.hold, State.STOPPED, None))

    def _ended(self, job_id: int) -> None:
        with self._lock:
            begun = self._begun.get(job_id)
        if begun is not None:
            begun.end(State.STOPPED)
        self._board.forget()

    def _sweep(self) -> None:
        for kind in list(self._kinds.values()):
            if kind.kept_s is not None:
                self.book.forget_older(kind.name, self.clock() - kind.kept_s, kind.remembered)
            kind.sweep()

    def _remembered_kinds(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(kind.name for kind in self._kinds.values() if kind.kept_s is not None)

    def _seen(self, row: Row, before: int) -> Seen:
        kind = self._kinds.get(row.kind)
        seen = Seen(
            id=row.id,
            kind=row.kind,
            key=row.key,
            lane=row.lane,
            words=kind.words if kind is not None else Kind.words,
            subject=row.subject,
            state=row.state,
            place=before if row.state is State.WAITING else 0,
            done=row.done,
            total=row.total,
            owner_id=row.owner_id,
            made=row.made,
            began=row.began,
            ended=row.ended,
            error=row.error,
            result=row.result,
            replica=row.replica,
            owners=self._board.owners(row.id),
        )
        begun = self._begun.get(row.id)
        if begun is None or begun.hold.claim != row.claim or row.state is not State.RUNNING:
            return seen
        return replace(seen, done=begun.done, total=begun.total)


_shared: dict[tuple[Path, Path, str, int], Jobs] = {}
_shared_lock = threading.Lock()


def shared_jobs(settings: Settings) -> Jobs:
    """Return this process's one `Jobs` for these settings, a new one when it was closed."""
    key = (settings.home, settings.cache, settings.database_url, os.getpid())
    with _shared_lock:
        shared = _shared.get(key)
        if shared is None or shared.is_closed:
            shared = _shared[key] = Jobs(settings)
            if STOPPING.is_under_way:
                shared.rest()
            STOPPING.when_it_begins(shared.rest)
        return shared
