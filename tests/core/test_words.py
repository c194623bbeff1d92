"""One definition of a word, for training's list and for the query that is checked by it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.demo.tokens import known_words
from core.words import unknown_words, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A dog, on-a  BEACH!", ["a", "dog", "on", "a", "beach"]),
        ("the dog’s 'bone'", ["the", "dog's", "bone"]),
        ("snake_case 3d", ["snake", "case", "3d"]),
        ("sun🌞sun", ["sun", "🌞", "sun"]),
        ("हिन्दी", ["हिन्दी"]),
        ("", []),
    ],
)
def test_words_are_lower_case_and_stand_alone(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text(max_size=60))
def test_no_word_of_a_text_that_was_learned_from_is_unknown(text: str) -> None:
    assert unknown_words(text, frozenset(known_words([text], fewest=1))) == ()


def test_unknown_words_are_named_once_in_order_and_without_contractions() -> None:
    known = frozenset({"a", "dog"})
    assert unknown_words("zebra's a dog's zebra, we've", known) == ("zebra", "we")
