"""The fields of COCO records that are searched by, as columns.

A record is taken by itself, from what `json` made of it, with an error that names what is
wrong; or many records at once, from their bytes, if there is nothing odd about any of them.
Both give the same columns.
"""

import json
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Any

NO_ID = -1
LONGEST_NAME = 1_024  # characters of a file name; file systems allow 255 bytes a folder level
LONGEST_URL = 8_192

Record = dict[str, Any]


class Odd(IntFlag):
    """What is odd about an annotation record and is not in a column of its own."""

    NO_ISCROWD = 1
    """`iscrowd` is absent or null, and read as 0."""
    ISCROWD_NO_FLAG = 2
    """`iscrowd` is neither 0 nor 1 (nor true or false), and read as 1 unless it is empty."""
    NO_SEGMENTATION = 4
    """`segmentation` is absent, null or empty."""
    SEGMENTATION_SHAPE = 8
    """`segmentation` is no list of polygons of three points or more, and no counts and size."""
    BLANK_CAPTION = 16
    """`caption` holds nothing but space."""
    KEYPOINTS_SHAPE = 32
    """`keypoints` is no list of x, y and visibility by turns."""


class RecordError(ValueError):
    """What is wrong with one record, to follow its name in a sentence."""


class UnusualRecords(Exception):
    """Some of many records cannot be taken at once; take them one by one."""


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
        """Take the fields of one record; raise RecordError with what is wrong."""
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

    def add_all(self, records: bytes, starts: Sequence[int], lengths: Sequence[int]) -> None:
        """Take the fields of many records, a JSON list; raise UnusualRecords, having taken none."""
        rows = _decoded(records, "image", len(starts))
        names = _texts([row.file_name for row in rows], LONGEST_NAME)
        given = [row.coco_url if isinstance(row.coco_url, str) else "" for row in rows]
        urls, ids = _texts(given, LONGEST_URL), _wholes([row.id for row in rows])
        self.ids.extend(ids)
        self.file_names += names
        self.coco_urls += urls
        self.widths.extend(_wholes_or([row.width for row in rows], 0))
        self.heights.extend(_wholes_or([row.height for row in rows], 0))
        self.license_ids.extend(_wholes_or([row.license for row in rows], NO_ID))
        self.starts.extend(starts)
        self.lengths.extend(lengths)


