"""Unit vectors and scores that tests draw."""

import numpy as np


def unit_rows(n: int, dim: int, seed: int = 0) -> np.ndarray:
    """float32 unit rows, shape (n, dim)."""
    rows = np.random.default_rng(seed).standard_normal((n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def rows_with_copies(n: int, dim: int, seed: int = 0) -> np.ndarray:
    """The same, about half of them within a cosine of 0.99 of another."""
    random = np.random.default_rng(seed)
    rows = unit_rows(n, dim, seed).astype(np.float64)
    sources = random.integers(0, max(n // 2, 1), n)
    rows[n // 2 :] = rows[sources[n // 2 :]]
    rows += 0.01 * random.standard_normal(rows.shape) / np.sqrt(dim)
    random.shuffle(rows)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
