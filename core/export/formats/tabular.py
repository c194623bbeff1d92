"""Tables, as CSV or Parquet: pictures, instances, captions, poses, categories, licences.

Numbers and texts of a record stay as they are; what a table has no column for is in the
column `record`, which is the record's own JSON.
"""

import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from core.export.contents import Contents, Member
from core.export.formats.common import beside
from core.export.formats.format import Format
from core.export.formats.losses import losses
from core.export.members import bytes_member, csv_member, json_text
from core.export.records import annotation_records, image_records
from core.export.shapes import SHAPES

_IMAGES = ("image_id", "file", "width", "height", "license", "coco_url", "flickr_url", "split")
_COLUMNS: dict[str, tuple[str, ...]] = {
    "instances": (
        *("id", "image_id", "category_id", "iscrowd", "area"),
        *("bbox_x", "bbox_y", "bbox_width", "bbox_height", "segmentation"),
    ),
    "captions": ("id", "image_id", "caption"),
}
_COLUMNS["keypoints"] = (*_COLUMNS["instances"], "num_keypoints", "keypoints")
_COLUMNS["stuff"] = _COLUMNS["instances"]
_COLUMNS["panoptic"] = ("image_id", "file_name", "segments_info")
_INTS = {"id", "image_id", "category_id", "iscrowd", "width", "height", "license", "num_keypoints"}
_FLOATS = {"area", "bbox_x", "bbox_y", "bbox_width", "bbox_height"}


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def _tables(contents: Contents) -> Iterator[_Table]:
    yield _Table("images", (*_IMAGES, "record"), list(_image_rows(contents)))
    for kind in contents.kinds:
        yield _Table(kind, (*_COLUMNS[kind], "record"), list(_annotation_rows(contents, kind)))
    dataset = contents.dataset
    yield _Table(
        "categories",
        ("category_id", "name", "supercategory"),
        [(c.id, c.name, c.supercategory) for c in dataset.categories],
    )
    yield _Table(
        "licenses",
        ("license", "name", "url"),
        [(one.id, one.name, one.url) for one in dataset.licenses],
    )


def _image_rows(contents: Contents) -> Iterator[tuple[Any, ...]]:
    for part in contents.divided:
        raw = image_records(part, part.dataset.primary)
        for name, record in zip(part.file_names, raw, strict=True):
            values = json.loads(record)
            found = {**values, "image_id": values["id"], "file": f"{part.folder}/{name}"}
            found["split"] = part.part
            yield (*(_cell(found.get(column)) for column in _IMAGES), _text(record))


def _annotation_rows(contents: Contents, kind: str) -> Iterator[tuple[Any, ...]]:
    for of_one in annotation_records(contents, kind):
        for record in of_one:
            values = json.loads(record)
            found = values.get("bbox")
            if isinstance(found, list) and len(found) == 4:
                names = ("bbox_x", "bbox_y", "bbox_width", "bbox_height")
                values |= dict(zip(names, found, strict=True))
            yield (*(_cell(values.get(column)) for column in _COLUMNS[kind]), _text(record))


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _text(record: bytes) -> str:
    return record.decode("utf-8")


def _csv(contents: Contents) -> Iterator[Member]:
    for table in _tables(contents):
        yield csv_member(f"{table.name}.csv", table.columns, table.rows)


def _parquet(contents: Contents) -> Iterator[Member]:
    import pyarrow.parquet as pq  # megabytes that other formats do without

    for table in _tables(contents):
        columns = [
            _array(name, [row[at] for row in table.rows]) for at, name in enumerate(table.columns)
        ]
        target = io.BytesIO()
        pq.write_table(pa.table(columns, names=list(table.columns)), target, compression="zstd")
        yield bytes_member(f"{table.name}.parquet", target.getvalue())


def _array(name: str, values: Sequence[Any]) -> Any:
    if name in _INTS:
        return pa.array([v if _is_whole(v) else None for v in values], pa.int64())
    if name in _FLOATS:
        return pa.array([float(v) if _is_number(v) else None for v in values], pa.float64())
    return pa.array(
        [None if v is None else v if isinstance(v, str) else json_text(v) for v in values],
        pa.string(),
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and value == int(value) and abs(value) < 2**63


CSV = Format(SHAPES["csv"], beside(_csv), losses(kinds=("masks",)))
PARQUET = Format(SHAPES["parquet"], beside(_parquet), losses(kinds=("masks",)))
