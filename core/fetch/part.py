"""The unfinished bytes of a file, and the note beside them that says which are there.

`.<name>.part` has the file's full length with holes; `.<name>.part.json` names the address,
size, ETag, Last-Modified and the ranges that are written. The note is written after the bytes
that it names are on disk, so it never promises too much, whatever ends the process.
"""

import json
import os
import threading
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from core.atomic import UMASK, write_text

_NOTE_SIZE = 16 * 1024

Span = tuple[int, int]  # from the first byte to before the second


@dataclass(frozen=True, slots=True)
class Identity:
    """Which file of a server the bytes are of.

    Attributes:
        url: without a password.
        size: bytes; None while it is not known.
        etag, last_modified: as the server gives them, "" when it does not.
    """

    url: str
    size: int | None = None
    etag: str = ""
    last_modified: str = ""

    def is_same_file(self, other: "Identity", *, checksum_decides: bool) -> bool:
        """Tell whether bytes of both may be put together.

        Args:
            checksum_decides: the whole file's checksum is known: then servers that name the
                same file differently, or a mirror that was copied anew, cost nothing.
        """
        if self.size != other.size:
            return False
        if checksum_decides:
            return True
        return (self.url, self.etag, self.last_modified) == (
            other.url,
            other.etag,
            other.last_modified,
        )


class Part:
    """The unfinished bytes of `target`. Threads may write different ranges at once.

    A context manager: entering reads what an earlier try left, leaving writes the note. What
    the file system refuses is raised as OSError.

    Attributes:
        identity: of the bytes that are here; None before the first answer.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._path = target.with_name(f".{target.name}.part")
        self._note = target.with_name(f".{target.name}.part.json")
        self._ranges: list[Span] = []
        self._guard = threading.Lock()
        self._descriptor = -1
        self._is_finished = False
        self.identity: Identity | None = None

    def __enter__(self) -> Self:
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666 & ~UMASK)
        self._read_note()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self.identity is None:
            self.discard()
        if not self._is_finished:
            with suppress(OSError):  # an older note stays, which promises less
                self.save()
        os.close(self._descriptor)

    @property
    def n_bytes(self) -> int:
        """How many bytes are here."""
        with self._guard:
            return sum(end - start for start, end in self._ranges)

    @property
    def front(self) -> int:
        """Before this byte all are here."""
        with self._guard:
            return self._ranges[0][1] if self._ranges and self._ranges[0][0] == 0 else 0

    def missing(self, longest: int) -> Iterator[Span]:
        """Yield what is not here, in order, in spans of at most `longest` bytes."""
        with self._guard:
            ranges = list(self._ranges)
        size = self.identity.size if self.identity and self.identity.size is not None else 0
        position = 0
        for start, end in [*ranges, (size, size)]:
            while position < start:
                yield position, min(position + longest, start)
                position = min(position + longest, start)
            position = max(position, end)

    def begin(self, identity: Identity) -> None:
        """Forget what is here and begin with another file, or the same one anew."""
        with self._guard:
            self._ranges = []
        # A new file: threads of an earlier try may still hold the old one.
        self._note.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666 & ~UMASK)
        self.identity = identity
        self.save()

    def writer(self) -> "PartWriter":
        """Return a way to write for one thread."""
        return PartWriter(self, os.open(self._path, os.O_WRONLY))

    def read(self, position: int, length: int) -> bytes:
        """Return up to `length` bytes from `position`."""
        return os.pread(self._descriptor, length, position)

    def added(self, start: int, end: int) -> None:
        """Note that the bytes from `start` to before `end` have been written."""
        with self._guard:
            ranges = self._ranges
            at = bisect_left(ranges, (start, end))
            while at > 0 and ranges[at - 1][1] >= start:
                at -= 1
            last = at
            while last < len(ranges) and ranges[last][0] <= end:
                start, end = min(start, ranges[last][0]), max(end, ranges[last][1])
                last += 1
            ranges[at:last] = [(start, end)]

    def save(self) -> None:
        """Bring the bytes to the disk, then the note that names them."""
        with self._guard:
            ranges, identity = list(self._ranges), self.identity
        if identity is None:
            return
        os.fdatasync(self._descriptor)
        text = json.dumps({**asdict(identity), "ranges": ranges})
        try:
            write_text(self._note, f"{text:{_NOTE_SIZE}}\n")
        except OSError:
            # On a full disk the older note makes room for this one: it was padded for that.
            self._note.unlink(missing_ok=True)
            write_text(self._note, f"{text}\n")

    def finish(self) -> None:
        """Give the bytes their final name."""
        os.fsync(self._descriptor)
        self._path.replace(self._target)
        self._is_finished = True
        self._note.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove all that is here."""
        self._is_finished = True
        self._path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def _read_note(self) -> None:
        try:
            values = json.loads(self._note.read_text("utf-8"))
            identity = Identity(*(values[name] for name in Identity.__slots__))
            ranges = _checked(values["ranges"], os.fstat(self._descriptor).st_size)
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return  # none, or damaged: the next answer begins anew
        self.identity, self._ranges = identity, ranges


class PartWriter:
    """Writes a part's bytes through a descriptor of its own. A context manager."""

    def __init__(self, part: Part, descriptor: int) -> None:
        self._part = part
        self._descriptor = descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def write(self, position: int, data: bytes) -> int:
        """Write `data` at `position`, and return where it ends."""
        view, start = memoryview(data), position
        while view:
            n_written = os.pwrite(self._descriptor, view, position)
            view = view[n_written:]
            position += n_written
        self._part.added(start, position)
        return position


def _checked(ranges: Any, size: int) -> list[Span]:
    spans = sorted((int(start), int(end)) for start, end in ranges)
    before = 0
    for start, end in spans:
        if not before <= start < end <= size:
            raise ValueError("ranges that overlap or lie outside the file")
        before = end
    return spans
