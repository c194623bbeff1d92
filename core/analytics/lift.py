"""Lift: how many times as often something is in part of a dataset as in all of it.

A subset is part of the dataset it is compared with, so the two are no independent samples.
What is independent of the subset is the rest. Test and interval are therefore of subset
against rest, and carried over to the lift, of which they are a plain function.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.analytics.intervals import CONFIDENCE

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

RATE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Lift:
    """The lift of k things, each counted as the pictures that have it.

    Attributes:
        lift: float64, (k,): share in the subset over share in the dataset; 1 is as often.
            NaN where no picture of the dataset has it, or the subset is empty.
        low, high: float64, (k,): the interval; NaN likewise.
        p: float64, (k,): two-sided, of the hypothesis that the subset was drawn at random.
        q: float64, (k,): `p` adjusted for the number of things (Benjamini-Hochberg).
    """

    lift: Floats
    low: Floats
    high: Floats
    p: Floats
    q: Floats

    @property
    def stands_out(self) -> Bools:
        """bool, (k,): of these, at most one in twenty is expected to be there by chance."""
        return self.q <= RATE

    @property
    def certain(self) -> Floats:
        """float64, (k,): log2 of the end of the interval that is next to 1, 0 if 1 is within.

        What can be relied on: 1 says at least twice as often, -1 at most half as often.
        """
        with np.errstate(divide="ignore"):
            low, high = np.log2(self.low), np.log2(self.high)
        return np.where(self.low > 1, low, np.where(self.high < 1, high, 0.0))

    @property
    def order(self) -> Ints:
        """int64, (k,): places by what stands out: the most that can be relied on first."""
        with np.errstate(divide="ignore"):
            size = np.abs(np.log2(self.lift))
        size = np.nan_to_num(size, nan=-1.0, posinf=np.finfo(np.float64).max)
        return np.lexsort((-size, self.p, -np.abs(self.certain), ~self.stands_out))


def lift_of(
    images: npt.ArrayLike,
    n_images: npt.ArrayLike,
    all_images: npt.ArrayLike,
    total: npt.ArrayLike,
    *,
    confidence: float = CONFIDENCE,
) -> Lift:
    """Return the lift of each thing with its interval, its test and the adjusted test.

    - **Lift** is (images / n_images) / (all_images / total).
    - **Interval**: of the ratio of shares in the subset and in the rest, two disjoint samples,
      by the log method (Katz, Baptista, Azen and Pike, Biometrics 34, 1978, method C). With
      f = n_images / total a ratio r is the lift r / (f r + 1 - f), which rises with r; so the
      ends carry over, and the interval stays within 0 and total / n_images. Where a count is
      0 the log has none: that end is the limit, the other has 1/2 added to each count
      (Walter, Biometrika 62, 1975).
    - **Test**: Fisher's exact test. Given the counts of the dataset, a random subset has a
      hypergeometric number of pictures with the thing; `p` is twice the smaller tail, at
      most 1 (Fisher's own doubling; see Yates, JRSS A 147, 1984).
    - **Several things at once**: the false discovery rate (Benjamini and Hochberg, JRSS B 57,
      1995) over all things that the dataset has. Categories go together in pictures; under
      such positive dependence the rule still holds (Benjamini and Yekutieli, 2001).

    The counts themselves are exact. The interval says how well they tell what other pictures
    of the same kind would be like.

    Args:
        images: (k,), of the subset's pictures those that have it.
        n_images: pictures of the subset, one number or (k,).
        all_images: (k,), of the dataset's pictures those that have it.
        total: pictures of the dataset, one number or (k,).

    Raises:
        ValueError: counts that cannot be, such as more in the subset than in the dataset.
    """
    k, n, m, total_ = (
        np.asarray(a, dtype=np.int64)
        for a in np.broadcast_arrays(images, n_images, all_images, total)
    )
    if ((k < 0) | (k > n) | (k > m) | (m - k > total_ - n)).any():
        raise ValueError("expected counts of a part of the dataset")
    low, high = _interval(k, n, m, total_, confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        lift = (k / n) / (m / total_)
    p = _exact(k, n, m, total_)
    return Lift(lift, low, high, p, _adjusted(p, is_test=(m > 0) & (n > 0)))


def _interval(k: Ints, n: Ints, m: Ints, total: Ints, confidence: float) -> tuple[Floats, Floats]:
    from scipy.special import ndtri

    rest, n_rest = m - k, total - n
    half = np.where((k == 0) | (rest == 0), 0.5, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log((k + half) / (n + half)) - np.log((rest + half) / (n_rest + half))
        variance = 1 / (k + half) - 1 / (n + half) + 1 / (rest + half) - 1 / (n_rest + half)
        reach = ndtri((1 + confidence) / 2) * np.sqrt(np.maximum(variance, 0))
        f = n / total
        low, high = (_carried(np.exp(ratio + side * reach), f) for side in (-1, 1))
    low = np.where(k == 0, 0.0, low)
    high = np.where(rest == 0, total / np.maximum(n, 1), high)
    is_known = (m > 0) & (n > 0)
    # The whole dataset is as often in itself as in itself.
    is_whole = n == total
    low, high = (np.where(is_whole, 1.0, end) for end in (low, high))
    return np.where(is_known, low, np.nan), np.where(is_known, high, np.nan)


def _carried(ratio: Floats, f: Floats) -> Floats:
    """Return the lift that a ratio of subset and rest is, when the subset is the part `f`."""
    lift: Floats = ratio / (f * ratio + 1 - f)
    return lift


def _exact(k: Ints, n: Ints, m: Ints, total: Ints) -> Floats:
    from scipy.stats import hypergeom

    if not k.size:
        return np.empty(0)
    lower = hypergeom.cdf(k, total, m, n)
    upper = hypergeom.sf(k - 1, total, m, n)
    p: Floats = np.minimum(1.0, 2 * np.minimum(lower, upper))
    return p


def _adjusted(p: Floats, is_test: Bools) -> Floats:
    from scipy.stats import false_discovery_control

    q = np.ones_like(p)
    if is_test.any():
        q[is_test] = false_discovery_control(np.clip(p[is_test], 0, 1), method="bh")
    return q
