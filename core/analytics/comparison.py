"""Several subsets side by side: the share of each category, differences, and distances.

What is compared are pictures: a picture has a category, or has it not. Instances of one
picture are no independent draws, so no test is made of them; their shares are what the
distance between two makeups is of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from core.analytics.intervals import CONFIDENCE, wilson
from core.analytics.makeup import Presence, pictures_in, presence
from core.coco import CocoDataset

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Basis = Literal["apart", "second inside first", "first inside second", "same"]

# The share of false ones among the differences that are called significant.
FALSE_DISCOVERIES = 0.05
# Logarithms of chances that differ by less are equal but for rounding.
_SAME_CHANCE = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class SideBySide:
    """What several subsets are made of.

    Attributes:
        subsets: their names, in the order given.
        names: of the categories, k of them.
        n_images: int64, shape (subsets,): pictures of each subset.
        images: int64, shape (subsets, k): those that have an instance of the category,
            crowds included.
        instances: int64, shape (subsets, k).
        distances: float64, shape (subsets, subsets): Jensen-Shannon distances, see
            `distances_of`.
    """

    subsets: tuple[str, ...]
    names: tuple[str, ...]
    n_images: Ints
    images: Ints
    instances: Ints
    distances: Floats

    def __post_init__(self) -> None:
        shape = (len(self.subsets), len(self.names))
        if self.images.shape != shape or self.instances.shape != shape:
            raise ValueError(
                f"expected counts of shape {shape}, got {self.images.shape} and "
                f"{self.instances.shape}"
            )

    @property
    def shares(self) -> Floats:
        """Share of pictures that have the category, shape (subsets, k); 0 of an empty subset."""
        return np.asarray(self.images / np.maximum(self.n_images, 1)[:, None])

    def by_spread(self) -> Ints:
        """Return the categories by how far the subsets lie apart, the farthest first: int64, (k,).

        Of those that lie equally far apart, the one with the most pictures first.
        """
        shares = self.shares
        highest, lowest = shares.max(axis=0, initial=0), shares.min(axis=0, initial=1)
        spread = np.maximum(highest - lowest, 0)
        return np.lexsort((-self.images.sum(axis=0), -spread.round(12)))


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """In which categories two subsets differ, by pictures that are in one of them alone.

    A picture that both have says nothing about how they differ, and would count as two. So
    two groups without a common picture are compared: those that only the first has with
    those that only the second has (`basis` is "apart"). If one subset lies inside the other,
    it is compared with the rest of the other. Of two that are the "same" nothing is.

    Attributes:
        names: of the categories, k of them.
        basis: which groups are compared.
        shared: pictures that both subsets have.
        groups: the image ids of the two groups, int64, in the dataset's order.
        images: int64, shape (2, k): pictures of each group that have the category.
        difference: float64, shape (k,): share in the first group less that in the second.
        low, high: float64, shape (k,): the 95% interval of the difference.
        p_values: float64, shape (k,): of Fisher's exact test, two-sided; 1 of a category
            that neither group has.
        q_values: float64, shape (k,): the same by Benjamini and Hochberg (1995), for the
            categories that either group has.
    """

    names: tuple[str, ...]
    basis: Basis
    shared: int
    groups: tuple[Ints, Ints]
    images: Ints
    difference: Floats
    low: Floats
    high: Floats
    p_values: Floats
    q_values: Floats

    @property
    def n(self) -> tuple[int, int]:
        """Pictures of the two groups."""
        return len(self.groups[0]), len(self.groups[1])

    @property
    def is_significant(self) -> npt.NDArray[np.bool_]:
        """Whether a category is more frequent in one, bool, (k,); 5% of these are not, about."""
        return np.asarray(self.q_values <= FALSE_DISCOVERIES)

    def by_size(self) -> Ints:
        """Return the categories that either group has: significant ones first, the largest
        differences first; int64."""
        there = np.flatnonzero(self.images.sum(axis=0))
        order = np.lexsort((-np.abs(self.difference[there]), ~self.is_significant[there]))
        return np.asarray(there[order])


def side_by_side(dataset: CocoDataset, subsets: Sequence[tuple[str, Ints]]) -> SideBySide:
    """Count the categories of several subsets.

    Args:
        dataset: of which all are.
        subsets: the name and the image ids of each, int64; empty ones are no mistake.

    Raises:
        DatasetError: an id that the dataset does not have.
    """
    table = presence(dataset)
    counted = [counts_of(table, pictures_in(dataset, ids)) for _, ids in subsets]
    shape = (len(subsets), len(table.names))
    images = np.array([one for one, _ in counted], dtype=np.int64).reshape(shape)
    instances = np.array([other for _, other in counted], dtype=np.int64).reshape(shape)
    n_images = np.array([np.unique(ids).size for _, ids in subsets], dtype=np.int64)
    names = tuple(name for name, _ in subsets)
    return SideBySide(names, table.names, n_images, images, instances, distances_of(instances))


def difference(dataset: CocoDataset, first: Ints, second: Ints) -> Difference:
    """Tell in which categories two subsets differ; `Difference` says which pictures count.

    The interval is Newcombe's hybrid of two Wilson intervals: R. G. Newcombe, "Interval
    estimation for the difference between independent proportions: comparison of eleven
    methods", Statistics in Medicine 17 (1998), method 10. The test is Fisher's exact one,
    corrected for their number by Y. Benjamini and Y. Hochberg, "Controlling the false
    discovery rate", J. R. Statist. Soc. B 57 (1995).

    Args:
        dataset: of which both are.
        first, second: image ids, int64.

    Raises:
        DatasetError: an id that the dataset does not have.
    """
    table = presence(dataset)
    in_first, in_second = pictures_in(dataset, first), pictures_in(dataset, second)
    shared = int((in_first & in_second).sum())
    basis, groups = _groups_apart(in_first, in_second)
    n = (int(groups[0].sum()), int(groups[1].sum()))
    images = np.stack([counts_of(table, group)[0] for group in groups])
    low, high = newcombe(images[0], n[0], images[1], n[1])
    p_values = _fisher(images, n)
    return Difference(
        names=table.names,
        basis=basis,
        shared=shared,
        groups=(dataset.images.ids[groups[0]], dataset.images.ids[groups[1]]),
        images=images,
        difference=images[0] / max(n[0], 1) - images[1] / max(n[1], 1),
        low=low,
        high=high,
        p_values=p_values,
        q_values=_corrected(p_values, images.sum(axis=0) > 0),
    )


def counts_of(table: Presence, is_in: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Count the categories among some pictures.

    Args:
        table: of the dataset.
        is_in: bool, shape (images,), by row of the dataset's images.

    Returns:
        Pictures that have each category, and instances; both int64, shape (k,).
    """
    chosen = is_in[table.rows]
    groups, k = table.groups[chosen], len(table.names)
    images = np.bincount(groups, minlength=k).astype(np.int64)
    # Sums of whole numbers below 2^53 are exact in float64.
    instances = np.bincount(groups, weights=table.counts[chosen], minlength=k)
    return images, instances.astype(np.int64)


