"""What an encoder is to those who use it: needs no PyTorch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from core.preprocessing import Preprocessing


@dataclass(frozen=True, slots=True)
class ReadText:
    """What the tokenizer makes of a text.

    Attributes:
        n_tokens: how many the text has, with the start and the end token, before any cut.
        cut: the end of the text that the model does not see, from the first word that is
            not seen whole; "" when it sees everything.
        unknown_words: words that the model never learned, in the text's order, once each;
            empty when the model does not list its words.
    """

    n_tokens: int
    cut: str
    unknown_words: tuple[str, ...]


class Encoder(Protocol):
    """Turns texts and pictures into vectors of one space; may be used by several threads.

    Attributes:
        dim: length of a vector.
        drawn: whether the model knows drawings only.
        fingerprint: sha256 of the checkpoint.
        context_length: tokens that the model sees of a text, start and end included.
        precision: of the computation: "fp32", "bf16" or "fp16".
        preprocessing: how pictures become the input of `encode_pixels`; picklable.
        warnings: sentences a person should read before trusting the results.
    """

    name: str
    dim: int
    drawn: bool
    context_length: int
    precision: str
    preprocessing: Preprocessing
    warnings: tuple[str, ...]

    @property
    def fingerprint(self) -> str: ...

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32, shape (n, dim), unit rows."""

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Return float32, shape (n, dim), unit rows.

        For notebooks, on pictures that are in no dataset; embedding a dataset prepares
        pictures in other processes and calls `encode_pixels`.
        """

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """The same for preprocessed pictures: float32, shape (n, 3, size, size)."""

    def read_text(self, text: str) -> ReadText:
        """Return what the tokenizer makes of `text`."""
