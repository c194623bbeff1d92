"""Annotations of a picture that is made smaller, made smaller with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.uint8]
# Of a pixel; finer than any annotation was drawn.
_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Scaling:
    """From one size of a picture to another, in pixels."""

    width: int
    height: int
    new_width: int
    new_height: int

    @classmethod
    def to_longest_side(cls, width: int, height: int, longest: int) -> "Scaling | None":
        """Return the scaling that makes the longest side `longest`; None for smaller pictures."""
        if max(width, height) <= longest:
            return None
        factor = longest / max(width, height)
        sides = (max(1, round(width * factor)), max(1, round(height * factor)))
        return cls(width, height, *sides)

    @property
    def x(self) -> float:
        return self.new_width / self.width

    @property
    def y(self) -> float:
        return self.new_height / self.height


def scaled_values(record: Mapping[str, Any], scaling: Scaling) -> dict[str, Any]:
    """Return the new values of the fields of an annotation record that are measured in pixels.

    Fields that are missing, null or not of COCO's form are left out: they stay as they are.
    A mask is sampled at the centres of the new pixels.
    """
    found: dict[str, Any] = {}
    if (box := _numbers(record.get("bbox"), 4)) is not None:
        found["bbox"] = _box(box, scaling)
    if (area := _number(record.get("area"))) is not None:
        found["area"] = _rounded(area * scaling.x * scaling.y)
    points = record.get("keypoints")
    if isinstance(points, list) and (numbers := _numbers(points, len(points))) is not None:
        found["keypoints"] = _keypoints(numbers, points, scaling)
    shape = record.get("segmentation")
    if isinstance(shape, list):
        found["segmentation"] = [_polygon(polygon, scaling) for polygon in shape]
    elif isinstance(shape, dict):
        found |= _mask_values(shape, found.get("area"), record.get("area"), scaling)
    segments = record.get("segments_info")
    if isinstance(segments, list):
        found["segments_info"] = [
            {**segment, **scaled_values(segment, scaling)} if isinstance(segment, dict) else segment
            for segment in segments
        ]
    return found


def resampled(mask: npt.NDArray[Any], scaling: Scaling) -> npt.NDArray[Any]:
    """Return an array of rows and columns at the new size, by its nearest values."""
    rows = ((np.arange(scaling.new_height) + 0.5) / scaling.y).astype(np.int64)
    columns = ((np.arange(scaling.new_width) + 0.5) / scaling.x).astype(np.int64)
    small: npt.NDArray[Any] = mask[np.minimum(rows, mask.shape[0] - 1)]
    return small[:, np.minimum(columns, mask.shape[1] - 1)]


def decoded_mask(shape: Mapping[str, Any]) -> Mask | None:
    """Return the mask of a COCO RLE, uint8, (height, width); None if it is none.

    Counts may be a list, or text compressed as by pycocotools.
    """
    from pycocotools import mask as masks

    size, counts = _numbers(shape.get("size"), 2), shape.get("counts")
    if size is None or min(size) < 1:
        return None
    height, width = int(size[0]), int(size[1])
    if isinstance(counts, list):
        lengths = _numbers(counts, len(counts))
        if lengths is None or min(lengths, default=0) < 0 or sum(lengths) != height * width:
            return None
        values = np.arange(len(counts)) % 2
        flat = np.repeat(values.astype(np.uint8), np.asarray(lengths, dtype=np.int64))
        return flat.reshape((height, width), order="F")
    if not isinstance(counts, str):
        return None
    try:
        mask: Mask = masks.decode({"size": [height, width], "counts": counts.encode("ascii")})
    except (ValueError, UnicodeError):
        return None
    return mask


def encoded_mask(mask: Mask, *, as_text: bool) -> dict[str, Any]:
    """Return the COCO RLE of a mask, its counts as compressed text or as a list."""
    from pycocotools import mask as masks

    size = [int(mask.shape[0]), int(mask.shape[1])]
    if as_text:
        counts: Any = masks.encode(np.asfortranarray(mask))["counts"].decode("ascii")
        return {"counts": counts, "size": size}
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return {"counts": [0, *counts] if flat[0] else counts, "size": size}


def _mask_values(
    shape: Mapping[str, Any], scaled_area: float | None, area: Any, scaling: Scaling
) -> dict[str, Any]:
    mask = decoded_mask(shape)
    if mask is None:
        return {}
    small = resampled(mask, scaling)
    as_text = isinstance(shape.get("counts"), str)
    found: dict[str, Any] = {"segmentation": {**shape, **encoded_mask(small, as_text=as_text)}}
    if scaled_area is not None and area == int(mask.sum()):
        # The record's area is the mask's own, and stays so.
        found["area"] = int(small.sum())
    return found


def _box(box: list[float], scaling: Scaling) -> list[float]:
    x, y, width, height = box
    return [
        _rounded(x * scaling.x),
        _rounded(y * scaling.y),
        _rounded(width * scaling.x),
        _rounded(height * scaling.y),
    ]


def _polygon(polygon: Any, scaling: Scaling) -> Any:
    numbers = _numbers(polygon, len(polygon)) if isinstance(polygon, list) else None
    if numbers is None:
        return polygon
    factors = (scaling.x, scaling.y)
    return [_rounded(value * factors[place % 2]) for place, value in enumerate(numbers)]


def _keypoints(numbers: list[float], points: list[Any], scaling: Scaling) -> list[Any]:
    """Triples of x, y and visibility; a point that is not labelled stays at 0, 0."""
    found = list(points)
    for place in range(0, len(points) - 2, 3):
        found[place] = _rounded(numbers[place] * scaling.x)
        found[place + 1] = _rounded(numbers[place + 1] * scaling.y)
    return found


def _numbers(value: Any, length: int) -> list[float] | None:
    if not isinstance(value, list) or len(value) != length:
        return None
    numbers = [_number(entry) for entry in value]
    return None if None in numbers else [number for number in numbers if number is not None]


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e15 else None


def _rounded(value: float) -> float:
    return round(value, _DECIMALS)
