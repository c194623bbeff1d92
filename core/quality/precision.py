"""Average precision of categories: how high the pictures that have one rank for its name.

The query for a category is "a photo of a dog"; what counts as right is an instance of it. The
average precision is the mean, over the pictures that have the category, of the precision at the
rank of each (no interpolation), as in `core.evaluation`. In a draw a picture that was drawn
twice stands there twice, one after the other: counting both at the later place would make the
figure of the draw higher than that of its pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset
from core.evaluation import FEWEST_PICTURES, category_labels
from core.progress import NoProgress, Progress
from core.quality.estimates import Estimate, Weights
from core.quality.groups import SIZES, Bools, largest_areas, of_size, rows_among

Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
SHOWN = 12
_DRAWS_AT_ONCE = 100


@dataclass(frozen=True, slots=True, eq=False)
class CategoryFigure:
    """A category as a query for the pictures that have it.

    Attributes:
        pictures: how many have it.
        average_precision: None when fewer than `FEWEST_PICTURES` have it.
        by_size: the same by COCO's area class, where so many pictures have it in that size;
            a picture is of the size of its largest single object of the category, and those of
            other sizes are left out, as COCO's evaluation ignores them.
        missed: ids of the pictures that have it and rank lowest, lowest first.
        false: ids of the pictures that lack it and rank highest, highest first.
    """

    id: int
    name: str
    supercategory: str
    query: str
    pictures: int
    average_precision: Estimate | None
    by_size: dict[str, Estimate]
    missed: tuple[int, ...]
    false: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """The categories of some pictures.

    Attributes:
        image_ids: int64, shape (pictures,), ascending.
        queries: the text that is searched for each category.
        carries: bool, shape (categories, pictures).
        areas: float64 square pixels, shape (categories, pictures): of the largest single object.
    """

    coco: CocoDataset
    image_ids: Ints
    queries: tuple[str, ...]
    carries: Bools
    areas: npt.NDArray[np.float64]


def labelled(coco: CocoDataset, image_ids: Ints) -> Labelled | None:
    """Return the categories of the pictures `image_ids`, ascending; None without any."""
    labels = category_labels(coco, image_ids)
    if labels is None:
        return None
    column = {category.id: number for number, category in enumerate(coco.categories)}
    keys = np.array([column.get(i, -1) for i in coco.instances.category_ids.tolist()], np.int64)
    rows = rows_among(coco, image_ids)
    areas = largest_areas(coco, rows, keys, (len(column), len(image_ids)))
    return Labelled(coco, image_ids, labels.queries, labels.carries, areas)


def measure_categories(
    asked: Labelled,
    queries: npt.NDArray[np.float32],
    images: npt.NDArray[np.float32],
    weights: Weights,
    progress: Progress | None = None,
) -> tuple[CategoryFigure, ...]:
    """Measure each category; of equal scores the picture with the lower id ranks higher.

    Args:
        queries: float32 unit rows, shape (categories, dim).
        images: float32 unit rows, shape (pictures, dim), by ascending image id.
        weights: of these pictures, see `weights_of_draws`.
        progress: told the categories.
    """
    found, told, parts = [], progress or NoProgress(), in_parts(weights)
    for number, category in enumerate(asked.coco.categories):
        carries = asked.carries[number]
        order = np.argsort(-(images @ queries[number]), kind="stable")
        sizes = {size: of_size(asked.areas[number], size) & carries for size in SIZES}
        estimates = average_precisions(order, carries, [carries, *sizes.values()], parts)
        by_size = zip(sizes, estimates[1:], strict=True)
        ranked = asked.image_ids[order]
        found.append(
            CategoryFigure(
                id=category.id,
                name=category.name,
                supercategory=category.supercategory,
                query=asked.queries[number],
                pictures=int(carries.sum()),
                average_precision=estimates[0],
                by_size={size: estimate for size, estimate in by_size if estimate is not None},
                missed=tuple(ranked[carries[order]][::-1][:SHOWN].tolist()),
                false=tuple(ranked[~carries[order]][:SHOWN].tolist()),
            )
        )
        told.update(number + 1, len(asked.coco.categories))
    return tuple(found)


def average_precisions(
    order: Ints,
    carries: Bools,
    wanted: Sequence[Bools],
    parts: Sequence[Weights],
) -> list[Estimate | None]:
    """Return the average precision of some of the pictures that carry a label.

    Args:
        order: int64, shape (pictures,): rows from the highest score down.
        carries: bool, shape (pictures,).
        wanted: each bool, shape (pictures,), a part of `carries`; what carries the label and
            is not wanted is left out of the ranking.
        parts: the draws, see `in_parts`.

    Returns:
        One each; None for fewer than `FEWEST_PICTURES` wanted pictures.
    """
    enough = [some for some in wanted if some.sum() >= FEWEST_PICTURES]
    values = _weighted(order, carries, enough, np.ones((len(order), 1), np.uint16))
    drawn = [_weighted(order, carries, enough, part) for part in parts]
    estimates = iter(
        Estimate(
            float(value[0]),
            np.concatenate([part[number] for part in drawn]).astype(np.float32),
            int(some.sum()),
        )
        for number, (some, value) in enumerate(zip(enough, values, strict=True))
    )
    return [next(estimates) if some.sum() >= FEWEST_PICTURES else None for some in wanted]


def in_parts(weights: Weights) -> list[Weights]:
    """Return the draws some at a time, each part uint16, shape (pictures, draws).

    A picture's weights then stand side by side, and putting pictures into another order moves
    whole rows.
    """
    return [
        np.ascontiguousarray(weights[start : start + _DRAWS_AT_ONCE].T)
        for start in range(0, len(weights), _DRAWS_AT_ONCE)
    ]


def _weighted(
    order: Ints, carries: Bools, wanted: Sequence[Bools], part: Weights
) -> list[npt.NDArray[np.float64]]:
    """Return for each of `wanted` the average precision in each draw, NaN where it has none."""
    positions = np.flatnonzero(carries[order])
    if not positions.size:
        return [np.full(part.shape[1], np.nan) for _ in wanted]
    right = order[positions]
    # Pictures of the draw up to and with each that carries the label: sums between them, added.
    starts = np.concatenate([[0], positions[:-1] + 1])
    between = np.add.reduceat(part[order[: positions[-1] + 1]], starts, axis=0, dtype=np.int32)
    drawn = part[right].astype(np.int32)
    others_before = np.cumsum(between - drawn, axis=0, dtype=np.int32)
    return [
        _of_draws(np.where(some[right, None], drawn, np.int32(0)), others_before) for some in wanted
    ]


def _of_draws(counted: Counts, others_before: Counts) -> npt.NDArray[np.float64]:
    """Return the average precision in each draw.

    Args:
        counted: int32, shape (right pictures by rank, draws): how often each was drawn.
        others_before: int32, the same shape: wrong pictures drawn that rank before each.
    """
    before = np.cumsum(counted, axis=0, dtype=np.int32) - counted
    total = np.zeros(counted.shape[1])
    rows, draws = np.nonzero(counted)
    times, hits, others = counted[rows, draws], before[rows, draws], others_before[rows, draws]
    copy = 0
    while times.size:
        copy += 1
        precision = (hits + copy) / (others + hits + copy)
        total += np.bincount(draws, weights=precision, minlength=total.size)
        more = times > copy
        times, hits, others, draws = times[more], hits[more], others[more], draws[more]
    with np.errstate(invalid="ignore"):
        return np.asarray(total / counted.sum(axis=0))
