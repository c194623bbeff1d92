"""A query is true once built: what it cannot mean is refused in words, the rest has one form."""

import math

import numpy as np
import pytest
from hypothesis import strategies as st

from core.errors import QueryError
from core.query import CategoryTerm, Cut, Filters, Part, Query, SideBound, Words
from tests.core.query.queries import HOSTILE_TEXTS, for_all, parts, texts


def test_a_text_alone_is_one_part_and_the_default_cut():
    assert Query.text("a dog") == Query((Part("text", "a dog"),), cut=Cut("top", 24))
    assert Query.text("  ") == Query()


@for_all(texts())
def test_texts_have_single_spaces_and_no_control_characters(text):
    value = Part("text", text).value
    assert value == " ".join(value.split())
    assert all(ord(c) >= 32 and not 127 <= ord(c) < 160 for c in value)
    assert Part("text", value) == Part("text", text)


@for_all(st.lists(parts, max_size=6))
def test_the_order_in_which_parts_of_different_kinds_are_given_does_not_matter(several):
    kinds = {(part.kind, part.is_negative) for part in several}
    by_kind = [
        part
        for kind in sorted(kinds, reverse=True)
        for part in several
        if (part.kind, part.is_negative) == kind
    ]
    assert Query(tuple(by_kind)) == Query(tuple(several))


def test_numbers_of_numpy_are_numbers():
    query = Query(
        (Part("image", np.int64(42), np.float32(0.5)),),
        cut=Cut("top", np.int64(3)),
        filters=Filters(only=tuple(np.arange(3))),
    )
    assert query.parts == (Part("image", 42, 0.5),)
    assert type(query.parts[0].value) is int
    assert query.filters.only == (0, 1, 2)


@pytest.mark.parametrize("weight", [0.0, -0.0, 0], ids=["0.0", "-0.0", "0"])
def test_a_part_of_weight_0_has_no_say(weight):
    assert not Query((Part("text", "dog", weight),)).is_ranked
    assert math.copysign(1, Part("text", "dog", weight).weight) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Part("text", ""), "The query is empty"),
        (lambda: Part("text", " \x00\t"), "The query is empty"),
        (lambda: Part("text", "a " * 5_000), "at most 1,000 characters, found 9,999"),
        (lambda: Part("text", "x" * 101), "words of at most 100 characters, found one of 101"),
        (lambda: Part("text", "\ud800"), "not valid Unicode"),
        (lambda: Part("text", 3), "Expected text as text, found 3"),
        (lambda: Part("sound", "x"), "text, image or upload, found 'sound'"),
        (lambda: Part("image", -1), "for image id, found -1"),
        (lambda: Part("image", True), "for image id, found True"),
        (lambda: Part("image", 2**63), "for image id, found 9223372036854775808"),
        (lambda: Part("upload", "ab"), "sha256 of an upload, found 'ab'"),
        (lambda: Part("text", "x", math.nan), "Expected a number for weight, found nan"),
        (lambda: Part("text", "x", math.inf), "Expected a number for weight, found inf"),
        (lambda: Part("text", "x", 1e9), "weight from -100 to 100, found 1000000000"),
        (lambda: Part("text", "x", 10**400), "Expected a number for weight, found 1000"),
        (lambda: Part("text", "x", "2"), "Expected a number for weight, found '2'"),
        (lambda: Cut("top", 0), "for top-k, found 0"),
        (lambda: Cut("top", 2.5), "for top-k, found 2.5"),
        (lambda: Cut("percentile", 101), "percentile from 0 to 100, found 101"),
        (lambda: Cut("best", 1), "top, score or percentile, found 'best'"),
        (lambda: CategoryTerm("dog", count=-1), "number of instances, found -1"),
        (lambda: CategoryTerm("x" * 1_001), "at most 1,000 characters, found 1,001"),
        (lambda: CategoryTerm("dog", size="tiny"), "small, medium or large, found 'tiny'"),
        (lambda: Words(" "), "words of captions, found nothing"),
        (lambda: SideBound("depth", ">=", 1), "width or height, found 'depth'"),
        (lambda: Filters(crowd="yes"), "yes or no for crowd, found 'yes'"),
        (lambda: Filters(licenses=("free",)), "commercial, modifications or the id of one"),
        (lambda: Filters(licenses=(4,)), "commercial, modifications or the id of one"),
        (lambda: Filters(orientations=("flat",)), "landscape, portrait or square, found 'flat'"),
        (lambda: Filters(only=("x",)), "for image id, found 'x'"),
        (lambda: Filters(only=(3, True)), "for image id, found True"),
        (lambda: Filters(excluded=(3, -1)), "for image id, found -1"),
        (lambda: Filters(excluded=(3, 2**63)), "for image id, found 9223372036854775808"),
        (lambda: Filters(must=tuple(CategoryTerm(f"c{i}") for i in range(65))), "at most 64"),
        (lambda: Query((Part("text", "x"),) * 17), "at most 16 parts, found 17"),
        (lambda: Query(mode="mean"), "blend, any or all, found 'mean'"),
        (lambda: Query(prompts="many"), "off, simple or full, found 'many'"),
        (lambda: Query(hide_duplicates=0), "above 0, found 0"),
        (lambda: Query(hide_duplicates=1.1), "from 0 to 1, found 1.1"),
        (lambda: Query(diversity=math.nan), "a number for diversity, found nan"),
    ],
)
def test_what_cannot_be_is_refused_in_words(make, message):
    with pytest.raises(QueryError) as caught:
        make()
    assert message in str(caught.value)


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_hostile_text_is_only_a_text(text):
    assert Query.text(text).is_ranked
