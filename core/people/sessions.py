"""Sessions: how long somebody who signed in is known by what their browser sends."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as Transaction

from core.database import Database
from core.errors import SignInError
from core.people.attempts import forget_attempts
from core.people.codes import LONGEST, digest, new_secret
from core.people.kept import Kept
from core.people.person import Person, Role, Way
from core.people.tables import PersonRow, SessionRow

Clock = Callable[[Transaction], datetime]

# A session that began later than now was begun before the clock was set back; within this
# it goes on.
SET_BACK = timedelta(hours=1)
# An identity can begin one session in this time; no provider's cookie lives so long.
REMEMBERED = timedelta(days=90)
SWEEP_S = 60.0
# What `new_secret` makes; nothing else need be asked of a database.
_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")


@dataclass(frozen=True, slots=True)
class Session:
    """A session that goes on.

    Attributes:
        id: names it where its token must not be; opens nothing.
        person: whose it is, as they are now.
        began, expires: in UTC, by the database's clock.
    """

    id: str
    person: Person
    began: datetime
    expires: datetime


class Sessions:
    """The sessions of an instance. Threads and processes may share them.

    An answer is kept for 10 s at most. What ended in this process is gone from it at once.
    One that has ended never goes on, also when the clock is set back: its end is written down,
    within a minute of when somebody could have noticed.
    """

    def __init__(self, database: Database, clock: Clock, hours: float, way: str) -> None:
        self._database = database
        self._clock = clock
        self._length = timedelta(hours=hours)
        # Those of another way to sign in end when the setting changes.
        self._way = None if way == "none" else way
        self._kept: Kept[Session] = Kept()
        self._next_sweep = 0.0

    def begin(self, transaction: Transaction, row: PersonRow, way: Way, origin: str) -> str:
        """Return the token of a new session, written with the transaction.

        Raises:
            SignInError: `origin` has begun one before.
        """
        token, now = new_secret(), self._clock(transaction)
        once = digest(origin) if origin else None
        begun = select(SessionRow.token).where(SessionRow.origin == once)
        if once is not None and transaction.scalar(begun) is not None:
            raise _used()
        transaction.add(
            SessionRow(
                token=digest(token),
                public_id=new_secret(),
                person_id=row.id,
                way=way,
                origin=once,
                began_at=now,
                expires_at=now + self._length,
                ended_at=None,
            )
        )
        try:
            transaction.flush()
        except IntegrityError as error:  # another process began one with it just now
            raise _used() from error
        return token

    def by_token(self, token: str) -> Session | None:
        """Return the session of `token`; None: there is none, or it has ended."""
        if not token or len(token) > LONGEST:
            return None
        key = digest(token)
        return self._find(("token", key), SessionRow.token == key)

    def by_id(self, public_id: str) -> Session | None:
        """Return the session that is called `public_id`, as `by_token`."""
        if not _ID.fullmatch(public_id):
            return None
        return self._find(("id", public_id), SessionRow.public_id == public_id)

    def active(self, person_id: int | None = None) -> tuple[Session, ...]:
        """Return those that go on, of one person or of all, the newest first."""
        wanted = select(SessionRow).where(SessionRow.ended_at.is_(None))
        if person_id is not None:
            wanted = wanted.where(SessionRow.person_id == person_id)
        with self._database.reading() as transaction:
            now = self._clock(transaction)
            rows = transaction.scalars(wanted.order_by(SessionRow.began_at.desc())).all()
            return tuple(found for row in rows if (found := self._session(row, now)))

    def count(self) -> int:
        """Return how many go on."""
        with self._database.reading() as transaction:
            now = self._clock(transaction)
            wanted = select(func.count()).where(
                SessionRow.ended_at.is_(None), SessionRow.expires_at > now
            )
            return transaction.scalar(wanted) or 0

    def end(self, token: str) -> Person | None:
        """End the session of `token`; return whose it was, None if it had ended."""
        key = digest(token[:LONGEST])
        with self._database.writing() as transaction:
            row = transaction.get(SessionRow, key, with_for_update={"of": SessionRow})
            if row is None or row.ended_at is not None:
                return None
            row.ended_at = self._clock(transaction)
            person = person_of(row.person, _way(row.way))
        self.forget()
        return person

    def end_all(self, transaction: Transaction, person_id: int) -> None:
        """End all of a person with the transaction; call `forget` after it."""
        transaction.execute(
            update(SessionRow)
            .where(SessionRow.person_id == person_id, SessionRow.ended_at.is_(None))
            .values(ended_at=self._clock(transaction))
        )

    def forget(self) -> None:
        """Ask the database again from now on."""
        self._kept.drop()

    def _find(self, key: tuple[str, str], where: ColumnElement[bool]) -> Session | None:
        def ask() -> Session | None:
            self._sweep()
            with self._database.reading() as transaction:
                row = transaction.scalar(select(SessionRow).where(where))
                if row is None:
                    return None
                return self._session(row, self._clock(transaction))

        return self._kept.get(key, ask)

    def _session(self, row: SessionRow, now: datetime) -> Session | None:
        is_over = row.ended_at is not None or row.person.disabled_at is not None
        if is_over or not row.began_at - SET_BACK <= now < row.expires_at:
            return None
        if self._way is not None and row.way != self._way:
            return None
        person = person_of(row.person, _way(row.way))
        return Session(row.public_id, person, row.began_at, row.expires_at)

    def _sweep(self) -> None:
        """Write down which sessions are over, once a minute, if there are any."""
        if time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + SWEEP_S
        with self._database.reading() as transaction:
            now = self._clock(transaction)
            wanted = select(SessionRow.token).where(or_(_is_over(now), _is_old(now)))
            if transaction.scalar(wanted.limit(1)) is None:
                return  # nobody has to wait for those who write
        with self._database.writing() as transaction:
            now = self._clock(transaction)
            transaction.execute(update(SessionRow).where(_is_over(now)).values(ended_at=now))
            transaction.execute(delete(SessionRow).where(_is_old(now)))
            forget_attempts(transaction, now)


def person_of(row: PersonRow, way: Way, scopes: frozenset[str] | None = None) -> Person:
    """Return the person that a row holds, who came by `way`."""
    return Person(
        id=row.id,
        name=row.name,
        shown=row.shown or row.name,
        role=Role(row.role),
        way=way,
        disabled=row.disabled_at is not None,
        scopes=scopes,
        must_change=way == "local" and row.password_until is not None,
    )


def _way(text: str) -> Way:
    return cast(Way, text)


def _is_over(now: datetime) -> ColumnElement[bool]:
    expired = or_(SessionRow.expires_at <= now, SessionRow.began_at > now + SET_BACK)
    return SessionRow.ended_at.is_(None) & expired


def _is_old(now: datetime) -> ColumnElement[bool]:
    return SessionRow.ended_at < now - REMEMBERED


def _used() -> SignInError:
    return SignInError("This sign-in has been used before. Sign in again.")
