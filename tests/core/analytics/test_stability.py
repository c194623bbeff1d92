"""Stability: what other phrasings keep, and when it is warned."""

from dataclasses import replace

import numpy as np
import pytest

from core.analytics.ranks import persistence, rank_biased_overlap
from core.analytics.stability import (
    WARN_BELOW,
    Phrasing,
    PhrasingResult,
    Stability,
    can_be_rephrased,
    phrasings,
    rephrased,
    stability_of,
)
from core.errors import QueryError
from core.library import Library
from core.query import Cut, Filters, Part, Query
from core.settings import Settings


@pytest.fixture(scope="module")
def demo(demo_home, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    library = Library(Settings(home=demo_home, cache=cache, offline=True))
    return library.dataset("demo", "demo")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a dog on a beach", "dogs on a beach"),
        ("an elephant", "elephants"),
        ("a red umbrella", "red umbrellas"),
        ("a man riding a horse", "men riding a horse"),
        ("a bus", "buses"),
        ("a puppy", "puppies"),
        ("a toy", "toys"),
        ("a sheep", "sheep"),
        ("dogs on a beach", "a dog on a beach"),
        ("apples", "an apple"),
        ("buses in a city", "a bus in a city"),
        ("wine glasses", "a wine glass"),
        ("people", "a person"),
    ],
)
def test_the_first_noun_changes_its_number(text, expected):
    assert expected in {one.words for one in phrasings([text])}


@pytest.mark.parametrize(
    "text", ["three wine glasses at night", "2 dogs", "snow", "glass", "in the city", "ein Hund"]
)
def test_a_number_that_is_not_clear_stays(text):
    assert "in the other number" not in {one.kind for one in phrasings([text])}


@pytest.mark.parametrize(
    "text", ["a dog", "the dog", "Dog", "a", "  a   dog ", "ein Hund", "a a a"]
)
def test_no_phrasing_is_empty_said_twice_or_the_text_itself(text):
    said = [one.words.casefold() for one in phrasings([text])]
    assert len(set(said)) == len(said)
    assert all(said)
    assert text.casefold() not in said


def test_only_wanted_texts_are_said_otherwise():
    query = Query(
        (Part("text", "a dog", 2.0), Part("text", "a leash", -1.0), Part("image", 4)),
        filters=Filters(annotated=True),
        cut=Cut("score", 0.1),
    )
    other = rephrased(query, Phrasing("plural", ("dogs",)))
    assert other == replace(
        query, parts=(Part("text", "dogs", 2.0), Part("text", "a leash", -1.0), Part("image", 4))
    )


def test_what_is_kept_is_counted_from_searching_again(demo):
    found = demo.search("a dog on a beach", top_k=20)
    stability = stability_of(demo, found)
    assert {"a photo of a dog on a beach", "dogs on a beach"} <= {
        one.phrasing.words for one in stability.results
    }
    support = np.zeros(20)
    for one in stability.results:
        again = demo.search(one.phrasing.words, top_k=20)
        both = np.isin(found.image_ids, again.image_ids)
        support += both
        assert (one.n_kept, one.n_found) == (both.sum(), 20)
        assert one.kept == pytest.approx(both.mean())
        order, other = (
            demo.search(text, top_k=440).image_ids
            for text in ("a dog on a beach", one.phrasing.words)
        )
        assert one.rbo == pytest.approx(rank_biased_overlap(order, other, persistence(20)))
    assert stability.support.tolist() == support.tolist()
    assert set(stability.firm_ids) <= set(found.image_ids)


def test_filters_hold_for_other_phrasings(demo):
    query = Query((Part("text", "a dog"),), cut=Cut("top", 9), filters=Filters(only=(1, 2, 3)))
    stability = stability_of(demo, demo.find(query))
    assert {one.n_found for one in stability.results} == {3}
    assert stability.median_kept == 1


@pytest.mark.parametrize(
    "query",
    [Query(), Query((Part("image", 1),)), Query((Part("text", "a dog", -1.0),))],
    ids=["nothing", "a picture", "only what is not wanted"],
)
def test_a_query_without_a_wanted_text_is_refused(demo, query):
    assert not can_be_rephrased(query)
    with pytest.raises(QueryError, match="no text"):
        stability_of(demo, demo.find(query))


def test_an_empty_subset_is_refused(demo):
    with pytest.raises(QueryError, match="Lower the cut"):
        stability_of(demo, demo.search("a dog", threshold=0.99))


def with_kept(*kept: float) -> Stability:
    phrasing = Phrasing("plural", ("dogs",))
    results = tuple(PhrasingResult(phrasing, 1.0, 1.0, 10, round(10 * k), k) for k in kept)
    support = np.arange(10) % (len(kept) + 1)
    return Stability(10, 0.9, results, np.arange(10), support, 100)


@pytest.mark.parametrize(
    ("kept", "warned"),
    [((0.1, 0.9, 0.9), False), ((0.1, 0.6, 0.9), True), ((WARN_BELOW,), False), ((0.5,), True)],
    ids=["one alone falls", "the middle falls", "just enough", "one of one falls"],
)
def test_it_is_warned_when_the_middle_phrasing_keeps_less_than_two_thirds(kept, warned):
    assert with_kept(*kept).hangs_on_phrasing == warned


def test_firm_and_shaky_pictures_are_told_apart_by_support():
    stability = with_kept(0.5, 0.5, 0.5)
    assert stability.firm_ids.tolist() == [3, 7]
    assert stability.shaky_ids.tolist() == [0, 1, 4, 5, 8, 9]
