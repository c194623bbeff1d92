"""A ZIP of stored members that have their place before their bytes are there.

What is stored as it is has a known length, so several threads can write at once, each to a
place of its own. Layout by PKWARE's APPNOTE, 4.3 and 4.5; bytes as `zipfile` writes them.
"""

import hashlib
import os
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from core.errors import ExportError

CHUNK_BYTES = 2**20
LARGEST = 2**31 - 1  # beyond, lengths and places take 64 bits
MOST_ENTRIES = 2**16 - 1

# A local header, its 64-bit lengths, an entry of the directory, and what ends it.
_LOCAL = struct.Struct("<4s5H3L2H")
_LOCAL_64 = struct.Struct("<2H2Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")
_VERSION, _VERSION_64 = 20, 45
_UNIX = 3 << 8
_UTF_8 = 0x800
_DATE = 1 << 5 | 1  # 1980-01-01
_MODE = 0o644 << 16
_IN_64 = 2**32 - 1


@dataclass(slots=True)
class Entry:
    """One member of the archive.

    Attributes:
        name: with slashes.
        start: of its header in the file.
        has_long_lengths: its header has room for lengths of 64 bits.
        n_bytes: of its content.
        crc: CRC-32 of its content.
    """

    name: str
    start: int
    has_long_lengths: bool
    n_bytes: int = 0
    crc: int = 0

    @property
    def content_start(self) -> int:
        """Where its bytes begin."""
        return self.start + header_bytes(self.name, self.has_long_lengths)

    @property
    def header(self) -> bytes:
        """What stands before its bytes."""
        name, flags = _encoded(self.name)
        lengths, extra = (self.n_bytes, self.n_bytes), b""
        if self.has_long_lengths:
            extra = _LOCAL_64.pack(1, _LOCAL_64.size - 4, *lengths)
            lengths = (_IN_64, _IN_64)
        fixed = (self._version, flags, 0, 0, _DATE, self.crc, *lengths, len(name), len(extra))
        return _LOCAL.pack(b"PK\3\4", *fixed) + name + extra

    @property
    def listed(self) -> bytes:
        """What the directory says of it."""
        name, flags = _encoded(self.name)
        n_bytes, start, far = self.n_bytes, self.start, []
        if n_bytes > LARGEST:
            far, n_bytes = [n_bytes, n_bytes], _IN_64
        if start > LARGEST:
            far, start = [*far, start], _IN_64
        extra = struct.pack(f"<2H{len(far)}Q", 1, 8 * len(far), *far) if far else b""
        version = max(self._version, _VERSION_64 if far else 0)
        fixed = (version | _UNIX, version, flags, 0, 0, _DATE, self.crc, n_bytes, n_bytes)
        rest = (len(name), len(extra), 0, 0, 0, _MODE, start)
        return _ENTRY.pack(b"PK\1\2", *fixed, *rest) + name + extra

    @property
    def _version(self) -> int:
        return _VERSION_64 if self.has_long_lengths else _VERSION


class StoredZip:
    """The archive in the making. One thread adds to it; the bytes may come from several."""

    def __init__(self, file: int) -> None:
        """Begin at the start of `file`, a descriptor that is open for reading and writing."""
        self._file = file
        self._end = 0
        self.entries: dict[str, Entry] = {}

    def begin(self, name: str, expected: int) -> Entry:
        """Return the next place; `end` must follow before another one.

        Args:
            expected: decides, when it is a little less than would need it, on 64-bit lengths.
        """
        return Entry(name, self._end, needs_long_lengths(expected))

    def end(self, entry: Entry, n_bytes: int) -> Entry:
        """Let `entry` have so many bytes of content; what follows comes after them."""
        entry.n_bytes = n_bytes
        self._end = entry.content_start + n_bytes
        self.entries[entry.name] = entry
        return entry

    def write(self, pieces: Sequence[bytes | memoryview], start: int) -> None:
        """Write pieces, one after the other, at a place of the file."""
        left = sum(map(len, pieces))
        written = os.pwritev(self._file, pieces, start)
        if written < left:  # a full disk, or a signal
            rest = memoryview(b"".join(pieces))[written:]
            while rest:
                start, written = start + written, os.pwrite(self._file, rest, start + written)
                rest = rest[written:]

    def read(self, name: str) -> Iterator[bytes]:
        """Return the content of a member that is written."""
        entry = self.entries[name]
        position, left = entry.content_start, entry.n_bytes
        while left and (chunk := os.pread(self._file, min(left, CHUNK_BYTES), position)):
            yield chunk
            position, left = position + len(chunk), left - len(chunk)

    def finish(self) -> None:
        """Write the directory, which makes it a ZIP."""
        start, count = self._end, len(self.entries)
        directory = b"".join(entry.listed for entry in self.entries.values())
        tail = b""
        length = len(directory)
        if count > MOST_ENTRIES or start > LARGEST or length > LARGEST:
            sizes = (count, count, length, start)
            tail = _END_64.pack(b"PK\6\6", 44, _VERSION_64, _VERSION_64, 0, 0, *sizes)
            tail += _LOCATOR_64.pack(b"PK\6\7", 0, start + length, 1)
        few = min(count, MOST_ENTRIES)
        short = (min(length, _IN_64), min(start, _IN_64))
        tail += _END.pack(b"PK\5\6", 0, 0, few, few, *short, 0)
        self.write([directory + tail], start)


