"""Words that mark the captions of groups of pictures, against those of all others.

Monroe, B. L., Colaresi, M. P., Quinn, K. M.: Fightin' Words: Lexical Feature Selection and
Evaluation for Identifying the Content of Political Conflict. Political Analysis 16 (2008),
equations 16 to 22: the log-odds ratio of a word in one group and in the rest, each smoothed by
a Dirichlet prior in proportion to the word's frequency in all captions, over its standard
deviation. Unlike a plain ratio it does not put first what occurs once.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset

# Words that the prior counts for, in all.
PRIOR_WORDS = 1_000.0
# 1.96 standard deviations: what chance does once in forty.
LEAST_Z = 1.96
_FEWEST_TIMES = 3
_LETTERS = 3
_CELLS_AT_ONCE = 4_000_000
# They mark no place on a map, however uneven they are.
_UNTELLING_TEXT = """
    a about above across after against all along also among an and another are around as at away
    back be been behind being below beside between both but by can close down each far few for from
    front full get gets going has have having he her him his how in inside into is it its just like
    lots lot made many middle more most near next no not of off on one onto or other others out
    outside over own past each several she side sits sitting sit small large big some stand standing
    stands than that the their them then there these they this three through to together top toward
    towards two under up upon use used using very view was way were what when where which while who
    with within without you your four five six seven eight nine ten very
"""
_UNTELLING = frozenset(_UNTELLING_TEXT.split())


def log_odds(
    counts: npt.NDArray[np.int64], others: npt.NDArray[np.int64], prior_words: float = PRIOR_WORDS
) -> npt.NDArray[np.float64]:
    """Return how much more each word is of one group than of the rest, in deviations.

    Args:
        counts: int64, shape (groups, words): how often the group has the word.
        others: likewise, of all that is not in the group.
        prior_words: as `PRIOR_WORDS`.

    Returns:
        z, float64, shape (groups, words): the log-odds ratio over its standard deviation.
    """
    whole = (counts + others).astype(np.float64)
    total = whole.sum(axis=1, keepdims=True)
    prior = prior_words * whole / np.maximum(total, 1)
    prior = np.maximum(prior, 1e-9)
    here, there = counts + prior, others + prior
    rest_here = here.sum(axis=1, keepdims=True) - here
    rest_there = there.sum(axis=1, keepdims=True) - there
    with np.errstate(divide="ignore"):
        delta = np.log(here / rest_here) - np.log(there / rest_there)
    deviation = np.sqrt(1 / here + 1 / there)
    z: npt.NDArray[np.float64] = np.nan_to_num(delta / deviation, nan=0.0, posinf=0.0, neginf=0.0)
    return z


def marking_words(
    coco: CocoDataset,
    groups: npt.NDArray[np.integer],
    n_groups: int,
    most: int = 3,
) -> tuple[tuple[str, ...], ...]:
    """Return for each group of pictures the words that mark its captions, best first.

    Words are as `CaptionWords` has them. A word marks a group from 1.96 standard deviations and
    three uses on; articles and the like mark none.

    Args:
        coco: the dataset.
        groups: shape (images,): the group of each picture by its row, -1 for none.
        n_groups: groups are 0 to `n_groups` - 1.
        most: words of a group.

    Returns:
        A tuple for each group; an empty one where no word marks it, or without captions.

    Raises:
        DatasetError: the captions file changed meanwhile.
    """
    words = coco.caption_words()
    if not len(words.starts) or not n_groups:
        return ((),) * n_groups
    of_caption = _groups_of_captions(coco, np.asarray(groups, dtype=np.int64))
    lengths = np.diff(words.starts, append=len(words.tokens))
    tokens = np.asarray(words.tokens)
    of_token = np.repeat(of_caption, lengths)
    n_words = len(words.vocabulary)
    is_word = tokens >= 0
    everywhere = np.bincount(tokens[is_word], minlength=n_words)
    told = _telling(list(words.vocabulary), everywhere)
    found: list[tuple[str, ...]] = []
    step = max(1, _CELLS_AT_ONCE // max(1, n_words))
    for first in range(0, n_groups, step):
        last = min(first + step, n_groups)
        here = is_word & (of_token >= first) & (of_token < last)
        cells = (of_token[here] - first) * n_words + tokens[here]
        counts = np.bincount(cells, minlength=(last - first) * n_words)
        counts = counts.reshape(last - first, n_words)
        z = log_odds(counts, everywhere - counts)
        z[(counts < _FEWEST_TIMES) | ~told] = -np.inf
        found += [_best(row, words.vocabulary, most) for row in z]
    return tuple(found)


def _groups_of_captions(coco: CocoDataset, groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    rows = coco.caption_image_rows
    return np.where(rows >= 0, groups[rows.clip(min=0)], -1)


def _telling(vocabulary: list[str], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    return np.array(
        [
            count >= _FEWEST_TIMES
            and len(word) >= _LETTERS
            and not word.isdecimal()
            and word not in _UNTELLING
            for word, count in zip(vocabulary, counts.tolist(), strict=True)
        ],
        dtype=np.bool_,
    )


def _best(z: npt.NDArray[np.float64], vocabulary: Sequence[str], most: int) -> tuple[str, ...]:
    chosen: list[str] = []
    for place in np.argsort(-z, kind="stable")[: 4 * most]:
        if z[place] < LEAST_Z or len(chosen) == most:
            break
        word = vocabulary[int(place)]
        # "dogs" says nothing beside "dog".
        if not any(_is_form(word, other) for other in chosen):
            chosen.append(word)
    return tuple(chosen)


def _is_form(word: str, other: str) -> bool:
    shorter, longer = sorted((word, other), key=len)
    return longer in (f"{shorter}s", f"{shorter}es", f"{shorter}'s")
