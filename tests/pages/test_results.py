"""What the gallery is sent, and what becomes of its wishes."""

from dataclasses import replace

import numpy as np
import pytest

from core import open_library
from core.errors import QueryError
from core.found import Found
from core.query import Cut, Query, query_of, unpack_ids
from core.recipe import IdsOrigin
from pages.shared import results


@pytest.fixture(scope="module")
def found() -> Found:
    return open_library().dataset("demo", "demo").find(Query.text("a dog on a beach"))


def test_the_columns_say_what_each_picture_is(found):
    data = results.gallery_data(found)
    columns = data["items"]
    coco = found.dataset.coco
    assert columns["id"] == found.image_ids.tolist()
    assert {len(column) for column in columns.values()} == {len(found)}
    for at, image_id in enumerate(columns["id"]):
        record = coco.image_record(image_id)
        assert columns["file"][at] == record["file_name"]
        assert (columns["width"][at], columns["height"][at]) == (record["width"], record["height"])
        assert columns["instances"][at] == len(coco.annotations(image_id, "instances"))
        assert columns["score"][at] == pytest.approx(found.scores[at], abs=1e-5)
    assert data["n"] == len(found)
    assert data["total"] == len(coco.images)


def test_the_selection_is_named_by_the_ranking_alone(found):
    dataset = found.dataset
    key = results.gallery_data(found)["key"]
    fewer = dataset.find(replace(found.query, cut=Cut("top", 5)))
    other = dataset.find(Query.text("cars at night"))
    assert results.gallery_data(fewer)["key"] == key
    assert results.gallery_data(fewer)["result"] != results.gallery_data(found)["result"]
    assert results.gallery_data(other)["key"] != key


def test_beyond_what_is_loaded_the_ids_alone_are_sent(found, monkeypatch):
    monkeypatch.setattr(results, "MAX_LOADED", 10)
    data = results.gallery_data(found)
    assert data["items"]["id"] == found.image_ids[:10].tolist()
    assert set(unpack_ids(data["rest"])) == set(found.image_ids[10:].tolist())
    assert data["n"] == len(found)


def test_sizes_of_many_pictures_are_told_from_a_sample(monkeypatch):
    found = open_library().dataset("demo", "demo").find(query_of("a dog", top_k=440))
    monkeypatch.setattr(results, "MAX_LOOKED_AT", 1_000)
    exact = results.gallery_data(found)
    assert not exact["is_estimated"]
    monkeypatch.setattr(results, "MAX_LOOKED_AT", 300)
    told = results.gallery_data(found)
    assert told["is_estimated"]
    assert told["bytes_all"] == pytest.approx(exact["bytes_all"], rel=0.1)


def test_an_unranked_result_has_no_scores():
    found = open_library().dataset("demo", "demo").find(Query())
    assert results.gallery_data(found)["items"]["score"] is None


def test_ids_that_a_browser_cannot_count_to_are_sent_as_text(found):
    large = 2**53
    image_ids = np.array([7, large], dtype=np.int64)
    assert results._exact(image_ids.tolist()) == [7, str(large)]
    assert results._ids([7, str(large)]) == [7, large]


@pytest.mark.parametrize(
    "values", [[None], ["x"], [{}], [-1], [2**63], [[1]]], ids=lambda value: repr(value)
)
def test_what_is_no_id_is_refused(values):
    with pytest.raises(QueryError):
        results._ids(values)


def test_a_wish_by_ids_may_reach_beyond_the_result(found):
    outside = next(i for i in found.dataset.coco.images.ids.tolist() if i not in found.image_ids)
    chosen = results._chosen(found, {"ids": [int(found.image_ids[0]), outside]})
    assert set(chosen.image_ids.tolist()) == {int(found.image_ids[0]), outside}


def test_a_wish_for_all_leaves_out_what_is_left_out(found):
    ids = found.image_ids.tolist()
    chosen = results._chosen(found, {"all": True, "except": [ids[1]]})
    assert chosen.image_ids.tolist() == [ids[0], *ids[2:]]


def test_pictures_that_the_dataset_lacks_are_named_in_the_answer(found):
    answer = results._answer(found, {"id": "1", "request": "r", "ids": [1, 999_999_999]})
    assert answer["unknown"] == [999_999_999]
    assert "1 selected picture is not in this dataset" in answer["error"]


@pytest.mark.parametrize(
    "wish", [{}, {"ids": []}, {"ids": ["x"]}, {"all": True, "except": [None]}], ids=repr
)
def test_a_wish_that_makes_no_sense_is_answered_in_words(found, wish):
    answer = results._answer(found, {"id": "1", "request": "r"} | wish)
    assert answer["error"]
    assert "token" not in answer


class TestAListThatNoQueryGives:
    IDS = (46, 7, 12)

    def found(self) -> Found:
        return results.as_found(open_library().dataset("demo", "demo"), np.array(self.IDS))

    def test_stands_in_the_order_given_and_goes_into_no_query(self):
        data = results.gallery_data(self.found(), "likely missed: dog")
        assert data["items"]["id"] == list(self.IDS)
        assert data["items"]["score"] is None
        assert (data["n"], data["total"]) == (3, 440)
        assert data["is_listed"]
        assert not data["can_rank"]

    def test_has_a_selection_of_its_own(self):
        found = self.found()
        keys = {results.gallery_data(found, words)["key"] for words in ("one list", "another")}
        unranked = open_library().dataset("demo", "demo").find(Query())
        assert len(keys | {results.gallery_data(unranked)["key"]}) == 3

    @pytest.mark.parametrize(
        ("wish", "expected"),
        [
            ({"all": True}, (46, 7, 12)),
            ({"all": True, "except": [7]}, (46, 12)),
            ({"ids": [12, 46]}, (46, 12)),
            ({"ids": [12, 100]}, (12, 100)),
        ],
        ids=["all", "all but one", "selected", "selected, one from elsewhere"],
    )
    def test_leaves_as_its_ids_in_their_order_and_says_what_they_are(self, wish, expected):
        chosen = results._chosen(self.found(), wish, "likely missed: dog")
        assert tuple(chosen.image_ids.tolist()) == expected
        assert chosen.origin == IdsOrigin("likely missed: dog")
