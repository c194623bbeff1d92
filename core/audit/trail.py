"""The trail: who did what and when, as admins read it, filter it and take it away."""

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from core.database import Database, shared_database, time_of
from core.database.texts import MAX_LINE, key_of, line_of
from core.errors import PeopleError
from core.people.acting import current
from core.people.deeds import DEEDS, Deed, record
from core.people.person import Person
from core.people.tables import DeedRow
from core.rights import Right, require
from core.settings import Settings
from core.sheets import csv_text

MAX_LISTED = 500
COLUMNS = ("when", "what", "who", "way", "subject", "address", "detail")
_MOST_IDS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class TrailLine:
    """One thing that somebody did.

    Attributes:
        id: counts up; a later one has a higher number.
        at: when, in UTC, by the database's clock.
        what: out of `DEEDS`.
        who_id: the person; 0 is the operator, -1 somebody who was not let in.
        who: their name then; "" for an operator who gave none.
        way: how they had come in.
        subject: what it was done to, in a few words.
        detail: more of it, as JSON can hold it.
        address: where it came from; "" where nobody knows.
    """

    id: int
    at: datetime
    what: str
    who_id: int
    who: str
    way: str
    subject: str
    detail: dict[str, Any]
    address: str

    def to_json(self) -> dict[str, Any]:
        """Return it as a document; the time as ISO 8601 in UTC."""
        return {
            "id": self.id,
            "when": self.at.isoformat(),
            "what": self.what,
            "who_id": self.who_id,
            "who": self.who,
            "way": self.way,
            "subject": self.subject,
            "detail": self.detail,
            "address": self.address,
        }


@dataclass(frozen=True, slots=True)
class TrailPage:
    """Some lines, the newest first: those from `offset` on, of `total` that there are."""

    lines: tuple[TrailLine, ...]
    total: int
    offset: int


class Trail:
    """The trail of an instance. Threads and processes may share it.

    Nothing changes or removes a line. Reading it takes an admin.

    Args:
        database: where it is kept.
        clock: the time in a transaction; the database's when left out.
    """

    def __init__(
        self, database: Database, *, clock: Callable[[Session], datetime] = time_of
    ) -> None:
        self._database = database
        self._clock = clock

    def note(
        self,
        what: Deed,
        subject: str = "",
        detail: Mapping[str, Any] | None = None,
        person: Person | None = None,
        address: str = "",
        *,
        who: str = "",
    ) -> None:
        """Add a line.

        Args:
            subject, detail, address: as of `TrailLine`.
            person: who did it; who acts now when left out.
            who: the name that an operator gives of themselves.

        Raises:
            DatabaseError: it cannot be written.
            ValueError: a deed that there is not.
        """
        with self._database.writing() as session:
            self.note_in(session, what, subject, detail, person, address, who=who)

    def note_in(
        self,
        session: Session,
        what: Deed,
        subject: str = "",
        detail: Mapping[str, Any] | None = None,
        person: Person | None = None,
        address: str = "",
        *,
        who: str = "",
    ) -> None:
        """Add a line that is kept if the transaction of `session` is; as `note`."""
        record(
            session,
            what,
            current() if person is None else person,
            self._clock(session),
            subject=subject,
            detail=detail,
            address=address,
            who=who,
        )

    def list(
        self,
        who: str = "",
        what: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> TrailPage:
        """Return the lines that fit, the newest first, some at a time.

        Args:
            who: part of the name, however it is capitalised.
            what: one of `DEEDS`.
            since, until: not before and before these times.
            offset, limit: skip so many, return so many at most (1 to 500).

        Raises:
            RightsError: who acts is no admin.
            PeopleError: a deed that there is not.
        """
        require(Right.MANAGE)
        where = _conditions(who, what, since, until)
        offset, limit = min(max(offset, 0), _MOST_IDS), min(max(limit, 1), MAX_LISTED)
        wanted = select(DeedRow).where(*where).order_by(DeedRow.id.desc())
        with self._database.reading() as session:
            total = session.scalar(select(func.count()).select_from(DeedRow).where(*where)) or 0
            rows = session.scalars(wanted.offset(offset).limit(limit)).all()
        return TrailPage(tuple(map(_line, rows)), total, offset)

    def csv(
        self,
        who: str = "",
        what: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[str]:
        """Yield the lines that fit as CSV, the oldest first, some at a time, after a head.

        No cell is one that a spreadsheet would take for a formula.

        Raises:
            RightsError, PeopleError: as `list`, before the first is taken.
        """
        require(Right.MANAGE)
        return self._blocks(_conditions(who, what, since, until))

    def _blocks(self, where: tuple[ColumnElement[bool], ...]) -> Iterator[str]:
        yield csv_text(COLUMNS, ())
        last = 0
        while True:
            wanted = select(DeedRow).where(DeedRow.id > last, *where).order_by(DeedRow.id)
            # A transaction a block: a slow reader must not keep one open.
            with self._database.reading() as session:
                rows = session.scalars(wanted.limit(MAX_LISTED)).all()
            if not rows:
                return
            first, *rest = map(_cells, map(_line, rows))
            yield csv_text(first, rest)
            last = rows[-1].id


_shared: dict[tuple[str, str, int], Trail] = {}
_shared_lock = threading.Lock()


def shared_trail(settings: Settings) -> Trail:
    """Return this process's one `Trail` for these settings.

    Raises:
        SettingsError, DatabaseError: as `Database`.
    """
    key = (str(settings.home), settings.database_url, os.getpid())
    with _shared_lock:
        if key not in _shared:
            _shared[key] = Trail(shared_database(settings))
        return _shared[key]


def note(
    settings: Settings,
    what: Deed,
    subject: str = "",
    detail: Mapping[str, Any] | None = None,
    person: Person | None = None,
    address: str = "",
    *,
    who: str = "",
) -> None:
    """Add a line to the trail of `settings`; as `Trail.note`."""
    shared_trail(settings).note(what, subject, detail, person, address, who=who)


def _conditions(
    who: str, what: str | None, since: datetime | None, until: datetime | None
) -> tuple[ColumnElement[bool], ...]:
    if what is not None and what not in DEEDS:
        raise PeopleError(f"Expected one of {', '.join(DEEDS)}, found {line_of(what)!r:.60}.")
    found: list[ColumnElement[bool]] = []
    if key := key_of(line_of(who, MAX_LINE)):
        found.append(DeedRow.who_key.contains(key, autoescape=True))
    if what is not None:
        found.append(DeedRow.what == what)
    if since is not None:
        found.append(DeedRow.at >= since)
    if until is not None:
        found.append(DeedRow.at < until)
    return tuple(found)


def _line(row: DeedRow) -> TrailLine:
    return TrailLine(
        id=row.id,
        at=row.at,
        what=row.what,
        who_id=row.who_id,
        who=row.who,
        way=row.way,
        subject=row.subject,
        detail=row.detail,
        address=row.address,
    )


def _cells(line: TrailLine) -> tuple[str, ...]:
    detail = json.dumps(line.detail, ensure_ascii=False, sort_keys=True) if line.detail else ""
    when = line.at.isoformat(timespec="seconds")
    return (when, line.what, line.who, line.way, line.subject, line.address, detail)
