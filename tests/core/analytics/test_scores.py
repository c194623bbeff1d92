"""How scores spread: the figures beside a second way of computing them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gaussian_kde

from core.analytics.scores import (
    bandwidth,
    density,
    score_densities,
    score_histogram,
)
from core.library import Library
from core.query import CategoryTerm, Cut, Filters, Part, Query

SCORES = st.lists(
    st.floats(-1, 1, width=32).filter(lambda x: x == 0 or abs(x) > 1e-3), min_size=1, max_size=60
)


@pytest.fixture
def tiny(tiny_settings):
    library = Library(tiny_settings)
    return library.dataset(*library.default_pair())


def asked(cut=None, **filters) -> Query:
    return Query((Part("text", "a dog"),), cut=cut or Cut("top", 4), filters=Filters(**filters))


def test_every_picture_is_counted_once_in_each_group(tiny):
    found = tiny.find(asked(must=(CategoryTerm("square"),)))
    histogram = score_histogram(found, bins=7)
    every, passing, subset = histogram.groups
    assert [group.counts.sum() for group in histogram.groups] == [12, 6, 4]
    assert (every.n, passing.n, subset.n) == (12, 6, 4)
    assert (passing.counts <= every.counts).all()
    assert (subset.counts <= passing.counts).all()


def test_figures_of_a_group_are_numpys(tiny):
    found = tiny.find(asked())
    every = score_histogram(found).groups[0]
    assert every.mean == pytest.approx(found.all_scores.astype(float).mean())
    assert every.sd == pytest.approx(found.all_scores.astype(float).std())
    assert every.quantiles[[0, 2, 4]] == pytest.approx(
        [found.all_scores.min(), np.median(found.all_scores), found.all_scores.max()]
    )


def test_the_cut_is_the_lowest_score_of_the_subset(tiny):
    found = tiny.find(asked())
    assert score_histogram(found).cut == found.scores[-1]


def test_a_cut_by_score_stays_where_it_was_put_when_nothing_reaches_it(tiny):
    histogram = score_histogram(tiny.find(asked(Cut("score", 5))))
    assert histogram.cut == 5
    assert histogram.groups[-1].n == 0
    assert np.isnan(histogram.groups[-1].mean)


def test_equal_scores_are_said_to_be_constant_and_all_counted(tiny):
    found = tiny.find(Query((Part("text", "dog", 1.0), Part("text", "dog", -1.0)), mode="any"))
    histogram = score_histogram(found)
    assert histogram.is_constant
    assert histogram.groups[0].counts.sum() == 12
    assert score_densities(found) == ()


def test_without_a_ranking_there_is_no_histogram(tiny):
    with pytest.raises(ValueError, match="ranks"):
        score_histogram(tiny.find(Query()))


def test_the_density_is_that_of_scipy_on_the_scores_themselves():
    scores = np.random.default_rng(5).normal(0.2, 0.04, 700)
    ours = density("all", scores)
    exact = gaussian_kde(scores, bw_method=bandwidth(scores) / scores.std(ddof=1))(ours.grid)
    assert ours.values == pytest.approx(exact, abs=1e-3 * exact.max())


@pytest.mark.parametrize("lowest", [None, 0.25], ids=["whole dataset", "cut"])
def test_the_area_below_a_density_is_one(lowest):
    scores = np.random.default_rng(6).normal(0.2, 0.04, 700)
    ours = density("some", scores if lowest is None else scores[scores >= lowest], lowest)
    assert np.trapezoid(ours.values, ours.grid) == pytest.approx(1, abs=0.01)


def test_the_density_of_a_subset_has_nothing_below_its_cut():
    scores = np.random.default_rng(7).uniform(0.3, 0.5, 90)
    assert density("subset", scores, 0.3).grid[0] == 0.3


def test_the_bandwidth_is_silvermans_rule_of_thumb():
    scores = np.random.default_rng(8).standard_t(3, 250)
    q1, q3 = np.percentile(scores, [25, 75])
    by_hand = 0.9 * min(np.sqrt(((scores - scores.mean()) ** 2).sum() / 249), (q3 - q1) / 1.34)
    assert bandwidth(scores) == pytest.approx(by_hand / 250 ** (1 / 5))


@settings(max_examples=40, deadline=None)
@given(SCORES)
def test_a_density_is_never_negative_and_always_finite(values):
    ours = density("any", np.array(values, dtype=np.float32))
    assert np.isfinite(ours.values).all()
    assert (ours.values >= 0).all()
