"""Records as they leave: the source's own bytes, changed only where a choice says so."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice, pairwise

import numpy as np

from core.coco.tables import RowGroups
from core.export.contents import Contents


@dataclass(frozen=True, slots=True)
class Objects:
    """The instances of one picture, column by column; None stands for what a record lacks.

    Attributes:
        bbox: x, y, width, height in pixels.
        area: square pixels.
        iscrowd: 0 or 1.
    """

    id: list[int]
    category_id: list[int]
    bbox: list[list[float] | None]
    area: list[float | None]
    iscrowd: list[int]


def image_records(contents: Contents, kind: str) -> Iterator[bytes]:
    """The image record of each picture, of the file of `kind` where that lists it."""
    raw = contents.dataset.raw_records(kind, contents.image_ids).images
    if not contents.changes:
        yield from raw
        return
    for image_id, record in zip(contents.image_ids.tolist(), raw, strict=True):
        yield contents.changes.image(image_id, record)


def annotation_records(contents: Contents, kind: str) -> Iterator[list[bytes]]:
    """The annotation records of `kind` of each picture."""
    dataset, image_ids = contents.dataset, contents.image_ids
    counts, _ = dataset.record_sizes(kind, image_ids)
    raw = iter(dataset.raw_records(kind, image_ids).annotations)
    for image_id, count in zip(image_ids.tolist(), counts.tolist(), strict=True):
        yield contents.changes.annotations(kind, image_id, list(islice(raw, count)))


def every_annotation(contents: Contents, kind: str) -> Iterator[bytes]:
    """The annotation records of `kind` of all pictures, one after the other."""
    if contents.changes.only_names:
        yield from contents.dataset.raw_records(kind, contents.image_ids).annotations
        return
    yield from chain.from_iterable(annotation_records(contents, kind))


def captions(contents: Contents) -> Iterator[tuple[str, ...]]:
    """The captions of each picture."""
    yield from contents.dataset.captions_of(contents.image_ids)


def objects(contents: Contents) -> Iterator[Objects]:
    """The instances of each picture, their shapes left out."""
    if contents.changes.only_names:
        yield from _from_columns(contents)
        return
    for raw in annotation_records(contents, "instances"):
        records = [json.loads(record) for record in raw]
        boxes = [record.get("bbox") for record in records]
        yield Objects(
            [int(record["id"]) for record in records],
            [int(record["category_id"]) for record in records],
            [_box(box) if isinstance(box, list) and len(box) == 4 else None for box in boxes],
            [_finite(record.get("area")) for record in records],
            [1 if record.get("iscrowd") else 0 for record in records],
        )


def _from_columns(contents: Contents) -> Iterator[Objects]:
    """Read no record: the columns hold what is asked for."""
    table, images = contents.dataset.instances, contents.dataset.images
    groups = RowGroups(table.image_rows, len(images))
    rows = images.rows_of(contents.image_ids)
    ends = np.cumsum(groups.counts[rows]).tolist()
    at = groups.of_all(rows)
    ids, category_ids = table.ids[at].tolist(), table.category_ids[at].tolist()
    crowds = table.iscrowd[at].astype(int).tolist()
    boxes, areas = table.bbox[at].tolist(), table.area[at].tolist()
    if not np.isfinite(table.bbox[at]).all():
        boxes = [_box(box) for box in boxes]
    if not np.isfinite(table.area[at]).all():
        areas = [_finite(area) for area in areas]
    for start, end in pairwise((0, *ends)):
        yield Objects(
            ids[start:end],
            category_ids[start:end],
            boxes[start:end],
            areas[start:end],
            crowds[start:end],
        )


def _box(box: list[object]) -> list[float] | None:
    numbers = [_finite(value) for value in box]
    return None if None in numbers else [number for number in numbers if number is not None]


def _finite(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None  # type: ignore[arg-type]
