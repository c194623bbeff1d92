"""A door leads to the pictures that its figure counted, whatever the query is."""

import numpy as np
import pytest

from core import open_library
from core.analytics.narrowing import and_also, narrowed, of_pictures
from core.filters import passing
from core.query import CategoryTerm, Cut, Filters, Words, query_of

# A picture with a dog on a beach: asking with it needs no text to be encoded.
DOG = 46
CONDITIONS = {
    "category": {"must": (CategoryTerm("dog"),)},
    "pair": {"must": (CategoryTerm("dog"), CategoryTerm("frisbee"))},
    "word": {"words": (Words("beach"),)},
    "crowd": {"crowd": True},
    "licence": {"licenses": ("4",)},
    "ids": {"only": (46, 47, 48)},
}
QUERIES = {
    "top": {"top_k": 40},
    "all": {"top_k": 10_000},
    "threshold": {"threshold": 0.5},
    "percentile": {"percentile": 90},
    "duplicates hidden": {"top_k": 60, "hide_duplicates": 0.8},
    "variety": {"top_k": 60, "diversity": 0.4},
    "filtered": {"top_k": 60, "category": "person", "license": "commercial"},
}


@pytest.fixture(scope="module")
def demo():
    return open_library().dataset("demo")


@pytest.mark.parametrize("conditions", CONDITIONS.values(), ids=CONDITIONS)
@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_those_of_the_result_that_meet_the_condition_are_found(demo, query, conditions):
    found = demo.find(query_of(like=DOG, **query))
    mask = passing(demo.coco, Filters(**conditions))
    wanted = {i for i in found.image_ids.tolist() if mask[demo.coco.images.row_of(i)]}
    again = demo.find(narrowed(found, **conditions))
    assert set(again.image_ids.tolist()) == wanted


def test_they_stand_in_the_order_of_the_result(demo):
    found = demo.search(like=DOG, top_k=40)
    again = demo.find(narrowed(found, must=(CategoryTerm("dog"),)))
    places = [found.image_ids.tolist().index(i) for i in again.image_ids.tolist()]
    assert places == sorted(places)
    assert len(places) > 1


def test_a_threshold_needs_no_list_of_ids(demo):
    found = demo.search(like=DOG, threshold=0.5)
    assert narrowed(found, must=(CategoryTerm("dog"),)).filters.only is None


def test_those_of_a_subset_are_found(demo):
    ids = demo.coco.images.ids[::5]
    mask = passing(demo.coco, Filters(must=(CategoryTerm("person"),)))
    again = demo.find(of_pictures(ids.tolist(), must=(CategoryTerm("person"),)))
    assert np.array_equal(again.image_ids, ids[mask[::5]])


def test_a_subset_without_pictures_has_none(demo):
    query = of_pictures([])
    assert query.cut == Cut("top", 1)
    assert not len(demo.find(query))


def test_one_licence_takes_the_place_of_others_and_uses_stay():
    filters = Filters(licenses=("commercial", "1", "2"))
    assert and_also(filters, licenses=("4",)).licenses == ("commercial", "4")


def test_lists_of_ids_are_intersected():
    assert and_also(Filters(only=(1, 2, 3)), only=(2, 3, 4)).only == (2, 3)


def test_what_no_filter_can_say_is_a_mistake():
    filters = Filters(any_of=(CategoryTerm("dog"),))
    with pytest.raises(ValueError, match="any_of"):
        and_also(filters, any_of=(CategoryTerm("cat"),))
