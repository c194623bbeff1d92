"""Exact search: what scores promise, whatever the rows lie in and whoever asks meanwhile."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import EmbeddingsError
from core.index import ExactIndex, blocks, compiled, make_index, widened
from tests.core.vectors import unit_rows

SIZES = st.integers(1, 1_100)
DIMS = st.sampled_from([1, 2, 7, 128, 512])
SEEDS = st.integers(0, 2**32 - 1)
HAS_NUMBA = compiled._is_installed()
# numba compiles when it is first called.
at_leisure = settings(deadline=None, max_examples=40)


@pytest.fixture(params=["float32", "float16", "float16 without numba"])
def stored(request, monkeypatch):
    """Makes of float32 rows what a file holds, and turns numba off where it should be."""
    if request.param == "float16" and not HAS_NUMBA:
        pytest.skip("numba is not installed")
    if request.param == "float16 without numba":
        monkeypatch.setattr(compiled, "_is_installed", lambda: False)
    dtype = np.float32 if request.param == "float32" else np.float16
    return lambda rows: rows.astype(dtype)


def of_float64(rows: np.ndarray, vector: np.ndarray) -> np.ndarray:
    return rows.astype(np.float64) @ vector.astype(np.float64)


@at_leisure
@given(SEEDS, SIZES, DIMS, st.sampled_from([np.float32, np.float16]))
def test_scores_equal_those_of_float64_to_a_millionth(seed, n, dim, dtype):
    vectors = unit_rows(n, dim, seed).astype(dtype)
    query = unit_rows(1, dim, seed + 1)[0]
    scores = make_index(vectors).scores(query)
    assert scores.dtype == np.float32
    assert scores.shape == (n,)
    assert np.abs(scores - of_float64(vectors, query)).max() <= 1e-6


@at_leisure
@given(SEEDS, st.integers(1, 9), SIZES, DIMS, st.sampled_from([np.float32, np.float16]))
def test_so_do_those_of_many_queries_at_once(seed, n_queries, n, dim, dtype):
    vectors = unit_rows(n, dim, seed).astype(dtype)
    queries = unit_rows(n_queries, dim, seed + 1)
    scores = make_index(vectors).scores_of_many(queries)
    assert scores.dtype == np.float32
    assert scores.shape == (n_queries, n)
    assert np.abs(scores - of_float64(vectors, queries.T).T).max() <= 1e-6


@at_leisure
@given(SEEDS, SIZES, DIMS, st.sampled_from([np.float32, np.float16]))
def test_exact_scores_are_those_of_float64(seed, n, dim, dtype):
    vectors = unit_rows(n, dim, seed).astype(dtype)
    query = unit_rows(1, dim, seed + 1)[0]
    rows = np.random.default_rng(seed).integers(0, n, size=n)
    scores = make_index(vectors).exact_scores(query, rows)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, of_float64(vectors[rows], query), rtol=0, atol=1e-14)


@pytest.mark.parametrize("dim", [1, 33, 512])
def test_equal_rows_score_equally_wherever_they_stand(stored, dim, monkeypatch):
    monkeypatch.setattr(blocks, "threads", lambda: 3)
    vectors = unit_rows(9_500, dim)
    places = [0, 3, 127, 128, 511, 512, 1_023, 1_024, 4_095, 4_096, 9_498, 9_499]
    vectors[places] = vectors[7]
    index, query = make_index(stored(vectors)), unit_rows(1, dim, seed=5)[0]
    assert len(set(index.scores(query)[places].tolist())) == 1
    assert len(set(index.exact_scores(query, np.array(places)).tolist())) == 1


def test_a_rows_score_is_the_same_among_other_rows(stored):
    vectors = stored(unit_rows(5_000, 96))
    query = unit_rows(1, 96, seed=5)[0]
    whole = make_index(vectors).scores(query)
    for part in (slice(0, 1), slice(17, 3_000), slice(4_999, 5_000)):
        assert np.array_equal(make_index(vectors[part]).scores(query), whole[part])


def test_memory_mapped_rows_score_as_rows_in_memory(stored, tmp_path):
    vectors = stored(unit_rows(700, 16))
    np.save(tmp_path / "rows.npy", vectors)
    mapped, query = np.load(tmp_path / "rows.npy", mmap_mode="r"), unit_rows(3, 16, seed=2)
    assert not mapped.flags.writeable
    here, there = make_index(vectors), make_index(mapped)
    assert np.array_equal(there.scores(query[0]), here.scores(query[0]))
    assert np.array_equal(there.scores_of_many(query), here.scores_of_many(query))


@pytest.mark.parametrize(
    "laid_out",
    [lambda rows: rows[::2], lambda rows: rows[:, ::-1], np.asfortranarray, lambda rows: rows.T.T],
    ids=["every other row", "backwards", "by columns", "as they were"],
)
def test_rows_may_lie_as_they_like(stored, laid_out):
    rows = laid_out(stored(unit_rows(300, 24)))
    query = unit_rows(1, 24, seed=4)[0]
    scores = make_index(rows).scores(query)
    assert np.abs(scores - of_float64(rows, query)).max() <= 1e-6


def test_so_may_the_query(stored):
    rows, queries = stored(unit_rows(300, 24)), unit_rows(24, 6, seed=4).T[:, ::-1]
    index = make_index(rows)
    assert np.array_equal(index.scores(queries[2]), index.scores(queries[2].copy()))
    assert np.array_equal(index.scores(queries[2].astype(np.float64)), index.scores(queries[2]))


def test_threads_that_ask_at_once_get_what_each_alone_gets(stored, monkeypatch):
    monkeypatch.setattr(blocks, "threads", lambda: 4)
    index = make_index(stored(unit_rows(9_000, 128)))
    queries = unit_rows(40, 128, seed=8)
    alone = [index.scores(query) for query in queries]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(index.scores, queries))
    assert all(map(np.array_equal, together, alone))


def test_a_forked_process_scores_with_threads_of_its_own():
    program = (
        "import os, numpy as np\n"
        "from core.index import make_index, blocks\n"
        "index = make_index(np.eye(20_000, 64, dtype=np.float32))\n"
        "index.scores(np.ones(64))\n"
        "pid = os.fork()\n"
        "total = index.scores(np.ones(64)).sum()\n"
        "if pid == 0: os._exit(int(total))\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), int(total))\n"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["64", "64"]


def test_an_index_without_rows_gives_no_scores(stored):
    index = make_index(stored(np.empty((0, 8), dtype=np.float32)))
    assert len(index) == 0
    assert index.scores(np.zeros(8)).shape == (0,)
    assert index.scores_of_many(np.zeros((3, 8))).shape == (3, 0)
    assert index.exact_scores(np.zeros(8), np.empty(0, np.int64)).shape == (0,)


def test_one_row_has_one_score(stored):
    row = unit_rows(1, 512)
    assert make_index(stored(row)).scores(row[0]) == pytest.approx([1], abs=1e-3)


def test_no_query_at_all_gives_a_table_without_rows(stored):
    assert make_index(stored(unit_rows(3, 8))).scores_of_many(np.empty((0, 8))).shape == (0, 3)


@pytest.mark.parametrize(
    ("ask", "found"),
    [
        (lambda index: index.scores(np.ones(5, dtype=np.float32)), 5),
        (lambda index: index.scores(np.ones((1, 8))), 0),
        (lambda index: index.exact_scores(np.ones(9), np.arange(2)), 9),
        (lambda index: index.scores_of_many(np.ones((2, 5))), 5),
        (lambda index: index.scores_of_many(np.ones(8)), 0),
    ],
    ids=["one", "a table for one", "exact", "many", "one for many"],
)
def test_a_vector_of_another_length_is_refused_with_both_lengths(ask, found):
    with pytest.raises(EmbeddingsError, match=rf"Expected a vector of 8 numbers .* found {found}"):
        ask(ExactIndex(unit_rows(3, 8)))


@pytest.mark.parametrize(
    "vectors",
    [np.zeros(8, np.float32), np.zeros((2, 3, 4), np.float32), np.eye(3), np.eye(3, dtype=int)],
    ids=["flat", "deep", "float64", "integers"],
)
def test_what_is_no_table_of_float32_or_float16_is_refused(vectors):
    with pytest.raises(ValueError, match="expected float32 vectors of shape"):
        make_index(vectors)


def test_rows_are_not_copied(stored):
    vectors = stored(unit_rows(50, 8))
    index = make_index(vectors)
    vectors[0] = 0
    assert index.scores(np.ones(8))[0] == 0


def test_every_finite_float16_is_widened_to_the_same_number():
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)].reshape(-1, 8)
    assert np.array_equal(
        widened(halves).view(np.uint32), halves.astype(np.float32).view(np.uint32)
    )


def test_float32_rows_are_widened_without_a_copy():
    rows = unit_rows(4, 8)
    assert np.shares_memory(widened(rows), rows)


def test_an_error_in_a_block_is_raised(monkeypatch):
    monkeypatch.setattr(blocks, "threads", lambda: 3)

    def refuse(part: slice) -> None:
        if part.start >= 60:
            raise MemoryError(part.start)

    with pytest.raises(MemoryError):
        blocks.in_blocks(100, 10, refuse)


@given(st.integers(0, 200), st.integers(1, 60))
def test_blocks_are_all_there_is_and_each_once(count, size):
    seen = np.zeros(count, int)

    def see(part: slice) -> None:
        assert 0 < part.stop - part.start <= size
        seen[part] += 1

    blocks.in_blocks(count, size, see)
    assert (seen == 1).all()
