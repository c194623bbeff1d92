"""The queue as it lies in the database; each method is one transaction.

All replicas read and write it. A job is held by the replica that has claimed it: whatever that
one writes counts only as long as nobody else has stopped the job or taken it over.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Executable,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.database import Database
from core.errors import JobError
from core.jobs.records import JSON, UNDER_WAY, Asker, State, Ticket, Wish
from core.jobs.tables import IS_UNDER_WAY, AskerRow, JobRow

MOST_DEATHS = 3
"""A job during which so many servers have ended is not begun again: it may be the cause."""

# Names the lock of one person's askers on PostgreSQL, beside the person's number.
_ASKERS_LOCK = 0x0C0C
_COLUMNS = tuple(column for column in JobRow.__table__.c if column.name != "arguments")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table without its arguments; attributes as of `JobRow`."""

    id: int
    kind: str
    key: str
    lane: str
    goes_on: bool
    owner_id: int
    subject: str
    state: State
    done: float
    total: float
    claim: int
    deaths: int
    replica: str
    beat: int
    made: float
    began: float | None
    ended: float | None
    error: str
    result: JSON


@dataclass(frozen=True, slots=True)
class Hold:
    """By what a replica holds a job."""

    job_id: int
    replica: str
    claim: int

    def is_held(self) -> ColumnElement[bool]:
        return and_(
            JobRow.id == self.job_id,
            JobRow.replica == self.replica,
            JobRow.claim == self.claim,
            JobRow.state == State.RUNNING.value,
        )


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that a replica has taken.

    Attributes:
        seen: when the last of its askers asked how it stands.
    """

    hold: Hold
    kind: str
    key: str
    subject: str
    lane: str
    arguments: JSON
    seen: float


class Book:
    """The queue in a database.

    Args:
        database: opens it, when it is first needed.
        clock: seconds since the epoch.
    """

    def __init__(self, database: Callable[[], Database], clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def ask(self, wish: Wish, asker: Asker) -> int:
        """Note that somebody wants `wish`; return its job, the one under way if there is one.

        Raises:
            JobError: the person has as much under way as they may.
            DatabaseError: it cannot be noted now.
        """
        with self._database().writing() as session:
            job_id = self._joined(session, wish, asker)
            if job_id is None:
                job_id = self._inserted(session, wish, asker)
            if asker.ticket is not None or not _is_awaited_by(session, job_id, asker.owner_id):
                now = self._clock()
                session.execute(
                    insert(AskerRow).values(
                        job_id=job_id,
                        ticket=asker.ticket,
                        owner_id=asker.owner_id,
                        who=asker.who,
                        made=now,
                        seen=now,
                        withdrawn=False,
                        told=False,
                        note="",
                        details=asker.details,
                    )
                )
            return job_id

    def claim(self, replica: str, kinds: Collection[str], lanes: Collection[str]) -> Claimed | None:
        """Take the job that has waited longest of those that `replica` can do now."""
        wanted = (
            select(JobRow)
            .where(
                JobRow.state == State.WAITING.value,
                JobRow.kind.in_(kinds),
                JobRow.lane.in_(lanes),
            )
            .order_by(JobRow.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        with self._database().writing() as session:
            row = session.scalar(wanted)
            if row is None:
                return None
            row.state, row.replica, row.claim = State.RUNNING.value, replica, row.claim + 1
            row.beat, row.began, row.done, row.total = row.beat + 1, self._clock(), 0, 1
            seen = session.scalar(_last_seen(row.id)) or 0.0
            hold = Hold(row.id, replica, row.claim)
            return Claimed(hold, row.kind, row.key, row.subject, row.lane, row.arguments, seen)

    def beat(self, steps: Mapping[Hold, tuple[float, float]]) -> dict[int, float]:
        """Say that the holder lives and how far it is.

        Returns:
            By job when the last of its askers asked; jobs that are held no longer are not there.
        """
        held: dict[int, float] = {}
        with self._database().writing() as session:
            for hold, (done, total) in steps.items():
                values = {"beat": JobRow.beat + 1, "done": done, "total": total}
                if _changed(session, update(JobRow).where(hold.is_held()).values(values)):
                    held[hold.job_id] = session.scalar(_last_seen(hold.job_id)) or 0.0
        return held

    def finish(self, hold: Hold, state: State, result: JSON, error: str = "") -> bool:
        """Note how a job has ended; false when it is held no longer, and nothing was noted."""
        values = _over(state, self._clock()) | {"result": result, "error": error}
        if state is State.DONE:
            values["done"] = JobRow.total
        with self._database().writing() as session:
            return _changed(session, update(JobRow).where(hold.is_held()).values(values))

    def put_back(self, hold: Hold, interrupted: str) -> None:
        """Let others take what goes on; what does not is interrupted, in these words."""
        with self._database().writing() as session:
            _let_go(session, hold.is_held(), self._clock(), interrupted)

    def take_over(self, dead: Row, interrupted: str) -> None:
        """Take a job from a replica that shows no life, unless it has shown some since."""
        lifeless = and_(Hold(dead.id, dead.replica, dead.claim).is_held(), JobRow.beat == dead.beat)
        with self._database().writing() as session:
            is_counted = update(JobRow).where(lifeless).values(deaths=JobRow.deaths + 1)
            if _changed(session, is_counted):
                _let_go(session, lifeless, self._clock(), interrupted)
                # They could not be heard while nobody worked at it.
                session.execute(
                    update(AskerRow).where(AskerRow.job_id == dead.id).values(seen=self._clock())
                )

    def stop(self, job_id: int, error: str = "") -> bool:
        """End a job for all who wait for it; false when it was over."""
        values = _over(State.STOPPED, self._clock()) | {"error": error}
        with self._database().writing() as session:
            return _changed(session, _where_under_way(job_id).values(values))

    def withdraw(
        self, job_id: int, *, ticket_id: int | None = None, owner_id: int | None = None
    ) -> bool:
        """Take back what one asker wants, or all that one person does of this job.

        Returns:
            Whether the job was stopped, because nobody else waits for it.
        """
        one = AskerRow.id == ticket_id if ticket_id is not None else AskerRow.owner_id == owner_id
        with self._database().writing() as session:
            # Held, so that nobody joins between the two.
            session.scalar(select(JobRow.id).where(JobRow.id == job_id).with_for_update())
            session.execute(
                update(AskerRow).where(AskerRow.job_id == job_id, one).values(withdrawn=True)
            )
            if session.scalar(select(_waiting_askers(job_id))):
                return False
            return _changed(
                session, _where_under_way(job_id).values(_over(State.STOPPED, self._clock()))
            )

    def rows(self, remembered: Collection[str]) -> list[Row]:
        """Return what is under way, and of the remembered kinds also what is over, in order."""
        wanted = or_(JobRow.state.in_(UNDER_WAY), JobRow.kind.in_(remembered))
        with self._database().reading() as session:
            found = session.execute(select(*_COLUMNS).where(wanted).order_by(JobRow.id))
            return [_row(one) for one in found]

    def row(self, job_id: int) -> Row | None:
        """Return one job."""
        with self._database().reading() as session:
            found = session.execute(select(*_COLUMNS).where(JobRow.id == job_id)).first()
            return None if found is None else _row(found)

    def owners(self) -> dict[int, dict[int, str]]:
        """Return by job under way who waits for it, with their names."""
        wanted = (
            select(AskerRow.job_id, AskerRow.owner_id, AskerRow.who)
            .join(JobRow, JobRow.id == AskerRow.job_id)
            .where(JobRow.state.in_(UNDER_WAY), ~AskerRow.withdrawn)
            .order_by(AskerRow.id)
        )
        owners: dict[int, dict[int, str]] = {}
        with self._database().reading() as session:
            for job_id, owner_id, who in session.execute(wanted):
                owners.setdefault(job_id, {})[owner_id] = who
        return owners

    def newest_results(self, kind: str, key: str) -> list[tuple[int, JSON]]:
        """Return what was made of this key before, the newest first, with the jobs."""
        wanted = (
            select(JobRow.id, JobRow.result)
            .where(JobRow.kind == kind, JobRow.key == key, JobRow.state == State.DONE.value)
            .order_by(JobRow.id.desc())
        )
        with self._database().reading() as session:
            return [(job_id, result) for job_id, result in session.execute(wanted)]

    def over(self, kind: str) -> list[tuple[Row, float]]:
        """Return the jobs of a kind that are over, with when the last of their askers asked."""
        last = (
            select(AskerRow.job_id, func.max(AskerRow.seen).label("seen"))
            .group_by(AskerRow.job_id)
            .subquery()
        )
        wanted = (
            select(*_COLUMNS, last.c.seen)
            .join(last, last.c.job_id == JobRow.id, isouter=True)
            .where(JobRow.kind == kind, JobRow.state.not_in(UNDER_WAY))
        )
        with self._database().reading() as session:
            found = session.execute(wanted).all()
        return [(_row(one[:-1]), one[-1] or 0.0) for one in found]

    def forget(self, job_ids: Collection[int]) -> None:
        """Remove jobs that are over, with their askers."""
        gone = delete(JobRow).where(JobRow.id.in_(job_ids), JobRow.state.not_in(UNDER_WAY))
        with self._database().writing() as session:
            session.execute(gone)

    def forget_older(self, kind: str, ended: float, most: int) -> None:
        """Remove what ended before `ended`, and all but the newest `most` that are over."""
        over = and_(JobRow.kind == kind, JobRow.state.not_in(UNDER_WAY))
        newest = select(JobRow.id).where(over).order_by(JobRow.id.desc()).limit(most)
        old = or_(JobRow.ended < ended, JobRow.id.not_in(newest))
        with self._database().reading() as session:
            is_needed = session.scalar(select(exists().where(over, old)))
        if is_needed:
            with self._database().writing() as session:
                session.execute(delete(JobRow).where(over, old))

    def ticket(self, digest: str) -> Ticket | None:
        """Return what the holder of this ticket asked for."""
        wanted = _tickets().where(AskerRow.ticket == digest)
        with self._database().reading() as session:
            found = session.execute(wanted).first()
            return None if found is None else Ticket(*found)

    def untold(self, job_id: int) -> list[Ticket]:
        """Return the tickets of a job whose askers were not told that it is done."""
        wanted = _tickets().where(
            AskerRow.job_id == job_id, AskerRow.ticket.is_not(None), ~AskerRow.told
        )
        with self._database().reading() as session:
            found = session.execute(wanted.where(~AskerRow.withdrawn).order_by(AskerRow.id)).all()
            return [Ticket(*one) for one in found]

    def begin_to_tell(self, ticket: Ticket) -> bool:
        """Note that this asker is told now; false when somebody has done so before."""
        this = (AskerRow.id == ticket.id, ~AskerRow.told, ~AskerRow.withdrawn)
        with self._database().writing() as session:
            return _changed(session, update(AskerRow).where(*this).values(told=True))

    def is_any_told(self, job_ids: Sequence[int], but: int) -> bool:
        """Whether an asker of these jobs other than `but` has been told."""
        wanted = exists().where(AskerRow.job_id.in_(job_ids), AskerRow.told, AskerRow.id != but)
        with self._database().reading() as session:
            return bool(session.scalar(select(wanted)))

    def note(self, ticket: Ticket, note: str) -> None:
        """Keep what an asker is to read beside what was made."""
        with self._database().writing() as session:
            session.execute(update(AskerRow).where(AskerRow.id == ticket.id).values(note=note))

    def seen(self, ticket_ids: Collection[int], when: float) -> None:
        """Note when these askers have last asked how it stands."""
        with self._database().writing() as session:
            session.execute(update(AskerRow).where(AskerRow.id.in_(ticket_ids)).values(seen=when))

    def _joined(self, session: Session, wish: Wish, asker: Asker) -> int | None:
        """The job under way of the same key, held until the transaction ends; or None."""
        wanted = (
            select(JobRow.id)
            .where(JobRow.kind == wish.kind, JobRow.key == wish.key, JobRow.state.in_(UNDER_WAY))
            .with_for_update()
        )
        job_id = session.scalar(wanted)
        if job_id is None or not _is_awaited_by(session, job_id, asker.owner_id):
            self._refuse_too_many(session, asker)
        return job_id

    def _refuse_too_many(self, session: Session, asker: Asker) -> None:
        if asker.most is None:
            return
        if _is_postgresql(session):
            # Others may ask for the same person at the same moment.
            session.execute(
                text("SELECT pg_advisory_xact_lock(:name, :person)"),
                {"name": _ASKERS_LOCK, "person": asker.owner_id},
            )
        wanted = (
            select(func.count(func.distinct(JobRow.id)))
            .join(AskerRow, AskerRow.job_id == JobRow.id)
            .where(
                JobRow.state.in_(UNDER_WAY),
                AskerRow.owner_id == asker.owner_id,
                ~AskerRow.withdrawn,
            )
        )
        count = session.scalar(wanted) or 0
        if count >= asker.most:
            has = "1 thing is" if count == 1 else f"{count} things are"
            raise JobError(
                f"{has} being made for you already, and that is as much as one person may have "
                "at once. Wait until one is done, or cancel one under Work."
            )

    def _inserted(self, session: Session, wish: Wish, asker: Asker) -> int:
        dialect = postgresql if _is_postgresql(session) else sqlite
        new = (
            dialect.insert(JobRow)
            .values(
                kind=wish.kind,
                key=wish.key,
                lane=wish.lane,
                goes_on=wish.goes_on,
                owner_id=asker.owner_id,
                subject=wish.subject,
                state=State.WAITING.value,
                done=0,
                total=1,
                claim=0,
                deaths=0,
                replica="",
                beat=0,
                made=self._clock(),
                error="",
                arguments=wish.arguments,
            )
            .on_conflict_do_nothing(index_elements=["kind", "key"], index_where=IS_UNDER_WAY)
            .returning(JobRow.id)
        )
        while True:
            job_id = session.scalar(new)
            if job_id is None:  # another replica was faster
                job_id = self._joined(session, wish, asker)
            if job_id is not None:  # else that one is over already
                return int(job_id)


def _let_go(session: Session, which: ColumnElement[bool], now: float, interrupted: str) -> None:
    """Let jobs wait again where they go on; the others are interrupted."""
    goes_on = and_(which, JobRow.goes_on, JobRow.deaths < MOST_DEATHS)
    session.execute(
        update(JobRow)
        .where(goes_on)
        .values(state=State.WAITING.value, replica="", began=None, done=0, total=1)
    )
    over = _over(State.INTERRUPTED, now) | {"error": interrupted}
    session.execute(update(JobRow).where(which).values(over))


def _over(state: State, now: float) -> dict[str, Any]:
    return {"state": state.value, "ended": now, "replica": "", "arguments": None}


def _where_under_way(job_id: int) -> Any:
    return update(JobRow).where(JobRow.id == job_id, JobRow.state.in_(UNDER_WAY))


def _waiting_askers(job_id: int) -> ColumnElement[bool]:
    return exists().where(AskerRow.job_id == job_id, ~AskerRow.withdrawn)


def _is_awaited_by(session: Session, job_id: int, owner_id: int) -> bool:
    waits = exists().where(
        AskerRow.job_id == job_id, AskerRow.owner_id == owner_id, ~AskerRow.withdrawn
    )
    return bool(session.scalar(select(waits)))


def _last_seen(job_id: int) -> Any:
    return select(func.max(AskerRow.seen)).where(AskerRow.job_id == job_id, ~AskerRow.withdrawn)


def _tickets() -> Any:
    return select(
        AskerRow.id,
        AskerRow.job_id,
        AskerRow.owner_id,
        AskerRow.made,
        AskerRow.seen,
        AskerRow.withdrawn,
        AskerRow.told,
        AskerRow.note,
        AskerRow.details,
    )


def _row(found: Any) -> Row:
    values = dict(zip((column.name for column in _COLUMNS), found, strict=True))
    return Row(**values | {"state": State(values["state"])})


def _changed(session: Session, change: Executable) -> bool:
    result = session.execute(change, execution_options={"synchronize_session": False})
    return isinstance(result, CursorResult) and result.rowcount > 0


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
