"""Walks a COCO JSON file once and notes where each record's bytes lie.

The file is decoded as latin-1, one character a byte, so that the positions at which
the standard library's JSON scanner stops are byte offsets. What must be read as text
is decoded again from its own bytes as UTF-8.
"""

import json
import mmap
import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import DatasetError
from core.progress import Progress

NO_ID = -1
LONGEST_NAME = 1_024  # characters of a file name; file systems allow 255 bytes a folder level
LONGEST_URL = 8_192
_BOM = "\xef\xbb\xbf"
_SPACE = re.compile(r"[ \t\n\r]*")
_RECORDS_A_TELL = 4096
_scan_value: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # (value, end), as raw_decode uses

Record = dict[str, Any]


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
class ImageColumns:
    """One entry an image record, in source order."""

    ids: "array[int]" = field(default_factory=lambda: array("q"))
    widths: "array[int]" = field(default_factory=lambda: array("q"))
    heights: "array[int]" = field(default_factory=lambda: array("q"))
    license_ids: "array[int]" = field(default_factory=lambda: array("q"))
    starts: "array[int]" = field(default_factory=lambda: array("q"))
    lengths: "array[int]" = field(default_factory=lambda: array("q"))
    file_names: list[str] = field(default_factory=list)
    coco_urls: list[str] = field(default_factory=list)

    def add(self, record: Record, start: int, length: int) -> None:
        """Take the fields that are searched by; raise ValueError with what is wrong."""
        self.ids.append(_whole(record, "id"))
        self.file_names.append(_text(record, "file_name", LONGEST_NAME))
        url = record.get("coco_url")
        self.coco_urls.append(
            _text(record, "coco_url", LONGEST_URL) if isinstance(url, str) else ""
        )
        self.widths.append(_whole_or(record.get("width"), 0))
        self.heights.append(_whole_or(record.get("height"), 0))
        self.license_ids.append(_whole_or(record.get("license"), NO_ID))
        self.starts.append(start)
        self.lengths.append(length)


@dataclass(slots=True)
class AnnotationColumns:
    """One entry an annotation record, in source order; the last four for instances only."""

    kind: str
    ids: "array[int]" = field(default_factory=lambda: array("q"))
    image_ids: "array[int]" = field(default_factory=lambda: array("q"))
    starts: "array[int]" = field(default_factory=lambda: array("q"))
    lengths: "array[int]" = field(default_factory=lambda: array("q"))
    category_ids: "array[int]" = field(default_factory=lambda: array("q"))
    areas: "array[float]" = field(default_factory=lambda: array("d"))
    iscrowd: "array[int]" = field(default_factory=lambda: array("b"))
    boxes: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, record: Record, start: int, length: int) -> None:
        """Take the fields that are searched by; raise ValueError with what is wrong."""
        self.image_ids.append(_whole(record, "image_id"))
        # Panoptic records are one a picture and have no id of their own.
        self.ids.append(_whole(record, "image_id" if self.kind == "panoptic" else "id"))
        self.starts.append(start)
        self.lengths.append(length)
        if self.kind == "captions":
            _text(record, "caption")
        elif self.kind != "panoptic":
            self._add_shape(record)

    def _add_shape(self, record: Record) -> None:
        self.category_ids.append(_whole(record, "category_id"))
        self.areas.append(_number(record.get("area")))
        self.iscrowd.append(1 if record.get("iscrowd") else 0)
        box = record.get("bbox")
        if isinstance(box, list) and len(box) == 4:
            self.boxes.extend([_number(value) for value in box])
        else:
            self.boxes.extend(_NO_BOX)


_NO_BOX = [float("nan")] * 4


@dataclass(slots=True)
class Scan:
    """All that one walk found."""

    images: ImageColumns
    annotations: AnnotationColumns
    members: list[Member]


