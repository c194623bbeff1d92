"""The sample around the cut, and what is said of all pictures by the answers on some."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from core.analytics.human_check import Sample, checked, draw_sample, precision_of
from core.errors import QueryError
from core.library import Library
from core.recipe import CheckedStratum, Estimate
from core.settings import Settings


@pytest.fixture(scope="module")
def dataset(demo_home, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    return Library(Settings(home=demo_home, cache=cache, offline=True)).dataset("demo")


@pytest.fixture(scope="module")
def found(dataset):
    """100 pictures like one of the dataset; no text has to be read for it."""
    return dataset.search(like=46, top_k=100)


@pytest.fixture(scope="module")
def sample(found) -> Sample:
    return draw_sample(found, 40, seed=3)


def stratum(pictures: int, yes: int, no: int, name="just above") -> CheckedStratum:
    ids = tuple(range(yes + no))
    return CheckedStratum(name, pictures, 0.1, 0.2, ids[:yes], ids[yes:])


class TestTheSample:
    def test_parts_what_was_found_in_halves_and_adds_as_many_below(self, found, sample):
        names = [one.name for one in sample.strata]
        assert names == ["well above", "just above", "just below"]
        assert [one.pictures for one in sample.strata] == [50, 50, 100]
        upper, lower, below = sample.strata
        ranked = found.dataset.coco.images.ids[found.ranking.rows]
        assert set(upper.drawn) <= set(found.image_ids[:50])
        assert set(lower.drawn) <= set(found.image_ids[50:])
        assert set(below.drawn) <= set(ranked[100:200])
        assert upper.lowest >= lower.highest
        assert lower.lowest >= below.highest

    def test_takes_more_at_the_cut_than_far_above_it(self, sample):
        assert [len(one.drawn) for one in sample.strata] == [10, 15, 15]
        assert len(set(sample.image_ids.tolist())) == 40

    def test_is_drawn_again_by_its_seed_alone(self, found, sample):
        again, other = draw_sample(found, 40, seed=3), draw_sample(found, 40, seed=4)
        assert again.image_ids.tolist() == sample.image_ids.tolist()
        assert other.image_ids.tolist() != sample.image_ids.tolist()

    def test_has_its_share_of_each_stratum_wherever_one_stops(self, sample):
        drawn = [set(one.drawn.tolist()) for one in sample.strata]
        for stop in range(3, 41):
            shown = set(sample.image_ids[:stop].tolist())
            for of_it in drawn:
                assert len(of_it & shown) >= 1
                assert abs(len(of_it & shown) - stop * len(of_it) / 40) <= 1.5

    def test_draws_each_picture_of_a_stratum_as_often_as_any_other(self, found):
        times = dict.fromkeys(found.image_ids[:50].tolist(), 0)
        for seed in range(400):
            for image_id in draw_sample(found, 40, seed).strata[0].drawn.tolist():
                times[image_id] += 1
        expected = 400 * 10 / 50
        assert sum((n - expected) ** 2 / expected for n in times.values()) < 85  # chi², 49 d.f.

    def test_holds_all_pictures_when_there_are_no_more(self, dataset):
        few = draw_sample(dataset.search(like=46, top_k=2), 40)
        assert [len(one.drawn) for one in few.strata] == [1, 1, 2]

    def test_of_one_picture_has_no_upper_half(self, dataset):
        one = draw_sample(dataset.search(like=46, top_k=1), 3)
        assert [each.name for each in one.strata] == ["just above", "just below"]

    def test_of_everything_has_nothing_below(self, dataset):
        every = dataset.search(like=46, top_k=10_000)
        assert [one.name for one in draw_sample(every, 9).strata] == ["well above", "just above"]

    def test_passes_the_filters_and_shows_no_hidden_near_duplicate(self, dataset):
        found = dataset.search(like=46, top_k=20, category="person", hide_duplicates=0.6)
        drawn = draw_sample(found, 160).image_ids
        passing = dataset.search(category="person", top_k=10_000).image_ids
        hidden = [one for behind in found.duplicates.values() for one in behind]
        assert hidden
        assert set(drawn.tolist()) <= set(passing.tolist()) - set(hidden)

    @pytest.mark.parametrize(
        ("search", "size", "said"),
        [
            ({}, 20, "Nothing is ranked"),
            ({"like": 46, "threshold": 2.0}, 20, "The result is empty"),
            ({"like": 46}, 2, "from 3|3 to"),
            ({"like": 46}, 10**6, "1,000"),
        ],
        ids=["nothing asked", "nothing found", "too few", "too many"],
    )
    def test_that_cannot_be_drawn_is_said(self, dataset, search, size, said):
        with pytest.raises(QueryError, match=said):
            draw_sample(dataset.search(**search), size)


class TestThePrecision:
    @pytest.mark.parametrize(("yes", "no"), [(0, 9), (1, 8), (21, 19), (40, 0)])
    def test_of_a_large_stratum_has_wilsons_interval(self, yes, no):
        found = precision_of([stratum(10**9, yes, no)])
        low, high = proportion_confint(yes, yes + no, method="wilson")
        assert (found.low, found.high) == pytest.approx((low, high), abs=2e-6)

    def test_of_pictures_that_were_all_looked_at_is_certain(self):
        found = precision_of([stratum(8, 6, 2), stratum(4, 1, 3, "well above")])
        assert found == Estimate(0.583333, 0.583333, 0.583333)

    def test_weighs_each_stratum_by_its_pictures(self):
        found = precision_of([stratum(300, 5, 5), stratum(100, 10, 0, "well above")])
        assert found.value == pytest.approx(0.75 * 0.5 + 0.25 * 1)

    def test_is_right_on_average_over_all_samples_that_can_be_drawn(self):
        """Second way: each pair of samples, one by one."""
        first, second = [1, 1, 0, 0, 0], [1, 1, 1, 0]
        values = [
            precision_of(
                [stratum(5, sum(a), 2 - sum(a)), stratum(4, sum(b), 3 - sum(b), "well above")]
            ).value
            for a in combinations(first, 2)
            for b in combinations(second, 3)
        ]
        assert np.mean(values) == pytest.approx(5 / 9, abs=1e-6)

    def test_agreement_of_all_answers_is_no_certainty(self):
        found = precision_of([stratum(500, 10, 0), stratum(500, 10, 0, "well above")])
        assert found.value == 1
        assert found.low == pytest.approx(proportion_confint(20, 20, method="wilson")[0], abs=0.01)

    @pytest.mark.parametrize(
        "shares", [(0.95, 0.7), (0.5, 0.5), (0.99, 0.1), (1.0, 0.9)], ids=lambda s: f"{s}"
    )
    def test_lies_in_its_interval_as_often_as_promised(self, shares):
        """95 of 100 intervals hold the truth, when samples are drawn again and again."""
        random = np.random.default_rng(1)
        sizes, drawn = (400, 600), (15, 25)
        truths = [np.arange(n) < round(share * n) for n, share in zip(sizes, shares, strict=True)]
        truth = sum(one.sum() for one in truths) / sum(sizes)
        held = 0
        for _ in range(600):
            yes = [
                int(random.choice(one, n, replace=False).sum())
                for one, n in zip(truths, drawn, strict=True)
            ]
            found = precision_of(
                [
                    stratum(sizes[0], yes[0], drawn[0] - yes[0]),
                    stratum(sizes[1], yes[1], drawn[1] - yes[1], "well above"),
                ]
            )
            held += found.low - 1e-6 <= truth <= found.high + 1e-6
        assert held / 600 >= 0.93

    @settings(deadline=None)
    @given(st.lists(st.tuples(*[st.integers(0, 40)] * 3), min_size=1, max_size=2))
    def test_is_a_share_within_its_interval(self, counts):
        names = ("well above", "just above")
        strata = [
            stratum(yes + no + more, yes, no, name)
            for (yes, no, more), name in zip(counts, names, strict=False)
        ]
        found = precision_of(strata)
        if any(not one.decided for one in strata):
            assert found is None
        else:
            assert 0 <= found.low <= found.value <= found.high <= 1


class TestTheCheck:
    def test_tells_each_answer_where_it_belongs(self, sample):
        answers = dict.fromkeys(sample.strata[0].drawn.tolist(), "yes")
        answers |= dict.fromkeys(sample.strata[1].drawn.tolist(), "no")
        answers |= {int(sample.strata[2].drawn[0]): "unsure"}
        check = checked(sample, answers, question="like picture 46", who="Ann")
        upper, lower, below = check.strata
        assert (len(upper.yes), len(lower.no), len(below.unsure)) == (10, 15, 1)
        assert check.precision.value == 0.5
        assert check.missed is None
        assert (check.answered, check.unsure, check.who) == (26, 1, "Ann")
        assert (check.seed, check.asked, check.question) == (3, 40, "like picture 46")

    def test_tells_nothing_of_what_was_not_looked_at(self, sample):
        only_above = dict.fromkeys(sample.strata[0].drawn.tolist(), "yes")
        assert checked(sample, only_above).precision is None
        assert checked(sample, {}).answered == 0

    def test_counts_unsure_for_neither_side(self, sample):
        answers = dict.fromkeys(sample.image_ids.tolist(), "yes")
        certain = checked(sample, answers)
        doubted = int(sample.strata[0].drawn[0])
        unsure = checked(sample, answers | {doubted: "unsure"})
        assert unsure.precision.value == 1
        assert unsure.precision.low < certain.precision.low

    def test_says_how_many_are_missed_below(self, sample):
        below = sample.strata[2].drawn.tolist()
        answers = {one: "yes" if place < 3 else "no" for place, one in enumerate(below)}
        missed = checked(sample, answers).missed
        assert missed.value == pytest.approx(100 * 3 / 15)
        assert 3 <= missed.low < 20 < missed.high <= 100 - 12

    def test_of_the_same_answers_is_the_same(self, sample):
        answers = dict.fromkeys(sample.image_ids.tolist(), "yes")
        backwards = dict(reversed(answers.items()))
        assert checked(sample, answers) == checked(sample, backwards)

    @pytest.mark.parametrize(
        ("answers", "said"),
        [({10**12: "yes"}, "not in the sample"), ({None: "maybe"}, "yes, no or unsure")],
        ids=["another picture", "another answer"],
    )
    def test_refuses_an_answer_that_cannot_be(self, sample, answers, said):
        first = int(sample.image_ids[0])
        answers = {first if one is None else one: said_ for one, said_ in answers.items()}
        with pytest.raises(QueryError, match=said):
            checked(sample, answers)

    def test_without_anything_below_has_no_estimate_of_it(self, dataset):
        every = dataset.search(like=46, top_k=10_000)
        drawn = draw_sample(every, 20)
        check = checked(drawn, dict.fromkeys(drawn.image_ids.tolist(), "yes"))
        assert check.missed is None
        assert replace(check, seed=0).precision.value == 1
