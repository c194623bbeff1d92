"""Overlap: which pictures the results of several queries share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MOST_RESULTS = 62  # one bit of an int64 each


@dataclass(frozen=True, slots=True, eq=False)
class Intersection:
    """The pictures that are in exactly some of the results.

    Attributes:
        members: which results they are in, by their places, ascending; they are in no other.
        image_ids: int64, shape (n,), ascending, n at least 1.
    """

    members: tuple[int, ...]
    image_ids: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """What the results of k queries share.

    Attributes:
        names: of the queries.
        sizes: int64, shape (k,): pictures of each result.
        shared: int64, (k, k): pictures that two results have in common.
        jaccard: float64, (k, k): shared pictures as a part of those that either has; NaN
            where both are empty.
        intersections: the exclusive ones that are not empty, largest first.
        n: pictures that any result has.
    """

    names: tuple[str, ...]
    sizes: Ints
    shared: Ints
    jaccard: Floats
    intersections: tuple[Intersection, ...]
    n: int

    def shared_ids(self, one: int, other: int) -> Ints:
        """Return the ids that two results have in common, by their places: int64, ascending."""
        groups = [
            group.image_ids
            for group in self.intersections
            if one in group.members and other in group.members
        ]
        return np.sort(np.concatenate(groups)) if groups else np.empty(0, dtype=np.int64)

    def in_all(self) -> Ints:
        """Return the ids that every result has: int64, ascending."""
        everyone = tuple(range(len(self.names)))
        for intersection in self.intersections:
            if intersection.members == everyone:
                return intersection.image_ids
        return np.empty(0, dtype=np.int64)


def overlap_of(names: Sequence[str], results: Sequence[Ints]) -> Overlap:
    """Compare the results of several queries as sets of pictures.

    The Jaccard index is |A and B| / |A or B| (P. Jaccard, 1901). The exclusive intersections
    are what an UpSet plot draws: A. Lex, N. Gehlenborg, H. Strobelt, R. Vuillemot and H.
    Pfister, "UpSet: Visualization of Intersecting Sets", IEEE TVCG 20(12), 2014.

    Args:
        names: of the queries, k of them, at least 1.
        results: the ids that each has found: int64, each once.
    """
    if len(names) != len(results) or not 0 < len(names) <= MOST_RESULTS:
        raise ValueError(f"expected 1 to {MOST_RESULTS} results with a name each")
    ids = np.unique(np.concatenate([np.asarray(one, dtype=np.int64) for one in results]))
    has = np.stack([np.isin(ids, one, assume_unique=True) for one in results])
    counted = has.astype(np.int64)
    shared = counted @ counted.T
    sizes = np.diag(shared).copy()
    either = sizes[:, None] + sizes[None, :] - shared
    jaccard = np.full(shared.shape, np.nan)
    np.divide(shared, either, out=jaccard, where=either > 0)
    return Overlap(tuple(names), sizes, shared, jaccard, _intersections(ids, counted), len(ids))


def _intersections(ids: Ints, counted: Ints) -> tuple[Intersection, ...]:
    k = len(counted)
    if not ids.size:
        return ()
    patterns = (counted << np.arange(k)[:, None]).sum(axis=0)
    order = np.argsort(patterns, kind="stable")
    kinds, starts = np.unique(patterns[order], return_index=True)
    found = [
        Intersection(tuple(place for place in range(k) if int(kind) >> place & 1), ids[rows])
        for kind, rows in zip(kinds, np.split(order, starts[1:]), strict=True)
    ]
    return tuple(sorted(found, key=lambda one: (-len(one.image_ids), one.members)))
