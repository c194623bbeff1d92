"""Indexes: how similar one vector is to each vector of a dataset."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from core.errors import EmbeddingsError

FloatArray = npt.NDArray[np.floating]

_ROWS_AT_ONCE = 512


class VectorIndex(Protocol):
    """Gives the similarity of a vector with every vector that it holds."""

    @property
    def dim(self) -> int:
        """Length of the vectors."""

    def __len__(self) -> int:
        """How many vectors the index holds."""

    def scores(self, vector: FloatArray) -> npt.NDArray[np.float32]:
        """Return the cosine similarity of `vector` with each row: float32, shape (n,)."""


class ExactIndex:
    """Compares with every row; up to a few million of them, in memory or memory-mapped.

    Sums are kept in float64 and rounded once, so that equal rows score equally and
    rank alike on every machine; 40,504 x 512 takes about 10 ms on one core.

    Args:
        vectors: float32, shape (n, dim), unit rows.
    """

    def __init__(self, vectors: npt.NDArray[np.float32]) -> None:
        if vectors.ndim != 2:
            raise ValueError(f"expected vectors of shape (n, dim), got {vectors.shape}")
        self._vectors = vectors

    @property
    def dim(self) -> int:
        return int(self._vectors.shape[1])

    def __len__(self) -> int:
        return int(self._vectors.shape[0])

    def scores(self, vector: FloatArray) -> npt.NDArray[np.float32]:
        """Return the cosine similarity of `vector` with each row: float32, shape (n,).

        Args:
            vector: shape (dim,), of unit length.

        Raises:
            EmbeddingsError: `vector` has another length than the rows.
        """
        if vector.shape != (self.dim,):
            raise EmbeddingsError(
                f"Expected a vector of {self.dim} numbers as the embeddings have, found "
                f"{vector.shape[-1] if vector.ndim else 0}: they were made by another model. "
                "Run: python -m core embed --dataset DATASET --model MODEL"
            )
        exact = vector.astype(np.float64)
        scores = np.empty(len(self), dtype=np.float32)
        buffer = np.empty((_ROWS_AT_ONCE, self.dim), dtype=np.float64)
        for start in range(0, len(self), _ROWS_AT_ONCE):
            rows = self._vectors[start : start + _ROWS_AT_ONCE]
            block = buffer[: len(rows)]
            np.copyto(block, rows)
            scores[start : start + len(rows)] = block @ exact
        return scores
