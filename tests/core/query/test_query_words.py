"""A query in words: what titles and file names say."""

import pytest

from core.query import CategoryTerm, Filters, Part, Query, query_of, query_words
from core.query.words import denial_words
from tests.core.query.queries import for_all, queries


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (Query(), ""),
        (query_of("a dog"), "a dog"),
        (
            query_of("a dog", not_="a leash", like=42, category="person>=3"),
            "a dog, picture 42, not a leash; person >= 3",
        ),
        (query_of(not_="a leash"), "not a leash"),
        (query_of(uploads="ab" * 32), "an uploaded picture"),
        (query_of("cat", "dog", mode="any"), "cat or dog"),
        (query_of("cat", "dog", not_="car", mode="all"), "cat and dog, not car"),
        (query_of(Part("text", "dog", 0.5)), "dog (weight 0.5)"),
        (query_of(Part("image", 7, -2)), "not picture 7 (weight 2)"),
        (
            query_of(any_category=["cat", "small:dog"], without_category=["car", "super:food>=3"]),
            "cat or small dog, no car, not food (supercategory) >= 3",
        ),
        (query_of(words='"red ball" -cat'), 'caption has "red ball", no caption has "cat"'),
        (query_of(license=["commercial", 4]), "commercial use allowed, licence 4"),
        (
            query_of(orientation=["portrait", "square"], size="width>=1640", crowd=False),
            "no crowd, portrait or square, width >= 1,640",
        ),
        (
            query_of(annotated=False, only_ids=range(1_000), without_ids=[1]),
            "without annotations, one of 1,000 listed, none of 1 excluded",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_query_is_said(query, text):
    assert query_words(query) == text


@for_all(queries)
def test_the_words_are_one_line_and_say_nothing_only_for_nothing(query):
    said = query_words(query)
    assert "\n" not in said
    asks_for_nothing = not query.parts and query.filters == Filters()
    assert (said == "") == asks_for_nothing


def test_a_denial_of_a_number_is_not_a_denial_of_all():
    assert denial_words(CategoryTerm("dog")) == "no dog"
    assert denial_words(CategoryTerm("dog", count=2)) == "not dog >= 2"
