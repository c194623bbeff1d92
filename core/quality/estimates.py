"""Figures with the interval in which they would lie for other pictures of the same kind.

Captions of one picture hang together, and so do a picture's categories: what is drawn anew is
therefore the picture, with all that belongs to it. That is the bootstrap over clusters (Davison
and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8). The interval is the
bias-corrected percentile interval (Efron, Canadian Journal of Statistics 9, 1981): the mean of
average precisions is higher in draws than in the pictures themselves, and plain percentiles
would lie too high. Ranks stay as they were measured: the pictures that compete are not drawn
anew, so an interval speaks of the queries and not of another collection.

The draws depend on the seed and on the number of pictures alone. Two models that were measured
on the same pictures so have the same draws, and the differences between them are paired.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

DRAWS = 1_000
SEED = 2014
LEVEL = 0.95
_DRAWS_AT_ONCE = 50
_NORMAL = NormalDist()

Weights = npt.NDArray[np.uint16]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, at the level of `LEVEL` unless another was asked for."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """A figure of a sample of pictures, and what it was in other draws of them.

    Attributes:
        value: of the pictures as they are.
        draws: float32, shape (DRAWS,); NaN where a draw had no picture that counts.
        pictures: how many pictures it is made of.
        is_share: it counts hits among trials, so it lies between 0 and 1, and a figure at one
            of these ends says less than it seems to (see `interval`).
    """

    value: float
    draws: npt.NDArray[np.float32]
    pictures: int
    is_share: bool = False

    def interval(self, level: float = LEVEL) -> Interval:
        """Return the bias-corrected percentile interval.

        A bootstrap cannot draw a miss that was never seen. Where every trial was a hit (or
        none), the other end is that of Clopper and Pearson (Biometrika 26, 1934) for as many
        independent pictures.
        """
        tail = (1 - level) / 2
        if self.is_share and self.value in (0.0, 1.0):
            reach = 1 - tail ** (1 / max(1, self.pictures))
            return Interval(0.0, reach) if self.value == 0.0 else Interval(1 - reach, 1.0)
        known = self.draws[np.isfinite(self.draws)].astype(np.float64)
        if not known.size:
            return Interval(self.value, self.value)
        low, high = np.quantile(known, _corrected(known, np.float32(self.value), tail))
        return Interval(float(low), float(high))


def difference(one: Estimate, other: Estimate) -> Estimate:
    """Return `one` minus `other`, draw by draw.

    Raises:
        ValueError: they were not measured on equally many pictures, so their draws are not
            of the same ones.
    """
    if one.pictures != other.pictures or one.draws.shape != other.draws.shape:
        raise ValueError(
            f"expected figures of the same pictures, got {one.pictures} and {other.pictures}"
        )
    return Estimate(one.value - other.value, one.draws - other.draws, one.pictures)


def mean_of(estimates: list[Estimate], pictures: int) -> Estimate | None:
    """Return the mean of figures of the same pictures, None of none.

    In a draw in which one of them cannot be had it is the mean of the others.
    """
    if not estimates:
        return None
    draws = np.array([one.draws for one in estimates])
    known = np.isfinite(draws)
    counts = known.sum(axis=0)
    sums = np.where(known, draws, 0).sum(axis=0, dtype=np.float64)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    value = float(np.mean([one.value for one in estimates]))
    return Estimate(value, means.astype(np.float32), pictures)


def weights_of_draws(pictures: int, draws: int = DRAWS, seed: int = SEED) -> Weights:
    """Return how often each picture was drawn, uint16, shape (draws, pictures)."""
    random = np.random.default_rng([seed, pictures])
    weights = np.zeros((draws, pictures), np.uint16)
    for row in weights if pictures else ():
        row[:] = np.bincount(random.integers(0, pictures, size=pictures), minlength=pictures)
    return weights


def shares(hits: Floats, trials: Floats, weights: Weights) -> list[Estimate]:
    """Return for each column the share of hits: the sum of hits over the sum of trials.

    Args:
        hits, trials: float64, shape (pictures, figures).
        weights: of these pictures, see `weights_of_draws`.

    Raises:
        ValueError: shapes that differ, or a figure without a trial.
    """
    if hits.shape != trials.shape or not (trials.sum(axis=0) > 0).all():
        raise ValueError(f"expected trials of each figure, got {hits.shape} and {trials.shape}")
    found = []
    for start in range(0, len(weights), _DRAWS_AT_ONCE):
        drawn = weights[start : start + _DRAWS_AT_ONCE].astype(np.float64)
        with np.errstate(invalid="ignore"):
            found.append((drawn @ hits) / (drawn @ trials))
    values, of_draws = hits.sum(axis=0) / trials.sum(axis=0), np.concatenate(found)
    counts = (trials > 0).sum(axis=0)
    return [
        Estimate(float(value), column.astype(np.float32), int(count), is_share=True)
        for value, column, count in zip(values, of_draws.T, counts, strict=True)
    ]


def median(values: npt.NDArray[np.int64], own: npt.NDArray[np.int64], weights: Weights) -> Estimate:
    """Return the median of whole numbers that belong to pictures.

    Args:
        values: int64, shape (n,); at least one.
        own: int64, shape (n,), the row of the picture that each belongs to.
        weights: of the pictures, see `weights_of_draws`.
    """
    order = np.argsort(values, kind="stable")
    ranked, rows = values[order], own[order]
    draws = [_weighted_median(ranked, np.cumsum(drawn[rows], dtype=np.int64)) for drawn in weights]
    return Estimate(
        float(np.median(values)),
        np.array(draws, np.float32),
        int(np.count_nonzero(np.bincount(own))),
    )


def _corrected(draws: Floats, value: np.float32, tail: float) -> list[float]:
    """Return the two shares of the draws that the interval ends at.

    With z0 the normal quantile of the share of draws below the value (half of those that are
    equal to it), they are the normal probabilities of 2 z0 ± z.
    """
    below = np.mean(draws < value) + np.mean(draws == value) / 2
    least = 0.5 / len(draws)
    shift = 2 * _NORMAL.inv_cdf(float(np.clip(below, least, 1 - least)))
    return [_NORMAL.cdf(shift + _NORMAL.inv_cdf(end)) for end in (tail, 1 - tail)]


def _weighted_median(ranked: npt.NDArray[np.int64], counted: npt.NDArray[np.int64]) -> float:
    """The median of ascending numbers of which each is there several times.

    Args:
        counted: how many there are up to and with each.
    """
    total = int(counted[-1])
    if total == 0:
        return float("nan")
    middle = np.searchsorted(counted, [(total - 1) // 2, total // 2], side="right")
    return float(ranked[middle].mean())
