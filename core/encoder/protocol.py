"""What an encoder is to those who use it: needs no PyTorch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from PIL import Image

from core.preprocessing import Preprocessing

Kind = Literal["text", "image"]
"""The two towers of a model."""


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


class Tower(Protocol):
    """One half of a model, in memory.

    Attributes:
        runtime: what computes it: "torch" or "onnxruntime".
        n_bytes: that its weights take of the memory.
    """

    runtime: str
    n_bytes: int

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Return float32, shape (n, dim), unit rows.

        Args:
            batch: at least one row. Texts: tokens, int64, shape (n, context_length). Pictures:
                preprocessed, float32, shape (n, 3, size, size), or as decoded and cropped,
                uint8, shape (n, size, size, 3).
        """


class Encoder(Protocol):
    """Turns texts and pictures into vectors of one space; may be used by several threads.

    A tower's weights are read when it is first used, so who only gives texts never pays for
    the image tower.

    Attributes:
        dim: length of a vector.
        drawn: whether the model knows drawings only.
        fingerprint: sha256 of the checkpoint.
        context_length: tokens that the model sees of a text, start and end included.
        precision: of the computation: "fp32", "bf16" or "fp16".
        device: "cpu", "cuda:0" and so on.
        runtime: what computes pictures: "torch" or "onnxruntime".
        preprocessing: how pictures become the input of `encode_pixels`; picklable.
        warnings: sentences a person should read before trusting the results.
    """

    name: str
    dim: int
    drawn: bool
    context_length: int
    precision: str
    device: str
    preprocessing: Preprocessing
    warnings: tuple[str, ...]

    @property
    def fingerprint(self) -> str: ...

    @property
    def runtime(self) -> str: ...

    @property
    def n_bytes(self) -> int:
        """Return what the towers that are there now take of the memory."""

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32, shape (n, dim), unit rows."""

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Return float32, shape (n, dim), unit rows.

        For notebooks, on pictures that are in no dataset; embedding a dataset prepares
        pictures in other processes and calls `encode_pixels`.
        """

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """The same for prepared pictures.

        Args:
            pixels: `preprocessing`'s float32, shape (n, 3, size, size); or its `square`'s
                uint8, shape (n, size, size, 3), which is normalised here.
        """

    def read_text(self, text: str) -> ReadText:
        """Return what the tokenizer makes of `text`."""

    def release(self, tower: Kind) -> None:
        """Let go of a tower's memory; it is read again when it is next used."""
