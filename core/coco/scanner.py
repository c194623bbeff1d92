"""Walks a COCO JSON file once and notes where each record's bytes lie.

Records are taken many at once where a fast reader takes them (`blocks`, `fields`), and else
one by one by the standard library's JSON scanner. For that the file is decoded as latin-1,
one character a byte, so that the positions at which the scanner stops are byte offsets. What
must be read as text is decoded again from its own bytes as UTF-8.
"""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from core.coco.blocks import find_records
from core.coco.fields import (
    NO_ID,
    AnnotationColumns,
    ImageColumns,
    Record,
    RecordError,
    UnusualRecords,
    whole_number,
)
from core.errors import DatasetError
from core.progress import Progress

_BOM = "\xef\xbb\xbf"
_SPACE = re.compile(r"[ \t\n\r]*")
_PADDING = b" \t\n\r\0"
# So many bytes of records are taken at once: they stay in the processor's cache.
_BLOCK = 512 * 1024
_WINDOW = 64 * 1024
_RECORDS_A_TELL = 4096
_scan_value: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # (value, end), as raw_decode uses


@dataclass(frozen=True, slots=True)
class Member:
    """A top-level member of the source other than `images` and `annotations`.

    Attributes:
        key: the member's name.
        raw_key: its JSON text, with quotes and escapes as the source has them.
        start: byte offset of the value.
        length: bytes of the value.
    """

    key: str
    raw_key: str
    start: int
    length: int


@dataclass(slots=True)
class Scan:
    """All that one walk found."""

    images: ImageColumns
    annotations: AnnotationColumns
    members: list[Member]


def scan(path: Path, kind: str, progress: Progress) -> Scan:
    """Walk the COCO file at `path`, whose annotations are of `kind`.

    Memory: the columns, and a few pieces of the file. A record or member that cannot be
    read, or is very large, may take as much as the file's size.

    Raises:
        DatasetError: not JSON, cut short, not COCO, or a record without what its kind needs.
    """
    with path.open("rb", buffering=0) as file:
        return _Walk(path, _Text(file), kind, progress).run()


