"""What a threshold comes to, each figure beside a second way of computing it."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, precision_recall_curve

from core.analytics.calibration import STEPS, Calibration, calibrate, calibration_of
from core.analytics.labels import Labels, labelled
from core.errors import QueryError
from core.library import Library
from core.settings import Settings

quick = settings(max_examples=40, deadline=None)


@st.composite
def judged(draw) -> tuple[np.ndarray, np.ndarray]:
    """Scores, many of them equal, and which are right: some, but not all."""
    pairs = draw(st.lists(st.tuples(st.integers(-12, 12), st.booleans()), min_size=2, max_size=60))
    is_right = np.array([right for _, right in pairs])
    assume(is_right.any() and not is_right.all())
    return np.array([score / 40 for score, _ in pairs], dtype=np.float32), is_right


@pytest.fixture(scope="module")
def typical() -> tuple[np.ndarray, np.ndarray]:
    """900 pictures of which a tenth is right, and scores a little higher."""
    random = np.random.default_rng(4)
    is_right = random.random(900) < 0.1
    scores = random.normal(0.2, 0.03, 900) + 0.05 * is_right
    return scores.astype(np.float32), is_right


@pytest.fixture(scope="module")
def calibration(typical) -> Calibration:
    return calibrate(*typical)


@quick
@given(judged())
def test_precision_and_recall_are_those_of_scikit_learn(pictures):
    scores, is_right = pictures
    precision, recall, thresholds = precision_recall_curve(is_right, scores)
    found = calibrate(scores, is_right, samples=2)
    np.testing.assert_array_equal(found.scores[::-1], thresholds)
    np.testing.assert_allclose((found.right / found.kept)[::-1], precision[:-1])
    np.testing.assert_allclose((found.right / found.all_right)[::-1], recall[:-1])


@quick
@given(judged())
def test_average_precision_is_that_of_scikit_learn(pictures):
    scores, is_right = pictures
    found = calibrate(scores, is_right, samples=2).average_precision.value
    assert found == pytest.approx(average_precision_score(is_right, scores))


@quick
@given(judged(), st.floats(-0.5, 0.5, width=32))
def test_a_threshold_keeps_what_scores_at_least_so_much(pictures, threshold):
    scores, is_right = pictures
    kept = scores >= np.float32(threshold)
    point = calibrate(scores, is_right, samples=2).at(threshold)
    assert (point.kept, point.right) == (kept.sum(), (kept & is_right).sum())
    assert point.f1 == pytest.approx(f1_score(is_right, kept, zero_division=0))
    assert (point.precision is None) == (not kept.any())


@quick
@given(judged(), st.floats(0.01, 1))
def test_a_wished_precision_keeps_as_many_as_it_can(pictures, share):
    scores, is_right = pictures
    reached = [
        np.count_nonzero(scores >= one)
        for one in np.unique(scores)
        if is_right[scores >= one].mean() >= share
    ]
    point = calibrate(scores, is_right, samples=2).threshold_for("precision", share)
    assert (point.kept if point else 0) == max(reached, default=0)


@quick
@given(judged(), st.floats(0, 1))
def test_a_wished_recall_is_reached_as_precisely_as_it_can_be(pictures, share):
    scores, is_right = pictures
    best = max(
        is_right[scores >= one].mean()
        for one in np.unique(scores)
        if is_right[scores >= one].sum() / is_right.sum() >= share
    )
    point = calibrate(scores, is_right, samples=2).threshold_for("recall", share)
    assert point.recall.value >= share
    assert point.precision.value == pytest.approx(best)


@quick
@given(judged())
def test_the_best_f1_is_the_best_of_all_thresholds(pictures):
    scores, is_right = pictures
    every = [f1_score(is_right, scores >= one) for one in np.unique(scores)]
    assert calibrate(scores, is_right, samples=2).threshold_for("f1").f1 == pytest.approx(
        max(every)
    )


@quick
@given(judged())
def test_a_suggested_threshold_is_short_and_keeps_what_it_says(pictures):
    scores, is_right = pictures
    point = calibrate(scores, is_right, samples=2).threshold_for("f1")
    assert np.count_nonzero(scores >= np.float32(point.threshold)) == point.kept
    assert len(f"{point.threshold:g}") <= len("-0.325")


def test_a_precision_that_no_threshold_reaches_gives_none(typical):
    scores, is_right = typical
    worst_first = calibrate(-scores, is_right)
    assert worst_first.threshold_for("precision", 0.99) is None
    assert worst_first.best("precision").precision.value < 0.99


def test_the_curve_says_at_each_threshold_what_the_threshold_says(calibration):
    curve = calibration.curve
    assert len(curve.thresholds) <= STEPS
    for place in range(0, len(curve.thresholds), 17):
        point = calibration.at(float(np.float32(curve.thresholds[place])))
        assert curve.kept[place] == point.kept
        assert curve.precision[place] == pytest.approx(point.precision.value)
        assert curve.precision_low[place] == pytest.approx(point.precision.low)
        assert curve.recall_high[place] == pytest.approx(point.recall.high)
        assert curve.f1[place] == pytest.approx(point.f1)


def test_the_bootstrap_is_that_of_a_plain_loop(typical):
    scores, is_right = typical
    found = calibrate(scores, is_right, seed=9, samples=60)
    order = np.argsort(-scores, kind="stable")
    threshold, random = found.curve.thresholds[100], np.random.default_rng(9)
    average, f1 = [], []
    for _ in range(60):
        drawn = order[random.integers(0, len(scores), len(scores))]
        average.append(average_precision_score(is_right[drawn], scores[drawn]))
        f1.append(f1_score(is_right[drawn], scores[drawn] >= np.float32(threshold)))
    expected = np.percentile(average, [2.5, 97.5])
    interval = found.average_precision
    assert [interval.low, interval.high] == pytest.approx(expected.tolist())
    expected = np.percentile(f1, [2.5, 97.5]).tolist()
    assert [found.curve.f1_low[100], found.curve.f1_high[100]] == pytest.approx(expected)


@quick
@given(judged())
def test_the_likelihood_never_falls_with_the_score_and_fits_best(pictures):
    scores, is_right = pictures
    found = calibrate(scores, is_right, samples=2).reliability
    assert (np.diff(found.likely) >= -1e-12).all()
    pooled = _pooled(scores, is_right)
    assert found.at(float(scores.max())) == pytest.approx(pooled[scores.max()])
    assert found.at(float(scores.min())) == pytest.approx(pooled[scores.min()])


@quick
@given(judged())
def test_each_picture_is_in_one_range_of_the_reliability(pictures):
    scores, is_right = pictures
    found = calibrate(scores, is_right, samples=2).reliability
    assert found.pictures.sum() == len(scores)
    assert found.right.sum() == is_right.sum()
    for low, high, count in zip(found.lows, found.highs, found.pictures, strict=True):
        is_last = high >= found.highs.max()
        inside = (scores >= low) & ((scores <= high) if is_last else (scores < high))
        assert count == inside.sum()


def test_equal_scores_have_one_threshold():
    found = calibrate(np.full(5, 0.25, np.float32), np.array([True, False, True, False, False]))
    assert found.kept.tolist() == [5]
    assert found.at(0.25).precision.value == pytest.approx(0.4)
    assert found.average_precision.value == pytest.approx(0.4)
    assert found.reliability.at(0.25) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("is_right", "said"),
    [
        ([False, False], "None of the 2 pictures"),
        ([True, True], "All 2 pictures"),
        ([], "No picture has a score"),
    ],
    ids=["none is right", "each is right", "no picture"],
)
def test_nothing_to_tell_apart_is_said(is_right, said):
    with pytest.raises(QueryError, match=said):
        calibrate(np.zeros(len(is_right), np.float32), np.array(is_right, dtype=bool))


@pytest.fixture(scope="module")
def dataset(demo_home, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    return Library(Settings(home=demo_home, cache=cache, offline=True)).dataset("demo")


class TestOnTheDemo:
    def test_pictures_that_show_a_dog_score_higher_by_a_dog(self, dataset):
        found = dataset.search("a dog", top_k=24)
        made = calibration_of(found, labelled(dataset.coco, Labels(("dog",))))
        assert made.pictures == len(dataset.coco.images)
        assert made.average_precision.value > 0.6

    def test_it_is_measured_on_what_passes_the_filters(self, dataset):
        found = dataset.search("a dog", category="person", hide_duplicates=0.9, diversity=0.5)
        made = calibration_of(found, labelled(dataset.coco, Labels(("dog",))))
        assert made.pictures == found.counts.passing

    def test_the_order_of_the_dataset_has_no_scores(self, dataset):
        with pytest.raises(QueryError, match="Nothing is ranked"):
            calibration_of(dataset.search(), np.ones(len(dataset.coco.images), dtype=bool))


def _pooled(scores: np.ndarray, is_right: np.ndarray) -> dict[float, float]:
    """Pool adjacent violators, the plain way: the isotonic likelihood of each score."""
    blocks = [
        ([one], float(is_right[scores == one].sum()), int((scores == one).sum()))
        for one in np.unique(scores)
    ]
    at = 0
    while at + 1 < len(blocks):
        (left, right, n), (more, more_right, more_n) = blocks[at], blocks[at + 1]
        if right / n > more_right / more_n:
            blocks[at : at + 2] = [(left + more, right + more_right, n + more_n)]
            at = max(0, at - 1)
        else:
            at += 1
    return {one: right / n for members, right, n in blocks for one in members}
