"""Exact search: its scores, whatever the rows lie in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import EmbeddingsError
from core.index import ExactIndex


def unit_rows(n: int, dim: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@given(st.integers(0, 2**32 - 1), st.integers(1, 1_100), st.sampled_from([1, 2, 7, 128, 512]))
def test_scores_equal_those_of_float64_to_a_millionth(seed, n, dim):
    vectors = unit_rows(n, dim, seed)
    query = unit_rows(1, dim, seed + 1)[0]
    scores = ExactIndex(vectors).scores(query)
    assert scores.dtype == np.float32
    assert scores.shape == (n,)
    exact = vectors.astype(np.float64) @ query.astype(np.float64)
    assert np.abs(scores - exact).max() <= 1e-6


def test_equal_rows_score_equally_wherever_they_stand():
    vectors = unit_rows(1_500, 33)
    places = [0, 3, 511, 512, 1_024, 1_499]
    vectors[places] = vectors[7]
    scores = ExactIndex(vectors).scores(unit_rows(1, 33, seed=5)[0])
    assert len(set(scores[places].tolist())) == 1


def test_memory_mapped_rows_score_as_rows_in_memory(tmp_path):
    vectors = unit_rows(700, 16)
    np.save(tmp_path / "rows.npy", vectors)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    query = vectors[3]
    assert np.array_equal(ExactIndex(mapped).scores(query), ExactIndex(vectors).scores(query))


def test_an_index_without_rows_gives_no_scores():
    assert ExactIndex(np.empty((0, 8), dtype=np.float32)).scores(np.zeros(8)).shape == (0,)


def test_a_vector_of_another_length_is_refused_with_both_lengths():
    with pytest.raises(EmbeddingsError, match=r"Expected a vector of 8 numbers .* found 5"):
        ExactIndex(unit_rows(3, 8)).scores(np.ones(5, dtype=np.float32))
