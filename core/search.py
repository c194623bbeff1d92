"""Search: a text becomes a vector, the vector scores, the scores the first k pictures."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from core.errors import QueryError
from core.index import VectorIndex

if TYPE_CHECKING:
    from core.encoder import Encoder

DEFAULT_TOP_K = 24
# CLIP reads some dozens of tokens, and splitting a text into them takes time that grows with
# the square of its longest word.
MAX_CHARACTERS = 1_000
MAX_WORD = 100

Ids = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Images of one dataset in rank order.

    Attributes:
        image_ids: int64, shape (n,), unique.
        scores: float32 cosine similarity, shape (n,), not increasing; equal ones are
            ordered by image id.
    """

    image_ids: Ids
    scores: Scores

    def __post_init__(self) -> None:
        if self.image_ids.ndim != 1 or self.image_ids.shape != self.scores.shape:
            raise ValueError(
                f"expected one score an id, got {self.scores.shape} for {self.image_ids.shape}"
            )
        if np.any(self.scores[1:] > self.scores[:-1]):
            raise ValueError("expected scores that do not increase")

    def __len__(self) -> int:
        return len(self.image_ids)


@dataclass(frozen=True, slots=True)
class TextQuery:
    """A text that can be searched for, and what a person should know about how it was read."""

    text: str
    notes: tuple[str, ...] = ()


def search(
    encoder: "Encoder",
    index: VectorIndex,
    image_ids: Ids,
    query: str | TextQuery,
    top_k: int = DEFAULT_TOP_K,
) -> Hits:
    """Return the `top_k` pictures most similar to `query`, all of them if there are fewer.

    Args:
        encoder: the model that made the index's vectors.
        index: n vectors.
        image_ids: int64, shape (n,), whose vectors they are.
        query: a text, or what `read_query` made of it, with the notes that belong to it.
        top_k: at least 1.

    Raises:
        QueryError: a text that `read_query` refuses or a `top_k` below 1.
        EmbeddingsError: the model gives vectors of another length than the index has.
    """
    check_top_k(top_k)
    return top_hits(all_scores(encoder, index, query), image_ids, top_k)


def all_scores(encoder: "Encoder", index: VectorIndex, query: str | TextQuery) -> Scores:
    """Return the cosine similarity of `query` with each vector of `index`: float32, shape (n,).

    Raises:
        QueryError, EmbeddingsError: as `search`.
    """
    read = query if isinstance(query, TextQuery) else read_query(encoder, query)
    return index.scores(encoder.encode_texts([read.text])[0])


def top_hits(scores: Scores, image_ids: Ids, top_k: int) -> Hits:
    """Return the `top_k` highest scores in rank order; equal scores by ascending image id.

    Args:
        scores: float32, shape (n,).
        image_ids: int64, shape (n,), unique.
        top_k: at least 1; above n it gives all n.

    Raises:
        QueryError: a `top_k` below 1.
    """
    check_top_k(top_k)
    candidates = np.arange(len(scores))
    if top_k < len(scores):
        lowest = np.partition(scores, len(scores) - top_k)[len(scores) - top_k]
        candidates = np.flatnonzero(scores >= lowest)
    order = np.lexsort((image_ids[candidates], -scores[candidates]))[:top_k]
    chosen = candidates[order]
    return Hits(image_ids[chosen], scores[chosen])


def read_query(encoder: "Encoder", text: str) -> TextQuery:
    """Return `text` as the model reads it, with notes on what it will not see or know.

    Raises:
        QueryError: nothing is left of the text, it or a word of it is too long, or it is
            not valid Unicode.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise QueryError("The query is not valid Unicode text. Type it again, in UTF-8.") from None
    words = " ".join(text.split())
    _check_length(words)
    read = encoder.read_text(words) if words else None
    if read is None or read.n_tokens <= 2:
        raise QueryError(
            "The query is empty. Say in a few words what the pictures should show, "
            'for example "a dog on a beach".'
        )
    notes = []
    if read.cut:
        notes.append(
            f"The model reads {encoder.context_length - 2} tokens of a text; "
            f"not searched for: {_shortened(read.cut)!r}."
        )
    if read.unknown_words:
        notes.append(_unknown_words_note(encoder.name, read.unknown_words))
    return TextQuery(words, tuple(notes))


def _check_length(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise QueryError(
            f"Expected a query of at most {MAX_CHARACTERS:,} characters, found {len(text):,}. "
            "Say in a sentence what the pictures should show."
        )
    longest = max(text.split(), key=len, default="")
    if len(longest) > MAX_WORD:
        raise QueryError(
            f"Expected words of at most {MAX_WORD} characters, found one of {len(longest):,}: "
            f"{_shortened(longest, 40)!r}. Shorten it, or put spaces between its words."
        )


def check_top_k(top_k: int) -> None:
    """Raise a `QueryError` unless `top_k` is at least 1."""
    if top_k < 1:
        raise QueryError(f"Expected top-k of at least 1, found {top_k}. Try --top-k 24.")


def _unknown_words_note(model: str, words: tuple[str, ...]) -> str:
    listed = ", ".join(repr(_shortened(word, 40)) for word in words[:8])
    if len(words) > 8:
        listed += f" and {len(words) - 8} more"
    noun = "word" if len(words) == 1 else "words"
    return f"The model {model!r} never learned the {noun} {listed}: pictures may not fit."


def _shortened(text: str, length: int = 200) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
