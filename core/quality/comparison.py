"""Two measurements of one dataset side by side, with the intervals of their differences.

Both have the same draws of the same pictures, so a difference is taken draw by draw: what is
hard for both models cancels out, and the interval is narrower than those of the two figures.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.quality.estimates import Estimate, difference
from core.quality.measurement import Direction, Measurement

LOWER_IS_BETTER = ("median rank",)


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """A figure of two models.

    Attributes:
        figure: "recall@1", "median rank" or "average precision".
        of: a direction, or the name of a category; "" for the mean of all categories.
        change: the first less the other; None when they were not measured on the same
            pictures.
    """

    figure: str
    of: str
    one: Estimate
    other: Estimate
    change: Estimate | None

    @property
    def is_clear(self) -> bool:
        """Whether the interval of the difference leaves out zero."""
        return self.change is not None and 0.0 not in self.change.interval()

    @property
    def is_first_better(self) -> bool:
        """Whether the first model has the better figure, clearly or not."""
        better = self.one.value - self.other.value
        return better < 0 if self.figure in LOWER_IS_BETTER else better > 0


def recall_differences(one: Measurement, other: Measurement) -> tuple[Difference, ...]:
    """Return recall and median rank of all queries, in each direction."""
    is_paired = np.array_equal(one.image_ids, other.image_ids)
    return tuple(_recall_differences(one, other, is_paired))


def category_differences(one: Measurement, other: Measurement) -> tuple[Difference, ...]:
    """Return the mean average precision, then each category's, the greatest difference first."""
    is_paired = np.array_equal(one.labelled_ids, other.labelled_ids)
    mean, other_mean = one.mean_average_precision, other.mean_average_precision
    found = []
    for name, mine in _precisions(one).items():
        if (theirs := _precisions(other).get(name)) is not None:
            found.append(_difference("average precision", name, mine, theirs, is_paired))
    found.sort(key=lambda change: (-abs(change.one.value - change.other.value), change.of))
    if mean is not None and other_mean is not None:
        found.insert(0, _difference("average precision", "", mean, other_mean, is_paired))
    return tuple(found)


def _recall_differences(
    one: Measurement, other: Measurement, is_paired: bool
) -> Iterator[Difference]:
    directions: tuple[Direction, ...] = ("captions", "pictures")
    for direction in directions:
        mine, theirs = one.overall(direction), other.overall(direction)
        if mine is None or theirs is None:
            continue
        for k, figure in mine.recall.items():
            yield _difference(f"recall@{k}", direction, figure, theirs.recall[k], is_paired)
        yield _difference("median rank", direction, mine.median_rank, theirs.median_rank, is_paired)


def _precisions(measurement: Measurement) -> dict[str, Estimate]:
    return {
        one.name: one.average_precision
        for one in measurement.categories
        if one.average_precision is not None
    }


def _difference(
    figure: str, of: str, one: Estimate, other: Estimate, is_paired: bool
) -> Difference:
    return Difference(figure, of, one, other, difference(one, other) if is_paired else None)
