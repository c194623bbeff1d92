"""The words that mark the captions of some pictures, beside those of all others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.analytics.lift import RATE
from core.analytics.makeup import NO_PICTURE, Int32s, Ints, pictures_in
from core.coco import CocoDataset
from core.coco.tables import Strings
from core.recent import Recent

Floats = npt.NDArray[np.float64]

# The prior weighs as much as so many words of each side.
PRIOR = 500.0
MOST_MARKING = 25
NO_CAPTION = "These pictures have no captions, so there is no word to look at."

_MOST_BYTES = 128 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class CaptionTerms:
    """How much each word of the captions marks the pictures looked at.

    A word counts once a picture, however many of its captions have it: captions of one
    picture repeat one another, and only pictures can be taken as independent.

    Attributes:
        vocabulary: the words, by code points.
        n_images, total: pictures with a caption: of those looked at, and of the dataset.
        images, all_images: int64, (words,): pictures with the word in a caption.
        log_odds: float64, (words,): of the word here against elsewhere; above 0 it is more
            frequent here. In nats.
        z: float64, (words,): the same over its standard deviation.
        q: float64, (words,): two-sided p-values of `z`, adjusted for the number of words.
    """

    vocabulary: Strings
    n_images: int
    total: int
    images: Ints
    all_images: Ints
    log_odds: Floats
    z: Floats
    q: Floats

    def marking(self, most: int = MOST_MARKING) -> Ints:
        """Return the places of the words that stand out here, the strongest first; int64."""
        order = np.argsort(-self.z, kind="stable")[:most]
        return order[(self.z[order] > 0) & (self.q[order] <= RATE)]

    def lacking(self, most: int = MOST_MARKING) -> Ints:
        """Return the places of the words that stand out elsewhere, the strongest first; int64."""
        order = np.argsort(self.z, kind="stable")[:most]
        return order[(self.z[order] < 0) & (self.q[order] <= RATE)]


def caption_terms(
    dataset: CocoDataset, image_ids: Sequence[int] | Ints, *, prior: float = PRIOR
) -> CaptionTerms:
    """Compare the words of the captions of some pictures with those of all others.

    Log-odds-ratio with an informative Dirichlet prior: Monroe, Colaresi and Quinn, "Fightin'
    Words", Political Analysis 16 (2008), equations 16 and 22. The prior is the dataset's own
    vocabulary, weighing `prior` words, so that a rare word needs more than one picture to
    stand out. The p-value of `z` is that of a normal distribution; all words that occur are
    adjusted together (Benjamini and Hochberg, 1995).

    Args:
        dataset: the pictures.
        image_ids: those looked at; the others are what they are compared with.
        prior: words that the prior weighs.

    Raises:
        DatasetError: an id that the dataset does not have, or the captions file changed.
    """
    from scipy.special import ndtr
    from scipy.stats import false_discovery_control

    pairs = _word_pairs(dataset)
    is_in = pictures_in(dataset, image_ids)
    here = np.bincount(pairs.words[is_in[pairs.rows]], minlength=len(pairs.vocabulary))
    there = pairs.images - here
    weight = prior * pairs.images / max(1, int(pairs.images.sum()))
    log_odds = _log_odds(here, weight) - _log_odds(there, weight)
    with np.errstate(divide="ignore"):
        deviation = np.sqrt(1 / (here + weight) + 1 / (there + weight))
    z = np.divide(log_odds, deviation, out=np.zeros(len(here)), where=np.isfinite(deviation))
    p = np.clip(2 * ndtr(-np.abs(z)), 0, 1)
    return CaptionTerms(
        vocabulary=pairs.vocabulary,
        n_images=int(np.count_nonzero(is_in & pairs.has_caption)),
        total=int(np.count_nonzero(pairs.has_caption)),
        images=here,
        all_images=pairs.images,
        log_odds=log_odds,
        z=z,
        q=false_discovery_control(p) if p.size else p,
    )


def no_words(dataset: CocoDataset, image_ids: Sequence[int] | Ints) -> str:
    """Say why there is no word to look at in the captions of some pictures; "" when there is."""
    if "captions" not in dataset.kinds:
        return f"The dataset {dataset.name!r} has no captions."
    if not len(image_ids):
        return NO_PICTURE
    pairs = _word_pairs(dataset)
    if not pairs.images.size:
        return f"The captions of {dataset.name!r} have no words."
    has_word = np.zeros(len(dataset.images), dtype=np.bool_)
    has_word[pairs.rows] = True
    return "" if (has_word & pictures_in(dataset, image_ids)).any() else NO_CAPTION


@dataclass(frozen=True, slots=True, eq=False)
class _WordPairs:
    """Which pictures have which words in their captions, each pair once."""

    vocabulary: Strings
    rows: Int32s
    words: Int32s
    images: Ints
    has_caption: npt.NDArray[np.bool_]

    @property
    def n_bytes(self) -> int:
        return self.rows.nbytes + self.words.nbytes + self.images.nbytes


_kept: Recent[_WordPairs] = Recent(4, _MOST_BYTES, lambda one: one.n_bytes)


def _word_pairs(dataset: CocoDataset) -> _WordPairs:
    return _kept.get(dataset.annotation_hash, lambda: _paired(dataset))


def _paired(dataset: CocoDataset) -> _WordPairs:
    words = dataset.caption_words()
    k = max(1, len(words.vocabulary))
    is_word = words.tokens >= 0
    lengths = np.diff(np.append(words.starts, len(words.tokens)))
    image_rows = dataset.caption_image_rows
    rows = np.repeat(image_rows, lengths)
    keep = is_word & (rows >= 0)
    # A sort lets other threads run, and is many times faster here than numpy's `unique`.
    keys = np.sort(rows[keep] * k + words.tokens[keep])
    pairs = keys[np.diff(keys, prepend=-1) > 0]
    row_of, word_of = (part.astype(np.int32) for part in np.divmod(pairs, k))
    has_caption = np.zeros(len(dataset.images), dtype=np.bool_)
    has_caption[image_rows[image_rows >= 0]] = True
    images = np.bincount(word_of, minlength=len(words.vocabulary))
    return _WordPairs(words.vocabulary, row_of, word_of, images, has_caption)


def _log_odds(counts: Ints, weight: Floats) -> Floats:
    """Return the log-odds of each word among the words counted, with the prior's weight."""
    n = float(counts.sum() + weight.sum())
    of_word = counts + weight
    with np.errstate(divide="ignore", invalid="ignore"):
        odds: Floats = np.log(of_word) - np.log(n - of_word)
    return np.nan_to_num(odds, nan=0.0, posinf=0.0, neginf=0.0)
