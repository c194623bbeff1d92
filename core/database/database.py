"""The database of an instance: SQLite in a file, or PostgreSQL by its address.

A session either reads or writes. One that writes holds SQLite's only lock from its first
statement on (a transaction that begins by reading could not wait for it), so writers queue
up instead of failing; on PostgreSQL they wait for the rows that they change.
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, ProgrammingError
from sqlalchemy.exc import DatabaseError as DriverError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from core.database import migrations
from core.errors import DatabaseError, SettingsError
from core.settings import Settings

# How long one waits for others who write; each takes milliseconds.
WAIT_S = 60
CONNECT_S = 10
# Threads that read or write at the same moment; more than there are of them wait.
POOL, MORE = 5, 45

_FILE_NAME = "catalogue.sqlite3"
_DRIVER = "postgresql+psycopg"
# Names the lock that one holds who migrates; any number that nobody else uses.
_MIGRATION_LOCK = 0x0C0C0_51F7
_WRITES = "cocosift_writes"
# Of PostgreSQL's error codes: insufficient privilege.
_NOT_ALLOWED = "42501"


class Database:
    """An open database whose tables are of the newest revision. Threads may share it.

    Attributes:
        where: the file, or the address without its password; for errors and the status.

    Args:
        settings: says where it is; see `Settings.database_url`.

    Raises:
        SettingsError: an address that cannot be used.
        DatabaseError: it cannot be reached, read or written.
        CatalogueError: a newer CocoSift wrote it.
    """

    def __init__(self, settings: Settings) -> None:
        url = _url(settings)
        self.where = (
            str(url.database) if _is_file(url) else url.render_as_string(hide_password=True)
        )
        self._turn = threading.Lock() if _is_file(url) else None
        with self._translated():
            self._engine = _engine(url)
            self._writing = self._engine.execution_options(**{_WRITES: True})
            self._reading = self._engine if _is_file(url) else _snapshots(self._engine)
            self._bring_up_to_date(url)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session that reads one state of the database, whatever others write."""
        with self._translated(), Session(self._reading, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Yield a session whose changes are on disk when the block has ended, or not at all."""
        with (
            self._translated(),
            self._one_at_a_time(),
            Session(self._writing, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def close(self) -> None:
        """Close the connections; a later use opens new ones."""
        self._engine.dispose()

    def _bring_up_to_date(self, url: URL) -> None:
        with _alone(url):
            if _is_file(url):
                _use_log(self._engine)
            with self._engine.connect() as connection:
                if migrations.revision_of(connection) == migrations.HEAD:
                    return
            with self._writing.begin() as connection:
                if not _is_file(url):
                    connection.execute(
                        text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATION_LOCK}
                    )
                migrations.upgrade(connection)

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Let the threads of this process write to SQLite in turn.

        They would all the same, but SQLite waits by napping, and some would nap for seconds.
        """
        if self._turn is None:
            yield
        elif self._turn.acquire(timeout=WAIT_S):
            try:
                yield
            finally:
                self._turn.release()
        else:
            raise PoolTimeoutError(f"waited {WAIT_S} s for other threads")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (DataError, IntegrityError, ProgrammingError) as error:
            if getattr(error.orig, "sqlstate", None) != _NOT_ALLOWED:
                raise  # a mistake of this code
            raise self._unusable(error) from error
        except (DriverError, PoolTimeoutError, sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> DatabaseError:
        return DatabaseError(
            f"The catalogue in {self.where} cannot be used: {_reason(error)}. {_advice(error)}"
        )


_shared: dict[tuple[str, str, int], Database] = {}
_shared_lock = threading.Lock()


def shared_database(settings: Settings) -> Database:
    """Return this process's one `Database` for these settings.

    Raises:
        SettingsError, DatabaseError, CatalogueError: as `Database`.
    """
    # A process that was forked must not use the connections of its parent.
    key = (str(settings.home), settings.database_url, os.getpid())
    with _shared_lock:
        if key not in _shared:
            _shared[key] = Database(settings)
        return _shared[key]


def _url(settings: Settings) -> URL:
    if not settings.database_url:
        return URL.create("sqlite", database=str(settings.home / "catalogue" / _FILE_NAME))
    try:
        url = make_url(settings.database_url)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError):
        raise _refused() from None
    if backend == "sqlite":
        if url.database in (None, "", ":memory:") or url.query or url.host:
            raise _refused()
        return url
    if backend not in ("postgresql", "postgres") or not url.database:
        raise _refused()
    return url.set(drivername=_DRIVER)


def _refused() -> SettingsError:
    # Not shown as it is: it may hold a password.
    return SettingsError(
        "COCOSIFT_DATABASE_URL cannot be used. Expected sqlite:///FILE, with four slashes before "
        "a path from the root, or postgresql://USER:PASSWORD@HOST/NAME."
    )


def _is_file(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _engine(url: URL) -> Engine:
    if not _is_file(url):
        return _postgresql(url)
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": WAIT_S}, pool_size=POOL, max_overflow=MORE)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _postgresql(url: URL) -> Engine:
    try:
        engine = create_engine(
            url,
            connect_args={"connect_timeout": CONNECT_S},
            pool_size=POOL,
            max_overflow=MORE,
            pool_pre_ping=True,  # the server may have been restarted meanwhile
        )
    except ImportError as error:
        raise DatabaseError(
            "The catalogue lies on PostgreSQL, whose driver is not installed. "
            "Run: pip install -r requirements-postgres.txt"
        ) from error
    event.listen(engine, "connect", _on_connect_postgresql)
    return engine


def _snapshots(engine: Engine) -> Engine:
    """Have all statements of a transaction see one state, as they do on SQLite."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _on_connect(connection: Any, _record: object) -> None:
    """Leave transactions to `_on_begin`; Python's sqlite3 would begin them too late."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")


def _on_connect_postgresql(connection: Any, _record: object) -> None:
    """Have nobody wait for ever for somebody who hangs."""
    connection.execute(f"SET lock_timeout = '{WAIT_S * 1000:.0f}ms'")
    connection.commit()


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _use_log(engine: Engine) -> None:
    """Have SQLite write ahead to a log, so that readers never wait; the file remembers it."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


@contextmanager
def _alone(url: URL) -> Iterator[None]:
    """Let no other process open the same SQLite file meanwhile; PostgreSQL has its own lock."""
    if not _is_file(url):
        yield
        return
    with Path(f"{url.database}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    cause = getattr(error, "orig", None) or error
    first = str(cause).strip().splitlines()[:1]
    return (first[0] if first else type(cause).__name__).rstrip(".")


def _advice(error: Exception) -> str:
    said = str(error).lower()
    if "full" in said:
        return "Make room on that disk; what was saved before is safe."
    if "locked" in said or "lock timeout" in said or isinstance(error, PoolTimeoutError):
        return "Others are writing; try again in a moment."
    if "readonly" in said or "permission" in said or "unable to open" in said:
        return "Let this user write there, or name another place in COCOSIFT_DATABASE_URL."
    if "not a database" in said or "malformed" in said:
        return "Move the file away, put back a copy of it, and start again."
    return "Look whether it runs and can be reached, and at COCOSIFT_DATABASE_URL."
