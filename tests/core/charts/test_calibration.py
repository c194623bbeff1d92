"""What the charts of calibration and human check say, from few rows."""

import numpy as np
import pytest

from core.analytics.calibration import BINS, STEPS, Calibration, calibrate
from core.charts import specification, to_csv
from core.charts.calibration import (
    check_chart,
    missed_words,
    point_words,
    recall_chart,
    reliability_chart,
    right_words,
    threshold_chart,
)
from core.recipe import CheckedStratum, Estimate, HumanCheck

CHARTS = {
    "thresholds": lambda one: threshold_chart(one, 0.25, "dog"),
    "reliability": lambda one: reliability_chart(one, 0.25),
    "precision and recall": lambda one: recall_chart(one, 0.25),
}


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    random = np.random.default_rng(2)
    is_right = random.random(40_504) < 0.05
    scores = random.normal(0.2, 0.03, 40_504) + 0.06 * is_right
    return calibrate(scores.astype(np.float32), is_right, samples=5)


def check(*strata: CheckedStratum, **values) -> HumanCheck:
    return HumanCheck("a dog", 0, 20, strata, **values)


ABOVE = CheckedStratum("just above", 24, 0.3, 0.4, (1, 2, 3), (4,))
BELOW = CheckedStratum("just below", 24, 0.2, 0.3, (5,), (6, 7))


@pytest.mark.parametrize("draw", CHARTS.values(), ids=CHARTS)
def test_a_chart_has_few_rows_whatever_the_dataset(calibration, draw):
    chart = draw(calibration)
    assert len(chart.data) <= max(STEPS, BINS)
    assert "n = 40,504 pictures" in chart.n
    assert specification(chart)
    assert to_csv(chart).count("\n") >= len(chart.data)


def test_the_title_says_what_the_cut_comes_to(calibration):
    point = calibration.at(0.25)
    title = threshold_chart(calibration, 0.25, "dog").title
    assert title == (
        f"Above 0.25: about {100 * point.precision.value:.0f}% right, "
        f"{100 * point.recall.value:.0f}% found"
    )


def test_a_cut_that_lets_nothing_through_is_said(calibration):
    assert point_words(calibration.at(0.9)) == "Above 0.90: no picture"
    assert specification(recall_chart(calibration, 0.9))


def test_the_chart_by_threshold_begins_where_all_is_found(calibration):
    data = threshold_chart(calibration, 0.25, "dog").data
    assert data["recall"].iloc[0] == 1
    assert data["threshold"].is_monotonic_increasing


def test_equal_scores_can_be_drawn():
    equal = calibrate(np.full(4, 0.2, np.float32), np.array([True, False, False, False]))
    for draw in CHARTS.values():
        assert specification(draw(equal))


def test_a_check_is_drawn_by_where_pictures_lie():
    told = check(ABOVE, BELOW, precision=Estimate(0.75, 0.4, 0.93))
    chart = check_chart(told)
    assert chart.data["where"].tolist() == ["just above", "just below"]
    assert chart.data["share"].tolist() == pytest.approx([0.75, 1 / 3], abs=1e-6)
    assert chart.title == "75% of the 24 above the cut are right (40% to 93%)"
    assert chart.n == "n = 7 pictures looked at"
    assert specification(chart)


@pytest.mark.parametrize(
    ("estimate", "said"),
    [
        (Estimate(8.2, 2.4, 15.6), "About 8 of the next 24 below it are right, too (2 to 16)"),
        (None, ""),
    ],
    ids=["told", "not to be told"],
)
def test_what_is_missed_below_is_said(estimate, said):
    assert missed_words(check(ABOVE, BELOW, missed=estimate)) == said


def test_what_cannot_be_told_yet_is_said():
    assert right_words(check(BELOW)) == "Nothing can be told yet of what is above the cut"
