"""Annotations for a browser: what it can draw, ids that it can keep, links that it may open.

What a file holds may be anything; what cannot be drawn is left out here and stays as it was
in what is exported.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

from core.coco import CocoDataset, License
from core.licences import terms_of

# A run length of more bits than this belongs to no picture.
MAX_RUN_BITS = 60
# Numbers above this are not exact in JavaScript.
_MAX_EXACT = 2**53 - 1

Record = dict[str, Any]


def uncompressed_counts(text: str) -> list[int]:
    """Return the run lengths that COCO's compressed RLE string stands for.

    A run is written in groups of five bits, lowest first, each as one character from
    "0" (48) on; the sixth bit says that another group follows. From the fourth run on,
    the difference to the run two before is written. (COCO API, maskApi.c, rleFrString.)

    Raises:
        ValueError: not such a string.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64:
            raise ValueError(f"expected characters from '0' to 'o', got {character!r}")
        value |= (group & 0x1F) << shift
        shift += 5
        if shift > MAX_RUN_BITS:
            raise ValueError(f"expected run lengths of at most {MAX_RUN_BITS} bits")
        if group & 0x20:
            continue
        if group & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift or any(count < 0 for count in counts):
        raise ValueError(f"expected whole run lengths of 0 and more in {text!r:.40}")
    return counts


def browser_id(value: Any) -> Any:
    """Return an id as JavaScript can keep it: as text when it is beyond 2^53."""
    is_large = type(value) is int and abs(value) > _MAX_EXACT
    return str(value) if is_large else value


def rounded(value: Any) -> Any:
    """Return numbers to the tenth, also in lists and in the values of objects."""
    if isinstance(value, list):
        # Most are long lists of floats: coordinates.
        return [_tenth(item) if type(item) is float else rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return _tenth(value) if type(value) is float else value


def _tenth(value: float) -> float:
    tenth = round(value, 1)
    return int(tenth) if tenth.is_integer() else tenth


def web_address(value: Any) -> str | None:
    """Return `value` if it is an http or https address, else None: a link may do nothing else."""
    is_one = isinstance(value, str) and value.lower().startswith(("http://", "https://"))
    return value if is_one else None


def license_record(licence: License | None) -> Record | None:
    """Return what is shown of a licence; `commercial` and `modifications` are None if unknown."""
    if licence is None:
        return None
    terms = terms_of(licence.url)
    return {
        "id": browser_id(licence.id),
        "name": licence.name,
        "url": web_address(licence.url),
        "commercial": terms.commercial,
        "modifications": terms.modifications,
    }


def instances_of(coco: CocoDataset, image_ids: Sequence[int]) -> list[list[Record]]:
    """Return the instances of each picture: `segmentation` is polygons or plain run lengths."""
    if "instances" not in coco.kinds:
        return [[] for _ in image_ids]
    names = {category.id: category.name for category in coco.categories}
    rows = coco.images.rows_of(image_ids)
    heights, widths = coco.images.heights[rows].tolist(), coco.images.widths[rows].tolist()
    return [
        [
            _annotation(record, names)
            | {"segmentation": _drawable(record.get("segmentation"), [height, width])}
            for record in of_one
        ]
        for of_one, height, width in zip(
            coco.annotations_of(image_ids, "instances"), heights, widths, strict=True
        )
    ]


def keypoints_of(coco: CocoDataset, image_ids: Sequence[int]) -> list[list[Record]]:
    """Return the poses of each picture.

    `points` are [x, y, v]: v is 0 where nothing is labelled, 1 for a point that is not
    visible, 2 for one that is. `skeleton` are pairs of points, counted from 1.
    """
    if "keypoints" not in coco.kinds:
        return [[] for _ in image_ids]
    names, skeletons = _keypoint_categories(coco)
    return [
        [
            _annotation(record, names)
            | {"points": points, "skeleton": _bones(skeletons, record, len(points))}
            for record in of_one
            if (points := _points(record.get("keypoints")))
        ]
        for of_one in coco.annotations_of(image_ids, "keypoints")
    ]


def _annotation(record: Record, names: dict[int, str]) -> Record:
    category = record.get("category_id")
    return {
        "id": browser_id(record.get("id")),
        "category_id": browser_id(category),
        "category": names.get(category if type(category) is int else -1, "unknown category"),
        "bbox": _box(record.get("bbox")),
        "area": record.get("area"),
        "iscrowd": record.get("iscrowd", 0),
    }


def _points(values: Any) -> list[list[float]]:
    if not _are_numbers(values) or len(values) % 3:
        return []
    points = [values[at : at + 3] for at in range(0, len(values), 3)]
    return points if any(point[2] > 0 for point in points) else []


def _bones(skeletons: dict[int, list[list[int]]], record: Record, n_points: int) -> list[list[int]]:
    category = record.get("category_id")
    bones = skeletons.get(category, []) if type(category) is int else []
    return [bone for bone in bones if max(bone) <= n_points]


def _keypoint_categories(coco: CocoDataset) -> tuple[dict[int, str], dict[int, list[list[int]]]]:
    """Names and skeletons by category id, of the keypoints file."""
    listed = json.loads(coco.raw_records("keypoints", []).categories or b"[]")
    names, skeletons = {}, {}
    for category in listed if isinstance(listed, list) else []:
        if not isinstance(category, dict) or type(number := category.get("id")) is not int:
            continue
        name, skeleton = category.get("name"), category.get("skeleton")
        names[number] = name if isinstance(name, str) else "unknown category"
        skeletons[number] = [
            bone
            for bone in (skeleton if isinstance(skeleton, list) else [])
            if isinstance(bone, list) and len(bone) == 2 and all(_is_place(end) for end in bone)
        ]
    return names, skeletons


def _is_place(value: Any) -> bool:
    return type(value) is int and value >= 1


def _box(bbox: Any) -> Any:
    return bbox if _are_numbers(bbox) and len(bbox) == 4 else None


def _drawable(segmentation: Any, sides: list[int]) -> Any:
    """Polygons as they are, RLE with its run lengths as numbers, else no polygon.

    Args:
        segmentation: as a record has it; it may hold anything.
        sides: height and width of the picture, which an RLE must fill.
    """
    if isinstance(segmentation, list):
        return [polygon for polygon in segmentation if _are_numbers(polygon)]
    if not isinstance(segmentation, dict) or segmentation.get("size") != sides:
        return []
    counts = segmentation.get("counts")
    try:
        runs = uncompressed_counts(counts) if isinstance(counts, str) else counts
    except ValueError:
        return []
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        return []
    return {"counts": runs, "size": sides} if sum(runs) == math.prod(sides) else []


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(
        type(value) is int or (type(value) is float and math.isfinite(value)) for value in values
    )
