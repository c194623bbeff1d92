"""Exact search: every row is compared, as fast as the memory gives the rows.

What scores promise, and why that way:

- `scores` are sums in float32, each row's by itself and in one order. They are within a
  millionth of float64's, equal rows score equally wherever they stand, and other queries or
  threads beside change nothing. Sums in float64 over all rows would take three times as long,
  because the rows must be widened first; a matrix-vector product of BLAS takes rows by the
  block, scores equal rows differently where blocks end, and is no faster.
- `exact_scores` are sums in float64. Rounded to float32 they are the same on every machine,
  but for one in some ten million. `core.ranking` takes them for the best pictures, so that
  what is shown and exported ranks alike wherever a recipe is replayed.
- `scores_of_many` multiplies matrices in float32: for statistics over many queries. It is
  within a millionth of float64's too, but equal rows may differ in the last bit.

float16 rows count as the numbers that they are, and are compared where they lie. numpy has no
quick way from float16: numba's is used where it is installed (`core.index.compiled`), and else
blocks are widened one after the other, at a quarter of the speed.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from core.errors import EmbeddingsError
from core.index import blocks, compiled
from core.index.halves import widened_into

FloatArray = npt.NDArray[np.floating]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

# What is widened stays in a core's own cache until it is read again.
_WIDENED_ROWS = 128
_WIDENED_FOR_MANY = 8_192


class VectorIndex(Protocol):
    """Gives the similarity of a vector with every vector that it holds."""

    @property
    def dim(self) -> int:
        """Length of the vectors."""

    def __len__(self) -> int:
        """How many vectors the index holds."""

    def scores(self, vector: FloatArray) -> Float32:
        """Return the cosine similarity of `vector` with each row: float32, shape (n,)."""

    def exact_scores(self, vector: FloatArray, rows: Rows) -> Float64:
        """Return the similarity with some rows, summed in float64: shape (rows,)."""

    def scores_of_many(self, vectors: FloatArray) -> Float32:
        """Return the similarity of each vector with each row: float32, shape (q, n)."""


def make_index(vectors: npt.NDArray[np.float32] | npt.NDArray[np.float16]) -> VectorIndex:
    """Return the index for `vectors`, which are not copied.

    Args:
        vectors: float32 or float16, shape (n, dim), unit rows; memory-mapped and read-only
            ones are read where they lie.

    Raises:
        ValueError: another shape or dtype.
    """
    if vectors.dtype == np.float16:
        return HalfIndex(vectors)
    return ExactIndex(vectors)


class ExactIndex:
    """Compares with every row; up to a few million of them, in memory or memory-mapped.

    Safe to share by threads. Rows need not be contiguous; they are read faster if they are.

    Args:
        vectors: float32, shape (n, dim), unit rows; kept, not copied.
    """

    _dtype: type[np.floating] = np.float32

    def __init__(self, vectors: npt.NDArray[np.floating]) -> None:
        if vectors.ndim != 2 or vectors.dtype != self._dtype:
            raise ValueError(
                f"expected {np.dtype(self._dtype)} vectors of shape (n, dim), "
                f"got {vectors.dtype} {vectors.shape}"
            )
        self._vectors = vectors

    @property
    def dim(self) -> int:
        return int(self._vectors.shape[1])

    def __len__(self) -> int:
        return int(self._vectors.shape[0])

    def scores(self, vector: FloatArray) -> Float32:
        """Return the cosine similarity of `vector` with each row: float32, shape (n,).

        Args:
            vector: shape (dim,), of unit length.

        Raises:
            EmbeddingsError: `vector` has another length than the rows.
        """
        self._check(vector, 1)
        wanted = np.ascontiguousarray(vector, dtype=np.float32)
        scores = np.empty(len(self), dtype=np.float32)
        blocks.in_blocks(
            len(self),
            blocks.rows_at_once(len(self), self.dim * self._vectors.itemsize),
            lambda part: self._scan(self._vectors[part], wanted, scores[part]),
        )
        return scores

    def exact_scores(self, vector: FloatArray, rows: Rows) -> Float64:
        """Return the similarity of `vector` with some rows, summed in float64: shape (rows,).

        Args:
            vector: shape (dim,), of unit length.
            rows: int64, shape (rows,): which.

        Raises:
            EmbeddingsError: `vector` has another length than the rows.
        """
        self._check(vector, 1)
        wanted = np.ascontiguousarray(vector, dtype=np.float64)
        scores = np.empty(len(rows))

        def score(part: slice) -> None:
            np.vecdot(self._vectors[rows[part]].astype(np.float64), wanted, out=scores[part])

        blocks.in_blocks(len(rows), _WIDENED_ROWS, score)
        return scores

    def scores_of_many(self, vectors: FloatArray) -> Float32:
        """Return the similarity of each vector with each row: float32, shape (q, n).

        Args:
            vectors: shape (q, dim), of unit length each.

        Raises:
            EmbeddingsError: they have another length than the rows.
        """
        self._check(vectors, 2)
        return self._product(np.ascontiguousarray(vectors, dtype=np.float32))

    def _scan(self, rows: FloatArray, vector: Float32, scores: Float32) -> None:
        # One dot product a row, so that its sum does not depend on its neighbours.
        np.vecdot(rows, vector, out=scores)

    def _product(self, vectors: Float32) -> Float32:
        return np.asarray(vectors @ self._vectors.T)

    def _check(self, found: FloatArray, ndim: int) -> None:
        if found.ndim != ndim or found.shape[-1] != self.dim:
            length = found.shape[-1] if found.ndim == ndim else 0
            raise EmbeddingsError(
                f"Expected a vector of {self.dim} numbers as the embeddings have, found "
                f"{length}: they were made by another model. "
                "Run: python -m core embed --dataset DATASET --model MODEL"
            )


class HalfIndex(ExactIndex):
    """The same for rows of float16, compared as the numbers that they are; none is widened but
    in blocks.

    Args:
        vectors: float16, shape (n, dim), unit rows; kept, not copied.
    """

    _dtype = np.float16

    def _scan(self, rows: FloatArray, vector: Float32, scores: Float32) -> None:
        if compiled.can_take(rows):
            compiled.scan_halves(rows, vector, scores)
            return
        block = np.empty((min(_WIDENED_ROWS, len(rows)), self.dim), dtype=np.float32)
        for start in range(0, len(rows), _WIDENED_ROWS):
            part = rows[start : start + _WIDENED_ROWS]
            wide = widened_into(block[: len(part)], part)
            np.vecdot(wide, vector, out=scores[start : start + len(part)])

    def _product(self, vectors: Float32) -> Float32:
        products = np.empty((len(vectors), len(self)), dtype=np.float32)
        wide = np.empty((min(_WIDENED_FOR_MANY, len(self)), self.dim), dtype=np.float32)
        for start in range(0, len(self), _WIDENED_FOR_MANY):
            rows = self._vectors[start : start + _WIDENED_FOR_MANY]
            _widen(rows, wide[: len(rows)])
            np.matmul(vectors, wide[: len(rows)].T, out=products[:, start : start + len(rows)])
        return products


def _widen(rows: FloatArray, wide: Float32) -> None:
    """Fill `wide` with float16 `rows`, by all threads."""
    if compiled.can_take(rows):
        share = -(-len(rows) // (2 * blocks.threads()))
        blocks.in_blocks(
            len(rows), share, lambda part: compiled.widen_halves(rows[part], wide[part])
        )
        return
    blocks.in_blocks(len(rows), _WIDENED_ROWS, lambda part: widened_into(wide[part], rows[part]))
