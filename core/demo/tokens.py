"""The tokens that training texts contain, as a small table of their own.

CLIP's vocabulary has 49,408 tokens, of which the demo's texts use a few hundred.
Training works on a table of those and puts its rows back where open_clip expects
them; every other row is zero, so a word that was never learned says nothing.
"""

import functools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from core.words import words_of

VOCABULARY = 49_408
UNKNOWN = 0
_END = 49_407
_CONTEXT = 77


class TokenTable:
    """Numbers for the tokens of some texts: 0 is every other token, the last ends a text.

    Attributes:
        token_ids: int64, shape (n - 1,), ascending; token_ids[i] has the number i + 1.
    """

    def __init__(self, token_ids: np.ndarray) -> None:
        self.token_ids = token_ids
        self._number = np.zeros(VOCABULARY, np.int64)
        self._number[token_ids] = np.arange(1, len(token_ids) + 1)

    @classmethod
    def of(cls, texts: Iterable[str]) -> "TokenTable":
        used = {token for text in set(texts) for token in _tokens(text)}
        return cls(np.array(sorted(used), np.int64))

    def __len__(self) -> int:
        return len(self.token_ids) + 1

    def numbers(self, texts: Sequence[str]) -> np.ndarray:
        """Return int64, shape (texts, length of the longest), filled up with 0 at the end."""
        rows = [self._number[list(_tokens(text))] for text in texts]
        padded = np.zeros((len(rows), max(map(len, rows), default=0)), np.int64)
        for row, numbers in enumerate(rows):
            padded[row, : len(numbers)] = numbers
        return padded

    def scattered(self, rows: np.ndarray) -> np.ndarray:
        """Return the table for the whole vocabulary: shape (49408, width), zero elsewhere.

        Args:
            rows: shape (len(self), width); row 0 is not used.
        """
        full = np.zeros((VOCABULARY, rows.shape[1]), rows.dtype)
        full[self.token_ids] = rows[1:]
        return full


def known_words(texts: Iterable[str], fewest: int = 3) -> list[str]:
    """Return the lower-case words that occur at least `fewest` times, sorted."""
    counted = Counter(word for text in texts for word in words_of(text))
    return sorted(word for word, count in counted.items() if count >= fewest)


@functools.cache
def _tokens(text: str) -> tuple[int, ...]:
    """Return the tokens of `text` with those that start and end it."""
    row = _tokenizer()(text)[0].numpy()
    return tuple(row[: int(np.argmax(row == _END)) + 1].tolist())


@functools.cache
def _tokenizer() -> Any:
    from open_clip.tokenizer import SimpleTokenizer

    return SimpleTokenizer(context_length=_CONTEXT)
