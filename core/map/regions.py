"""Regions of a map, each with the words that mark its captions: what the map says where."""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset
from core.map.layout import Layout
from core.map.words import marking_words

# Regions of each level: the few that are named when all is seen, then finer ones.
LEVELS = (10, 30, 90)
_LEAST_PICTURES = 4
_MOST_WORDS = 2
_SEED = 0
_ROUNDS = 12
_TRIES = 3
# The middles of regions are found from so many points, evenly drawn.
_SAMPLE = 3_000


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Pictures that lie together on a map.

    Attributes:
        level: 0 for the largest regions.
        words: those that mark its captions against all others, best first; may be none.
        place: its middle, in the layout's coordinates: a point of the region.
        top: above which few of the pictures over and under that lie, likewise.
        rows: int64, rows of the layout, ascending.
    """

    level: int
    words: tuple[str, ...]
    place: tuple[float, float]
    top: float
    rows: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)


def find_regions(
    layout: Layout, coco: CocoDataset, levels: tuple[int, ...] = LEVELS
) -> tuple[Region, ...]:
    """Return the regions of a map, level after level, the largest of each first.

    Regions are clusters of the points by k-means (Lloyd 1982; scipy), those of a level
    parting all pictures among them; a level that would leave them fewer than 4 pictures on
    average has fewer. The same points give the same regions. Words are those of
    `marking_words`.

    Raises:
        DatasetError: the captions file changed meanwhile.
    """
    found: list[Region] = []
    image_rows = coco.images.rows_of(layout.image_ids)
    before = 0
    for level, wanted in enumerate(levels):
        k = min(wanted, len(layout) // _LEAST_PICTURES)
        if k <= before:
            break
        before = k
        of_point = _clusters(layout.points, k)
        groups = np.full(len(coco.images), -1, dtype=np.int64)
        groups[image_rows] = of_point
        words = marking_words(coco, groups, k, _MOST_WORDS)
        for number in np.argsort(-np.bincount(of_point, minlength=k), kind="stable").tolist():
            rows = np.flatnonzero(of_point == number)
            if len(rows):
                points = layout.points[rows]
                middle = _middle(points)
                found.append(Region(level, words[number], middle, _top(points, middle), rows))
    return tuple(found)


def _clusters(points: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int32]:
    from scipy.cluster.vq import kmeans2
    from scipy.spatial import KDTree

    few = points[:: max(1, len(points) // _SAMPLE)].astype(np.float64)
    k = min(k, len(np.unique(few, axis=0)))
    with warnings.catch_warnings():
        # Points that coincide leave a cluster empty, which is no matter.
        warnings.simplefilter("ignore", UserWarning)
        seed = np.random.default_rng(_SEED)
        tries = [kmeans2(few, k, _ROUNDS, minit="++", rng=seed) for _ in range(_TRIES)]
    centres, _ = min(tries, key=lambda found: float(((few - found[0][found[1]]) ** 2).sum()))
    _, nearest = KDTree(centres).query(points)
    return np.asarray(nearest, dtype=np.int32)


def _middle(points: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Return the point nearest to the median: the median itself may lie between groups."""
    middle = np.median(points, axis=0)
    x, y = points[np.argmin(((points - middle) ** 2).sum(axis=1))]
    return float(x), float(y)


def _top(points: npt.NDArray[np.float32], middle: tuple[float, float]) -> float:
    """Return how far up the points go in the inner half, from side to side, of a region."""
    aside = np.abs(points[:, 0] - middle[0])
    return float(np.quantile(points[aside <= np.median(aside), 1], 0.95))
