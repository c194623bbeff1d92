"""Diversity: maximal marginal relevance, against the formula as it is written."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.diversity import LARGEST_POOL, SMALLEST_POOL, diverse_order, pool_size
from tests.core.vectors import rows_with_copies, unit_rows


def pool(n: int, dim: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores that do not increase, and the vectors they are of."""
    vectors = rows_with_copies(n, dim, seed)
    scores = vectors @ unit_rows(1, dim, seed + 1)[0]
    order = np.argsort(-scores, kind="stable")
    return scores[order], vectors[order]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 2),
    st.integers(1, 60),
    st.sampled_from([2, 5, 64]),
    st.floats(0, 1),
    st.integers(1, 70),
)
def test_each_choice_has_the_largest_marginal_relevance(seed, n, dim, diversity, wanted):
    scores, vectors = pool(n, dim, seed)
    order = diverse_order(scores, vectors, diversity, wanted).tolist()
    assert len(order) == len(set(order)) == min(n, wanted)
    exact = vectors.astype(np.float64)
    for number, choice in enumerate(order):
        chosen = order[:number]
        free = [place for place in range(n) if place not in chosen]
        marginal = {
            place: (1 - diversity) * float(scores[place])
            - (diversity * max(exact[place] @ exact[one] for one in chosen) if chosen else 0)
            for place in free
        }
        # Two that are equal but for rounding may change places.
        assert marginal[choice] >= max(marginal.values()) - 1e-6


@given(st.integers(0, 2**32 - 2), st.integers(1, 60))
@settings(max_examples=25, deadline=None)
def test_without_diversity_the_order_is_that_of_the_scores(seed, n):
    assert diverse_order(*pool(n, 8, seed), 0, n).tolist() == list(range(n))


@given(st.integers(0, 2**32 - 2), st.floats(0, 1), st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_fewer_are_the_beginning_of_more(seed, diversity, wanted):
    scores, vectors = pool(50, 8, seed)
    every = diverse_order(scores, vectors, diversity, 50)
    assert np.array_equal(diverse_order(scores, vectors, diversity, wanted), every[:wanted])


@pytest.mark.parametrize("diversity", [0.0, 0.3, 0.99], ids=str)
def test_the_best_comes_first(diversity):
    assert diverse_order(*pool(30, 8, 2), diversity, 1).tolist() == [0]


def test_all_diversity_begins_with_the_best_and_goes_on_to_the_least_alike():
    scores = np.array([0.9, 0.8, 0.1], np.float32)
    vectors = np.array([[1, 0], [0.999, 0.0447], [0, 1]], np.float32)
    assert diverse_order(scores, vectors, 1, 3).tolist() == [0, 2, 1]


def test_an_exact_copy_comes_after_all_that_is_unlike_and_as_relevant():
    scores = np.array([0.5, 0.5, 0.5], np.float32)
    vectors = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    assert diverse_order(scores, vectors, 0.5, 3).tolist() == [0, 2, 1]


def test_nothing_of_an_empty_pool():
    assert diverse_order(np.empty(0, np.float32), np.empty((0, 4), np.float32), 0.5, 3).size == 0


@pytest.mark.parametrize(
    ("wanted", "size"),
    [(1, SMALLEST_POOL), (500, 1_000), (501, 1_002), (2_000, 4_000), (9_999, LARGEST_POOL)],
    ids=str,
)
def test_the_pool_is_twice_what_is_wanted_within_bounds(wanted, size):
    assert pool_size(wanted) == size
