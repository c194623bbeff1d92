"""Subsets keep rank order and what belongs to it."""

import numpy as np
import pytest

from core.errors import QueryError
from core.library import Library, open_library
from core.subset import Subset


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
