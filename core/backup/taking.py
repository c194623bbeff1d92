"""A backup is made: one state of the database, whatever people write meanwhile."""

import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.orm import Session

from core import __version__
from core.backup import rows
from core.backup.contents import Contents
from core.backup.portable import DATABASE_IN_HOME, pack
from core.database import Database, migrations
from core.errors import BackupError
from core.settings import Settings

SETTINGS_FILES = (".env", "cocosift.toml")
SUFFIX = ".cocosift"


def _now() -> datetime:
    return datetime.now(UTC)


def back_up(
    settings: Settings,
    path: Path,
    *,
    replace: bool = False,
    database: Database | None = None,
    clock: Callable[[], datetime] = _now,
) -> tuple[Path, Contents]:
    """Write a backup of the instance while it runs.

    Only whoever runs this may read the file: it holds hashes of passwords, and settings.

    Args:
        path: the file, or a folder, where one named by the time is made.
        replace: an older file of this name may go.
        database: already open; None opens one.

    Returns:
        The file, and what is in it.

    Raises:
        BackupError: it cannot be written, or there is a file of this name.
        DatabaseError, CatalogueError, SettingsError: as `Database`.
    """
    made_at = clock()
    if path.is_dir():
        path = path / f"cocosift-{made_at:%Y%m%d-%H%M%S}{SUFFIX}"
    if path.exists() and not replace:
        raise BackupError(f"{path} is there already. Name another file, or add --replace.")
    opened = database or Database(settings)
    try:
        with opened.reading() as session:
            contents = write(session, path, settings, made_at)
    finally:
        if database is None:
            opened.close()
    return path, contents


def write(session: Session, path: Path, settings: Settings, made_at: datetime) -> Contents:
    """Write a backup of what `session` sees to `path`.

    Raises:
        BackupError: it cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=path.parent) as folder:
            return _write(session, path, Path(folder) / DATABASE_IN_HOME, settings, made_at)
    except (OSError, sqlite3.Error) as error:
        # Here, because around a session such errors are taken for the database's.
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise BackupError(
            f"{path} cannot be written: {reason}. What was there before is as it was. "
            "Make room, or name another folder."
        ) from error


def _write(
    session: Session, path: Path, copied: Path, settings: Settings, made_at: datetime
) -> Contents:
    kind = session.get_bind().dialect.name
    # First: a transaction of SQLite sees the state of its first reading.
    counted, last_ids = rows.counts(session), rows.last_ids(session)
    copied.parent.mkdir()
    (_from_sqlite if kind == "sqlite" else _from_others)(session, copied)
    files = {name: settings.home / name for name in SETTINGS_FILES}
    found = {name: file.read_bytes() for name, file in files.items() if file.is_file()}
    contents = Contents(
        made_at=made_at,
        made_by=__version__,
        database=kind,
        revision=migrations.HEAD,
        rows=counted,
        last_ids=last_ids,
        settings=tuple(found),
    )
    pack(path, copied, contents, found)
    return contents


def _from_sqlite(session: Session, path: Path) -> None:
    """Copy page by page, as SQLite itself does it, then leave out what passes."""
    source = session.connection().connection.driver_connection
    with closing(sqlite3.connect(path)) as target:
        source.backup(target)  # type: ignore[union-attr]
        target.execute("PRAGMA journal_mode = DELETE")
        with target:
            for table in reversed(rows.tables()):
                if table.name in rows.PASSING:
                    target.execute(f"DELETE FROM {table.name}")  # noqa: S608
        # What was deleted would still be in the file.
        target.execute("VACUUM")


def _from_others(session: Session, path: Path) -> None:
    """Copy row by row into new tables of the same revision."""
    copied = Database(Settings(home=path.parent.parent))
    try:
        with copied.writing() as target:
            rows.copy(session, target)
            rows.go_on_numbering(target, rows.last_ids(session))
    finally:
        copied.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
