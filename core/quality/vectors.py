"""Vectors of many texts, made block by block and kept, so that stopped work goes on from there.

A block's file is named by what it was made of: the model and the texts. Whoever needs the same
block again finds it; whatever is damaged is made anew.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from core.atomic import atomic_file
from core.errors import SettingsError

Floats = npt.NDArray[np.float32]
MAX_BYTES = 2**30
_TEXTS_AT_ONCE = 256


class TextEncoder(Protocol):
    """The part of `core.encoder.Encoder` that is needed here."""

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return float32, shape (n, dim), unit rows."""


class KeptVectors:
    """The vectors of blocks of texts by one model.

    Args:
        folder: where they are kept; made when it is needed.
        model: names the checkpoint and how it is used, all that vectors depend on.
        dim: length of a vector.
    """

    def __init__(self, folder: Path, model: str, dim: int) -> None:
        self._folder = folder
        self._model = model
        self._dim = dim

    def get(self, texts: Sequence[str]) -> Floats | None:
        """Return the vectors of a block, float32, shape (texts, dim); None when not kept."""
        path = self._path(texts)
        try:
            vectors: Floats = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        is_whole = vectors.dtype == np.float32 and vectors.shape == (len(texts), self._dim)
        return vectors if is_whole else None

    def encode(self, texts: Sequence[str], encoder: TextEncoder) -> Floats:
        """Return the vectors of a block and keep them.

        Texts of like length are encoded together: a batch costs what its longest text does.

        Raises:
            SettingsError: the folder cannot be written.
        """
        order = np.argsort([len(text) for text in texts], kind="stable")
        vectors = np.empty((len(texts), self._dim), np.float32)
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            rows = order[start : start + _TEXTS_AT_ONCE]
            vectors[rows] = encoder.encode_texts([texts[row] for row in rows])
        path = self._path(texts)
        try:
            with atomic_file(path) as file:
                np.save(file, vectors, allow_pickle=False)
        except OSError as error:
            raise SettingsError(
                f"{path.parent} cannot be written: {error.strerror or error}. Make room there, "
                "or name another folder in COCOSIFT_CACHE."
            ) from error
        return vectors

    def _path(self, texts: Sequence[str]) -> Path:
        digest = hashlib.sha256(json.dumps([self._model, *texts]).encode()).hexdigest()
        return self._folder / digest[:2] / f"{digest}.npy"


def make_room(folder: Path, max_bytes: int = MAX_BYTES, keep_s: float = 86_400.0) -> None:
    """Remove the oldest files below `folder` until it holds at most `max_bytes`.

    What is younger than `keep_s` seconds stays: it may belong to work that goes on. What
    cannot be removed stays.
    """
    files = []
    for path in folder.rglob("*.npy"):
        with suppress(OSError):
            status = path.stat()
            files.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in files)
    for changed, size, path in sorted(files):
        if total <= max_bytes or time.time() - changed < keep_s:
            return
        with suppress(OSError):
            path.unlink()
            total -= size