def distances_of(instances: Ints) -> Floats:
    """Return how far makeups lie apart: 0 for the same shares, 1 for no category in common.

    The Jensen-Shannon distance to base 2 of the shares of instances: the root of the mean
    Kullback-Leibler divergence of both from their average (J. Lin, "Divergence measures
    based on the Shannon entropy", IEEE Trans. Inform. Theory 37, 1991; a metric by D. Endres
    and J. Schindelin, same journal 49, 2003).

    Args:
        instances: int64, shape (subsets, k).

    Returns:
        float64, shape (subsets, subsets); NaN for a subset without an instance.
    """
    from scipy.spatial.distance import jensenshannon

    n = len(instances)
    found = np.full((n, n), np.nan)
    for one in range(n):
        for other in range(one, n):
            if instances[one].any() and instances[other].any():
                # Rounding can leave a tiny negative number under the root.
                apart = jensenshannon(instances[one], instances[other], base=2)
                found[one, other] = found[other, one] = np.nan_to_num(apart)
    return found


def newcombe(
    first: Ints, n_first: int, second: Ints, n_second: int, confidence: float = CONFIDENCE
) -> tuple[Floats, Floats]:
    """Return the interval of the difference of two independent shares, first less second.

    By Newcombe's method 10, see `difference`.

    Args:
        first, second: int64, of `n_first` and `n_second` each.

    Returns:
        Lower and upper end, float64, within -1 and 1.
    """
    low_1, high_1 = wilson(first, n_first, confidence)
    low_2, high_2 = wilson(second, n_second, confidence)
    share_1, share_2 = first / max(n_first, 1), second / max(n_second, 1)
    apart = share_1 - share_2
    low = apart - np.hypot(share_1 - low_1, high_2 - share_2)
    high = apart + np.hypot(high_1 - share_1, share_2 - low_2)
    return np.clip(low, -1, 1), np.clip(high, -1, 1)


def _groups_apart(
    first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]
) -> tuple[Basis, tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]:
    only_first, only_second = first & ~second, second & ~first
    if only_first.any() and only_second.any():
        return "apart", (only_first, only_second)
    if only_first.any():
        return "second inside first", (only_first, second)
    if only_second.any():
        return "first inside second", (first, only_second)
    return "same", (only_first, only_second)


def _fisher(images: Ints, n: tuple[int, int]) -> Floats:
    """Return the two-sided p-value of Fisher's exact test of each category, float64, (k,).

    The sum of the chances of all tables with the same margins that are no more likely than
    the one found, as `scipy.stats.fisher_exact`, whose calls take 3 ms each at this size.
    """
    from scipy.special import gammaln

    p_values = np.ones(images.shape[1])
    logs = gammaln(np.arange(sum(n) + 1) + 1.0)  # of factorials
    for at in np.flatnonzero(images.sum(axis=0)).tolist() if all(n) else ():
        found, total = int(images[0, at]), int(images[:, at].sum())
        lowest = max(0, total - n[1])
        first = np.arange(lowest, min(n[0], total) + 1)
        second = total - first
        chances = -logs[first] - logs[n[0] - first] - logs[second] - logs[n[1] - second]
        is_counted = chances <= chances[found - lowest] + _SAME_CHANCE
        chances = np.exp(chances - chances.max())
        p_values[at] = chances[is_counted].sum() / chances.sum()
    return p_values


def _corrected(p_values: Floats, is_tested: npt.NDArray[np.bool_]) -> Floats:
    q_values = np.ones(p_values.shape)
    if is_tested.any():
        from scipy.stats import false_discovery_control

        q_values[is_tested] = false_discovery_control(p_values[is_tested])
    return q_values
