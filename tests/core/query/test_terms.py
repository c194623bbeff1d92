"""Conditions come back from their text as they were, and people may write them freely."""

from contextlib import suppress

import pytest
from hypothesis import strategies as st

from core.errors import QueryError
from core.query import (
    CategoryTerm,
    SideBound,
    Words,
    category_text,
    read_category,
    read_side,
    read_words,
    side_text,
    words_text,
)
from tests.core.query.queries import for_all, sides, terms, words


@for_all(terms)
def test_a_category_term_comes_back(term):
    assert read_category(category_text(term)) == term


@for_all(st.lists(words, max_size=5).map(tuple))
def test_words_come_back(several):
    assert read_words(words_text(several)) == several


@for_all(sides)
def test_a_bound_on_a_side_comes_back(bound):
    assert read_side(side_text(bound)) == bound


@for_all(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_words(text):
    for read in (read_category, read_words, read_side):
        with suppress(QueryError):
            read(text)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("dog", CategoryTerm("dog")),
        ("dog>=1", CategoryTerm("dog")),
        (" dog  >=  2 ", CategoryTerm("dog", count=2)),
        ("dog≤2", CategoryTerm("dog", comparison="<=", count=2)),
        ("dog=0", CategoryTerm("dog", comparison="=", count=0)),
        ("wine glass >= 3", CategoryTerm("wine glass", count=3)),
        ("small:dog", CategoryTerm("dog", size="small")),
        ("large: super: animal>=2", CategoryTerm("animal", True, "large", ">=", 2)),
        ('"a>=2"', CategoryTerm("a>=2")),
        ('super:"super:x"=3', CategoryTerm("super:x", True, None, "=", 3)),
        ('say "x"', CategoryTerm('say "x"')),
    ],
)
def test_a_category_is_read(text, term):
    assert read_category(text) == term


@pytest.mark.parametrize(
    ("term", "text"),
    [
        (CategoryTerm("dog"), "dog"),
        (CategoryTerm("dog", count=2, size="small"), "small:dog>=2"),
        (CategoryTerm("animal", True, comparison="=", count=0), "super:animal=0"),
        (CategoryTerm("dog>=2"), '"dog>=2"'),
        (CategoryTerm("small:dog"), '"small:dog"'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_name_is_quoted_only_if_it_would_be_read_otherwise(term, text):
    assert category_text(term) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("Dog", (Words("dog"),)),
        (
            'dog "Red  Ball" -cat -"hot dog"',
            (Words("dog"), Words("red ball"), Words("cat", True), Words("hot dog", True)),
        ),
        ('"a""b"', (Words("a"), Words("b"))),
        ("- cat", (Words("-"), Words("cat"))),
        ('15" tv', (Words('15"'), Words("tv"))),
        ("well-lit", (Words("well-lit"),)),
    ],
)
def test_a_search_box_is_read(text, expected):
    assert read_words(text) == expected


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (read_category, "", "name of a category, found nothing"),
        (read_category, "small:>=2", "name of a category, found nothing"),
        (read_category, '"dog', 'Expected a closing " after'),
        (read_category, '"dog" >= many', "Expected >=N, <=N or =N after 'dog'"),
        (read_category, "dog>2", "Write: dog>=3"),
        (read_category, "dog<2", "Write: dog<=1"),
        (read_category, "dog>=" + "9" * 5_000, "a smaller number after 'dog'"),
        (read_category, "dog>=9999999", "number of instances, found 9999999"),
        (read_words, 'dog "red ball', 'Expected a closing " after'),
        (read_words, '""', "words of captions, found nothing"),
        (read_words, "a " * 1_000_000, "at most 64 words of captions"),
        (read_words, r'"\d"', "after a backslash in quotes"),
        (read_words, r'"\ud800"', "not valid Unicode"),
        (read_side, "width", "Expected a size as width>=640"),
        (read_side, "depth>=3", "Expected a size as width>=640"),
        (read_side, "width>=1e3", "Expected a size as width>=640"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(read, text, message):
    with pytest.raises(QueryError) as caught:
        read(text)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_bound_is_read_freely():
    assert read_side(" width ≥ 640") == SideBound("width", ">=", 640)
