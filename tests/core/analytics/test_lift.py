"""Lift: interval, test and rule for many agree with scipy's and statsmodels' own."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

from core.analytics.lift import lift_of


@st.composite
def tables(draw):
    """Pictures of a subset with a thing, of the subset, of the dataset with it, of all."""
    total = draw(st.integers(2, 400))
    n = draw(st.integers(1, total))
    k = draw(st.integers(0, n))
    rest = draw(st.integers(0, total - n))
    return k, n, k + rest, total


@given(tables())
def test_p_is_twice_the_smaller_tail_of_fishers_exact_test(table):
    k, n, m, total = table
    cells = [[k, n - k], [m - k, total - n - (m - k)]]
    tails = [fisher_exact(cells, alternative=side).pvalue for side in ("less", "greater")]
    assert lift_of([k], n, [m], total).p[0] == pytest.approx(min(1, 2 * min(tails)), rel=1e-9)


@given(tables())
def test_the_interval_is_statsmodels_ratio_of_subset_and_rest_carried_to_the_lift(table):
    k, n, m, total = table
    assume(n < total)
    assume(m > 0)
    rest, n_rest = m - k, total - n
    # Where a count is 0 the log has none, and 1/2 is added to each: statsmodels' own name.
    method = "log-adjusted" if k == 0 or rest == 0 else "log"
    ends = confint_proportions_2indep(k, n, rest, n_rest, compare="ratio", method=method)
    # The lift in the words of shares: of the subset over that of both together.
    carried = [r / (r * n / total + n_rest / total) for r in ends]
    found = lift_of([k], n, [m], total)
    assert found.low[0] == pytest.approx(0 if k == 0 else carried[0], rel=1e-9, abs=1e-12)
    assert found.high[0] == pytest.approx(total / n if rest == 0 else carried[1], rel=1e-9)


@given(tables())
def test_the_lift_lies_within_its_interval_and_that_within_what_is_possible(table):
    k, n, m, total = table
    assume(m > 0)
    found = lift_of([k], n, [m], total)
    lift, low, high = found.lift[0], found.low[0], found.high[0]
    assert lift == pytest.approx((k / n) / (m / total))
    assert -1e-9 <= low <= lift + 1e-9
    assert lift - 1e-9 <= high <= total / n + 1e-9


@given(st.lists(tables(), min_size=1, max_size=12))
@settings(max_examples=40)
def test_q_is_statsmodels_benjamini_hochberg_over_what_the_dataset_has(some):
    columns = [np.array(column) for column in zip(*some, strict=True)]
    found = lift_of(*columns)
    tested = columns[2] > 0
    assert np.all(found.q[~tested] == 1)
    if tested.any():
        expected = multipletests(np.clip(found.p[tested], 0, 1), method="fdr_bh")[1]
        assert np.allclose(found.q[tested], expected)


def test_a_random_subset_seldom_has_anything_that_stands_out():
    rng = np.random.default_rng(5)
    total, n = 500, 100
    has = rng.random((30, total)) < rng.uniform(0.02, 0.6, (30, 1))
    seen = 0
    for _ in range(200):
        subset = rng.permutation(total)[:n]
        found = lift_of(has[:, subset].sum(axis=1), n, has.sum(axis=1), total)
        seen += bool(found.stands_out.any())
    # All things are by chance here, so the rate of false findings is that of any finding.
    assert seen <= 0.05 * 200


def test_the_whole_dataset_is_as_often_in_itself_as_in_itself():
    found = lift_of([3, 5], 10, [3, 5], 10)
    assert found.lift.tolist() == found.low.tolist() == found.high.tolist() == [1, 1]
    assert found.p.tolist() == [1, 1]
    assert not found.stands_out.any()


@pytest.mark.parametrize(("n", "m"), [(0, 4), (5, 0)], ids=["no picture", "not in the dataset"])
def test_what_cannot_be_told_is_nan_and_never_stands_out(n, m):
    found = lift_of([0], n, [m], 20)
    assert np.isnan([found.lift[0], found.low[0], found.high[0]]).all()
    assert found.q.tolist() == [1]
    assert found.certain.tolist() == [0]
    assert found.order.tolist() == [0]


def test_what_is_missing_altogether_has_an_upper_end():
    found = lift_of([0], 100, [200], 400)
    assert found.lift[0] == found.low[0] == 0
    assert 0 < found.high[0] < 1
    assert found.stands_out[0]


def test_the_order_is_by_what_can_be_relied_on():
    # A lift of 4 from one picture is less than one of 2 from fifty.
    found = lift_of([1, 50, 10], 100, [1, 100, 40], 400)
    assert found.lift.tolist() == [4, 2, 1]
    assert found.order.tolist() == [1, 0, 2]


def test_no_thing_at_all_is_no_error():
    found = lift_of(np.array([], int), 5, np.array([], int), 9)
    assert len(found.lift) == len(found.order) == 0


@pytest.mark.parametrize(
    "counts", [(3, 2, 5, 9), (3, 5, 2, 9), (0, 8, 5, 9)], ids=["n", "dataset", "rest"]
)
def test_counts_that_cannot_be_are_refused(counts):
    with pytest.raises(ValueError, match="part of the dataset"):
        lift_of(*counts)
