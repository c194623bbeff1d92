"""What several formats have: parsed records, a package without COCO's annotation files."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from core.export.card import card_members
from core.export.contents import Contents, Member
from core.export.documents import (
    missing_members,
    numbering_members,
    recipe_members,
    renamed_members,
    score_members,
)
from core.export.licensing import attribution_members
from core.export.records import annotation_records

Record = dict[str, Any]
Documents = Callable[[Contents], Iterator[Member]]

_BESIDE: tuple[Documents, ...] = (
    card_members,
    score_members,
    attribution_members,
    missing_members,
    renamed_members,
    numbering_members,
    recipe_members,
)


def beside(own: Documents) -> Documents:
    """The documents of a format: its own, then those that every package has."""

    def documents(contents: Contents) -> Iterator[Member]:
        yield from own(contents)
        for members in _BESIDE:
            yield from members(contents)

    return documents


def records(contents: Contents, kind: str) -> Iterator[list[Record]]:
    """The parsed annotation records of each picture as they leave; none without the kind."""
    if kind not in contents.kinds:
        for _ in contents.image_ids:
            yield []
        return
    for raw in annotation_records(contents, kind):
        yield [json.loads(record) for record in raw]


def instances_that(leave: Callable[[Record, int, int], bool]) -> Callable[[Contents], int]:
    """Return what counts the instances that leave, told from a record and its picture's size."""

    def counted(contents: Contents) -> int:
        sizes = contents.sizes.tolist()
        return sum(
            leave(record, *size)
            for size, of_one in zip(sizes, records(contents, "instances"), strict=True)
            for record in of_one
        )

    return counted


def polygons(record: Record) -> list[list[float]]:
    """The polygons of a record that have three corners at least; none for a mask."""
    shape = record.get("segmentation")
    if not isinstance(shape, list):
        return []
    return [
        [float(value) for value in polygon]
        for polygon in shape
        if isinstance(polygon, list) and len(polygon) >= 6 and _are_numbers(polygon)
    ]


def box(record: Record) -> tuple[float, float, float, float] | None:
    """x, y, width, height of a record whose box has an extent; None for any other."""
    found = record.get("bbox")
    if not isinstance(found, list) or len(found) != 4 or not _are_numbers(found):
        return None
    x, y, width, height = map(float, found)
    return (x, y, width, height) if width > 0 and height > 0 else None


def is_mask(record: Record) -> bool:
    return isinstance(record.get("segmentation"), dict)


def has_pose(record: Record) -> bool:
    return any(record.get("keypoints") or ())


def _are_numbers(values: list[Any]) -> bool:
    return all(
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
        for value in values
    )
