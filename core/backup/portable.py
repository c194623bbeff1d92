"""The file of a backup: a ZIP with the database as a SQLite file, and a sum over all of it.

    contents.json       what is in it, see `Contents`
    database.sqlite3    the tables, rows that pass left out
    settings/…          .env and cocosift.toml, if there were such

The comment of the ZIP, its last 71 bytes, is "sha256:" and the hex digest of all bytes before
the digest; so one byte that changed anywhere is noticed before anything is read.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from core.backup.contents import Contents
from core.errors import BackupError

CONTENTS = "contents.json"
DATABASE = "database.sqlite3"
SETTINGS = "settings"

# Where `Settings(home=…)` has its database, if nothing else is said.
DATABASE_IN_HOME = Path("catalogue", "catalogue.sqlite3")

_MARK = b"sha256:"
_DIGITS = 64
_CHUNK = 2**20
# Of the manifest and of a file of settings; ours have kilobytes.
_MOST_TEXT = 2**20
# SQLite packs to a third or so; what claims far more was made to fill a disk.
_MOST_UNPACKED = 100


def pack(path: Path, database: Path, contents: Contents, settings: Mapping[str, bytes]) -> None:
    """Write a backup: whole or not at all, and only its owner may read it.

    Args:
        database: a closed SQLite file.
        settings: the bytes of the files of settings, by name.

    Raises:
        OSError: it cannot be written.
    """
    with _private_file(path) as temporary:
        with ZipFile(temporary, "w", ZIP_DEFLATED) as archive:
            archive.writestr(CONTENTS, contents.to_json())
            archive.write(database, DATABASE)
            for name, content in settings.items():
                archive.writestr(f"{SETTINGS}/{name}", content)
            archive.comment = _MARK + b"0" * _DIGITS
        with temporary.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            digest = _sha256(file, size - _DIGITS)
            file.seek(size - _DIGITS)
            file.write(digest.encode())
            file.flush()
            os.fsync(file.fileno())


def look_into(path: Path) -> Contents:
    """Check that a backup is whole and return what is in it.

    Raises:
        BackupError: it is not there, is none, is damaged, or a newer CocoSift made it.
    """
    with _opened(path) as (_, contents):
        return contents


@contextmanager
def unpacked(path: Path, folder: Path) -> Iterator[tuple[Contents, Path]]:
    """Yield what is in a backup, and a home folder within `folder` that has its database.

    Raises:
        BackupError: as `look_into`; or there is no room.
    """
    with _opened(path) as (archive, contents):
        try:
            with tempfile.TemporaryDirectory(prefix=".restore-", dir=folder) as temporary:
                database = Path(temporary) / DATABASE_IN_HOME
                database.parent.mkdir()
                with archive.open(DATABASE) as packed, database.open("wb") as file:
                    shutil.copyfileobj(packed, file, _CHUNK)
                yield contents, Path(temporary)
        except BadZipFile as error:
            raise _damaged(path) from error
        except OSError as error:
            raise BackupError(
                f"{path} cannot be unpacked in {folder}: {error.strerror or error}. "
                "Nothing was changed."
            ) from error


def settings_in(path: Path) -> dict[str, bytes]:
    """The files of settings in a backup, by name.

    Raises:
        BackupError: as `look_into`.
    """
    with _opened(path) as (archive, contents):
        return {name: _text(archive, f"{SETTINGS}/{name}", path) for name in contents.settings}


@contextmanager
def _opened(path: Path) -> Iterator[tuple[ZipFile, Contents]]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror or error}.") from error
    with file:
        _check_sum(file, path)
        try:
            archive = ZipFile(file)
        except (BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise _damaged(path) from error
        with archive:
            contents = _contents(archive, path)
            _check_members(archive, contents, path)
            yield archive, contents


def _check_sum(file: IO[bytes], path: Path) -> None:
    size = file.seek(0, os.SEEK_END)
    tail = len(_MARK) + _DIGITS
    file.seek(max(0, size - tail))
    end = file.read(tail)
    if len(end) < tail or not end.startswith(_MARK):
        raise BackupError(
            f"{path} is no backup, or only the beginning of one. Expected a file that "
            "python -m core backup made."
        )
    if _sha256(file, size - _DIGITS).encode() != end[len(_MARK) :]:
        raise _damaged(path)
    file.seek(0)


def _contents(archive: ZipFile, path: Path) -> Contents:
    try:
        return Contents.from_json(_text(archive, CONTENTS, path))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path) from error


def _check_members(archive: ZipFile, contents: Contents, path: Path) -> None:
    """Refuse what was not made by `pack`, although its sum is right."""
    expected = {CONTENTS, DATABASE, *(f"{SETTINGS}/{name}" for name in contents.settings)}
    names = archive.namelist()
    plain = all(name == Path(name).name and name for name in contents.settings)
    too_large = any(
        info.file_size > _MOST_UNPACKED * max(info.compress_size, 2**16)
        for info in archive.infolist()
    )
    if len(names) != len(expected) or set(names) != expected or not plain or too_large:
        raise _damaged(path)


def _text(archive: ZipFile, name: str, path: Path) -> bytes:
    try:
        with archive.open(name) as file:
            content = file.read(_MOST_TEXT + 1)
    except (BadZipFile, KeyError, OSError, NotImplementedError, RuntimeError) as error:
        raise _damaged(path) from error
    if len(content) > _MOST_TEXT:
        raise _damaged(path)
    return content


def _damaged(path: Path) -> BackupError:
    return BackupError(
        f"{path} is damaged: it is not as it was written. Nothing was changed. "
        "Take another copy of it, or an older backup."
    )


def _sha256(file: IO[bytes], length: int) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while length > 0:
        chunk = file.read(min(_CHUNK, length))
        if not chunk:
            break
        digest.update(chunk)
        length -= len(chunk)
    return digest.hexdigest()


@contextmanager
def _private_file(path: Path) -> Iterator[Path]:
    """Yield a temporary file that becomes `path`; nobody else may read it at any moment."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
