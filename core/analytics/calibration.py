"""Calibration: what a score of a query means, by labels that the dataset has already.

    calibration = calibrate(scores, is_right)
    calibration.at(0.27).precision.value, calibration.at(0.27).recall.value
    calibration.threshold_for("precision", 0.9)

Labels say of each picture whether it is right: it has an instance of a category, a caption
with a word, or stands in a stored subset. They are weak: nobody made them for this query. Above
a threshold, of n pictures k are right, and of all R right ones k are found:

    precision = k / n,   recall = k / R,   F1 = 2k / (n + R)

Under the labels these are exact for this dataset. The intervals say how far they may be off for
other pictures of the same kind: Wilson's for precision and recall (J. Am. Stat. Assoc. 22,
1927), and for F1 and the average precision the percentiles of a bootstrap over pictures (Efron
and Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13). Average precision is
Σ (R_i - R_{i-1}) P_i over the thresholds, as scikit-learn has it, without interpolation.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from core.analytics.intervals import CONFIDENCE, wilson
from core.errors import QueryError
from core.filters import passing
from core.found import Found
from core.recipe import Estimate

Wish = Literal["precision", "recall", "f1"]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# What charts draw.
STEPS = 200
BINS = 15

# Bootstrap samples: as many as the time allows when there are millions of pictures.
_MOST_SAMPLES = 400
_FEWEST_SAMPLES = 100
_PICTURES_SAMPLED = 8_000_000
_SHORTEST, _LONGEST = 2, 9


@dataclass(frozen=True, slots=True)
class Point:
    """What keeping all that scores at least `threshold` comes to.

    Attributes:
        kept: pictures that score so much; right: those of them that the labels call right.
        precision: None when nothing is kept.
        f1: without its interval, which only `Calibration.curve` has.
    """

    threshold: float
    kept: int
    right: int
    precision: Estimate | None
    recall: Estimate
    f1: float


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Precision, recall and F1 at some thresholds; all float64 of shape (m,).

    Attributes:
        thresholds: ascending, from the lowest score to the highest; closer together among the
            best scores, as many as twice the right pictures.
        kept, right: int64 counts of what scores at least so much.
        precision, recall, f1: with the lower and the upper bounds of their intervals.
    """

    thresholds: Floats
    kept: Ints
    right: Ints
    precision: Floats
    precision_low: Floats
    precision_high: Floats
    recall: Floats
    recall_low: Floats
    recall_high: Floats
    f1: Floats
    f1_low: Floats
    f1_high: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """How likely a picture is right by its score; all of shape (bins,) or (steps,).

    Attributes:
        lows, highs: bounds of bins of equal width that have a picture; the last holds its
            upper bound, too.
        pictures, right: int64 counts of each bin.
        share, share_low, share_high: right of pictures, with Wilson's interval.
        scores, likely: the isotonic regression of right on the score (Zadrozny and Elkan,
            KDD 2002): the likelihood that does not fall with the score and has the least
            squared error.
    """

    lows: Floats
    highs: Floats
    pictures: Ints
    right: Ints
    share: Floats
    share_low: Floats
    share_high: Floats
    scores: Floats
    likely: Floats

    def at(self, score: float) -> float:
        """Return how likely a picture of that score is right, 0 to 1."""
        return float(np.interp(score, self.scores, self.likely))


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What the scores of a query mean under labels.

    Attributes:
        scores: float32, shape (n,), each once, falling: the thresholds at which anything
            changes.
        kept, right: int64, (n,): pictures that score at least so much, and those of them that
            are right.
        curve, reliability: for charts.
        average_precision: with its interval.
    """

    scores: npt.NDArray[np.float32]
    kept: Ints
    right: Ints
    curve: Curve
    reliability: Reliability
    average_precision: Estimate

    @property
    def pictures(self) -> int:
        return int(self.kept[-1])

    @property
    def all_right(self) -> int:
        """How many pictures the labels call right."""
        return int(self.right[-1])

    @property
    def n_bytes(self) -> int:
        return self.scores.nbytes + self.kept.nbytes + self.right.nbytes

    def at(self, threshold: float) -> Point:
        """Return what a threshold comes to; it is rounded to float32, as a cut is."""
        count = int(np.searchsorted(-self.scores, -np.float32(threshold), side="right"))
        return self._point(float(threshold), count - 1)

    def threshold_for(self, wish: Wish, at_least: float = 0.0) -> Point | None:
        """Return the threshold that a wish asks for; None when none reaches it.

        Args:
            wish: "precision" keeps as many as possible of which at least that share is right;
                "recall" finds at least that share of all that is right, as precisely as
                possible; "f1" balances both best.
            at_least: the share, 0 to 1; of no matter to "f1".

        Raises:
            QueryError: a share that cannot be.
        """
        if not 0 <= at_least <= 1:
            raise QueryError(f"Expected a share from 0 to 1, found {at_least:g}.")
        precision, recall = self.right / self.kept, self.right / self.all_right
        if wish == "f1":
            place = int(np.argmax(2 * self.right / (self.kept + self.all_right)))
        elif wish == "precision":
            reached = np.flatnonzero(precision >= at_least)
            if not reached.size:
                return None
            place = int(reached[-1])
        else:
            place = int(np.argmax(np.where(recall >= at_least, precision, -1)))
        return self._point(self._short(place), place)

    def best(self, wish: Literal["precision", "recall"]) -> Point:
        """Return the threshold with the highest precision or recall, whatever the other is."""
        shares = self.right / (self.kept if wish == "precision" else self.all_right)
        place = int(np.argmax(shares))
        return self._point(self._short(place), place)

    def _point(self, threshold: float, place: int) -> Point:
        kept, right = (0, 0) if place < 0 else (int(self.kept[place]), int(self.right[place]))
        return Point(
            threshold,
            kept,
            right,
            _estimate(right, kept) if kept else None,
            _estimate(right, self.all_right),
            2 * right / (kept + self.all_right),
        )

    def _short(self, place: int) -> float:
        """Return the shortest decimal that lets through what the score at `place` does."""
        score = self.scores[place]
        below = self.scores[place + 1] if place + 1 < len(self.scores) else -np.inf
        for digits in range(_SHORTEST, _LONGEST):
            rounded = np.floor(float(score) * 10**digits) / 10**digits
            if below < np.float32(rounded) <= score:
                return float(round(rounded, digits))
        return float(str(score))


def calibration_of(found: Found, is_right: Bools) -> Calibration:
    """Measure the scores of what was found against labels.

    It is measured on the pictures that pass the query's filters and have a vector, because the
    cut decides among these. Near-duplicates count although the result may hide them, and
    diversity is of no matter.

    Args:
        is_right: bool, shape (images,), by the rows of the dataset's images.

    Raises:
        QueryError: nothing is ranked, no ranked picture is right, or each is.
    """
    ranking, coco = found.ranking, found.dataset.coco
    if ranking is None:
        raise QueryError("Nothing is ranked, so there are no scores. Ask for something first.")
    keep = passing(coco, found.query.filters)[ranking.rows]
    return calibrate(ranking.scores[keep], is_right[ranking.rows[keep]])


def calibrate(
    scores: npt.NDArray[np.floating], is_right: Bools, *, seed: int = 0, samples: int | None = None
) -> Calibration:
    """Measure a query's scores against labels.

    Args:
        scores: shape (n,), finite, in any order.
        is_right: bool, shape (n,): what the labels say of each picture.
        seed: of the bootstrap; the same seed gives the same intervals.
        samples: of the bootstrap; when left out, as many as half a second has room for.

    Raises:
        QueryError: no picture is right, or each is, so that there is nothing to tell apart.
    """
    if scores.shape != is_right.shape or scores.ndim != 1:
        raise ValueError(f"expected one label a score, got {is_right.shape} for {scores.shape}")
    _expect_both(len(scores), int(is_right.sum()))
    scores = scores.astype(np.float32)
    order = np.argsort(-scores, kind="stable")
    scores, is_right = scores[order], is_right[order]
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
    kept, right = last + 1, np.cumsum(is_right)[last]
    steps = _steps(scores, int(right[-1]))
    at_steps = np.searchsorted(-scores, -_within(steps, scores), side="right")
    if samples is None:
        samples = min(_MOST_SAMPLES, max(_FEWEST_SAMPLES, _PICTURES_SAMPLED // len(scores)))
    sampled = _sampled(is_right, last, at_steps, seed, samples)
    return Calibration(
        scores=scores[last],
        kept=kept.astype(np.int64),
        right=right.astype(np.int64),
        curve=_curve(steps, at_steps, is_right, sampled.f1),
        reliability=_reliability(scores, is_right),
        average_precision=_bootstrapped(
            float(np.diff(right, prepend=0) @ (right / kept)) / float(right[-1]),
            sampled.average_precision,
        ),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Sampled:
    """Bootstrap samples: f1 (samples, steps), average_precision (samples,)."""

    f1: Floats
    average_precision: Floats


def _expect_both(pictures: int, right: int) -> None:
    if not pictures:
        raise QueryError("No picture has a score, so there is nothing to measure.")
    if not right:
        raise QueryError(
            f"None of the {pictures:,} pictures that are ranked has these labels, so nothing can "
            "be measured. Choose others."
        )
    if right == pictures:
        raise QueryError(
            f"All {pictures:,} pictures that are ranked have these labels, so there is nothing to "
            "tell apart. Choose others, or take filters out."
        )


def _steps(scores: npt.NDArray[np.float32], right: int) -> Floats:
    low, high = float(scores[-1]), float(scores[0])
    near = float(scores[min(2 * right, len(scores)) - 1])
    wide, close = np.linspace(low, high, STEPS // 4), np.linspace(near, high, STEPS - STEPS // 4)
    return np.unique(np.concatenate([wide, close]))


def _within(steps: Floats, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The steps as float32, the ends exactly the lowest and the highest score."""
    rounded = steps.astype(np.float32)
    rounded[0], rounded[-1] = scores[-1], scores[0]
    return rounded


