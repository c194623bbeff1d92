"""What was found: what can be chosen of it, and what it is called."""

import csv
import io
import json
from dataclasses import replace
from zipfile import ZipFile

import numpy as np
import pytest

from core.errors import QueryError
from core.export import plan_export, write_zip
from core.found import Found
from core.library import open_library
from core.query import CategoryTerm, Cut, Filters, Part, Query
from core.searchable import SearchableDataset
from tests.conftest import N_TINY
from tests.core.test_finder import put_vectors
from tests.core.vectors import rows_with_copies


@pytest.fixture
def dataset(tiny_settings) -> SearchableDataset:
    return open_library(tiny_settings).dataset("tiny", "tiny")


@pytest.fixture
def found(dataset) -> Found:
    return dataset.search("a dog", top_k=5)


def test_any_pictures_of_the_dataset_can_be_chosen_and_stand_in_rank_order(dataset, found):
    everything = dataset.search("a dog", top_k=N_TINY)
    chosen = everything.image_ids[[11, 3, 7, 0]]
    subset = found.choose(chosen.tolist())
    assert subset.image_ids.tolist() == everything.image_ids[[0, 3, 7, 11]].tolist()
    assert np.array_equal(subset.scores, everything.scores[[0, 3, 7, 11]])
    assert subset.query == "a dog"


def test_an_id_chosen_twice_is_in_it_once(found):
    first = int(found.image_ids[0])
    assert found.choose([first, first]).image_ids.tolist() == [first]


def test_without_a_ranking_the_chosen_stand_in_the_datasets_order(dataset):
    subset = dataset.find(Query(cut=Cut("top", 2))).choose([109, 101, 105])
    assert subset.image_ids.tolist() == [101, 105, 109]
    assert subset.scores is None
    assert subset.title == "tiny 3"


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([101, -5], r"no picture with the id -5\."),
        (range(1, 9), "the id 1, 2, 3, 4, 5 and 3 more"),
        ([], "Choose one"),
    ],
    ids=["one beside one that is", "many", "none"],
)
def test_a_choice_that_cannot_be_is_a_query_error(found, ids, message):
    with pytest.raises(QueryError, match=message):
        found.choose(ids)


def test_all_but_some_keep_the_order_of_the_result(dataset):
    found = dataset.find(Query((Part("text", "a dog"),), diversity=0.5))
    dropped = found.image_ids[[1, 4]].tolist()
    subset = found.all_but([*dropped, 10**9])
    assert subset.image_ids.tolist() == [i for i in found.image_ids.tolist() if i not in dropped]
    assert found.all_but([]).image_ids.tolist() == found.image_ids.tolist()


def test_all_but_all_is_a_query_error(found):
    with pytest.raises(QueryError, match="No picture is left"):
        found.all_but(found.image_ids.tolist())


def test_pictures_without_a_vector_come_last_and_have_no_score(tiny_home_copy, tiny_settings):
    dataset = open_library(replace(tiny_settings, home=tiny_home_copy)).dataset("tiny", "tiny")
    put_vectors(dataset, rows_with_copies(N_TINY - 2, 16))
    subset = dataset.search("a dog", top_k=1).choose([112, 103, 111])
    assert subset.image_ids.tolist() == [103, 111, 112]
    assert np.isnan(subset.scores).tolist() == [False, True, True]
    path = tiny_home_copy / "chosen.zip"
    plan = plan_export(dataset.coco, dataset.pictures, subset.image_ids, subset.scores)
    assert write_zip(plan, path).n_bytes == plan.n_bytes
    with ZipFile(path) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("scores.csv").decode())))
    assert [row["score"] for row in rows] == [str(subset.scores[0]), "", ""]


def test_nothing_is_chosen_of_annotations_that_were_replaced(tiny_home_copy, tiny_settings):
    dataset = open_library(replace(tiny_settings, home=tiny_home_copy)).dataset("tiny", "tiny")
    found = dataset.search("a dog", top_k=5)
    for path in (dataset.coco.folder / "annotations").glob("*.json"):
        document = json.loads(path.read_text())
        document["images"] = document["images"][1:]
        known = {image["id"] for image in document["images"]}
        document["annotations"] = [a for a in document["annotations"] if a["image_id"] in known]
        path.write_text(json.dumps(document))
    for choose in (found.choose, found.all_but):
        with pytest.raises(QueryError, match=r"'tiny' were replaced .* Search again"):
            choose([103])


def test_the_title_says_the_query_and_the_number(dataset, found):
    assert found.title == "a dog 5"
    filters = Filters(must=(CategoryTerm("square", count=1),))
    assert dataset.find(Query(filters=filters)).title == "square 6"
    assert dataset.find(Query()).title == "tiny 12"


def test_scores_of_another_number_are_a_mistake(dataset, found):
    with pytest.raises(ValueError, match="one score an id"):
        Found(dataset, found.query, found.image_ids, found.scores[:2], found.counts)
