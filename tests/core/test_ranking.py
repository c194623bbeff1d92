"""Rankings: the three ways in which parts become a score, the order, and where a cut is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import EmbeddingsError, QueryError
from core.index import ExactIndex, make_index
from core.query import Cut, Part
from core.ranking import EXACT_BEST, Ranking, blended, scores_of
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
    return scores([Part("text", name)], "any")


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


@st.composite
def crowded_rows(draw) -> np.ndarray:
    """Unit rows among which many are equal, and many nearly so."""
    seed, n = draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, 3_000))
    random = np.random.default_rng(seed)
    rows = unit_rows(n, DIM, seed).astype(np.float64)
    copies = random.integers(0, n, size=(2, n // 2))
    rows[copies[0]] = rows[copies[1]]
    near = random.integers(0, n, size=n // 3)
    rows[near] += random.choice([1e-9, 1e-7, 1e-6], (len(near), 1)) * unit_rows(len(near), DIM)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@settings(deadline=None)
@given(crowded_rows(), st.sampled_from(["blend", "any", "all"]), some_parts, st.booleans())
def test_the_order_is_float64s_but_for_ties_within_a_millionth(rows, mode, parts, as_half):
    stored = rows.astype(np.float16) if as_half else rows
    vectors = [VECTORS[str(part.value)] for part in parts]
    ids = np.random.default_rng(len(rows)).permutation(len(rows)) * 3
    found = scores_of(make_index(stored), parts, vectors, mode)
    ranking = Ranking.of(found, np.arange(len(rows)), ids)
    exact = of_float64(stored.astype(np.float64), parts, vectors, mode)
    in_order = exact[ranking.rows]
    # What comes later is nowhere better, but for rounding.
    assert (np.maximum.accumulate(in_order[::-1])[::-1] - in_order).max() <= 1e-6 * weight(parts)
    assert sorted(ranking.rows.tolist()) == list(range(len(rows)))
    equal = np.flatnonzero(np.diff(ranking.scores) == 0)
    assert (ids[ranking.rows[equal]] < ids[ranking.rows[equal + 1]]).all()
    best = ranking.rows[:EXACT_BEST]
    assert np.array_equal(np.sort(best), np.sort(first(exact.astype(np.float32), ids)))
    np.testing.assert_array_almost_equal_nulp(found[best], exact[best].astype(np.float32), 1)


def of_float64(rows: np.ndarray, parts: list[Part], vectors: list, mode: str) -> np.ndarray:
    if mode == "blend":
        return rows @ blended(parts, vectors)
    each = [rows @ vector.astype(np.float64) for vector in vectors]
    wanted = [one for one, part in zip(each, parts, strict=True) if part.weight > 0]
    best = np.zeros(len(rows))
    if wanted:
        best = np.max(wanted, axis=0) if mode == "any" else np.min(wanted, axis=0)
    return best + sum(
        part.weight * one for one, part in zip(each, parts, strict=True) if part.weight < 0
    )


def weight(parts: list[Part]) -> float:
    return 1 + sum(abs(part.weight) for part in parts)


def first(scores: np.ndarray, ids: np.ndarray) -> np.ndarray:
    return np.lexsort((ids, -scores))[:EXACT_BEST]


def test_equal_pictures_are_scored_equally_where_float64_ends():
    """However many there are: none of them is in float64 while its twin is not."""
    rows = np.repeat(unit_rows(3, DIM), 1_000, axis=0)
    found = scores_of(ExactIndex(rows), [Part("text", "a")], [VECTORS["a"]], "any")
    assert len(set(found.tolist())) == 3


def test_the_best_score_the_same_by_sums_in_another_order():
    """As another machine may add them: the order of the numbers in each vector is turned over."""
    rows = unit_rows(5_000, 512)
    query = unit_rows(1, 512, seed=77)[0]
    one, other = (
        scores_of(ExactIndex(turned), [Part("text", "a")], [vector], "any")
        for turned, vector in (
            (rows, query),
            (np.ascontiguousarray(rows[:, ::-1]), query[::-1]),
        )
    )
    best = first(one, np.arange(5_000))
    assert np.array_equal(one[best], other[best])
    assert not np.array_equal(one, other)


@given(st.lists(st.sampled_from([0.0, -0.0, 0.25, -0.25, 1e-40, -1e-40, 1.0, -1.0]), max_size=40))
def test_scores_fall_and_equal_ones_stand_by_image_id(values):
    scores = np.array(values, np.float32)
    ids = np.random.default_rng(len(values)).permutation(len(values)) * 2**40
    ranking = Ranking.of(scores, np.arange(len(values)), ids)
    assert np.array_equal(ranking.rows, np.lexsort((ids, -scores)))
    assert np.array_equal(ranking.scores, scores[ranking.rows])


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