def _sampled(is_right: Bools, last: Ints, at_steps: Ints, seed: int, samples: int) -> _Sampled:
    """Draw as many pictures as there are, with replacement, again and again.

    Args:
        is_right: best score first.
        last: the last place of each score; at_steps: how many pictures each step keeps.
    """
    n = len(is_right)
    generator = np.random.default_rng(seed)
    weights = is_right.astype(np.float64)
    f1 = np.zeros((samples, len(at_steps)))
    average = np.zeros(samples)
    for sample in range(samples):
        times = np.bincount(generator.integers(0, n, n), minlength=n)
        kept = np.concatenate([[0], np.cumsum(times)])
        right = np.concatenate([[0.0], np.cumsum(times * weights)])
        total = max(right[-1], 1.0)
        f1[sample] = 2 * right[at_steps] / np.maximum(kept[at_steps] + right[-1], 1)
        found = right[last + 1]
        average[sample] = np.diff(found, prepend=0.0) @ (found / np.maximum(kept[last + 1], 1))
        average[sample] /= total
    return _Sampled(f1, average)


def _curve(steps: Floats, kept: Ints, is_right: Bools, sampled_f1: Floats) -> Curve:
    right = np.concatenate([[0], np.cumsum(is_right)])[kept]
    total = int(right.max())
    precision, recall = right / np.maximum(kept, 1), right / total
    f1 = 2 * right / (kept + total)
    low, high = _percentiles(sampled_f1)
    return Curve(
        steps,
        kept.astype(np.int64),
        right.astype(np.int64),
        precision,
        *wilson(right, kept),
        recall,
        *wilson(right, np.full(len(kept), total)),
        f1,
        np.minimum(low, f1),
        np.maximum(high, f1),
    )


