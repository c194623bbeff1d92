"""Which pictures count as right, and what the words of a query name."""

import json

import numpy as np
import pytest

from core.analytics.labels import Labels, label_words, labelled, listed, suggestions
from core.errors import QueryError
from core.library import Library
from core.query import Part, Query
from core.settings import Settings


@pytest.fixture(scope="module")
def coco(demo_home, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    return Library(Settings(home=demo_home, cache=cache, offline=True)).coco("demo")


@pytest.fixture(scope="module")
def by_hand(demo_home) -> dict[str, set[int]]:
    """Ids of pictures with two dogs or more, and with "beach" in a caption, from the JSON."""
    folder = demo_home / "data/demo/annotations"
    files = {path.name: json.loads(path.read_bytes()) for path in folder.glob("*.json")}
    instances = next(v for k, v in files.items() if k.startswith("instances"))
    captions = next(v for k, v in files.items() if k.startswith("captions"))
    dog = next(one["id"] for one in instances["categories"] if one["name"] == "dog")
    dogs = [one["image_id"] for one in instances["annotations"] if one["category_id"] == dog]
    return {
        "dogs": {one for one in dogs if dogs.count(one) >= 2},
        "beach": {
            one["image_id"]
            for one in captions["annotations"]
            if "beach" in one["caption"].lower().replace(".", " ").replace(",", " ").split()
        },
    }


def ids(coco, is_right: np.ndarray) -> set[int]:
    return set(coco.images.ids[is_right].tolist())


@pytest.mark.parametrize(
    ("join", "unite"), [("any", set.union), ("all", set.intersection)], ids=["any", "all"]
)
def test_categories_and_words_are_joined(coco, by_hand, join, unite):
    found = ids(coco, labelled(coco, Labels(("dog>=2",), ("beach",), join)))
    assert found == unite(by_hand["dogs"], by_hand["beach"])
    assert found


def test_a_saved_subset_is_the_truth_without_what_is_gone(coco):
    some = coco.images.ids[[3, 1]].tolist()
    assert ids(coco, listed(coco, [*some, 10**12])) == set(some)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (Labels(), "No label is chosen"),
        (Labels(("dgo",)), "dog"),
        (Labels(("dog>=",)), "no category"),
    ],
    ids=["none", "a category that is not there", "half a condition"],
)
def test_labels_that_cannot_be_are_refused(coco, labels, said):
    with pytest.raises(QueryError, match=said):
        labelled(coco, labels)


@pytest.mark.parametrize(
    ("text", "categories", "words", "join"),
    [
        ("a dog on a beach", ("dog",), (), "all"),
        ("two dogs or cats", ("dog", "cat"), (), "any"),
        ("a dog and a cat", ("dog", "cat"), (), "all"),
        ("Wine glasses", ("wine glass",), (), "all"),
        ("a hot dog", ("hot dog",), (), "all"),
        ("buses", ("bus",), (), "all"),
        ("knives", ("knife",), (), "all"),
        ("people", ("person",), (), "all"),
        ("a sofa and a TV", ("couch", "tv"), (), "all"),
        ("a sandy beach", (), ("beach",), "all"),
        ("grass", (), ("grass",), "all"),
    ],
)
def test_words_of_the_query_name_labels(coco, text, categories, words, join):
    first = suggestions(coco, Query((Part("text", text),)))[0]
    known = tuple(word for word in first.words if word in words)
    assert (first.categories, known, first.join) == (categories, words, join)


def test_the_other_words_come_with_a_second_suggestion(coco):
    found = suggestions(coco, Query((Part("text", "a dog on a beach"),)))
    assert found[1] == Labels(("dog",), ("beach",), "all")


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query((Part("image", 46),)),
        Query((Part("text", "a dog", -1.0),)),
        Query((Part("text", "the of a xyzzy"),)),
    ],
    ids=["nothing asked", "a picture", "not a dog", "words that nothing has"],
)
def test_nothing_is_suggested_where_nothing_is_named(coco, query):
    assert suggestions(coco, query) == ()


def test_labels_are_said_in_words():
    assert label_words(Labels(("dog", "cat"), ("beach",), "any")) == (
        'dog or cat or caption has "beach"'
    )
