"""Subsets keep rank order and what belongs to it."""

import numpy as np
import pytest

from core.errors import QueryError, RecipeError
from core.library import Library, open_library
from core.query import Cut, Query, query_of
from core.recipe import CombinationOrigin, IdsOrigin, QueryOrigin
from core.subset import Subset, combine


@pytest.fixture
def tiny_library(tiny_settings) -> Library:
    return open_library(tiny_settings)


@pytest.fixture
def found(tiny_library) -> Subset:
    return Subset.found(tiny_library.dataset("tiny").search("a dog", top_k=6))


def test_chosen_pictures_keep_rank_order_and_scores(found):
    chosen = found.only(reversed(found.image_ids[[1, 4]].tolist()))
    np.testing.assert_array_equal(chosen.image_ids, found.image_ids[[1, 4]])
    np.testing.assert_array_equal(chosen.scores, found.scores[[1, 4]])


@pytest.mark.parametrize("n_known", [0, 1], ids=["alone", "beside one that is"])
def test_an_id_that_is_not_in_it_is_a_query_error(found, n_known):
    chosen = [*found.image_ids[:n_known].tolist(), -5]
    with pytest.raises(QueryError, match=r"id -5\): the result has changed.*Search again"):
        found.only(chosen)


def test_choosing_none_is_a_query_error(found):
    with pytest.raises(QueryError, match="Choose one"):
        found.only([])


def test_the_first_pictures_stand_in_the_datasets_order_without_scores(tiny_library):
    dataset = tiny_library.dataset("tiny")
    first = Subset.first(dataset, 3)
    np.testing.assert_array_equal(first.image_ids, dataset.coco.images.ids[:3])
    assert first.scores is None
    assert first.only([int(first.image_ids[2])]).scores is None


def test_the_title_names_the_query_and_the_number(found, tiny_library):
    assert found.title == "a dog 6"
    assert Subset.first(tiny_library.dataset("tiny"), 2).title == "tiny 2"


def test_without_some_the_others_keep_rank_order(found):
    dropped = found.image_ids[[0, 3]].tolist()
    left = found.without([*dropped, -5])
    np.testing.assert_array_equal(left.image_ids, found.image_ids[[1, 2, 4, 5]])
    np.testing.assert_array_equal(left.scores, found.scores[[1, 2, 4, 5]])


def test_without_all_is_a_query_error(found):
    with pytest.raises(QueryError, match="No picture is left"):
        found.without(found.image_ids.tolist())


class TestOrigin:
    """What makes a subset again."""

    def test_of_what_was_found_is_the_query(self, found):
        assert found.origin == QueryOrigin(query_of("a dog", top_k=6))

    def test_of_the_first_pictures_is_the_query_that_asks_for_nothing(self, tiny_library):
        first = Subset.first(tiny_library.dataset("tiny"), 3)
        assert first.origin == QueryOrigin(Query(cut=Cut("top", 3)))

    def test_what_is_taken_out_is_removed_from_what_the_query_gives(self, found):
        out = found.image_ids[[1, 4]].tolist()
        assert found.without(out).origin.removed == tuple(sorted(out))
        assert found.only(out).origin.removed == tuple(sorted(set(found.image_ids) - set(out)))

    def test_what_was_added_and_taken_out_again_leaves_no_trace(self, tiny_library):
        result = tiny_library.dataset("tiny").search("a dog", top_k=6)
        stranger = next(one for one in range(101, 113) if one not in result.image_ids)
        chosen = result.choose([*result.image_ids.tolist(), stranger])
        assert chosen.origin.added == (stranger,)
        assert chosen.without([stranger]).origin == Subset.found(result).origin

    def test_nothing_taken_out_changes_nothing(self, found):
        assert found.without([-5]).origin is found.origin

    def test_of_a_list_is_where_it_comes_from(self, tiny_library):
        listed = Subset.of_ids(tiny_library.dataset("tiny"), [105, 101, 105], "from Ann")
        assert listed.origin == IdsOrigin("from Ann")
        assert listed.only([101]).origin == IdsOrigin("from Ann")
        assert (listed.image_ids.tolist(), listed.scores) == ([105, 101], None)

    @pytest.mark.parametrize(("ids", "words"), [([101, -5], "the id -5"), ([], "Choose one")])
    def test_a_list_holds_pictures_of_the_dataset(self, tiny_library, ids, words):
        with pytest.raises(QueryError, match=words):
            Subset.of_ids(tiny_library.dataset("tiny"), ids)

    def test_of_a_combination_that_was_narrowed_is_a_combination(self, found, tiny_library):
        listed = Subset.of_ids(tiny_library.dataset("tiny"), range(101, 113))
        both = combine("union", [found, listed])
        out = int(both.image_ids[0])
        narrowed = both.without([out])
        assert isinstance(narrowed.origin, CombinationOrigin)
        assert narrowed.origin.operation == "difference"
        assert narrowed.origin.of[1].image_ids == (out,)


class TestCombine:
    @pytest.fixture
    def other(self, tiny_library, found) -> Subset:
        result = tiny_library.dataset("tiny").search("a beach", top_k=12)
        return result.all_but(found.image_ids[[0, 2, 5]].tolist())

    def test_a_union_appends_in_the_order_of_the_others_without_scores(self, found, other):
        both = combine("union", [found, other])
        more = [one for one in other.image_ids.tolist() if one not in found.image_ids]
        assert both.image_ids.tolist() == [*found.image_ids.tolist(), *more]
        assert both.scores is None
        assert both.query == "(a dog) or (a beach)"

    @pytest.mark.parametrize("operation", ["intersection", "difference"])
    def test_what_is_left_of_the_first_keeps_its_order_and_scores(self, found, other, operation):
        made = combine(operation, [found, other])
        is_in = np.isin(found.image_ids, other.image_ids)
        keep = is_in if operation == "intersection" else ~is_in
        np.testing.assert_array_equal(made.image_ids, found.image_ids[keep])
        np.testing.assert_array_equal(made.scores, found.scores[keep])
        assert made.scores.dtype == np.float32

    def test_nothing_left_is_an_error(self, found):
        with pytest.raises(RecipeError, match="has no picture"):
            combine("difference", [found, found])
