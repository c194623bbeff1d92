"""Ranks and orders: beside counting by hand and another library."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import percentileofscore, zscore

from core.analytics.ranks import (
    kendall_tau,
    persistence,
    rank_biased_overlap,
    rank_curve,
    standing,
)

FALLING = np.array([0.9, 0.5, 0.5, 0.2, -0.1], dtype=np.float32)


@pytest.mark.parametrize(
    ("score", "rank", "at_least"),
    [(0.9, 1, 1), (0.5, 2, 3), (0.3, 4, 3), (-0.1, 5, 5), (-9, 6, 5), (9, 1, 0)],
    ids=["best", "shared", "between", "last", "below all", "above all"],
)
def test_a_score_stands_where_counting_puts_it(score, rank, at_least):
    found = standing(FALLING, score)
    assert (found.rank, found.n_at_least, found.n) == (rank, at_least, 5)
    assert found.percentile == pytest.approx(percentileofscore(FALLING, score, kind="weak"))


def test_z_is_scipys():
    values = [standing(FALLING, float(score)).z for score in FALLING]
    assert values == pytest.approx(zscore(FALLING.astype(float)))


def test_equal_scores_have_no_z():
    assert standing(np.full(3, 0.1, np.float32), 0.1).z is None


def test_a_curve_has_its_ends_and_the_rank_that_is_to_be_kept():
    scores = np.sort(np.random.default_rng(1).random(40_000))[::-1]
    curve = rank_curve(scores, keep=1_234)
    assert {1, 1_234, 40_000} <= set(curve.ranks.tolist())
    assert len(curve.ranks) <= 201
    assert curve.scores == pytest.approx(scores[curve.ranks - 1])


@pytest.mark.parametrize("n", [0, 1, 2], ids=["none", "one", "two"])
def test_few_pictures_have_a_curve_of_all_of_them(n):
    assert rank_curve(np.arange(n, 0, -1.0), keep=24).ranks.tolist() == list(range(1, n + 1))


def test_tau_counts_pairs():
    rng = np.random.default_rng(2)
    one, other = rng.integers(0, 9, 60), rng.integers(0, 9, 60)
    a, b = np.sign(np.subtract.outer(one, one)), np.sign(np.subtract.outer(other, other))
    by_hand = (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())
    assert kendall_tau(one, other) == pytest.approx(by_hand)


def test_tau_of_equal_scores_is_not_a_number():
    assert np.isnan(kendall_tau(np.zeros(4), np.arange(4.0)))


def by_definition(one, other, p):
    """Extrapolated rank-biased overlap, with sets."""
    depth = min(len(one), len(other))
    x = [len(set(one[:d]) & set(other[:d])) for d in range(1, depth + 1)]
    total = sum(x[d - 1] / d * p**d for d in range(1, depth + 1))
    return x[-1] / depth * p**depth + (1 - p) / p * total


@settings(max_examples=40, deadline=None)
@given(
    st.permutations(range(9)),
    st.lists(st.integers(0, 14), unique=True, min_size=1, max_size=12),
    st.sampled_from([0.5, 0.9, 0.99]),
)
def test_rank_biased_overlap_is_what_its_definition_gives(one, other, p):
    found = rank_biased_overlap(np.array(one), np.array(other), p)
    assert found == pytest.approx(by_definition(one, other, p))


def test_rank_biased_overlap_of_the_same_order_is_one_and_of_others_nothing():
    ids = np.arange(50)
    assert rank_biased_overlap(ids, ids, 0.9) == pytest.approx(1)
    assert rank_biased_overlap(ids, ids + 100, 0.9) == 0
    assert np.isnan(rank_biased_overlap(ids, ids[:0], 0.9))


def test_a_swap_at_the_top_counts_more_than_one_below():
    ids = np.arange(100)
    top, low = ids.copy(), ids.copy()
    top[[0, 1]], low[[80, 81]] = [1, 0], [81, 80]
    p = persistence(24)
    assert rank_biased_overlap(ids, top, p) < rank_biased_overlap(ids, low, p) < 1


def test_the_persistence_looks_as_deep_as_the_subset():
    assert 1 / (1 - persistence(24)) == pytest.approx(24)
    assert 0 < persistence(1) < 1
