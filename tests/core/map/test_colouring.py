"""What points are coloured by, each class against a count by hand."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from core import open_library
from core.errors import QueryError
from core.map import by_category, by_cluster, by_licence, by_score, by_subset
from core.query import Query


@pytest.fixture(scope="module")
def demo():
    return open_library().dataset("demo", "demo")


@pytest.fixture(scope="module")
def ids(demo) -> np.ndarray:
    return demo.embeddings.image_ids


def names_of(colouring) -> list[str]:
    return [colouring.names[place] for place in colouring.of]


def largest(coco, image_id: int, only: set[str] | None = None) -> str | None:
    """The category with the largest area in one picture, by its records."""
    names = {category.id: category.name for category in coco.categories}
    areas: Counter[str] = Counter()
    for record in coco.annotations(image_id, "instances"):
        name = names[record["category_id"]]
        if only is None or name in only:
            areas[name] += record["area"]
    return areas.most_common(1)[0][0] if areas else None


def test_a_picture_has_the_colour_of_what_takes_up_most_of_it(demo, ids):
    colouring = by_category(demo.coco, ids)
    shown = set(colouring.names) - {"another, or none"}
    assert len(shown) == 12
    for image_id, name in zip(ids.tolist(), names_of(colouring), strict=True):
        expected = largest(demo.coco, image_id)
        assert name == (expected if expected in shown else "another, or none")


def test_of_chosen_categories_the_one_that_takes_up_most_counts(demo, ids):
    chosen = ["dog", "person", "car"]
    colouring = by_category(demo.coco, ids, chosen)
    assert colouring.names == (*chosen, "all others")
    for image_id, name in zip(ids.tolist(), names_of(colouring), strict=True):
        assert name == (largest(demo.coco, image_id, set(chosen)) or "all others")


def test_categories_keep_their_ids_for_their_colours(demo, ids):
    by_id = {category.id: category.name for category in demo.coco.categories}
    colouring = by_category(demo.coco, ids)
    named = [by_id.get(category_id) for category_id in colouring.category_ids[:-1]]
    assert named == list(colouring.names[:-1])
    assert colouring.category_ids[colouring.rest] == -1


@pytest.mark.parametrize(
    "names", [["unicorn"], [f"thing {n}" for n in range(31)]], ids=["unknown", "many"]
)
def test_categories_that_cannot_be_shown_are_refused(demo, ids, names):
    with pytest.raises(QueryError, match=r"unicorn|thing 0"):
        by_category(demo.coco, ids, names)


def test_too_many_categories_are_refused(demo, ids):
    names = [category.name for category in demo.coco.categories][:31]
    with pytest.raises(QueryError, match="at most 30"):
        by_category(demo.coco, ids, names)


def test_bands_of_scores_are_of_one_width_and_the_best_comes_first(demo, ids):
    found = demo.find(Query.text("a dog on a beach"))
    colouring = by_score(found, ids)
    assert len(colouring.names) == 8
    of_id = dict(zip(ids.tolist(), colouring.of.tolist(), strict=True))
    scores = found.ranking.scores
    bands = [of_id[image_id] for image_id in demo.coco.images.ids[found.ranking.rows].tolist()]
    assert bands == sorted(bands)
    width = (scores.max() - scores.min()) / 8
    for score, band in zip(scores.tolist(), bands, strict=True):
        low = scores.max() - (band + 1) * width
        assert low - 1e-5 <= score <= low + width + 1e-5


def test_equal_scores_are_one_band(demo, ids):
    found = demo.find(Query.text("a dog"))
    equal = replace(found.ranking, scores=np.full_like(found.ranking.scores, 0.25))
    colouring = by_score(replace(found, ranking=equal), ids)
    assert colouring.names == ("0.250",)


def test_without_a_query_there_are_no_scores(demo, ids):
    with pytest.raises(QueryError, match="Nothing is asked"):
        by_score(demo.find(Query()), ids)


def test_a_picture_of_several_subsets_is_of_the_first(ids):
    colouring = by_subset(ids, [("one", ids[:10]), ("two", ids[5:20])])
    assert names_of(colouring)[:20] == ["one"] * 10 + ["two"] * 10
    assert colouring.counts.tolist() == [10, 10, len(ids) - 20]


def test_licences_stand_by_their_number_of_pictures(demo, ids):
    colouring = by_licence(demo.coco, ids)
    assert colouring.counts.tolist() == sorted(colouring.counts.tolist(), reverse=True)
    for image_id, name in zip(ids.tolist()[:50], names_of(colouring), strict=False):
        licence = demo.coco.license_of(image_id)
        assert name == licence.name or "CC" in name
    assert colouring.rest is None


def test_clusters_are_named_by_their_words():
    colouring = by_cluster(np.array([0, 1, 0]), [("dog", "beach"), ()])
    assert colouring.names == ("1: dog, beach", "cluster 2")
    assert colouring.of.tolist() == [0, 1, 0]


@pytest.mark.parametrize("make", [by_licence, by_category], ids=lambda make: make.__name__)
def test_no_pictures_are_no_problem(demo, make):
    assert not make(demo.coco, np.empty(0, dtype=np.int64)).counts.sum()
