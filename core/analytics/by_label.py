"""Scores by label: how well a query tells pictures that have a category, or a word, from others."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset
from core.progress import Progress

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Where a quantile strip has its ends, its box and its middle.
STRIP = (0.05, 0.25, 0.5, 0.75, 0.95)
LEAST_PICTURES = 10
Z_95 = 1.959963984540054
_HALVINGS = 50
_INSTANCES_FROM = np.array([0, 1, 2, 3, 6, 11])
_INSTANCES_NAMES = ("none", "1", "2", "3 to 5", "6 to 10", "11 or more")


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPictures:
    """Which pictures have which labels.

    Attributes:
        names: of the labels, each once.
        places: int64, shape (pairs,): places in `names`.
        image_rows: int64, (pairs,): rows of the dataset's images; each pair once.
    """

    names: tuple[str, ...]
    places: Ints
    image_rows: Ints

    def __post_init__(self) -> None:
        if self.places.shape != self.image_rows.shape:
            raise ValueError(f"expected one row a place, got {self.image_rows.shape}")

    @property
    def n_bytes(self) -> int:
        return self.places.nbytes + self.image_rows.nbytes


@dataclass(frozen=True, slots=True, eq=False)
class LabelScores:
    """For each label the scores of the pictures that have it, and of those that have not.

    Attributes:
        names: of k labels, the best-told first.
        n_with, n_without: int64, shape (k,): pictures with a score.
        auc: float64, (k,): the chance that a picture with the label scores above one without,
            equal scores counting half; NaN where all or none have it.
        low, high: float64, (k,): its 95% interval.
        strips_with, strips_without: float64, (k, 5): the quantiles `STRIP` of their scores;
            NaN where there is none.
        n: pictures that have a score.
    """

    names: tuple[str, ...]
    n_with: Ints
    n_without: Ints
    auc: Floats
    low: Floats
    high: Floats
    strips_with: Floats
    strips_without: Floats
    n: int

    def __len__(self) -> int:
        return len(self.names)

    def first(self, count: int) -> "LabelScores":
        """Return the first `count` labels."""
        return LabelScores(
            names=self.names[:count],
            n_with=self.n_with[:count],
            n_without=self.n_without[:count],
            auc=self.auc[:count],
            low=self.low[:count],
            high=self.high[:count],
            strips_with=self.strips_with[:count],
            strips_without=self.strips_without[:count],
            n=self.n,
        )


@dataclass(frozen=True, slots=True, eq=False)
class InstanceScores:
    """The scores of pictures with so many instances.

    Attributes:
        names: of the k groups that have a picture: "none", "1", "3 to 5", "11 or more".
        counts: int64, shape (k,): pictures.
        strips: float64, (k, 5): the quantiles `STRIP` of their scores.
        spearman: rank correlation of the number of instances with the score; NaN when one
            of them does not vary.
        n: pictures that have a score.
    """

    names: tuple[str, ...]
    counts: Ints
    strips: Floats
    spearman: float
    n: int


def category_labels(dataset: CocoDataset) -> LabelledPictures:
    """Return which pictures have which categories, those of one name together."""
    names = tuple(dict.fromkeys(category.name for category in dataset.categories))
    place_of = {name: place for place, name in enumerate(names)}
    instances = dataset.instances
    ids = np.array([category.id for category in dataset.categories], dtype=np.int64)
    places = np.array([place_of[category.name] for category in dataset.categories], np.int64)
    if not ids.size or not len(instances):
        return LabelledPictures(names, np.empty(0, np.int64), np.empty(0, np.int64))
    order = np.argsort(ids)
    at = np.searchsorted(ids, instances.category_ids, sorter=order).clip(max=ids.size - 1)
    known = ids[order[at]] == instances.category_ids
    pairs = _distinct_pairs(places[order[at[known]]], instances.image_rows[known])
    return LabelledPictures(names, *pairs)


def caption_word_labels(dataset: CocoDataset, progress: Progress | None = None) -> LabelledPictures:
    """Return which pictures have a caption with which word; none without captions.

    A word is as `CaptionWords` cuts it; words of fewer than `LEAST_PICTURES` pictures are
    left out.

    Args:
        progress: as of `CocoDataset.caption_words`.

    Raises:
        DatasetError: the captions file changed meanwhile.
    """
    words = dataset.caption_words(progress)
    lengths = np.diff(words.starts, append=len(words.tokens))
    rows = np.repeat(dataset.caption_image_rows, lengths)
    keep = (words.tokens >= 0) & (rows >= 0)
    places, rows = words.tokens[keep].astype(np.int64), rows[keep]
    # A word that stands too seldom is in too few pictures; that leaves far fewer pairs to sort.
    often = _frequent(places, len(words.vocabulary))[places]
    places, rows = _distinct_pairs(places[often], rows[often])
    frequent = _frequent(places, len(words.vocabulary))
    new_places = np.cumsum(frequent) - 1
    kept = frequent[places]
    names = words.vocabulary.take(np.flatnonzero(frequent))
    return LabelledPictures(tuple(names), new_places[places[kept]], rows[kept])


def scores_by_label(
    scores: npt.NDArray[np.floating],
    labels: LabelledPictures,
    *,
    least: int = 1,
    most: int | None = None,
    by_lower_bound: bool = False,
) -> LabelScores:
    """Compare for each label the scores of pictures that have it with the others' scores.

    AUC is the Mann-Whitney U of the ranks, divided by the pairs (J. A. Hanley and B. J.
    McNeil, "The meaning and use of the area under a receiver operating characteristic (ROC)
    curve", Radiology 143, 1982). All scores are ranked once, equal ones by their mean rank,
    and the ranks summed by label.

    Args:
        scores: of each image row, shape (images,), NaN without one.
        labels: of the same dataset.
        least: labels of fewer pictures are left out.
        most: so many of the first, and no more.
        by_lower_bound: order by the lower end of the interval, so that a rare label does not
            come first by chance; else by AUC.
    """
    from scipy.stats import rankdata

    ranked = np.flatnonzero(~np.isnan(scores))
    ranks = np.zeros(len(scores))
    ranks[ranked] = rankdata(scores[ranked])
    has_score = ~np.isnan(scores[labels.image_rows])
    places, rows = labels.places[has_score], labels.image_rows[has_score]
    k, n = len(labels.names), ranked.size
    n_with = np.bincount(places, minlength=k).astype(np.int64)
    n_without = n - n_with
    auc = _auc(np.bincount(places, ranks[rows], minlength=k), n_with, n_without)
    low, high = auc_interval(auc, n_with, n_without)
    key = low if by_lower_bound else auc
    # NaN, where there is nothing to compare, goes last.
    order = np.lexsort((-n_with, -np.nan_to_num(key, nan=-1)))
    order = order[n_with[order] >= least][:most]
    with_, without = _strips(scores, labels, order)
    return LabelScores(
        names=tuple(labels.names[place] for place in order),
        n_with=n_with[order],
        n_without=n_without[order],
        auc=auc[order],
        low=low[order],
        high=high[order],
        strips_with=with_,
        strips_without=without,
        n=n,
    )


def scores_by_instances(
    scores: npt.NDArray[np.floating], dataset: CocoDataset
) -> InstanceScores | None:
    """Compare the scores of pictures by how many instances they have.

    Args:
        scores: of each image row, shape (images,), NaN without one.

    Returns:
        None when the dataset has no instances, or no picture a score.
    """
    from scipy.stats import spearmanr

    if not len(dataset.instances):
        return None
    counts = np.bincount(dataset.instances.image_rows, minlength=len(dataset.images))
    ranked = ~np.isnan(scores)
    values, numbers = np.asarray(scores, np.float64)[ranked], counts[ranked]
    groups = np.searchsorted(_INSTANCES_FROM, numbers, side="right") - 1
    present = np.unique(groups)
    varies = values.size > 1 and np.ptp(values) > 0 and np.ptp(numbers) > 0
    spearman = float(spearmanr(values, numbers).statistic) if varies else float("nan")
    if not values.size:
        return None
    return InstanceScores(
        names=tuple(_INSTANCES_NAMES[place] for place in present),
        counts=np.bincount(groups)[present].astype(np.int64),
        strips=np.array([np.quantile(values[groups == place], STRIP) for place in present]),
        spearman=spearman,
        n=values.size,
    )


def auc_interval(auc: Floats, n_with: Ints, n_without: Ints) -> tuple[Floats, Floats]:
    """Return the 95% intervals of areas under the curve.

    The areas A that the one found is not unlikely for: |found - A| <= 1.96 sd(A), with

        var(A) = A (1 - A) / (m n) (1 + N (1 - A) / (2 - A) + N A / (1 + A)),
        N = (m + n) / 2 - 1

    This is Hanley and McNeil's variance made symmetric and, like Wilson's interval, solved for
    A, so it stays between 0 and 1 and has a width for an area of 1 (R. G. Newcombe,
    "Confidence intervals for an effect size measure based on the Mann-Whitney statistic.
    Part 2", Statistics in Medicine 25, 2006, method 5).

    Args:
        auc: float64, shape (k,), NaN stays so.
        n_with, n_without: int64, (k,): the pictures m and n that were compared.
    """
    m, n = np.maximum(n_with, 1).astype(np.float64), np.maximum(n_without, 1).astype(np.float64)
    half = (m + n) / 2 - 1

    def is_unlikely(area: Floats) -> npt.NDArray[np.bool_]:
        spread = 1 + half * (1 - area) / (2 - area) + half * area / (1 + area)
        variance = area * (1 - area) * spread / (m * n)
        return np.asarray((auc - area) ** 2 > Z_95**2 * variance)

    def end(outside: Floats) -> Floats:
        inside = auc.copy()
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            unlikely = is_unlikely(middle)
            outside = np.where(unlikely, middle, outside)
            inside = np.where(unlikely, inside, middle)
        return np.asarray((inside + outside) / 2)

    blank = np.where(np.isnan(auc), np.nan, 0.0)
    return end(blank), end(blank + 1)


def _frequent(places: Ints, n_labels: int) -> npt.NDArray[np.bool_]:
    return np.asarray(np.bincount(places, minlength=n_labels) >= LEAST_PICTURES)


def _distinct_pairs(places: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """Return each pair of a place and a row once, by place and then by row."""
    n_rows = int(rows.max()) + 1 if rows.size else 1
    pairs = np.sort(places * n_rows + rows)  # np.unique takes forty times as long
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]
    return np.divmod(pairs, n_rows)


def _auc(rank_sums: npt.NDArray[Any], n_with: Ints, n_without: Ints) -> Floats:
    above = rank_sums - n_with * (n_with + 1) / 2
    pairs = (n_with * n_without).astype(np.float64)
    auc = np.full(len(pairs), np.nan)
    np.divide(above, pairs, out=auc, where=pairs > 0)
    return auc


def _strips(
    scores: npt.NDArray[np.floating], labels: LabelledPictures, wanted: Ints
) -> tuple[Floats, Floats]:
    """Return the quantile strips of the pictures with, and without, each wanted label.

    All scores are sorted once; a label's own are at their places there, and of the others the
    j-th is found by how many of its own come before.
    """
    values = np.asarray(scores, dtype=np.float64)
    order = np.argsort(values, kind="stable")  # NaN last
    n = int((~np.isnan(values)).sum())
    rising = values[order[:n]]
    places_there = np.empty(len(values), dtype=np.int64)
    places_there[order] = np.arange(len(values))
    by_place = np.argsort(labels.places, kind="stable")
    starts = np.searchsorted(labels.places[by_place], np.arange(len(labels.names) + 1))
    strips = np.full((2, len(wanted), len(STRIP)), np.nan)
    for index, place in enumerate(wanted):
        own = np.sort(places_there[labels.image_rows[by_place[starts[place] : starts[place + 1]]]])
        own = own[own < n]
        before = own - np.arange(own.size)  # how many others come before each of its own
        if own.size:
            lower, upper, part = _around_quantiles(own.size)
            strips[0, index] = _mixed(rising[own[lower]], rising[own[upper]], part)
        if own.size < n:
            lower, upper, part = _around_quantiles(n - own.size)
            lower = lower + np.searchsorted(before, lower, side="right")
            upper = upper + np.searchsorted(before, upper, side="right")
            strips[1, index] = _mixed(rising[lower], rising[upper], part)
    return strips[0], strips[1]


def _around_quantiles(n: int) -> tuple[Ints, Ints, Floats]:
    """Return between which two of n rising values each of `STRIP` lies, and how far along."""
    ideal = np.array(STRIP) * (n - 1)
    lower = np.floor(ideal).astype(np.int64)
    return lower, np.minimum(lower + 1, n - 1), ideal - lower


def _mixed(low: Floats, high: Floats, part: Floats) -> Floats:
    return np.asarray(low + (high - low) * part)
