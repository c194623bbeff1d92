"""Outlines: masks as COCO keeps them, polygons for one object and RLE for a crowd."""

import itertools

import numpy as np

SMALLEST = 12  # pixels; smaller scraps of a mask get no polygon
TOLERANCE = 0.55  # pixels that a polygon may differ from the traced outline

Points = np.ndarray  # float64, shape (n, 2): x and y, closed without repeating the first


def polygons(mask: np.ndarray) -> list[list[float]]:
    """Return the outlines of `mask` (bool, height x width) as COCO polygons `[x, y, x, y, …]`.

    COCO polygons know no holes, so a hole is joined to its outline by a cut of no
    width, which COCO's even-odd filling leaves out again.
    """
    import contourpy

    padded = np.pad(mask.astype(np.float64), 1)
    # Pixel (row r, column c) of the mask covers x from c to c + 1: its middle is c + 0.5.
    axes = [np.arange(length) - 0.5 for length in padded.shape]
    tracer = contourpy.contour_generator(
        axes[1], axes[0], padded, name="serial", fill_type=contourpy.FillType.OuterOffset
    )
    found = []
    for points, offsets in zip(*tracer.filled(0.5, np.inf), strict=True):
        rings = [
            _simplified(points[start : stop - 1]) for start, stop in itertools.pairwise(offsets)
        ]
        rings = [ring for ring in rings if len(ring) >= 3 and _area(ring) >= SMALLEST]
        if rings:
            found.append(_joined(rings).round(2).ravel().tolist())
    return found


def run_lengths(mask: np.ndarray) -> dict[str, list[int]]:
    """Return `mask` as COCO's uncompressed RLE: runs of 0 and 1 by turns, down the columns."""
    pixels = mask.ravel(order="F")
    changes = np.flatnonzero(np.diff(pixels)) + 1
    runs = np.diff([0, *changes.tolist(), pixels.size]).tolist()
    return {"counts": [0, *runs] if pixels[0] else runs, "size": list(mask.shape)}


def bounding_box(mask: np.ndarray) -> list[float]:
    """Return `[x, y, width, height]` of a mask that is not empty, in pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    width, height = columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1
    return [float(columns[0]), float(rows[0]), float(width), float(height)]


def _simplified(ring: Points) -> Points:
    """Drop points that lie within `TOLERANCE` of the line (Douglas and Peucker 1973)."""
    if len(ring) < 4:
        return ring
    far = int(np.argmax(((ring - ring[0]) ** 2).sum(axis=1)))
    closed = np.vstack([ring, ring[:1]])
    keep = np.zeros(len(closed), bool)
    keep[[0, far, len(ring)]] = True
    waiting = [(0, far), (far, len(ring))]
    while waiting:
        first, last = waiting.pop()
        if last - first < 2:
            continue
        distances = _distances(closed[first + 1 : last], closed[first], closed[last])
        worst = int(np.argmax(distances))
        if distances[worst] > TOLERANCE:
            middle = first + 1 + worst
            keep[middle] = True
            waiting += [(first, middle), (middle, last)]
    return np.asarray(closed[keep][:-1])


def _distances(points: Points, start: Points, end: Points) -> np.ndarray:
    along = end - start
    length = float(np.hypot(*along))
    away = points - start
    if length == 0:
        return np.asarray(np.hypot(away[:, 0], away[:, 1]))
    return np.asarray(np.abs(away[:, 0] * along[1] - away[:, 1] * along[0]) / length)


def _area(ring: Points) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


def _joined(rings: list[Points]) -> Points:
    """Return the first ring with the others, its holes, cut into it one after the other."""
    outer = rings[0]
    for hole in sorted(rings[1:], key=lambda ring: float(ring[:, 0].min())):
        gaps = ((outer[:, None] - hole[None]) ** 2).sum(axis=2)
        at, start = np.unravel_index(int(np.argmin(gaps)), gaps.shape)
        loop = np.vstack([np.roll(hole, -int(start), axis=0), hole[start]])
        outer = np.vstack([outer[: at + 1], loop, outer[at:]])
    return outer
