"""Rankings: the three ways in which parts become a score, the order, and where a cut is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import EmbeddingsError, QueryError
from core.index import ExactIndex
from core.query import Cut, Part
from core.ranking import Ranking, blended, scores_of
from tests.core.vectors import unit_rows

DIM = 12
INDEX_ROWS = unit_rows(80, DIM, seed=9)
INDEX = ExactIndex(INDEX_ROWS)
NAMES = ("a", "b", "c", "d", "e")
VECTORS = dict(zip(NAMES, unit_rows(len(NAMES), DIM, seed=3), strict=True))
WEIGHTS = st.sampled_from([-2.0, -1.0, -0.5, 0.25, 1.0, 3.0])


def scores(parts: list[Part], mode: str) -> np.ndarray:
    return scores_of(INDEX, parts, [VECTORS[str(part.value)] for part in parts], mode)


def single(name: str) -> np.ndarray:
    return INDEX.scores(VECTORS[name])


def weighted(names: list[str], weights: list[float]) -> list[Part]:
    return [Part("text", name, weight) for name, weight in zip(names, weights, strict=False)]


some_parts = st.permutations(NAMES).flatmap(
    lambda names: st.lists(WEIGHTS, min_size=1, max_size=5).map(lambda w: weighted(names, w))
)


@given(some_parts)
def test_a_blend_is_the_cosine_with_the_weighted_sum(parts):
    total = sum(part.weight * VECTORS[part.value].astype(np.float64) for part in parts)
    expected = INDEX_ROWS @ (total / np.linalg.norm(total))
    np.testing.assert_allclose(scores(parts, "blend"), expected, atol=1e-6)


@given(some_parts)
def test_any_is_never_below_all(parts):
    assert (scores(parts, "any") >= scores(parts, "all")).all()


@given(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
def test_any_is_the_best_and_all_the_worst_of_the_scores(names):
    parts = [Part("text", name) for name in names]
    singles = np.array([single(name) for name in names])
    assert np.array_equal(scores(parts, "any"), singles.max(axis=0))
    assert np.array_equal(scores(parts, "all"), singles.min(axis=0))


@pytest.mark.parametrize("mode", ["any", "all"])
def test_what_is_not_wanted_is_taken_off_by_its_weight(mode):
    parts = [Part("text", "a"), Part("text", "b", -0.5), Part("text", "c", -2)]
    expected = single("a") - 0.5 * single("b") - 2 * single("c")
    np.testing.assert_allclose(scores(parts, mode), expected, atol=1e-6)


@pytest.mark.parametrize("mode", ["any", "all"])
def test_a_positive_weight_counts_in_a_blend_alone(mode):
    parts = [Part("text", "a"), Part("text", "b")]
    heavier = [Part("text", "a", 9), Part("text", "b", 0.1)]
    assert np.array_equal(scores(parts, mode), scores(heavier, mode))
    assert not np.array_equal(scores(parts, "blend"), scores(heavier, "blend"))


@pytest.mark.parametrize("mode", ["blend", "any", "all"])
def test_with_negatives_alone_the_least_alike_come_first(mode):
    by_negative = scores([Part("text", "a", -1)], mode)
    np.testing.assert_allclose(by_negative, -single("a"), atol=1e-6)


@given(some_parts, st.sampled_from(["blend", "any", "all"]), st.randoms())
def test_the_order_of_the_parts_changes_nothing_to_the_last_bit(parts, mode, random):
    before = scores(parts, mode)
    random.shuffle(parts)
    assert np.array_equal(scores(parts, mode), before)


@given(st.floats(0.01, 100), st.sampled_from(NAMES))
def test_the_weight_of_a_single_part_is_no_matter(weight, name):
    np.testing.assert_allclose(
        scores([Part("text", name, weight)], "blend"), single(name), atol=1e-6
    )


@pytest.mark.parametrize("weight", [1, 0.001, 100], ids=str)
def test_parts_that_cancel_are_said_to(weight):
    parts = [Part("text", "a", weight), Part("image", 3, -weight)]
    with pytest.raises(QueryError, match=r"cancel one another out.*change its weight"):
        blended(parts, [VECTORS["a"], VECTORS["a"]])


def test_parts_that_nearly_cancel_leave_what_they_differ_in():
    near = VECTORS["a"].astype(np.float64) + 1e-3 * VECTORS["b"]
    near /= np.linalg.norm(near)
    left = blended([Part("text", "a"), Part("text", "b", -1)], [VECTORS["a"], near])
    assert np.linalg.norm(left) == pytest.approx(1)
    assert left @ VECTORS["b"] < -0.9


def test_a_vector_of_another_length_is_refused():
    with pytest.raises(EmbeddingsError, match="Expected a vector of 12 numbers"):
        scores_of(INDEX, [Part("text", "a")], [unit_rows(1, 5)[0]], "any")


def ranking_of(values: list[float], ids: list[int] | None = None) -> Ranking:
    n = len(values)
    return Ranking.of(
        np.array(values, np.float32), np.arange(n), np.array(ids or range(n), np.int64)
    )


def test_equal_scores_stand_by_image_id():
    ranking = ranking_of([0.5, 0.9, 0.5, 0.5], [40, 30, 10, 20])
    assert ranking.rows.tolist() == [1, 2, 3, 0]


def test_scores_by_row_are_nan_where_there_is_none():
    ranking = Ranking.of(
        np.array([0.1, 0.2], np.float32), np.array([3, 1]), np.array([7, 8], np.int64)
    )
    np.testing.assert_array_equal(
        ranking.scores_by_row(4), np.array([np.nan, 0.2, np.nan, 0.1], np.float32)
    )


@given(
    st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=50),
    st.one_of(st.integers(0, 100), st.floats(0, 100)),
)
def test_a_percentile_is_numpys(values, percentile):
    lowest = ranking_of(values).lowest(Cut("percentile", percentile))
    expected = np.percentile(np.array(values, np.float64), percentile)
    assert lowest == pytest.approx(expected, abs=1e-6)


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=50))
def test_percentile_100_is_the_best_and_0_the_worst(values):
    ranking = ranking_of(values)
    assert ranking.lowest(Cut("percentile", 100)) == max(values)
    assert ranking.lowest(Cut("percentile", 0)) == min(values)


@given(st.floats(-1, 1, width=32))
def test_a_score_as_it_is_shown_lets_its_own_picture_through(value):
    score = np.float32(value)
    assert score >= ranking_of([value]).lowest(Cut("score", float(str(score))))


def test_a_top_cut_has_no_lowest_score():
    assert ranking_of([0.5]).lowest(Cut("top", 5)) is None
