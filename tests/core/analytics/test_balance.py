"""Suggestions are the best step each time, by another way of working out every step."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from core import open_library
from core.analytics.balance import (
    Target,
    dataset_target,
    equal_target,
    query_for,
    query_of_ids,
    suggest,
    typed_target,
)
from core.analytics.makeup import makeup, presence
from core.errors import DatasetError, QueryError
from core.query import query_of
from tests.core import coco_files as files


@pytest.fixture(scope="module")
def demo():
    return open_library().dataset("demo", "demo")


@pytest.fixture(scope="module")
def coco(demo):
    return demo.coco


@pytest.fixture(scope="module")
def beach(demo):
    return demo.search("a dog on a beach", top_k=24).image_ids


def makeup_by_hand(coco, target, image_ids) -> float:
    """The distance to the target by the makeup counted anew."""
    instances = makeup(coco, image_ids).instances
    return float(jensenshannon(instances, target.shares, base=2)) if instances.any() else np.nan


def best_by_hand(coco, target, subset, added, dropped) -> float:
    """The smallest distance that adding or dropping one picture gives, each tried out."""
    here = set(subset.tolist())
    found = []
    for one in coco.images.ids.tolist():
        if one in added or one in dropped:
            continue
        changed = subset[subset != one] if one in here else np.append(subset, one)
        found.append(makeup_by_hand(coco, target, changed))
    return float(np.nanmin(found))


class TestTarget:
    def test_an_equal_one_gives_each_category_that_is_there_the_same(self, coco):
        target = equal_target(coco)
        there = presence(coco).instances > 0
        assert there.sum() == 70
        assert target.shares[there] == pytest.approx(1 / 70)
        assert not target.shares[~there].any()

    def test_that_of_the_dataset_is_its_makeup(self, coco):
        counted = makeup(coco, coco.images.ids).instances
        assert dataset_target(coco).shares == pytest.approx(counted / counted.sum())

    def test_what_is_wished_is_kept_and_the_rest_keeps_its_proportions(self, coco):
        target, plain = typed_target(coco, {"dog": 20, "cat": 5}), dataset_target(coco)
        places = [target.names.index(name) for name in ("dog", "cat", "car", "zebra")]
        dog, cat, car, zebra = target.shares[places]
        assert (dog, cat) == pytest.approx((0.2, 0.05))
        assert car / zebra == pytest.approx(plain.shares[places[2]] / plain.shares[places[3]])
        assert target.shares.sum() == pytest.approx(1)

    def test_a_wish_of_nought_takes_a_category_out(self, coco):
        target = typed_target(coco, {"dog": 0})
        assert target.shares[target.names.index("dog")] == 0
        assert target.shares.sum() == pytest.approx(1)

    @pytest.mark.parametrize(
        ("percents", "words"),
        [
            ({}, "one category at least"),
            ({"unicorn": 5}, "no instance of 'unicorn'"),
            ({"oven": 5}, "no instance of 'oven'"),
            ({"dog": -1}, "0 to 100 percent for dog"),
            ({"dog": 101}, "0 to 100 percent for dog"),
            ({"dog": float("nan")}, "0 to 100 percent for dog"),
            ({"dog": 60, "cat": 50}, "110% together"),
        ],
        ids=["none", "unknown", "listed and absent", "below", "above", "no number", "too much"],
    )
    def test_a_wish_that_cannot_be_is_refused(self, coco, percents, words):
        with pytest.raises(QueryError, match=words):
            typed_target(coco, percents)

    def test_wishes_for_all_there_is_count_by_their_proportions(self, tmp_path):
        dataset = files.dataset(tmp_path, instances=files.instances_file([1, 2]))
        assert typed_target(dataset, {"dog": 10}).shares.sum() == pytest.approx(1)
        with pytest.raises(QueryError, match="All shares are 0"):
            typed_target(dataset, {"dog": 0})

    def test_a_dataset_without_instances_has_none(self, tmp_path):
        dataset = files.dataset(tmp_path, captions=files.captions_file([1, 2]))
        for make in (equal_target, dataset_target, lambda one: typed_target(one, {"dog": 5})):
            with pytest.raises(QueryError, match="no instances"):
                make(dataset)

    @pytest.mark.parametrize("shares", [[0.5, 0.6], [1.5, -0.5], [1.0]])
    def test_shares_that_are_none_are_no_target(self, shares):
        with pytest.raises(ValueError, match="expected"):
            Target(("dog", "cat"), np.array(shares))


class TestSuggestion:
    @pytest.mark.parametrize("make", [equal_target, dataset_target], ids=["equal", "dataset"])
    def test_each_change_is_the_best_of_all(self, coco, beach, make):
        target = make(coco)
        found = suggest(coco, beach, target, most=4)
        subset, added, dropped = beach, set(), set()
        assert found.distances[0] == pytest.approx(makeup_by_hand(coco, target, beach))
        for step in range(1, 5):
            expected = best_by_hand(coco, target, subset, added, dropped)
            now = suggest(coco, beach, target, most=step)
            subset, added = now.image_ids, set(now.added.tolist())
            dropped = set(now.dropped.tolist())
            assert now.distances[-1] == pytest.approx(expected)
            assert now.distances[-1] == pytest.approx(makeup_by_hand(coco, target, subset))

    @given(st.integers(1, 60), st.booleans(), st.booleans(), st.randoms(use_true_random=False))
    @settings(max_examples=25, deadline=None)
    def test_the_record_is_true_of_the_subset_that_comes_of_it(self, coco, most, add, drop, random):
        ids = np.array(random.sample(coco.images.ids.tolist(), random.randint(0, 40)), np.int64)
        target = equal_target(coco)
        found = suggest(coco, ids, target, most=most, add=add, drop=drop)
        assert found.n_changes <= most
        assert set(found.image_ids.tolist()) == (
            set(ids.tolist()) - set(found.dropped.tolist())
        ) | set(found.added.tolist())
        assert not set(found.added.tolist()) & set(ids.tolist())
        assert (found.before == makeup(coco, ids).instances).all()
        assert (found.after == makeup(coco, found.image_ids).instances).all()
        assert (found.new == makeup(coco, found.added).images).all()
        assert len(found.distances) == found.n_changes + 1
        assert (np.diff(found.distances)[np.isfinite(found.distances[:-1])] < 0).all()
        assert add or not len(found.added)
        assert drop or not len(found.dropped)
        # What stays keeps its order, and what is added comes after it.
        stays = ids[~np.isin(ids, found.dropped)]
        assert (found.image_ids == np.concatenate([stays, found.added])).all()

    def test_it_ends_when_no_picture_brings_it_nearer(self, coco, beach):
        target = equal_target(coco)
        found = suggest(coco, beach, target, most=500, add=False)
        assert found.stopped == "nearest"
        rest = set(found.dropped.tolist())
        for one in found.image_ids.tolist():
            assert one not in rest
            changed = found.image_ids[found.image_ids != one]
            assert not makeup_by_hand(coco, target, changed) < found.distances[-1] - 1e-9

    def test_what_is_wanted_already_needs_no_change(self, coco):
        found = suggest(coco, coco.images.ids, dataset_target(coco))
        assert (found.stopped, found.n_changes) == ("reached", 0)
        assert found.distances.tolist() == [0]
        assert not len(found.lacking)

    def test_of_equal_pictures_the_most_welcome_is_added(self, tmp_path):
        dataset = files.dataset(tmp_path, instances=four_alike())
        target = equal_target(dataset)
        for order in ([3, 4, 5, 6], [6, 5, 4, 3]):
            found = suggest(
                dataset, np.array([1]), target, most=1, candidates=np.array([1, *order])
            )
            assert found.added.tolist() == order[:1]
            assert found.stopped == "reached"

    def test_of_equal_pictures_the_last_of_the_subset_is_dropped(self, tmp_path):
        dataset = files.dataset(tmp_path, instances=four_alike())
        found = suggest(dataset, np.array([5, 1, 3]), equal_target(dataset), most=1, add=False)
        assert found.dropped.tolist() == [3]

    def test_only_candidates_are_added(self, coco, beach):
        candidates = coco.images.ids[:30]
        found = suggest(coco, beach, equal_target(coco), most=20, candidates=candidates)
        assert len(found.added)
        assert set(found.added.tolist()) <= set(candidates.tolist())

    def test_an_empty_subset_is_filled_from_nothing(self, coco, beach):
        found = suggest(coco, beach[:0], equal_target(coco), most=30)
        assert np.isnan(found.distances[0])
        assert np.isfinite(found.distances[1:]).all()
        assert len(found.added) == 30

    def test_the_last_picture_with_an_instance_is_never_dropped(self, coco, beach):
        found = suggest(coco, beach[:1], equal_target(coco), add=False)
        assert found.n_changes == 0
        assert len(found.image_ids) == 1

    def test_lacking_categories_stand_by_what_they_lack(self, coco, beach):
        found = suggest(coco, beach, typed_target(coco, {"zebra": 50}), most=5)
        assert found.target.names[found.lacking[0]] == "zebra"
        assert found.target.names[found.by_gap[0]] == "zebra"
        gaps = (found.target.shares - found.shares_before)[found.lacking]
        assert (gaps > 0).all()
        assert (np.diff(gaps) <= 0).all()

    def test_a_strange_picture_is_named(self, coco):
        with pytest.raises(DatasetError, match="999999"):
            suggest(coco, np.array([999_999]), equal_target(coco))

    @pytest.mark.parametrize("most", [0, 501])
    def test_a_number_of_changes_out_of_range_is_a_mistake(self, coco, beach, most):
        with pytest.raises(ValueError, match="1 to 500"):
            suggest(coco, beach, equal_target(coco), most=most)


class TestQueries:
    def test_more_of_a_category_keeps_the_query_and_leaves_out_the_subset(self, demo, beach):
        query = query_of("a dog on a beach", category="person", without_ids=[7], top_k=99)
        found = demo.find(query_for(query, "umbrella", beach))
        assert len(found)
        assert not set(found.image_ids.tolist()) & ({7} | set(beach.tolist()))
        assert found.query.parts == query.parts
        for one in found.image_ids.tolist():
            names = {record["category_id"] for record in demo.coco.annotations(one, "instances")}
            assert {1, 28} <= names

    def test_ids_open_all_and_nothing_else_in_the_querys_order(self, demo, beach):
        found = demo.find(query_of_ids(query_of("a car at night", top_k=3), beach))
        assert set(found.image_ids.tolist()) == set(beach.tolist())
        assert (np.diff(found.scores) <= 0).all()

    def test_ids_of_a_category_are_those_that_have_it(self, demo, beach):
        found = demo.find(query_of_ids(query_of(), beach, "dog"))
        at = makeup(demo.coco, beach).names.index("dog")
        assert len(found) == makeup(demo.coco, beach).images[at]
        assert set(found.image_ids.tolist()) < set(beach.tolist())


def four_alike() -> dict:
    """Pictures 1 and 2 with a dog, 3 to 6 with a person each."""
    content = files.instances_file([1, 2, 3, 4, 5, 6])
    for record in content["annotations"]:
        if record["image_id"] > 2:
            record["category_id"] = 1
    return content
