"""Rows of one database put into another, whatever kind either is."""

from collections.abc import Iterator

from sqlalchemy import Table as SqlTable
from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

import core.catalogue.tables
import core.jobs.tables
import core.people.tables  # noqa: F401  (all three tell `Table` of their tables)
from core.database.tables import Table

# What passes. A session that was ended must not come back by a restore, work under way belongs
# to the servers that do it, and whoever guessed passwords shall not begin anew.
PASSING = frozenset({"sessions", "sign_in_attempts", "jobs", "job_askers"})
# What a restore leaves in place all the same.
STAYS = frozenset({"sign_in_attempts"})

# A recipe may take megabytes, and so may a picture that somebody searched with.
_AT_ONCE = 50


def tables() -> list[SqlTable]:
    """All tables of an instance, each after those that it refers to."""
    return list(Table.metadata.sorted_tables)


def lasting() -> list[SqlTable]:
    """The tables that a backup holds, in the same order."""
    return [table for table in tables() if table.name not in PASSING]


def counts(session: Session) -> dict[str, int]:
    """How many rows each lasting table has."""
    found = {}
    for table in lasting():
        found[table.name] = session.scalar(select(func.count()).select_from(table)) or 0
    return found


def last_ids(session: Session) -> dict[str, int]:
    """The highest number that was ever given in each table that numbers its rows itself."""
    return {table.name: _last_id(session, table) for table in lasting() if _is_numbered(table)}


def copy(source: Session, target: Session) -> None:
    """Put the rows of all lasting tables into the same tables, which are empty."""
    for table in lasting():
        for rows in _in_parts(source, table):
            target.execute(table.insert(), rows)


def lock(session: Session) -> None:
    """Let nobody else write until the transaction ends; who reads goes on with what is there."""
    if _is_postgresql(session):  # SQLite's writer is alone anyway
        names = ", ".join(f'"{table.name}"' for table in _replaced())
        session.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))


def clear(session: Session) -> None:
    """Remove all rows but those that stay."""
    for table in reversed(_replaced()):
        session.execute(delete(table))


def go_on_numbering(session: Session, highest: dict[str, int]) -> None:
    """Have the next row of each table get a number that no row had, here or there."""
    for table in lasting():
        if not _is_numbered(table):
            continue
        last = max(highest.get(table.name, 0), _last_id(session, table))
        if not last:
            continue
        if _is_postgresql(session):
            session.execute(
                text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"),
                {"name": table.name, "last": last},
            )
        else:
            row = {"name": table.name, "last": last}
            session.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), row)
            session.execute(text("INSERT INTO sqlite_sequence VALUES (:name, :last)"), row)


def _replaced() -> list[SqlTable]:
    return [table for table in tables() if table.name not in STAYS]


def _last_id(session: Session, table: SqlTable) -> int:
    if _is_postgresql(session):
        name = session.scalar(
            text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": table.name}
        )
        said = session.scalar(text(f"SELECT CASE WHEN is_called THEN last_value END FROM {name}"))  # noqa: S608
    else:
        said = session.scalar(
            text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table.name}
        )
    return max(said or 0, session.scalar(select(func.max(table.c.id))) or 0)


def _is_numbered(table: SqlTable) -> bool:
    return bool(table.dialect_options["sqlite"]["autoincrement"])


def _in_parts(session: Session, table: SqlTable) -> Iterator[list[dict[str, object]]]:
    found = session.execute(
        select(table), execution_options={"stream_results": True, "yield_per": _AT_ONCE}
    )
    for rows in found.mappings().partitions(_AT_ONCE):
        yield [dict(row) for row in rows]


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