def _reliability(scores: npt.NDArray[np.float32], is_right: Bools) -> Reliability:
    from sklearn.isotonic import IsotonicRegression

    low, high = float(scores[-1]), float(scores[0])
    bounds = np.linspace(low, high, BINS + 1) if high > low else np.array([low, high])
    values = scores.astype(np.float64)
    places = np.clip(np.searchsorted(bounds, values, side="right") - 1, 0, len(bounds) - 2)
    pictures = np.bincount(places, minlength=len(bounds) - 1)
    right = np.bincount(places[is_right], minlength=len(bounds) - 1)
    there = pictures > 0
    isotonic = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    isotonic.fit(values, is_right.astype(np.float64))
    steps = np.unique(np.linspace(low, high, STEPS))
    return Reliability(
        bounds[:-1][there],
        bounds[1:][there],
        pictures[there],
        right[there],
        right[there] / pictures[there],
        *wilson(right[there], pictures[there]),
        steps,
        isotonic.predict(steps),
    )


def _estimate(right: int, of: int) -> Estimate:
    share = right / of
    low, high = (float(bound) for bound in wilson(right, of))
    return Estimate(share, min(low, share), max(high, share))


def _bootstrapped(value: float, samples: Floats) -> Estimate:
    low, high = _percentiles(samples)
    return Estimate(value, min(float(low), value), max(float(high), value))


def _percentiles(samples: Floats) -> tuple[Floats, Floats]:
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(samples, [tail, 100 - tail], axis=0)
    return low, high
