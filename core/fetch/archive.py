"""ZIP archives from elsewhere: looked over before anything is written, unpacked file by file.

Each file appears whole under its name or not at all, so what was ended, by whatever, goes on:
files that are there with the size and CRC that the archive names are not written again.
"""

import os
import re
import shutil
import stat
import threading
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.errors import DownloadError
from core.fetch.transfer import disk_errors
from core.progress import Cancelled, NoProgress, Progress

_READ = 2**20
_BATCH = 32
_WORKERS = 4
_POLL = 0.1
_MOST_FILES = 1_000_000
_SYNCED_ONE_BY_ONE = 64
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_AGAIN = "Run the same command again."
_REMOVE = "Remove it, then run the same command again."
_REFUSED = "It is refused and nothing of it was written: get it from another server."
_UNFIT = re.compile(r"[\x00-\x1f\x7f\\:]")


class ArchiveError(DownloadError):
    """An archive is damaged, or holds what is not unpacked.

    Attributes:
        reason: without the next step, for who knows a better one.
    """

    def __init__(self, reason: str, next_step: str) -> None:
        super().__init__(f"{reason} {next_step}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What an archive has given.

    Attributes:
        files: names that were wanted, all of which are there now.
        n_bytes: their size.
        kept: how many of them were there before.
    """

    files: tuple[str, ...]
    n_bytes: int
    kept: int


def unpack(
    archive: Path,
    folder: Path,
    wanted: Callable[[str], bool],
    progress: Progress | None = None,
    *,
    at_most: int,
) -> Unpacked:
    """Unpack the files of a ZIP archive that are wanted, under their names below `folder`.

    Args:
        archive: stored or deflated members only.
        folder: made if it is missing. Names of the archive cannot lead out of it.
        wanted: by member name.
        progress: told bytes; may cancel.
        at_most: bytes that all files together may have; more is taken for a bomb.

    Raises:
        ArchiveError: not a whole ZIP, a member that does not match its CRC, or one that leads
            out of the folder, is a link, is there twice, is encrypted or is too large. Nothing
            was written of an archive that is refused.
        DownloadError: the folder cannot be written, or has no room.
        Cancelled: from `progress`, or ^C; what is unpacked stays.
    """
    with disk_errors(folder / archive.name), _opened(archive) as opened:
        members = _checked(opened, archive, at_most)
        chosen = [member for member in members if wanted(member.filename)]
        _check_room(folder, chosen)
        folder.mkdir(parents=True, exist_ok=True)
        scratch = folder / f".{archive.name}.unpacking"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        try:
            return _Unpacking(opened, archive, folder, scratch, chosen, progress).run()
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def member_names(archive: Path) -> tuple[str, ...]:
    """Return the names of the files in a ZIP archive.

    Raises:
        ArchiveError: not a whole ZIP archive.
    """
    with _opened(archive) as opened:
        return tuple(member.filename for member in opened.infolist() if not member.is_dir())


class _Unpacking:
    def __init__(
        self,
        opened: zipfile.ZipFile,
        archive: Path,
        folder: Path,
        scratch: Path,
        members: Sequence[zipfile.ZipInfo],
        progress: Progress | None,
    ) -> None:
        self._opened = opened
        self._archive = archive
        self._folder = folder
        self._scratch = scratch
        self._members = members
        self._progress = progress or NoProgress()
        self._total = sum(member.file_size for member in members)
        self._done = 0
        self._n_files = 0
        self._kept = 0
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._syncs = len(members) <= _SYNCED_ONE_BY_ONE

    def run(self) -> Unpacked:
        for parent in {(self._folder / m.filename).parent for m in self._members}:
            parent.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="unpack") as pool:
            jobs = [
                pool.submit(self._unpack_batch, self._members[at : at + _BATCH])
                for at in range(0, len(self._members), _BATCH)
            ]
            try:
                self._watch(jobs)
            except (KeyboardInterrupt, Cancelled):
                raise Cancelled(
                    f"Stopped; {self._n_files:,} of {len(self._members):,} files of "
                    f"{self._archive.name} are unpacked. The same command goes on from there."
                ) from None
            finally:
                self._stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
        if not self._syncs:
            os.sync()  # once for tens of thousands of files: the archive may be removed next
        names = tuple(member.filename for member in self._members)
        return Unpacked(names, self._total, self._kept)

    def _watch(self, jobs: list[Future[None]]) -> None:
        left = set(jobs)
        while left:
            done, left = wait(left, _POLL, FIRST_EXCEPTION)
            for job in done:
                job.result()
            self._progress.update(self._done, self._total)
        self._progress.update(self._total, self._total)

    def _unpack_batch(self, members: Sequence[zipfile.ZipInfo]) -> None:
        for member in members:
            if self._stop.is_set():
                return
            target = self._folder / member.filename
            is_there = _is_whole(target, member)
            if is_there:
                self._add(member.file_size)
            else:
                self._write(member, target)
            with self._guard:
                self._n_files += 1
                self._kept += is_there

    def _write(self, member: zipfile.ZipInfo, target: Path) -> None:
        temporary = self._scratch / f"{threading.get_ident()}{target.suffix}"
        with _damage(self._archive, member.filename), temporary.open("wb") as file:
            with self._opened.open(member) as source:
                while data := source.read(_READ):
                    file.write(data)
                    self._add(len(data))
                    if self._stop.is_set():
                        return
            if file.tell() != member.file_size:
                raise zipfile.BadZipFile
            if self._syncs:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(target)

    def _add(self, n_bytes: int) -> None:
        with self._guard:
            self._done += n_bytes


def _is_whole(path: Path, member: zipfile.ZipInfo) -> bool:
    try:
        if path.lstat().st_size != member.file_size or not path.is_file():
            return False
        crc = 0
        with path.open("rb") as file:
            while data := file.read(_READ):
                crc = zlib.crc32(data, crc)
    except FileNotFoundError:
        return False
    return crc == member.CRC


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    try:
        opened = zipfile.ZipFile(archive)
    except FileNotFoundError:
        raise ArchiveError(f"There is no archive {archive}.", _AGAIN) from None
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError):
        raise ArchiveError(f"{archive} is not a whole ZIP archive.", _REMOVE) from None
    with opened:
        yield opened


@contextmanager
def _damage(archive: Path, name: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        raise ArchiveError(f"{name} in {archive} is damaged.", _REMOVE) from None


def _checked(opened: zipfile.ZipFile, archive: Path, at_most: int) -> list[zipfile.ZipInfo]:
    """Return the files of the archive once all of its members are found to be fit."""
    members = opened.infolist()
    if len(members) > _MOST_FILES:
        raise ArchiveError(
            f"{archive} holds {len(members):,} files; at most {_MOST_FILES:,} are unpacked.",
            _REFUSED,
        )
    folders: set[str] = set()
    files: set[str] = set()
    for member in members:
        reason = _why_unfit(member)
        key = _key(member.orig_filename)
        if reason is None and not member.is_dir() and key in files:
            reason = "is there twice"
        if reason is not None:
            raise ArchiveError(f"{member.orig_filename!r:.120} in {archive} {reason}.", _REFUSED)
        (folders if member.is_dir() else files).add(key)
        folders.update(str(parent) for parent in PurePosixPath(key).parents)
    if both := folders & files:
        raise ArchiveError(f"{min(both)!r:.120} in {archive} is a file and a folder.", _REFUSED)
    _refuse_bomb(members, archive, at_most)
    return [member for member in members if not member.is_dir()]


def _why_unfit(member: zipfile.ZipInfo) -> str | None:
    name = member.orig_filename
    kind = stat.S_IFMT(member.external_attr >> 16)
    parts = name.removesuffix("/").split("/")
    if not name or _UNFIT.search(name) or any(part in ("", ".", "..") for part in parts):
        return "would lead out of the folder"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device, not a file"
    if member.flag_bits & 0x1:
        return "is encrypted"
    if member.compress_type not in _METHODS:
        return f"is compressed in a way (method {member.compress_type}) that is not read"
    return None


def _key(name: str) -> str:
    # Two names that one file system or another takes for the same.
    return unicodedata.normalize("NFC", name.removesuffix("/")).casefold()


def _refuse_bomb(members: list[zipfile.ZipInfo], archive: Path, at_most: int) -> None:
    size = archive.stat().st_size
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if unpacked > at_most or packed > size:
        raise ArchiveError(
            f"{archive} ({size:,} bytes) says that it unpacks to {unpacked:,} bytes; at most "
            f"{at_most:,} were expected.",
            _REFUSED,
        )


def _check_room(folder: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    needed = 0
    for member in members:
        needed += member.file_size
        with suppress(OSError):
            if (folder / member.filename).stat().st_size == member.file_size:
                needed -= member.file_size
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise DownloadError(
            f"{folder} has {free:,} bytes free; unpacking needs {needed:,}. Make room there, then "
            "run the same command again."
        )
