"""Which pictures pass filters, and how many each condition lets through."""

from dataclasses import dataclass

import numpy as np

from core.coco import CocoDataset
from core.filters.conditions import BoolArray, conditions
from core.filters.fitting import check
from core.progress import Progress
from core.query.record import Filters

# In a tuple of Python's integers.
_BYTES_OF_AN_ID = 40


@dataclass(frozen=True, slots=True)
class FilterCount:
    """What one condition of the filters does.

    Attributes:
        label: the condition in words, such as `person >= 3`.
        drop: the filters without this condition.
        passing_alone: pictures that meet this condition, whatever the others say.
        passing_without: pictures that meet all the others.
    """

    label: str
    drop: Filters
    passing_alone: int
    passing_without: int


@dataclass(frozen=True, slots=True, eq=False)
class Filtered:
    """What filters let through of one dataset.

    Attributes:
        filters: the conditions.
        passes: bool, shape (images,), in the order of the dataset's images: those that meet
            all conditions.
        counts: what each condition does, so that an empty result explains itself. Each term,
            word, bound and use that a licence allows is a condition of its own; what is an
            "or" (`any_of`, single licences, orientations) is one together.
    """

    filters: Filters
    passes: BoolArray
    counts: tuple[FilterCount, ...]

    @property
    def n_bytes(self) -> int:
        """About how much memory it takes."""
        n_listed = len(self.filters.only or ()) + len(self.filters.excluded)
        return self.passes.nbytes + n_listed * _BYTES_OF_AN_ID


def filtered(dataset: CocoDataset, filters: Filters, progress: Progress | None = None) -> Filtered:
    """Tell which pictures meet all conditions, and what each condition lets through.

    Categories of one name count together. A crowd is one record in COCO, and counts as one
    instance.

    Args:
        dataset: the pictures.
        filters: the conditions; without one every picture passes.
        progress: told the captions read, when their words must be indexed first.

    Raises:
        QueryError: a condition on what the dataset does not have, as `check` says.
        DatasetError: the captions file changed while it was read.
    """
    check(dataset, filters)
    n = len(dataset.images)
    parts = list(conditions(dataset, filters, progress))
    n_failed = np.zeros(n, dtype=np.int16)
    for condition in parts:
        n_failed += ~condition.passes
    counts = tuple(
        FilterCount(
            label=condition.label,
            drop=condition.drop,
            passing_alone=int(np.count_nonzero(condition.passes)),
            passing_without=n - int(np.count_nonzero(n_failed > ~condition.passes)),
        )
        for condition in parts
    )
    return Filtered(filters, n_failed == 0, counts)


def passing(dataset: CocoDataset, filters: Filters) -> BoolArray:
    """Tell which pictures meet all conditions: the mask of `filtered`."""
    return filtered(dataset, filters).passes
