"""Rankings: the vectors of a query's parts become a score a picture, and scores an order.

With v_i the unit vector of part i, w_i its weight and x the unit vector of a picture:

    blend   q = Σ w_i v_i / |Σ w_i v_i|,   score(x) = q·x
    any     score(x) = max over w_i > 0 of v_i·x  -  Σ over w_j < 0 of |w_j| v_j·x
    all     score(x) = min over w_i > 0 of v_i·x  -  Σ over w_j < 0 of |w_j| v_j·x

In `any` and `all` a positive weight says no more than that its part counts, and without a
positive part the maximum and the minimum are 0. A part of weight 0 is left out in each.

Scores are rounded to float32 once. The first `EXACT_BEST` come from sums in float64, and are
those that sums in float64 of all would put first, in their order. The others come from sums in
float32, a millionth off at most. `core.index` says why.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.errors import QueryError
from core.index import VectorIndex
from core.query.record import Cut, Mode, Part

Ids = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]
Vector = npt.NDArray[np.floating]

EXACT_BEST = 1_024
"""So many of the best pictures are scored in float64."""

# How far a sum in float32 may be off; of vectors of 512 numbers it is a tenth of that.
_ROUNDING = 1e-6
# Below this length the sum of unit vectors is rounding, not a direction.
_SHORTEST_SUM = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """All pictures that have a vector, best first.

    Attributes:
        rows: int64, shape (n,): rows of the dataset's images; equal scores by ascending
            image id.
        scores: float32, shape (n,), not increasing.
    """

    rows: Rows
    scores: Scores

    def __post_init__(self) -> None:
        if self.rows.ndim != 1 or self.rows.shape != self.scores.shape:
            raise ValueError(f"expected one score a row, got {self.scores.shape} scores")

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def of(cls, scores: Scores, rows: Rows, image_ids: Ids) -> "Ranking":
        """Order pictures by score.

        Args:
            scores: float32, shape (n,).
            rows, image_ids: int64, shape (n,), whose scores they are.
        """
        if np.any(image_ids[1:] < image_ids[:-1]):
            by_id = np.argsort(image_ids)
            scores, rows = scores[by_id], rows[by_id]
        order = _descending(scores)
        return cls(rows[order], scores[order])

    @property
    def n_bytes(self) -> int:
        return self.rows.nbytes + self.scores.nbytes

    def lowest(self, cut: Cut) -> np.float32 | None:
        """Return the lowest score that a cut lets through; None where it counts pictures.

        A score cut is rounded to float32, so that a score as it is shown lets its own
        picture through. A percentile lies between two pictures' scores in proportion, as
        `numpy.percentile` has it.
        """
        if cut.kind == "top":
            return None
        if cut.kind == "score":
            return np.float32(cut.value)
        return self._at_percentile(cut.value)

    def scores_by_row(self, n_rows: int) -> Scores:
        """Return float32, shape (n_rows,): the score of each image row, NaN without one."""
        scores = np.full(n_rows, np.nan, np.float32)
        scores[self.rows] = self.scores
        return scores

    def _at_percentile(self, percentile: float) -> np.float32:
        if not len(self):
            return np.float32(0)
        place = (1 - percentile / 100) * (len(self) - 1)
        above = int(place)
        below = min(above + 1, len(self) - 1)
        high, low = float(self.scores[above]), float(self.scores[below])
        # Down, never up: rounding must not shut out the picture that the score is of.
        return np.float32(high + (low - high) * (place - above))


def scores_of(
    index: VectorIndex, parts: Sequence[Part], vectors: Sequence[Vector], mode: Mode
) -> Scores:
    """Return the score of each vector of `index`: float32, shape (n,).

    The order of the parts changes nothing, to the last bit.

    Args:
        index: n unit vectors.
        parts: of a weight other than 0, at least one.
        vectors: the unit vector of each part.
        mode: how the parts become one score; the formulas stand above.

    Raises:
        QueryError: the parts of a blend cancel one another out.
        EmbeddingsError: a vector of another length than the index has.
    """
    if not parts:
        raise ValueError("expected at least one part")
    pairs = sorted(
        zip(parts, vectors, strict=True),
        key=lambda pair: (pair[0].kind, str(pair[0].value), pair[0].weight),
    )
    blend = blended(*zip(*pairs, strict=True)) if mode == "blend" else None

    def total(score: Callable[[Vector], npt.NDArray[np.floating]]) -> Scores:
        return _combined(pairs, mode, score) if blend is None else score(blend).astype(np.float32)

    scores = total(index.scores)
    best = _best(scores, _ROUNDING * sum(max(1.0, abs(part.weight)) for part in parts))
    scores[best] = total(lambda vector: index.exact_scores(vector, best))
    return scores


def blended(parts: Sequence[Part], vectors: Sequence[Vector]) -> npt.NDArray[np.float64]:
    """Return the weighted sum of the parts' unit vectors, of length 1: float64, shape (dim,).

    Raises:
        QueryError: the sum is shorter than a millionth.
    """
    total = np.zeros(len(vectors[0]))
    for part, vector in zip(parts, vectors, strict=True):
        total += part.weight * vector.astype(np.float64)
    length = float(np.linalg.norm(total))
    if length < _SHORTEST_SUM:
        raise QueryError(
            "The parts of the query cancel one another out: what is wanted and what is not "
            "wanted are the same. Take one of them out, or change its weight."
        )
    return np.asarray(total / length)


def _combined(
    pairs: Sequence[tuple[Part, Vector]],
    mode: Mode,
    score: Callable[[Vector], npt.NDArray[np.floating]],
) -> Scores:
    """Return the score that `any` or `all` makes of those of the parts."""
    total: npt.NDArray[np.floating] | float = 0.0
    wanted = [score(vector) for part, vector in pairs if not part.is_negative]
    if wanted:
        best_or_worst = np.maximum if mode == "any" else np.minimum
        total = best_or_worst.reduce(wanted).astype(np.float64)
    for part, vector in pairs:
        if part.is_negative:
            total = total + part.weight * score(vector).astype(np.float64)
    return np.asarray(total, dtype=np.float32)


def _best(scores: Scores, rounding: float) -> Rows:
    """Return the rows that may be among the best, when each score may be off by `rounding`."""
    if len(scores) <= EXACT_BEST:
        return np.arange(len(scores))
    last = len(scores) - EXACT_BEST
    return np.flatnonzero(scores >= np.partition(scores, last)[last] - 2 * rounding)


def _descending(scores: Scores) -> Rows:
    """Return the places from the highest score to the lowest, equal ones ascending.

    Sorts numbers made of score and place, five times as fast as by two keys.
    """
    # 0.0 and -0.0 are equal and differ in a bit. As a number the bits of a float below 0 rise
    # while it falls, and those of another fall when all but the sign are turned over.
    bits = (scores + np.float32(0)).view(np.uint32)
    falling = np.where(bits >> 31, bits, bits ^ np.uint32(0x7FFFFFFF))
    keys = falling.astype(np.uint64) << np.uint64(32)
    keys |= np.arange(len(scores), dtype=np.uint64)
    keys.sort()
    return (keys & np.uint64(0xFFFFFFFF)).view(np.int64)
