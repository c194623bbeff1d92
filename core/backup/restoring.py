"""A backup is put back: all of it in one transaction, and what was there is kept."""

import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.atomic import atomic_file
from core.backup import rows
from core.backup.contents import Contents
from core.backup.portable import DATABASE_IN_HOME, settings_in, unpacked
from core.backup.taking import SUFFIX, write
from core.database import Database
from core.errors import BackupError, CatalogueError, DatabaseError
from core.settings import Settings

# Below the home folder.
FOLDER = "backups"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done.

    Attributes:
        contents: what was put back.
        kept: a backup of what was there before.
        settings: the files of settings that were put back; an older one has a name beside it.
    """

    contents: Contents
    kept: Path
    settings: tuple[Path, ...]


def restore(
    path: Path,
    settings: Settings,
    *,
    with_settings: bool = False,
    clock: Callable[[], datetime] = _now,
) -> Restored:
    """Put a backup back into the database of `settings`: all of it, or nothing is changed.

    What is there is kept first, as a backup in the folder `backups` of the home folder. Servers
    may run meanwhile; people sign in anew, and slow work that is under way ends.

    Args:
        with_settings: also put back the files of settings; older ones are kept beside them.

    Raises:
        BackupError: it is damaged or of a newer CocoSift, or what is there cannot be kept.
        DatabaseError, CatalogueError, SettingsError: as `Database`.
    """
    now = clock()
    folder = settings.home / FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BackupError(
            f"{folder} cannot be made, so what is there now could not be kept: "
            f"{error.strerror or error}. Nothing was changed."
        ) from error
    kept = _free(folder / f"before-restore-{now:%Y%m%d-%H%M%S}{SUFFIX}")
    files = settings_in(path)
    with unpacked(path, folder) as (contents, unpacked_home):
        _check_file(unpacked_home / DATABASE_IN_HOME, contents, path)
        source = _opened(unpacked_home, path)
        target = Database(settings)
        try:
            _put_back(source, target, contents, kept, settings, now)
        finally:
            source.close()
            target.close()
    put_back = _put_settings_back(files, settings, now) if with_settings else ()
    return Restored(contents, kept, put_back)


def _put_back(
    source: Database,
    target: Database,
    contents: Contents,
    kept: Path,
    settings: Settings,
    now: datetime,
) -> None:
    with source.reading() as read, target.writing() as written:
        # Nobody can write between the two: what is kept is what goes.
        rows.lock(written)
        highest = rows.last_ids(written)
        _keep(target, kept, settings, now)
        rows.clear(written)
        rows.copy(read, written)
        last = {name: max(highest.get(name, 0), contents.last_ids.get(name, 0)) for name in highest}
        rows.go_on_numbering(written, last)


def _keep(database: Database, kept: Path, settings: Settings, now: datetime) -> None:
    try:
        with database.reading() as session:
            write(session, kept, settings, now)
    except BackupError as error:
        raise BackupError(
            f"What is there now cannot be kept, so nothing was changed. {error}"
        ) from error


def _check_file(file: Path, contents: Contents, path: Path) -> None:
    try:
        with closing(sqlite3.connect(file)) as connection:
            sound = connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            found = {
                name: connection.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0]  # noqa: S608
                for name in names & set(contents.rows)
            }
    except sqlite3.Error as error:
        raise _unsound(path) from error
    if not sound or found != contents.rows:
        raise _unsound(path)


def _unsound(path: Path) -> BackupError:
    return BackupError(
        f"The database in {path} is not what was written there. Nothing was changed. "
        "Take another backup."
    )


def _opened(home: Path, path: Path) -> Database:
    """The database of a backup, brought to this revision if it is of an older one."""
    try:
        return Database(Settings(home=home))
    except DatabaseError as error:
        raise _unsound(path) from error
    except CatalogueError as error:
        raise BackupError(f"{path} cannot be put back. {error}") from error


def _put_settings_back(
    files: Mapping[str, bytes], settings: Settings, now: datetime
) -> tuple[Path, ...]:
    done = []
    for name, content in files.items():
        target = settings.home / name
        try:
            if target.exists():
                shutil.copy2(target, _free(target.with_name(f"{name}.before-{now:%Y%m%d-%H%M%S}")))
            with atomic_file(target) as file:
                file.write(content)
            target.chmod(0o600)
        except OSError as error:
            raise BackupError(
                f"The database was put back, but {target} could not be written: "
                f"{error.strerror or error}."
            ) from error
        done.append(target)
    return tuple(done)


def _free(path: Path) -> Path:
    """`path`, or the same with a number where there is such a file."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free
