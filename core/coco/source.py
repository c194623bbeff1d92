"""An annotation file as it lies on disk, read by byte offset and never changed.

A `SourceFile` remembers what the file was when it was indexed. Each read checks that
it is still the same, so offsets are never applied to another content.
"""

import codecs
import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.content import is_lfs_pointer, sha256_of
from core.errors import DatasetError
from core.progress import NoProgress, Progress

_CHUNK = 8 * 2**20


@dataclass(slots=True)
class SourceFile:
    """An annotation file and what identifies its content.

    Attributes:
        path: where it lies.
        size: bytes.
        mtime_ns: time of the last change, as the file system tells it.
        sha256: hex digest of the content.
    """

    path: Path
    size: int
    mtime_ns: int
    sha256: str

    def is_unchanged(self) -> bool:
        """Tell whether the file still has this content.

        A file that was touched but holds the same bytes counts as unchanged, and its
        new time is remembered.
        """
        try:
            stat = self.path.stat()
        except OSError:
            return False
        return self._matches(stat)

    @contextmanager
    def reading(self) -> Iterator["SourceReader"]:
        """Open the file for reads by offset.

        Raises:
            DatasetError: the file is gone, or its content is not what was indexed.
        """
        try:
            file = self.path.open("rb", buffering=0)
        except OSError as error:
            raise DatasetError(
                f"{self.path} was readable when the dataset was opened and is not now "
                f"({error.strerror}). Put it back and reload."
            ) from error
        with file:
            if not self._matches(os.fstat(file.fileno())):
                raise DatasetError(
                    f"{self.path} changed while it was in use: expected {self.size:,} bytes with "
                    f"sha256 {self.sha256[:12]}…, found another content. Reload to read it anew."
                )
            yield SourceReader(self.path, file)

    def _matches(self, stat: os.stat_result) -> bool:
        if stat.st_size != self.size:
            return False
        if stat.st_mtime_ns == self.mtime_ns:
            return True
        if sha256_of(self.path) != self.sha256:
            return False
        self.mtime_ns = stat.st_mtime_ns
        return True


@dataclass(frozen=True, slots=True)
class SourceReader:
    """Reads byte ranges of one open file."""

    path: Path
    file: io.FileIO

    def read(self, start: int, length: int) -> bytes:
        """Return `length` bytes from `start`.

        Raises:
            DatasetError: the file ends before.
        """
        return self.read_all([start], [length])[0]

    def read_all(self, starts: Sequence[int], lengths: Sequence[int]) -> list[bytes]:
        """Return the bytes of several ranges.

        Raises:
            DatasetError: the file ends before one of them does.
        """
        file = self.file.fileno()
        places = zip(lengths, starts, strict=True)
        found = [os.pread(file, length, start) for length, start in places]
        if list(map(len, found)) != list(lengths):
            raise DatasetError(f"{self.path} became shorter while it was read. Reload.")
        return found


def inspect(path: Path, progress: Progress | None = None) -> SourceFile:
    """Hash the JSON file at `path` and check that it is text a JSON reader can take.

    Raises:
        DatasetError: no such file, a Git LFS pointer, an archive, empty, or not UTF-8.
    """
    progress = progress or NoProgress()
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    done = 0
    try:
        with path.open("rb") as file:
            stat = os.fstat(file.fileno())
            while chunk := file.read(_CHUNK):
                if done == 0:
                    _refuse_strangers(path, chunk)
                digest.update(chunk)
                decoder.decode(chunk)
                done += len(chunk)
                progress.update(done, stat.st_size)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{path} is not UTF-8 text: byte 0x{error.object[error.start]:02x} near byte "
            f"{done + error.start:,}. Expected a COCO JSON file."
        ) from error
    except OSError as error:
        raise DatasetError(_cannot_read(path, error)) from error
    if done == 0:
        raise DatasetError(f"{path} is empty. Expected a COCO JSON file; download it again.")
    return SourceFile(path, done, stat.st_mtime_ns, digest.hexdigest())


def _refuse_strangers(path: Path, head: bytes) -> None:
    if is_lfs_pointer(head):
        raise DatasetError(
            f"{path} is a Git LFS pointer, not the annotations themselves. "
            f"Fetch it: git lfs pull --include '{path.name}'"
        )
    if head.startswith(b"\x1f\x8b"):
        raise DatasetError(f"{path} is compressed with gzip. Unpack it first: gunzip '{path}'")
    if head.startswith(b"PK\x03\x04"):
        raise DatasetError(f"{path} is a ZIP archive. Unpack it first: unzip '{path}'")


def _cannot_read(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"There is no file {path}. Expected a COCO annotation file there."
    return f"{path} cannot be read: {error.strerror}."