@dataclass(slots=True)
class AnnotationColumns:
    """One entry an annotation record, in source order.

    `category_ids`, `areas`, `iscrowd` and `boxes` (four numbers a record) stay empty for
    captions and panoptic; `odd` holds `Odd`.
    """

    kind: str
    ids: "array[int]" = field(default_factory=lambda: array("q"))
    image_ids: "array[int]" = field(default_factory=lambda: array("q"))
    starts: "array[int]" = field(default_factory=lambda: array("q"))
    lengths: "array[int]" = field(default_factory=lambda: array("q"))
    odd: "array[int]" = field(default_factory=lambda: array("b"))
    category_ids: "array[int]" = field(default_factory=lambda: array("q"))
    areas: "array[float]" = field(default_factory=lambda: array("d"))
    iscrowd: "array[int]" = field(default_factory=lambda: array("b"))
    boxes: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, record: Record, start: int, length: int) -> None:
        """Take the fields of one record; raise RecordError with what is wrong."""
        self.image_ids.append(_whole(record, "image_id"))
        # Panoptic records are one a picture and have no id of their own.
        self.ids.append(_whole(record, "image_id" if self.kind == "panoptic" else "id"))
        self.starts.append(start)
        self.lengths.append(length)
        odd = 0
        if self.kind == "captions":
            odd = 0 if _text(record, "caption").strip() else Odd.BLANK_CAPTION
        elif self.kind != "panoptic":
            odd = self._add_shape(record)
        self.odd.append(odd)

    def add_all(self, records: bytes, starts: Sequence[int], lengths: Sequence[int]) -> None:
        """Take the fields of many records, a JSON list; raise UnusualRecords, having taken none."""
        if self.kind == "captions":
            self._add_captions(_decoded(records, "caption", len(starts)))
        elif self.kind == "panoptic":
            rows = _decoded(records, "caption", len(starts))
            ids = _wholes([row.image_id for row in rows])
            self.ids.extend(ids)
            self.image_ids.extend(ids)
            self.odd.frombytes(bytes(len(rows)))
        else:
            self._add_shapes(_decoded(records, self.kind, len(starts)))
        self.starts.extend(starts)
        self.lengths.extend(lengths)

    def _add_shape(self, record: Record) -> int:
        self.category_ids.append(_whole(record, "category_id"))
        self.areas.append(_number(record.get("area")))
        self.iscrowd.append(1 if record.get("iscrowd") else 0)
        self.boxes.extend(_box(record.get("bbox")))
        odd = _odd_iscrowd(record.get("iscrowd")) | _odd_segmentation(record.get("segmentation"))
        return odd | (_odd_keypoints(record.get("keypoints")) if self.kind == "keypoints" else 0)

    def _add_captions(self, rows: list[Any]) -> None:
        texts = _texts([row.caption for row in rows])
        ids, image_ids = _wholes([row.id for row in rows]), _wholes([row.image_id for row in rows])
        self.ids.extend(ids)
        self.image_ids.extend(image_ids)
        self.odd.extend([0 if text.strip() else Odd.BLANK_CAPTION for text in texts])

    def _add_shapes(self, rows: list[Any]) -> None:
        ids, image_ids = _wholes([row.id for row in rows]), _wholes([row.image_id for row in rows])
        category_ids = _wholes([row.category_id for row in rows])
        crowds = [row.iscrowd for row in rows]
        odd = [_odd_raw_segmentation(bytes(row.segmentation)) for row in rows]
        if set(map(type, crowds)) != {int} or set(crowds) - {0, 1}:
            odd = [one | _odd_iscrowd(value) for one, value in zip(odd, crowds, strict=True)]
        if self.kind == "keypoints":
            odd = [one | _odd_keypoints(row.keypoints) for one, row in zip(odd, rows, strict=True)]
        self.ids.extend(ids)
        self.image_ids.extend(image_ids)
        self.category_ids.extend(category_ids)
        self.areas.extend(_numbers([row.area for row in rows]))
        self.iscrowd.extend([1 if value else 0 for value in crowds])
        self.boxes.extend(_boxes([row.bbox for row in rows]))
        self.odd.extend(odd)


