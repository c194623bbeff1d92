"""Charts of the page Scores: their titles say the figure, and odd data is drawn or said too."""

import numpy as np
import pytest

from core.analytics.by_label import LabelledPictures, scores_by_label
from core.analytics.overlap import overlap_of
from core.analytics.ranks import rank_curve, standing
from core.analytics.scores import density, score_densities, score_histogram
from core.analytics.stability import Phrasing, PhrasingResult, Stability
from core.charts import Chart, to_csv, to_svg
from core.charts.by_label import auc_chart, label_strips_chart
from core.charts.overlap import MOST_BARS, jaccard_chart, query_densities_chart, upset_chart
from core.charts.scores import density_chart, histogram_chart, rank_chart
from core.charts.stability import kept_chart
from core.library import Library
from core.query import CategoryTerm, Cut, Filters, Part, Query

A_FEW_ROWS = 1_000


@pytest.fixture
def tiny(tiny_settings):
    return Library(tiny_settings).dataset("tiny", "tiny")


def asked(cut: Cut, **filters) -> Query:
    return Query((Part("text", "a dog"),), cut=cut, filters=Filters(**filters))


def drawn(chart: Chart) -> str:
    """The chart as SVG, which says that Vega can draw it."""
    assert len(chart.data) < A_FEW_ROWS
    assert to_csv(chart)
    return to_svg(chart)


def histogram_of(tiny, query: Query) -> Chart:
    found = tiny.find(query)
    histogram = score_histogram(found)
    cut = standing(found.all_scores, histogram.cut) if histogram.cut is not None else None
    return histogram_chart(histogram, cut.n_at_least if cut else 0, asked=0.1)


def test_the_histogram_says_how_many_score_how_high(tiny):
    chart = histogram_of(tiny, asked(Cut("top", 3)))
    assert chart.title.startswith("3 of 12 pictures score ")
    assert chart.title.endswith("or more: the best 25%")
    assert chart.n == "n = 12 of the whole dataset, 3 of the subset"
    assert "cut 0" in drawn(chart) or "cut -" in drawn(chart) or "cut −" in drawn(chart)


def test_with_filters_the_histogram_says_that_others_score_as_high(tiny):
    chart = histogram_of(tiny, asked(Cut("top", 6), must=(CategoryTerm("square"),)))
    assert "6 of them are in the subset" in chart.title
    assert "6 that pass the filters" in chart.n
    drawn(chart)


def test_an_empty_subset_is_drawn_with_the_best_score_in_words(tiny):
    chart = histogram_of(tiny, asked(Cut("score", 2)))
    assert chart.title.startswith("No picture is in the subset; the best of 12 scores ")
    drawn(chart)


def test_densities_and_ranks_say_the_middle_and_the_cut(tiny):
    found = tiny.find(asked(Cut("top", 4)))
    histogram = score_histogram(found)
    chart = density_chart(score_densities(found), histogram)
    assert "standard deviations above the dataset's" in chart.title
    drawn(chart)
    chart = rank_chart(
        rank_curve(found.all_scores, 4), standing(found.all_scores, float(found.scores[-1]))
    )
    assert "at the cut, rank 4, to" in chart.title
    drawn(chart)


@pytest.mark.parametrize(
    ("results", "upset", "jaccard"),
    [
        (
            [[1, 2, 3], [2, 3, 9]],
            "2 of 4 pictures are found by every query",
            "share 2 of 4 pictures: Jaccard 0.50",
        ),
        ([[1], [2]], "No picture of 2 is found by every query", "No two queries share a picture"),
        ([[], []], "No query finds a picture", "No query finds a picture"),
    ],
    ids=["some", "none", "nothing found"],
)
def test_overlaps_say_how_many_are_shared(results, upset, jaccard):
    overlap = overlap_of(["a cat", 'a "dog"'], [np.array(one, np.int64) for one in results])
    assert upset in upset_chart(overlap).title
    assert jaccard in jaccard_chart(overlap).title
    drawn(upset_chart(overlap))
    drawn(jaccard_chart(overlap))


def test_of_many_intersections_the_largest_are_drawn_and_the_rest_counted():
    rng = np.random.default_rng(1)
    results = [np.flatnonzero(rng.random(500) < 0.5) for _ in range(6)]
    overlap = overlap_of([f"query {i}" for i in range(6)], results)
    chart = upset_chart(overlap)
    assert len(chart.data) == MOST_BARS
    assert f"{len(overlap.intersections) - MOST_BARS} smaller groups are not drawn" in chart.n
    svg = drawn(chart)
    assert all(f">query {i}<" in svg for i in range(6))


def test_densities_of_queries_say_where_their_results_end():
    rng = np.random.default_rng(2)
    densities = [density(name, rng.normal(0, 1, 50)) for name in ("a cat", "a dog")]
    chart = query_densities_chart(densities, [0.5, None])
    assert chart.title == "The results end: “a cat” at 0.500"
    drawn(chart)


def test_labels_say_the_best_told_with_its_area():
    labels = LabelledPictures(
        ("cat", "all", "dog"), np.repeat([0, 1, 2], [2, 6, 1]), np.r_[0, 1, 0:6, 5]
    )
    scores = scores_by_label(np.array([0.9, 0.8, 0.3, 0.2, 0.1, 0.0]), labels)
    areas = auc_chart(scores, "score-category", "category")
    assert areas.title.startswith("The query tells the category “cat” best: AUC 1.00 (")
    strips = label_strips_chart(scores, "score-category", "category")
    assert strips.title == "Pictures with “cat” have a middle score of 0.850, the others 0.150"
    drawn(areas)
    drawn(strips)


def test_where_all_pictures_have_the_label_it_is_said_that_nothing_compares():
    labels = LabelledPictures(("all",), np.zeros(3, np.int64), np.arange(3))
    scores = scores_by_label(np.array([0.9, 0.8, 0.3]), labels)
    for chart in (auc_chart(scores, "x", "word"), label_strips_chart(scores, "x", "word")):
        assert "nothing to compare" in chart.title
        drawn(chart)


@pytest.mark.parametrize(
    ("kept", "title"),
    [
        ((4, 4), "Said in other words, the query always keeps all 4 pictures"),
        ((1, 3), "Said in other words, the query keeps 2 of 4 pictures; at worst 1, as “dogs”"),
    ],
    ids=["all", "some"],
)
def test_stability_says_the_middle_and_the_worst_phrasing(kept, title):
    results = tuple(
        PhrasingResult(Phrasing(kind, ("dogs",)), np.nan, 0.5, 4, n, n / 4)
        for kind, n in zip(("one way", "another"), kept, strict=True)
    )
    chart = kept_chart(Stability(4, 0.75, results, np.arange(4), np.zeros(4, np.int64), 100))
    assert chart.title == title
    drawn(chart)