class _Text:
    """A file as text of one character a byte, by offset; a window of it is in memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file.fileno()
        self.size = os.fstat(self._file).st_size
        self._start = 0
        self._window = ""

    def character(self, at: int) -> str:
        """Return the character at `at`; IndexError after the last."""
        if not self._start <= at < self._start + len(self._window):
            self._load(at, _WINDOW)
        return self._window[at - self._start]

    def after_space(self, at: int) -> int:
        """Return where what is not JSON's space begins, from `at` on."""
        while at < self.size:
            self.character(at)
            match = _SPACE.match(self._window, at - self._start)
            assert match is not None  # noqa: S101  (an empty match is a match)
            at = self._start + match.end()
            if match.end() < len(self._window):
                break
        return at

    def value(self, at: int) -> tuple[Any, int]:
        """Return the JSON value that begins at `at`, as latin-1, and where it ends.

        Raises:
            StopIteration, IndexError, ValueError, RecursionError: as the JSON scanner, with
                offsets of the file.
        """
        self.character(at)
        while True:
            is_last = self._start + len(self._window) >= self.size
            try:
                value, end = _scan_value(self._window, at - self._start)
                # A number that ends with the window may go on.
                if end < len(self._window) or is_last:
                    return value, self._start + end
            except (StopIteration, IndexError, json.JSONDecodeError) as error:
                if is_last:
                    raise self._of_file(error) from None
            self._load(at, 2 * len(self._window) if self._start == at else _WINDOW)

    def raw(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to `end`."""
        if self._start <= start and end <= self._start + len(self._window):
            return self._window[start - self._start : end - self._start].encode("latin-1")
        return self.read(start, end - start)

    def read(self, at: int, length: int) -> bytes:
        """Return `length` bytes from `at`, less at the end of the file."""
        pieces = []
        while length > 0 and (piece := os.pread(self._file, length, at)):
            pieces.append(piece)
            at, length = at + len(piece), length - len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def last_content(self) -> tuple[int, str]:
        """Return where the file ends, space and zeros left out, and its last character."""
        end = self.size
        while end:
            start = max(0, end - _WINDOW)
            content = self.read(start, end - start).rstrip(_PADDING)
            if content:
                return start + len(content), content[-1:].decode("latin-1")
            end = start
        return 0, ""

    def _load(self, at: int, length: int) -> None:
        self._window = ""  # before the next: two of a large member's size may not fit
        self._window = self.read(at, length).decode("latin-1")
        self._start = at

    def _of_file(self, error: Exception) -> Exception:
        if isinstance(error, json.JSONDecodeError):
            return _Broken(self._start + error.pos)
        value = getattr(error, "value", None)
        return _Broken(None if value is None else self._start + value)


class _Broken(Exception):
    """What is at a byte offset (None: the end) is no JSON."""

    def __init__(self, at: int | None) -> None:
        super().__init__(at)
        self.at = at


class _Walk:
    def __init__(self, path: Path, text: _Text, kind: str, progress: Progress) -> None:
        self.path = path
        self.text = text
        self.progress = progress
        self.found = Scan(ImageColumns(), AnnotationColumns(kind), [])
        self.where = "the beginning"

    def run(self) -> Scan:
        try:
            self._run()
        except IndexError:
            raise self._broken(None) from None
        except _Broken as error:
            raise self._broken(error.at) from None
        except ValueError as error:  # a number of thousands of digits
            raise DatasetError(f"{self.path}: {self.where} cannot be read: {error}.") from None
        except RecursionError:
            raise DatasetError(
                f"{self.path} is nested too deeply in {self.where}. Expected a COCO JSON file."
            ) from None
        self.progress.update(self.text.size, self.text.size)
        return self.found

    def _run(self) -> None:
        text = self.text
        has_mark = text.read(0, len(_BOM)).decode("latin-1") == _BOM
        at = text.after_space(len(_BOM) if has_mark else 0)
        if text.character(at) != "{":
            raise self._not_coco(f"it begins with {text.read(at, 20).decode('latin-1')!r}")
        at = text.after_space(at + 1)
        seen: list[str] = []
        while text.character(at) != "}":
            key_start = at
            self._expect(at, '"')
            key, at = text.value(at)
            raw_key = text.raw(key_start, at).decode("utf-8")
            if key in seen:
                raise DatasetError(f"{self.path} has the member {raw_key} twice. Remove one.")
            seen.append(key)
            at = text.after_space(self._expect(text.after_space(at), ":"))
            at = self._next(self._member(key, raw_key, at), "}")
        self._check_end(at + 1, seen)

    def _member(self, key: str, raw_key: str, at: int) -> int:
        if key == "images":
            return self._records(at, "image", self.found.images)
        if key == "annotations":
            return self._records(at, "annotation", self.found.annotations)
        self.where = f"the member {raw_key}"
        _, end = self.text.value(at)
        self.found.members.append(Member(key, raw_key, at, end - at))
        return end

    def _records(self, at: int, noun: str, columns: ImageColumns | AnnotationColumns) -> int:
        if self.text.character(at) != "[":
            raise self._not_coco(f'"{noun}s" is not a list')
        at = self.text.after_space(at + 1)
        number = singly_until = 0
        while self.text.character(at) != "]":
            self.where = f"{noun} record {number + 1:,}"
            taken, end = 0, at
            if at >= singly_until:
                taken, end = self._take_block(at, columns)
                singly_until = 0 if taken else at + _BLOCK
            if not taken:
                taken, end = 1, self._take_one(at, columns)
            if (number + taken) // _RECORDS_A_TELL > number // _RECORDS_A_TELL or taken > 1:
                self.progress.update(end, self.text.size)
            number += taken
            self.where = f"{noun} record {number:,}"
            at = self._next(end, "]")
        return at + 1

    def _take_block(self, at: int, columns: ImageColumns | AnnotationColumns) -> tuple[int, int]:
        """Take the records from `at` on that a block holds; return how many, and their end."""
        block = self.text.read(at, _BLOCK)
        starts, ends = find_records(block)
        if not starts.size:
            return 0, at
        end = int(ends[-1])
        try:
            columns.add_all(
                b"[" + block[:end] + b"]", (starts + at).tolist(), (ends - starts).tolist()
            )
        except UnusualRecords:
            return 0, at
        return starts.size, at + end

    def _take_one(self, at: int, columns: ImageColumns | AnnotationColumns) -> int:
        record, end = self.text.value(at)
        if not isinstance(record, dict):
            raise self._not_coco(f"{self.where} is not an object")
        raw = self.text.raw(at, end)
        if not raw.isascii():
            record = json.loads(raw.decode("utf-8"))
        try:
            columns.add(record, at, end - at)
        except RecordError as error:
            known = f" (id {record['id']})" if isinstance(record.get("id"), int) else ""
            raise DatasetError(f"{self.path}: {self.where}{known} {error}") from None
        return end

    def _next(self, at: int, closing: str) -> int:
        """Return where the next entry, or `closing`, stands after an entry that ends at `at`."""
        text = self.text
        at = text.after_space(at)
        if text.character(at) == closing:
            return at
        at = text.after_space(self._expect(at, ","))
        if text.character(at) == closing:
            raise _Broken(at)
        return at

    def _check_end(self, at: int, seen: list[str]) -> None:
        if self.text.after_space(at) != self.text.size:
            raise DatasetError(f"{self.path} goes on after the end of its JSON, at byte {at:,}.")
        for needed in ("images", "annotations"):
            if needed not in seen:
                names = ", ".join(repr(key) for key in seen[:8])
                found = f"it has no {needed!r}, only {names}" if seen else "it is an empty object"
                raise self._not_coco(found)

    def _expect(self, at: int, character: str) -> int:
        if self.text.character(at) != character:
            raise _Broken(at)
        return at + 1

    def _not_coco(self, found: str) -> DatasetError:
        return DatasetError(
            f"{self.path} is not a COCO annotation file: {found}. Expected an object with the "
            f"lists 'images' and 'annotations'."
        )

    def _broken(self, at: int | None) -> DatasetError:
        # The scanner stops early in a record that is cut off, so look at the file's end too.
        end, last = self.text.last_content()
        if at is None or at >= end or last != "}":
            return DatasetError(
                f"{self.path} ends in the middle of {self.where}, after {self.text.size:,} bytes. "
                f"Is the download complete? Fetch it again."
            )
        return DatasetError(f"{self.path} is not valid JSON: {self.where}, byte {at:,}.")


__all__ = ["NO_ID", "Member", "Record", "Scan", "scan", "whole_number"]
