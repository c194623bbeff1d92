"""Failed sign-ins: who guesses waits longer each time, and nobody else does.

Three things are counted: a name at an address, a name at all addresses, an address with all
names. Someone who came in from an address before waits there for nothing but their own
failures, so neither a stranger who guesses their name nor one behind the same proxy can
keep them out. An attempt counts as failed until it succeeds: many at once gain nothing.
"""

import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.errors import SignInError
from core.people.codes import digest
from core.people.tables import AttemptRow

# Without a failure for so long, the earlier ones are forgotten.
FORGOTTEN = timedelta(hours=1)
# For so long it is remembered that a name came in from an address.
KNOWN = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Limit:
    """So many failures are free; then one waits 1 s, 2 s, 4 s and so on, `most` at most."""

    free: int
    most: timedelta

    def wait(self, failures: int) -> timedelta:
        """Return how long after so many failures nobody may try again."""
        over = failures - self.free
        if over <= 0:
            return timedelta()
        return min(timedelta(seconds=2 ** min(over - 1, 20)), self.most)


PAIR = Limit(free=5, most=timedelta(minutes=15))
NAME = Limit(free=10, most=timedelta(minutes=1))
ADDRESS = Limit(free=20, most=timedelta(seconds=30))


class TooManyTries(SignInError):
    """Somebody has to wait before they try again; `wait_s` says how many seconds."""

    def __init__(self, wait_s: int) -> None:
        seconds = "1 second" if wait_s == 1 else f"{wait_s:,} seconds"
        super().__init__(f"Too many tries. Wait {seconds}, then try again.")
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that was let through, and what it is counted as."""

    limits: dict[str, Limit]
    pair: str
    name: str


def begin_attempt(session: Session, name_key: str, address: str, now: datetime) -> Attempt:
    """Count an attempt as failed, and let it through.

    Raises:
        TooManyTries: not yet; it does not count.
    """
    name, pair, place = _keys(name_key, address)
    rows = _rows(session, (name, pair, place), now)
    known_at = rows[pair].known_at
    limits = {pair: PAIR}
    if known_at is None or now - known_at > KNOWN:
        limits |= {name: NAME, place: ADDRESS}
    waits = [_left(rows[key], limit, now) for key, limit in limits.items()]
    if max(waits) > timedelta():
        raise TooManyTries(math.ceil(max(waits).total_seconds()))
    for key, limit in limits.items():
        row = rows[key]
        row.failures = 1 + (0 if now - row.last_at > FORGOTTEN else row.failures)
        row.last_at, row.wait_until = now, now + limit.wait(row.failures)
    return Attempt(limits, pair, name)


def end_attempt(session: Session, attempt: Attempt, now: datetime) -> None:
    """Take back that an attempt failed: who made it is in, and is known at that address."""
    for key, row in _rows(session, tuple(attempt.limits), now).items():
        # What others failed at the same address stays counted.
        is_own = key in (attempt.pair, attempt.name)
        row.failures = 0 if is_own else max(row.failures - 1, 0)
        row.wait_until = None
        if key == attempt.pair:
            row.known_at = now


def forget_attempts(session: Session, now: datetime) -> None:
    """Remove what counts no more."""
    session.execute(delete(AttemptRow).where(AttemptRow.last_at < now - KNOWN))


def _keys(name_key: str, address: str) -> tuple[str, str, str]:
    place = _place(address)
    return (
        digest(f"name\n{name_key}"),
        digest(f"pair\n{name_key}\n{place}"),
        digest(f"address\n{place}"),
    )


def _place(address: str) -> str:
    """Return the network that one line has: of IPv6 the first 64 bits."""
    try:
        found = ipaddress.ip_address(address.strip("[] "))
    except ValueError:
        return address[:100]
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def _rows(session: Session, keys: tuple[str, ...], now: datetime) -> dict[str, AttemptRow]:
    """Return the rows of `keys`, made where there is none, and locked in one order."""
    ordered = sorted(keys)
    values = [{"key": key, "failures": 0, "last_at": now} for key in ordered]
    is_server = session.get_bind().dialect.name == "postgresql"
    insert = (postgresql.insert if is_server else sqlite.insert)(AttemptRow).values(values)
    session.execute(insert.on_conflict_do_nothing())
    found = session.scalars(
        select(AttemptRow)
        .where(AttemptRow.key.in_(ordered))
        .order_by(AttemptRow.key)
        .with_for_update()
    )
    return {row.key: row for row in found}


def _left(row: AttemptRow, limit: Limit, now: datetime) -> timedelta:
    if row.wait_until is None:
        return timedelta()
    # A clock that was set back must not make a minute a year.
    return min(row.wait_until - now, limit.most)