def whole_number(value: Any) -> int | None:
    """Return a JSON number as an int of 64 bits, None when it is none; 3.0 is 3."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        return None
    return value


def _whole(record: Record, key: str) -> int:
    value = whole_number(record.get(key))
    if value is None:
        raise RecordError(f"{_found(record, key)}; expected a whole number of at most 64 bits.")
    return value


def _whole_or(value: Any, default: int) -> int:
    whole = whole_number(value)
    return default if whole is None else whole


def _found(record: Record, key: str) -> str:
    return f"has {record[key]!r:.60} as {key!r}" if key in record else f"has no {key!r}"


def _text(record: Record, key: str, longest: int | None = None) -> str:
    value = record.get(key)
    if not isinstance(value, str):
        raise RecordError(f"{_found(record, key)}; expected text.")
    if longest is not None and len(value) > longest:
        raise RecordError(
            f"has {len(value):,} characters in {key!r}; expected at most {longest:,}."
        )
    if key != "caption" and not _is_encodable(value):
        raise RecordError(f"has half a surrogate pair in {key!r}; expected valid Unicode.")
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


def _box(value: Any) -> list[float]:
    if isinstance(value, list) and len(value) == 4:
        return [_number(side) for side in value]
    return _NO_BOX


_NO_BOX = [float("nan")] * 4


def _odd_iscrowd(value: Any) -> int:
    if value is None:
        return Odd.NO_ISCROWD
    # 1.0 and True are 1.
    return 0 if isinstance(value, int | float) and value in (0, 1) else Odd.ISCROWD_NO_FLAG


def _odd_segmentation(value: Any) -> int:
    if not value and not isinstance(value, int | float):
        return Odd.NO_SEGMENTATION
    if isinstance(value, dict):
        return 0 if "counts" in value and "size" in value else Odd.SEGMENTATION_SHAPE
    if not isinstance(value, list):
        return Odd.SEGMENTATION_SHAPE
    fit = all(isinstance(part, list) and len(part) >= 6 and len(part) % 2 == 0 for part in value)
    return 0 if fit else Odd.SEGMENTATION_SHAPE


def _odd_raw_segmentation(raw: bytes) -> int:
    """The same of JSON text, without making numbers of polygons."""
    if b'"' in raw or not raw.startswith(b"["):
        return _odd_segmentation(json.loads(raw) if raw else None)
    if raw.startswith(b"[[") and raw.find(b"]") == len(raw) - 2:  # one polygon, as most are
        return _odd_polygon(raw)
    *polygons, last, _ = raw[1:].split(b"]") if raw.count(b"]") > 1 else (b"", b"")
    parts = [polygon.partition(b"[") for polygon in polygons]
    is_plain = not last.strip() and not any(
        gap.strip(b", \t\r\n") or not opening or b"[" in values for gap, opening, values in parts
    )
    if not polygons or not is_plain:
        return _odd_segmentation(json.loads(raw))
    return Odd.SEGMENTATION_SHAPE if any(_odd_polygon(one) for _, _, one in parts) else 0


def _odd_polygon(values: bytes) -> int:
    commas = values.count(b",")
    return 0 if commas >= 5 and commas % 2 else Odd.SEGMENTATION_SHAPE


def _odd_keypoints(value: Any) -> int:
    fit = isinstance(value, list) and len(value) % 3 == 0
    return 0 if fit else Odd.KEYPOINTS_SHAPE


def _decoded(records: bytes, noun: str, count: int) -> list[Any]:
    """Decode a JSON list of `count` records, each as an object with the fields needed."""
    decoder = _decoder(noun)
    try:
        rows: list[Any] = decoder(records)
    except (ValueError, RecursionError) as error:
        # Not JSON, or what `json` reads all the same: NaN, half a surrogate pair.
        raise UnusualRecords from error
    if len(rows) != count:
        raise UnusualRecords
    return rows


_decoders: dict[str, Callable[[bytes], Any]] = {}
_FIELDS = {
    "image": ("id", "file_name", "coco_url", "width", "height", "license"),
    "caption": ("id", "image_id", "caption"),
    "instances": ("id", "image_id", "category_id", "area", "iscrowd", "bbox", "segmentation"),
}


def _decoder(noun: str) -> Callable[[bytes], Any]:
    """Return what decodes a list of records; it passes over other fields, but checks them."""
    if noun not in _decoders:
        # Here: what is indexed already needs no decoder, and the import takes 40 ms.
        import msgspec

        names = _FIELDS.get(noun, _FIELDS["instances"])
        names += ("keypoints",) if noun == "keypoints" else ()
        fields = [
            (name, msgspec.Raw, msgspec.Raw(b"")) if name == "segmentation" else (name, Any, None)
            for name in names
        ]
        row = msgspec.defstruct(f"_{noun.title()}", fields, gc=False)
        _decoders[noun] = msgspec.json.Decoder(list[row]).decode  # type: ignore[valid-type]
    return _decoders[noun]


def _wholes(values: list[Any]) -> "array[int]":
    if set(map(type, values)) != {int}:
        values = [whole_number(value) for value in values]
    try:
        return array("q", values)
    except (TypeError, OverflowError):
        raise UnusualRecords from None


def _wholes_or(values: list[Any], default: int) -> "array[int]":
    try:
        if set(map(type, values)) == {int}:
            return array("q", values)
    except OverflowError:
        pass
    return array("q", [_whole_or(value, default) for value in values])


def _texts(values: list[Any], longest: int | None = None) -> list[str]:
    if set(map(type, values)) != {str}:
        raise UnusualRecords
    if longest is not None and max(map(len, values)) > longest:
        raise UnusualRecords
    return values


def _numbers(values: list[Any]) -> "array[float]":
    try:
        if set(map(type, values)) <= {int, float}:
            return array("d", values)
    except OverflowError:
        pass
    return array("d", [_number(value) for value in values])


def _boxes(values: list[Any]) -> "array[float]":
    if set(map(type, values)) == {list} and set(map(len, values)) == {4}:
        return _numbers([side for box in values for side in box])
    return array("d", [side for value in values for side in _box(value)])
