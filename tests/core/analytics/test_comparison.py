"""Subsets side by side and their differences agree with other ways of working them out."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy, fisher_exact, hypergeom
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

from core import open_library
from core.analytics.comparison import (
    _fisher,
    difference,
    distances_of,
    newcombe,
    side_by_side,
)
from core.errors import DatasetError
from tests.core import coco_files as files


@pytest.fixture(scope="module")
def demo():
    return open_library().dataset("demo", "demo")


@pytest.fixture(scope="module")
def coco(demo):
    return demo.coco


@pytest.fixture(scope="module")
def beach(demo):
    return demo.search("a dog on a beach", top_k=40).image_ids


@pytest.fixture(scope="module")
def night(demo):
    return demo.search("a car at night", top_k=60).image_ids


def has_by_hand(coco, name, image_ids) -> int:
    number = next(one.id for one in coco.categories if one.name == name)
    return sum(
        any(record["category_id"] == number for record in coco.annotations(int(one), "instances"))
        for one in image_ids
    )


class TestSideBySide:
    def test_shares_are_those_counted_picture_by_picture(self, coco, beach, night):
        made = side_by_side(coco, [("beach", beach), ("night", night)])
        assert made.subsets == ("beach", "night")
        assert made.n_images.tolist() == [40, 60]
        for at in made.by_spread()[:4].tolist():
            name = made.names[at]
            assert made.images[:, at].tolist() == [
                has_by_hand(coco, name, beach),
                has_by_hand(coco, name, night),
            ]
            assert made.shares[:, at] == pytest.approx(made.images[:, at] / [40, 60])

    def test_where_they_lie_farthest_apart_stands_first(self, coco, beach, night):
        made = side_by_side(coco, [("beach", beach), ("night", night)])
        spread = np.ptp(made.shares, axis=0)[made.by_spread()]
        assert (np.diff(spread) <= 1e-12).all()
        assert spread[0] > 0.2

    def test_an_empty_subset_has_shares_of_nought_and_no_distance(self, coco, beach):
        made = side_by_side(coco, [("beach", beach), ("none", beach[:0])])
        assert made.n_images.tolist() == [40, 0]
        assert not made.shares[1].any()
        assert math.isnan(made.distances[0, 1])
        assert made.distances[0, 0] == 0

    def test_no_subset_at_all_is_no_mistake(self, coco):
        made = side_by_side(coco, [])
        assert made.shares.shape == (0, 80)
        assert len(made.by_spread()) == 80

    def test_a_picture_that_is_named_twice_counts_once(self, coco, beach):
        twice = np.concatenate([beach, beach[:3]])
        made = side_by_side(coco, [("once", beach), ("twice", twice)])
        assert made.n_images.tolist() == [40, 40]
        assert (made.images[0] == made.images[1]).all()

    def test_a_strange_picture_is_named(self, coco):
        with pytest.raises(DatasetError, match="999999"):
            side_by_side(coco, [("strange", np.array([999_999]))])

    def test_a_dataset_without_instances_has_no_categories(self, tmp_path):
        dataset = files.dataset(tmp_path, captions=files.captions_file([1, 2]))
        made = side_by_side(dataset, [("all", np.array([1, 2]))])
        assert made.names == ()
        assert math.isnan(made.distances[0, 0])


class TestDistance:
    @given(
        st.lists(
            st.lists(st.integers(0, 50), min_size=6, max_size=6).filter(any),
            min_size=3,
            max_size=3,
        )
    )
    @settings(max_examples=50, deadline=None)
    def test_is_by_entropies_what_it_is_by_scipy_and_a_metric(self, counts):
        found = distances_of(np.array(counts))
        shares = [np.array(one) / sum(one) for one in counts]
        for one in range(3):
            for other in range(3):
                middle = (shares[one] + shares[other]) / 2
                square = (
                    entropy(middle, base=2)
                    - (entropy(shares[one], base=2) + entropy(shares[other], base=2)) / 2
                )
                assert found[one, other] ** 2 == pytest.approx(max(square, 0), abs=1e-9)
        assert (found == found.T).all()
        assert found[0, 2] <= found[0, 1] + found[1, 2] + 1e-9

    def test_is_one_when_no_category_is_in_common(self):
        assert distances_of(np.array([[3, 0], [0, 7]]))[0, 1] == pytest.approx(1)


class TestIntervals:
    @pytest.mark.parametrize(
        ("a", "n", "b", "m"),
        [(56, 70, 48, 80), (9, 10, 3, 10), (10, 10, 0, 20), (0, 10, 0, 10), (5, 56, 0, 29)],
    )
    def test_newcombes_is_that_of_statsmodels(self, a, n, b, m):
        low, high = newcombe(np.array([a]), n, np.array([b]), m)
        other = confint_proportions_2indep(a, n, b, m, method="newcomb", compare="diff")
        assert (low[0], high[0]) == pytest.approx(other, abs=1e-9)

    def test_newcombes_is_that_of_his_paper(self):
        """Table II of Newcombe (1998), method 10, its first and its last contrast."""
        low, high = newcombe(np.array([56, 10]), 70, np.array([48, 0]), 80)
        assert (low[0].round(4), high[0].round(4)) == (0.0524, 0.3339)
        low, high = newcombe(np.array([10]), 10, np.array([0]), 10)
        assert (low[0].round(4), high[0].round(4)) == (0.6075, 1.0)

    def test_the_true_difference_is_within_nineteen_times_in_twenty(self):
        random = np.random.default_rng(5)
        a, b = random.binomial(60, 0.3, 4_000), random.binomial(90, 0.2, 4_000)
        low, high = newcombe(a, 60, b, 90)
        within = ((low <= 0.1) & (high >= 0.1)).mean()
        assert 0.94 <= within <= 0.965


class TestDifference:
    def test_two_without_a_common_picture_are_compared_as_they_are(self, coco, beach, night):
        apart = np.setdiff1d(night, beach)
        found = difference(coco, beach, apart)
        assert (found.basis, found.shared, found.n) == ("apart", 0, (40, len(apart)))
        for at in found.by_size()[:3].tolist():
            a, b = (has_by_hand(coco, found.names[at], one) for one in (beach, apart))
            assert found.images[:, at].tolist() == [a, b]
            assert found.difference[at] == pytest.approx(a / 40 - b / len(apart))

    def test_what_both_have_is_left_out(self, coco, beach):
        first, second = beach[:30], beach[20:]
        found = difference(coco, first, second)
        assert (found.basis, found.shared, found.n) == ("apart", 10, (20, 10))
        alone = difference(coco, beach[:20], beach[30:])
        assert (found.images == alone.images).all()
        assert set(found.groups[0].tolist()) == set(beach[:20].tolist())
        assert set(found.groups[1].tolist()) == set(beach[30:].tolist())

    def test_one_inside_the_other_is_compared_with_the_rest(self, coco, beach):
        found = difference(coco, beach, beach[:10])
        assert (found.basis, found.n) == ("second inside first", (30, 10))
        back = difference(coco, beach[:10], beach)
        assert (back.basis, back.n) == ("first inside second", (10, 30))
        assert back.difference == pytest.approx(-found.difference)
        assert back.low == pytest.approx(-found.high)

    def test_of_the_same_pictures_nothing_is_compared(self, coco, beach):
        found = difference(coco, beach, beach[::-1])
        assert (found.basis, found.n) == ("same", (0, 0))
        assert not found.is_significant.any()
        assert not len(found.by_size())

    def test_with_an_empty_subset_nothing_is_certain(self, coco, beach):
        found = difference(coco, beach, beach[:0])
        assert found.n == (40, 0)
        assert not found.is_significant.any()

    def test_the_test_is_that_of_all_tables_with_the_same_margins(self, coco, beach, night):
        found = difference(coco, beach, night)
        n, m = found.n
        for at in found.by_size()[:12].tolist():
            a, b = found.images[:, at].tolist()
            law = hypergeom(n + m, a + b, n)
            chances = law.pmf(np.arange(a + b + 1))
            expected = chances[chances <= law.pmf(a) * (1 + 1e-7)].sum()
            assert found.p_values[at] == pytest.approx(expected, abs=1e-9)

    @given(st.integers(1, 40), st.integers(1, 60), st.data())
    @settings(max_examples=60, deadline=None)
    def test_it_is_scipys(self, n, m, data):
        a, b = (data.draw(st.integers(0, most)) for most in (n, m))
        (found,) = _fisher(np.array([[a], [b]]), (n, m))
        assert found == pytest.approx(fisher_exact([[a, n - a], [b, m - b]]).pvalue, rel=1e-6)

    @pytest.mark.parametrize(("a", "b"), [(700, 820), (4_990, 4_999), (0, 3)])
    def test_it_is_scipys_for_thousands_of_pictures(self, a, b):
        (found,) = _fisher(np.array([[a], [b]]), (5_000, 5_000))
        expected = fisher_exact([[a, 5_000 - a], [b, 5_000 - b]]).pvalue
        assert found == pytest.approx(expected, rel=1e-6)

    def test_it_is_corrected_for_the_categories_that_are_there(self, coco, beach, night):
        found = difference(coco, beach, night)
        there = np.flatnonzero(found.images.sum(axis=0))
        expected = multipletests(found.p_values[there], method="fdr_bh")[1]
        assert found.q_values[there] == pytest.approx(expected)
        assert (found.q_values[found.images.sum(axis=0) == 0] == 1).all()
        assert found.is_significant.any()

    def test_halves_drawn_at_random_hardly_ever_differ(self, coco):
        random = np.random.default_rng(3)
        false = 0
        for _ in range(20):
            ids = random.permutation(coco.images.ids)
            false += difference(coco, ids[:220], ids[220:]).is_significant.any()
        assert false <= 3

    def test_significant_ones_stand_first_and_then_the_largest(self, coco, beach, night):
        found = difference(coco, beach, night)
        order = found.by_size()
        certain = found.is_significant[order]
        assert certain.tolist() == sorted(certain.tolist(), reverse=True)
        sizes = np.abs(found.difference[order])
        assert (np.diff(sizes[certain]) <= 0).all()
        assert (np.diff(sizes[~certain]) <= 0).all()
