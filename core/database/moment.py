"""The time as all who share a database see it."""

from datetime import UTC, datetime

from sqlalchemy import DateTime, func
from sqlalchemy.orm import Session


def time_of(session: Session) -> datetime:
    """Return the time now, in UTC, by the clock of the database that `session` asks.

    Servers whose clocks differ agree by it on what is over. SQLite has this machine's clock.
    """
    if session.get_bind().dialect.name != "postgresql":
        return datetime.now(UTC)
    now: datetime = session.scalar(func.clock_timestamp(type_=DateTime(timezone=True)))
    return now.astimezone(UTC)