@dataclass(frozen=True, slots=True)
class FileCopy:
    """A file that becomes a member as it is.

    Attributes:
        entry: its place, with the length that the file had when it was looked at.
        find: returns the file.
        version: "size-time" that it had, or "" when any of that length will do.
        digest: gets its bytes.
    """

    entry: Entry
    find: Callable[[], Path]
    version: str
    digest: "hashlib._Hash"


def copy_files(archive: StoredZip, files: Iterable[FileCopy], tell: Callable[[int], None]) -> None:
    """Copy files to their places by two threads: one reads and hashes while the other writes.

    Args:
        tell: called in this thread with the bytes that were copied since; what it raises
            ends the work.

    Raises:
        ExportError: a file cannot be read, or has changed since it was looked at.
        OSError: the archive cannot be written.
    """
    copying = _Copying(archive, files)
    helper = Thread(target=copying.help, name="copy", daemon=True)
    helper.start()
    told = own = 0
    try:
        for n_bytes in copying.copied():
            own += n_bytes
            done = own + copying.helped
            tell(done - told)
            told = done
    finally:
        copying.stop()
        helper.join()
    if copying.error is not None:
        raise copying.error
    tell(own + copying.helped - told)


class _Copying:
    def __init__(self, archive: StoredZip, files: Iterable[FileCopy]) -> None:
        self._archive = archive
        self._left = deque(files)
        self.helped = 0
        self.error: Exception | None = None

    def help(self) -> None:
        try:
            for n_bytes in self.copied():
                self.helped += n_bytes
        except Exception as error:
            self.error = error
            self.stop()

    def stop(self) -> None:
        self._left.clear()

    def copied(self) -> Iterator[int]:
        buffer = memoryview(bytearray(CHUNK_BYTES))
        while True:
            try:
                file = self._left.popleft()
            except IndexError:
                return
            self._copy(file, buffer)
            yield file.entry.n_bytes

    def _copy(self, file: FileCopy, buffer: memoryview) -> None:
        entry = file.entry
        path = file.find()
        try:
            source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise _unreadable(path, error) from error
        try:
            status = os.fstat(source)
            is_other = bool(file.version) and file.version != version_of(status)
            if is_other or status.st_size != entry.n_bytes:
                raise _changed(entry, status.st_size)
            self._copy_content(file, source, path, buffer)
        finally:
            os.close(source)

    def _copy_content(self, file: FileCopy, source: int, path: Path, buffer: memoryview) -> None:
        entry, done, start = file.entry, 0, file.entry.content_start
        while done < entry.n_bytes:
            try:
                count = os.readv(source, [buffer])
            except OSError as error:  # not to be taken for one of the archive
                raise _unreadable(path, error) from error
            if not count or done + count > entry.n_bytes:
                raise _changed(entry, done + count)
            chunk = buffer[:count]
            entry.crc = zlib.crc32(chunk, entry.crc)
            file.digest.update(chunk)
            if count == entry.n_bytes:
                # The usual picture is one write.
                self._archive.write([entry.header, chunk], entry.start)
                return
            self._archive.write([chunk], start + done)
            done += count
        self._archive.write([entry.header], entry.start)


def archive_bytes(sizes: Mapping[str, int]) -> int:
    """Size of a ZIP of members whose sizes are known, by name in order."""
    position = directory = 0
    for name, n_bytes in sizes.items():
        is_far, is_large = position > LARGEST, n_bytes > LARGEST
        extra = 8 * (2 * is_large + is_far)
        directory += _ENTRY.size + len(name.encode()) + (extra + 4 if extra else 0)
        position += header_bytes(name, needs_long_lengths(n_bytes)) + n_bytes
    is_large = len(sizes) > MOST_ENTRIES or position > LARGEST
    tail = _END.size + is_large * (_END_64.size + _LOCATOR_64.size)
    return position + directory + tail


def version_of(status: os.stat_result) -> str:
    """What changes when a file does, as far as looking at it tells."""
    return f"{status.st_size}-{status.st_mtime_ns}"


def header_bytes(name: str, has_long_lengths: bool) -> int:
    """The length of a local header."""
    return _LOCAL.size + len(name.encode()) + has_long_lengths * _LOCAL_64.size


def needs_long_lengths(expected: int) -> bool:
    """Tell whether a member of about so many bytes has a header for 64-bit lengths."""
    return expected * 1.05 > LARGEST


def _unreadable(path: Path, error: OSError) -> ExportError:
    return ExportError(f"{path} cannot be read: {error.strerror}. Export again.")


def _changed(entry: Entry, n_bytes: int) -> ExportError:
    return ExportError(
        f"{entry.name} has changed while it was copied: expected {entry.n_bytes:,} bytes, found "
        f"{n_bytes:,}. Export again."
    )


def _encoded(name: str) -> tuple[bytes, int]:
    try:
        return name.encode("ascii"), 0
    except UnicodeEncodeError:
        return name.encode("utf-8"), _UTF_8
