"""Intervals: what is drawn, how figures are taken from draws, and how often they are right."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.quality.estimates import (
    Estimate,
    difference,
    mean_of,
    median,
    shares,
    weights_of_draws,
)

seeds = st.integers(0, 2**32 - 1)


def columns(*values: list[float]) -> np.ndarray:
    return np.array(values, float).T


def test_each_draw_has_as_many_pictures_as_there_are() -> None:
    weights = weights_of_draws(30, draws=40)
    assert weights.shape == (40, 30)
    assert (weights.sum(axis=1) == 30).all()


def test_the_same_number_of_pictures_gives_the_same_draws() -> None:
    assert np.array_equal(weights_of_draws(30, draws=40), weights_of_draws(30, draws=40))
    assert not np.array_equal(
        weights_of_draws(30, draws=40), weights_of_draws(30, draws=40, seed=7)
    )


@given(seeds)
@settings(deadline=None, max_examples=25)
def test_a_share_in_a_draw_is_that_of_the_drawn_pictures_one_by_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    trials = random.integers(1, 6, (12, 2)).astype(float)
    hits = np.floor(random.random((12, 2)) * (trials + 1))
    weights = weights_of_draws(12, draws=20, seed=seed % 1000)
    found = shares(hits, trials, weights)
    for column, estimate in enumerate(found):
        drawn = [np.repeat(np.arange(12), row) for row in weights]
        expected = [hits[rows, column].sum() / trials[rows, column].sum() for rows in drawn]
        assert estimate.draws == pytest.approx(np.array(expected), abs=1e-6)
        assert estimate.value == pytest.approx(hits[:, column].sum() / trials[:, column].sum())


@given(seeds)
@settings(deadline=None, max_examples=25)
def test_a_median_in_a_draw_is_that_of_the_drawn_captions_one_by_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    own = np.sort(random.integers(0, 9, 25))
    ranks = random.integers(1, 40, 25)
    weights = weights_of_draws(9, draws=20, seed=seed % 1000)
    found = median(ranks, own, weights)
    for row, drawn in zip(weights, found.draws, strict=True):
        expanded = np.repeat(ranks, row[own])
        if expanded.size:
            assert drawn == np.median(expanded)
        else:
            assert np.isnan(drawn)
    assert found.value == np.median(ranks)


def test_captions_that_hang_together_have_a_wider_interval_than_as_many_that_do_not() -> None:
    """200 pictures with five captions each: all of one are hits, or each by itself."""
    random = np.random.default_rng(5)
    together = 5.0 * (random.random(200) < 0.5)
    apart = random.binomial(5, 0.5, 200).astype(float)
    trials = np.full((200, 1), 5.0)
    weights = weights_of_draws(200)
    wide, narrow = (
        shares(hits[:, None], trials, weights)[0].interval() for hits in (together, apart)
    )
    ratio = (wide.high - wide.low) / (narrow.high - narrow.low)
    assert ratio == pytest.approx(np.sqrt(5), rel=0.2)


@pytest.mark.parametrize(("value", "end"), [(0.0, "high"), (1.0, "low")])
def test_where_all_or_none_are_hits_the_other_end_is_exact(value: float, end: str) -> None:
    from scipy.stats import binomtest

    draws = np.full(1000, value, np.float32)
    interval = Estimate(value, draws, 20, is_share=True).interval()
    exact = binomtest(int(20 * value), 20).proportion_ci(method="exact")
    assert getattr(interval, end) == pytest.approx(getattr(exact, end))
    assert value in interval


def test_without_bias_the_interval_is_the_middle_of_the_draws() -> None:
    draws = np.random.default_rng(3).normal(0.4, 0.1, 20_001).astype(np.float32)
    interval = Estimate(float(np.median(draws)), draws, 50).interval()
    low, high = np.percentile(draws, [2.5, 97.5])
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-3)


def test_draws_that_lie_too_high_are_corrected() -> None:
    """The bias-corrected percentile interval of SciPy without its acceleration."""
    from scipy.stats import norm

    draws = np.random.default_rng(3).normal(0.45, 0.1, 5_000).astype(np.float32)
    interval = Estimate(0.4, draws, 50).interval()
    shift = norm.ppf((draws < 0.4).mean())
    ends = norm.cdf(2 * shift + norm.ppf([0.025, 0.975]))
    assert (interval.low, interval.high) == pytest.approx(np.quantile(draws, ends), abs=1e-6)
    assert interval.high < np.percentile(draws, 97.5)


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """300 samples of 80 pictures whose captions hang together."""
    random, held = np.random.default_rng(11), 0
    weights = weights_of_draws(80, draws=400)
    for _ in range(300):
        ease = random.beta(2, 2, 80)  # mean 0.5
        hits = random.binomial(5, ease).astype(float)[:, None]
        held += 0.5 in shares(hits, np.full((80, 1), 5.0), weights)[0].interval()
    assert held / 300 == pytest.approx(0.95, abs=0.04)


def test_a_paired_difference_is_narrower_than_two_intervals() -> None:
    random = np.random.default_rng(2)
    ease = random.random((100, 1))
    weights = weights_of_draws(100)
    one, other = (
        shares(np.clip(ease + shift, 0, 1), np.ones((100, 1)), weights)[0] for shift in (0.05, 0)
    )
    change = difference(one, other)
    assert change.value == pytest.approx(one.value - other.value)
    width = change.interval().high - change.interval().low
    assert width < (one.interval().high - one.interval().low) / 3
    assert 0.0 not in change.interval()


def test_figures_of_other_pictures_are_not_subtracted() -> None:
    draws = np.zeros(10, np.float32)
    with pytest.raises(ValueError, match="same pictures"):
        difference(Estimate(0.5, draws, 10), Estimate(0.5, draws, 11))


def test_a_figure_without_a_trial_is_refused() -> None:
    with pytest.raises(ValueError, match="trials"):
        shares(columns([0, 0]), columns([0, 0]), weights_of_draws(2, draws=3))


def test_a_mean_leaves_out_in_a_draw_what_that_draw_lacks() -> None:
    one = Estimate(0.2, np.array([0.1, np.nan], np.float32), 5)
    other = Estimate(0.6, np.array([0.5, 0.7], np.float32), 6)
    mean = mean_of([one, other], 20)
    assert mean is not None
    assert mean.value == pytest.approx(0.4)
    assert mean.draws == pytest.approx([0.3, 0.7])
    assert mean_of([], 20) is None
