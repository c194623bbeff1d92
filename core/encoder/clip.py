"""`ClipEncoder`: the two towers of a CLIP model as an `Encoder`. Needs no PyTorch itself."""

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
from PIL import Image

from core import checkpoint
from core.checkpoint import ModelManifest
from core.encoder.protocol import Kind, ReadText, Tower
from core.encoder.tokenizer import load_tokenizer
from core.progress import Progress
from core.words import unknown_words

_TEXTS_AT_ONCE = 256
_PICTURES_AT_ONCE = 64


class Towers(Protocol):
    """Where a `ClipEncoder` has its towers from."""

    def open(self, kind: Kind) -> Tower:
        """Read a tower's weights."""

    def runtime(self, kind: Kind) -> str:
        """Return the `runtime` of the tower that `open` gives; it does not change by itself."""

    def prepare(self, kind: Kind, progress: Progress | None = None) -> bool:
        """Make what lets a faster runtime serve `kind`; return whether `open` changes by it."""


class ClipEncoder:
    """An `Encoder` with the towers of `towers`; `load_encoder` makes it."""

    def __init__(
        self,
        manifest: ModelManifest,
        towers: Towers,
        precision: str = "fp32",
        device: str = "cpu",
        warnings: tuple[str, ...] = (),
    ) -> None:
        self.manifest = manifest
        self.name = manifest.name
        self.dim = int(manifest.config["embed_dim"])
        self.drawn = manifest.drawn
        self.preprocessing = manifest.preprocessing
        self.warnings = warnings
        self.precision = precision
        self.device = device
        self._tokenizer = load_tokenizer(manifest)
        self.context_length = self._tokenizer.context_length
        self._towers = towers
        self._open: dict[Kind, Tower] = {}
        # Who waits for one tower to be read does not wait for the other.
        self._opening = {"text": threading.Lock(), "image": threading.Lock()}

    @cached_property
    def fingerprint(self) -> str:
        return checkpoint.fingerprint(self.manifest.folder)

    @property
    def runtime(self) -> str:
        tower = self._open.get("image")
        return tower.runtime if tower else self._towers.runtime("image")

    @property
    def n_bytes(self) -> int:
        """Return what the towers that are there now take of the memory."""
        return sum(tower.n_bytes for tower in tuple(self._open.values()))

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32, shape (n, dim), unit rows; what goes beyond the context is cut."""
        return self._encoded("text", self._tokenizer(texts), _TEXTS_AT_ONCE)

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Return float32, shape (n, dim), unit rows."""
        batches = [
            self.encode_pixels(np.stack([self.preprocessing(image) for image in batch]))
            for start in range(0, len(images), _PICTURES_AT_ONCE)
            if (batch := images[start : start + _PICTURES_AT_ONCE])
        ]
        return np.concatenate(batches) if batches else np.empty((0, self.dim), np.float32)

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Return float32, shape (n, dim), for prepared pictures; see `Encoder`."""
        return self._encoded("image", pixels, max(1, len(pixels)))

    def read_text(self, text: str) -> ReadText:
        """Return what the tokenizer makes of `text`."""
        n_tokens, cut = self._tokenizer.read(text)
        known = self.manifest.known_words
        unknown = () if known is None else unknown_words(text, known)
        return ReadText(n_tokens, cut, unknown)

    def release(self, tower: Kind) -> None:
        """Let go of a tower's memory; it is read again when it is next used."""
        with self._opening[tower]:
            self._open.pop(tower, None)

    def prepare(self, *towers: Kind, progress: Progress | None = None) -> None:
        """Convert towers for the faster runtime, once for each model; blocks some 20 seconds.

        It happens in a process of its own, and what is encoded meanwhile is encoded as before.
        Where the runtime cannot serve (see `load_encoder`), or all is there, nothing happens.

        Args:
            towers: in this order; none means both, text first.
            progress: told in towers.
        """
        for kind in towers or ("text", "image"):
            if self._towers.prepare(kind, progress):
                self.release(kind)

    def _tower(self, kind: Kind) -> Tower:
        tower = self._open.get(kind)
        if tower is None:
            with self._opening[kind]:
                tower = self._open.get(kind) or self._towers.open(kind)
                self._open[kind] = tower
        return tower

    def _encoded(self, kind: Kind, rows: np.ndarray, at_once: int) -> np.ndarray:
        if not len(rows):
            return np.empty((0, self.dim), np.float32)
        tower = self._tower(kind)
        starts = range(0, len(rows), at_once)
        return np.concatenate([tower(rows[start : start + at_once]) for start in starts])