def scan(path: Path, kind: str, progress: Progress) -> Scan:
    """Walk the COCO file at `path`, whose annotations are of `kind`.

    Memory: one byte of text a byte of file while it runs, and the columns.

    Raises:
        DatasetError: not JSON, cut short, not COCO, or a record without what its kind needs.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        text = str(view, "latin-1")
    return _Walk(path, text, kind, progress).run()


class _Walk:
    def __init__(self, path: Path, text: str, kind: str, progress: Progress) -> None:
        self.path = path
        self.text = text
        self.progress = progress
        self.found = Scan(ImageColumns(), AnnotationColumns(kind), [])
        self.where = "the beginning"

    def run(self) -> Scan:
        try:
            self._run()
        except (StopIteration, IndexError) as error:
            raise self._broken(getattr(error, "value", None)) from None
        except json.JSONDecodeError as error:
            raise self._broken(error.pos) from None
        except ValueError as error:  # a number of thousands of digits
            raise DatasetError(f"{self.path}: {self.where} cannot be read: {error}.") from None
        except RecursionError:
            raise DatasetError(
                f"{self.path} is nested too deeply in {self.where}. Expected a COCO JSON file."
            ) from None
        self.progress.update(len(self.text), len(self.text))
        return self.found

    def _run(self) -> None:
        text = self.text
        at = self._skip(len(_BOM) if text.startswith(_BOM) else 0)
        if text[at] != "{":
            raise self._not_coco(f"it begins with {text[at : at + 20]!r}")
        at = self._skip(at + 1)
        seen: list[str] = []
        while text[at] != "}":
            key_start = at
            if text[at] != '"':
                raise StopIteration(at)
            key, at = _scan_value(text, at)
            raw_key = text[key_start:at].encode("latin-1").decode("utf-8")
            if key in seen:
                raise DatasetError(f"{self.path} has the member {raw_key} twice. Remove one.")
            seen.append(key)
            at = self._skip(self._expect(self._skip(at), ":"))
            at = self._skip(self._member(key, raw_key, at))
            if text[at] == ",":
                at = self._skip(at + 1)
                if text[at] == "}":
                    raise StopIteration(at)
            elif text[at] != "}":
                raise StopIteration(at)
        self._check_end(at + 1, seen)

    def _member(self, key: str, raw_key: str, at: int) -> int:
        if key == "images":
            return self._records(at, "image", self.found.images.add)
        if key == "annotations":
            return self._records(at, "annotation", self.found.annotations.add)
        self.where = f"the member {raw_key}"
        _, end = _scan_value(self.text, at)
        self.found.members.append(Member(key, raw_key, at, end - at))
        return end

    def _records(self, at: int, noun: str, add: Callable[[Record, int, int], None]) -> int:
        text = self.text
        if text[at] != "[":
            raise self._not_coco(f'"{noun}s" is not a list')
        at = self._skip(at + 1)
        number = 0
        while text[at] != "]":
            self.where = f"{noun} record {number + 1:,}"
            record, end = _scan_value(text, at)
            self._take(record, at, end, add)
            number += 1
            if number % _RECORDS_A_TELL == 0:
                self.progress.update(end, len(text))
            at = self._skip(end)
            if text[at] == ",":
                at = self._skip(at + 1)
                if text[at] == "]":
                    raise StopIteration(at)
            elif text[at] != "]":
                raise StopIteration(at)
        return at + 1

    def _take(
        self, record: Any, start: int, end: int, add: Callable[[Record, int, int], None]
    ) -> None:
        if not isinstance(record, dict):
            raise self._not_coco(f"{self.where} is not an object")
        raw = self.text[start:end]
        if not raw.isascii():
            record = json.loads(raw.encode("latin-1").decode("utf-8"))
        try:
            add(record, start, end - start)
        except _RecordError as error:
            known = f" (id {record['id']})" if isinstance(record.get("id"), int) else ""
            raise DatasetError(f"{self.path}: {self.where}{known} {error}") from None

    def _check_end(self, at: int, seen: list[str]) -> None:
        if self._skip(at) != len(self.text):
            raise DatasetError(f"{self.path} goes on after the end of its JSON, at byte {at:,}.")
        for needed in ("images", "annotations"):
            if needed not in seen:
                names = ", ".join(repr(key) for key in seen[:8])
                found = f"it has no {needed!r}, only {names}" if seen else "it is an empty object"
                raise self._not_coco(found)

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        assert match is not None  # noqa: S101  (an empty match is a match)
        return match.end()

    def _expect(self, at: int, character: str) -> int:
        if self.text[at] != character:
            raise StopIteration(at)
        return at + 1

    def _not_coco(self, found: str) -> DatasetError:
        return DatasetError(
            f"{self.path} is not a COCO annotation file: {found}. Expected an object with the "
            f"lists 'images' and 'annotations'."
        )

    def _broken(self, at: int | None) -> DatasetError:
        # The scanner stops early in a record that is cut off, so look at the file's end too.
        tail = self.text.rstrip(" \t\n\r\0")
        if at is None or at >= len(tail) or not tail.endswith("}"):
            return DatasetError(
                f"{self.path} ends in the middle of {self.where}, after {len(self.text):,} bytes. "
                f"Is the download complete? Fetch it again."
            )
        return DatasetError(f"{self.path} is not valid JSON: {self.where}, byte {at:,}.")


def whole_number(value: Any) -> int | None:
    """Return a JSON number as an int of 64 bits, None when it is none; 3.0 is 3."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        return None
    return value


class _RecordError(ValueError):
    """What is wrong with one record, to follow its name in a sentence."""


def _whole(record: Record, key: str) -> int:
    value = whole_number(record.get(key))
    if value is None:
        raise _RecordError(f"{_found(record, key)}; expected a whole number of at most 64 bits.")
    return value


def _whole_or(value: Any, default: int) -> int:
    whole = whole_number(value)
    return default if whole is None else whole


def _found(record: Record, key: str) -> str:
    return f"has {record[key]!r:.60} as {key!r}" if key in record else f"has no {key!r}"


def _text(record: Record, key: str, longest: int | None = None) -> str:
    value = record.get(key)
    if not isinstance(value, str):
        raise _RecordError(f"{_found(record, key)}; expected text.")
    if longest is not None and len(value) > longest:
        raise _RecordError(
            f"has {len(value):,} characters in {key!r}; expected at most {longest:,}."
        )
    if key != "caption" and not _is_encodable(value):
        raise _RecordError(f"has half a surrogate pair in {key!r}; expected valid Unicode.")
    return value


def _is_encodable(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return float("nan")
    try:
        return float(value)
    except OverflowError:
        return float("nan")
