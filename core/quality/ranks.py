"""Ranks of what belongs together: of a caption's picture, and of a picture's best caption.

They give the figures of CLIP_benchmark's zero-shot retrieval: a caption is a hit at k when its
own picture is among the first k, a picture when any of its captions is. Of equal scores the
picture with the lower id comes first, as in search, and the caption that stands first by its
picture's id and the file's order.

The table of all scores is never in memory: captions come in blocks, each against all pictures.
A picture's best caption is known only when all have been seen, so the blocks are gone through
twice, with the very same products.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.progress import NoProgress, Progress

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Blocks = Callable[[], Iterable[tuple[Ints, Floats]]]
"""Gives all captions, some at a time: their rows, and float32 unit rows, one each."""

_SCORES_AT_ONCE = 8_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Ranks:
    """Ranks from 1.

    Attributes:
        of_captions: int64, shape (captions,): of each caption's own picture among all pictures.
        first: int64, shape (captions,): the row of the picture that each caption finds first.
        of_pictures: int64, shape (pictures,): of each picture's best caption among all
            captions; 0 for a picture without a caption.
    """

    of_captions: Ints
    first: Ints
    of_pictures: Ints


def rank(images: Floats, own: Ints, blocks: Blocks, progress: Progress | None = None) -> Ranks:
    """Rank pictures for each caption, and captions for each picture.

    Args:
        images: float32 unit rows, shape (pictures, dim), by ascending image id.
        own: int64, shape (captions,), not decreasing: the row of each caption's picture.
        blocks: asked twice; must give the same both times, and each caption once.
        progress: told the captions of the second time through.
    """
    ranks, first = np.zeros(len(own), np.int64), np.zeros(len(own), np.int64)
    mine = np.zeros(len(own), np.float32)
    for rows, scores in _scored(images, blocks):
        first[rows] = scores.argmax(axis=1)
        mine[rows] = scores[np.arange(len(rows)), own[rows]]
        ranks[rows] = ranks_of(scores, own[rows])
    best, score_of_best = _best_captions(mine, own, len(images))
    before = np.zeros(len(images), np.int64)
    done, told = 0, progress or NoProgress()
    for rows, scores in _scored(images, blocks):
        before += _before(scores, rows, own[rows], best, score_of_best)
        done += len(rows)
        told.update(done, len(own))
    return Ranks(ranks, first, np.where(best >= 0, 1 + before, 0))


def ranks_of(scores: Floats, own: Ints) -> Ints:
    """Return the rank, from 1, of column own[i] in each row i; of equals the earlier is first."""
    mine = np.take_along_axis(scores, own[:, None], axis=1)
    above = np.count_nonzero(scores > mine, axis=1)
    tied = np.flatnonzero(np.count_nonzero(scores >= mine, axis=1) - above > 1)
    earlier = np.arange(scores.shape[1]) < own[tied, None]
    above[tied] += np.count_nonzero((scores[tied] == mine[tied]) & earlier, axis=1)
    return np.asarray(1 + above, np.int64)


def _scored(images: Floats, blocks: Blocks) -> Iterator[tuple[Ints, Floats]]:
    at_once = max(1, _SCORES_AT_ONCE // max(1, len(images)))
    columns = np.ascontiguousarray(images).T
    for rows, vectors in blocks():
        for start in range(0, len(rows), at_once):
            part = slice(start, start + at_once)
            yield rows[part], vectors[part] @ columns


def _best_captions(mine: Floats, own: Ints, pictures: int) -> tuple[Ints, Floats]:
    """Return each picture's best caption (-1 without one) and its score."""
    order = np.lexsort((np.arange(len(own)), -mine, own))
    rows, places = np.unique(own[order], return_index=True)
    best = np.full(pictures, -1, np.int64)
    best[rows] = order[places]
    score = np.full(pictures, np.inf, np.float32)
    score[rows] = mine[best[rows]]
    return best, score


def _before(scores: Floats, rows: Ints, own: Ints, best: Ints, score_of_best: Floats) -> Ints:
    """Count for each picture the captions of this block that come before its best one."""
    others = np.arange(len(rows))
    scores[others, own] = -np.inf  # none of its own comes before the best
    count = np.count_nonzero(scores > score_of_best, axis=0)
    tied = np.flatnonzero((scores == score_of_best).any(axis=0))
    equal = scores[:, tied] == score_of_best[tied]
    count[tied] += np.count_nonzero(equal & (rows[:, None] < best[tied]), axis=0)
    return np.asarray(count, np.int64)
