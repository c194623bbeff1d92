"""Tokenizers: a text as the numbers that a model's text tower takes."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from open_clip.tokenizer import SimpleTokenizer

from core.checkpoint import ModelManifest


class Tokenizer(Protocol):
    """Turns texts into tokens.

    Attributes:
        context_length: tokens that the model sees of a text, start and end included.
        end: the token behind a text's last.
    """

    context_length: int
    end: int

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Return int64, shape (n, context_length); what goes beyond the context is cut."""

    def read(self, text: str) -> tuple[int, str]:
        """Return the number of tokens before any cut, and the end of `text` that is not seen."""


def load_tokenizer(manifest: ModelManifest) -> Tokenizer:
    """Return the tokenizer that the model of `manifest` was trained with."""
    text = manifest.config["text_cfg"]
    return ClipTokenizer(
        int(text.get("context_length", 77)), **(text.get("tokenizer_kwargs") or {})
    )


class ClipTokenizer:
    """The byte-pair encoding of CLIP, as open_clip has it."""

    def __init__(self, context_length: int = 77, clean: str = "lower") -> None:
        self.context_length = context_length
        self._encoding = SimpleTokenizer(context_length=context_length, clean=clean)
        self.end: int = self._encoding.eot_token_id

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Return int64, shape (n, context_length); what goes beyond the context is cut."""
        if not texts:
            return np.empty((0, self.context_length), np.int64)
        tokens: np.ndarray = self._encoding(list(texts)).numpy()
        return tokens

    def read(self, text: str) -> tuple[int, str]:
        """Return the number of tokens before any cut, and the end of `text` that is not seen."""
        room = self.context_length - 2
        cleaned = self._encoding.clean_fn(text)
        length, seen_until = 0, len(cleaned)
        for piece in self._encoding.pat.finditer(cleaned):
            letters = (self._encoding.byte_encoder[byte] for byte in piece[0].encode("utf-8"))
            length += len(self._encoding.bpe("".join(letters)).split(" "))
            if length > room:
                seen_until = min(seen_until, piece.start())
        if length <= room:
            return length + 2, ""
        whole_words = len(cleaned[:seen_until].split())
        if seen_until and not cleaned[seen_until - 1].isspace():
            whole_words -= 1  # the cut falls inside a word
        words = text.split()
        if len(words) != len(cleaned.split()):
            words = cleaned.split()
        return length + 2, " ".join(words[max(0, whole_words) :])
