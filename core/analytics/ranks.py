"""Ranks: how scores fall along them, where a score stands, and how alike two orders are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.floating]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_POINTS = 200
_LEAST_P = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class RankCurve:
    """The scores at some ranks, close together at the top where people look.

    Attributes:
        ranks: int64, shape (points,), ascending from 1 to n.
        scores: float64, (points,), not increasing.
        n: pictures that are ranked.
    """

    ranks: Ints
    scores: Floats
    n: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a score stands among those of the whole dataset.

    Attributes:
        score: the score.
        rank: of a picture with it: one more than there are higher ones.
        n_at_least: pictures that score at least as high.
        percentile: how many percent of the pictures score at most as high, as in `scores.csv`
            of an export.
        z: how many standard deviations (the population's) it lies above the mean; None when
            all scores are equal.
        n: pictures that have a score.
    """

    score: float
    rank: int
    n_at_least: int
    percentile: float
    z: float | None
    n: int


def rank_curve(scores: Scores, keep: int | None = None, points: int = _POINTS) -> RankCurve:
    """Return the scores at about `points` ranks, spaced evenly on a logarithmic axis.

    Args:
        scores: shape (n,), not increasing.
        keep: a rank that must be among them, such as that of the cut.
    """
    n = len(scores)
    if not n:
        return RankCurve(np.empty(0, np.int64), np.empty(0), 0)
    ranks = np.unique(np.rint(np.geomspace(1, n, points)).astype(np.int64))
    if keep is not None and 1 <= keep <= n:
        ranks = np.union1d(ranks, [keep])
    return RankCurve(ranks, np.asarray(scores, dtype=np.float64)[ranks - 1], n)


def standing(scores: Scores, score: float) -> Standing:
    """Tell where `score` stands among `scores` of the whole dataset.

    Args:
        scores: shape (n,), n at least 1, not increasing.
        score: need not be among them.
    """
    if not len(scores):
        raise ValueError("expected at least one score")
    falling = -np.asarray(scores, dtype=np.float64)
    # As the scores are stored, so that a score as it is shown is that of its picture.
    stored = float(np.asarray(score, dtype=scores.dtype))
    higher = int(np.searchsorted(falling, -stored, side="left"))
    at_least = int(np.searchsorted(falling, -stored, side="right"))
    mean, sd = float(-falling.mean()), float(falling.std())
    n = len(scores)
    return Standing(
        score=score,
        rank=higher + 1,
        n_at_least=at_least,
        percentile=100 * (n - higher) / n,
        # The mean of equal numbers is one of them but for rounding.
        z=None if falling[0] == falling[-1] else (score - mean) / sd,
        n=n,
    )


def kendall_tau(one: Scores, other: Scores) -> float:
    """Return Kendall's rank correlation of two scores of the same pictures, corrected for ties.

    tau-b of M. G. Kendall, "The treatment of ties in ranking problems", Biometrika 33 (1945),
    by `scipy.stats.kendalltau`.

    Args:
        one, other: shape (n,).

    Returns:
        -1 to 1; NaN when one of them has no two different scores, or there is one picture.
    """
    from scipy.stats import kendalltau

    if len(one) < 2:
        return float("nan")
    return float(kendalltau(one, other).statistic)


def rank_biased_overlap(one: Ints, other: Ints, p: float) -> float:
    """Return the extrapolated rank-biased overlap of two orders.

    With X_d the number of pictures that the first d of both have in common, and D the length
    of the shorter:

        RBO_ext = X_D / D p^D + (1 - p) / p  sum over d = 1..D of X_d / d p^d

    W. Webber, A. Moffat and J. Zobel, "A similarity measure for indefinite rankings", ACM
    TOIS 28(4), 2010: RBO_ext, both orders cut at the same depth.

    Args:
        one, other: int64, shapes (n,) and (m,), ids in rank order, each at most once.
        p: persistence, above 0 and below 1: the larger, the deeper ranks count.

    Returns:
        0 (nothing in common) to 1 (the same order); NaN for an empty order.
    """
    depth = min(len(one), len(other))
    if not depth:
        return float("nan")
    ids, first, second = np.intersect1d(
        one[:depth], other[:depth], assume_unique=True, return_indices=True
    )
    joins = np.maximum(first, second)  # the depth, from 0, at which both have it
    shared = np.cumsum(np.bincount(joins, minlength=depth)) if ids.size else np.zeros(depth)
    depths = np.arange(1, depth + 1)
    weights = p ** depths.astype(np.float64)
    agreement = shared / depths
    return float(agreement[-1] * weights[-1] + (1 - p) / p * (agreement * weights).sum())


def persistence(k: int) -> float:
    """Return the persistence by which the expected depth that is looked at is `k`: 1 - 1/k.

    The expected depth of that model is 1 / (1 - p) (Webber et al. 2010). It is not below 0.5.
    """
    return max(_LEAST_P, 1 - 1 / max(k, 1))
