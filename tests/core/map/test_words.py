"""Words that mark groups of captions, against the formula written out word by word."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import open_library
from core.map import marking_words
from core.map.words import log_odds
from core.settings import Settings


def by_hand(here: list[int], there: list[int], word: int, prior_words: float) -> float:
    """Monroe, Colaresi and Quinn's z of one word, from their equations 15, 16, 20 and 22."""
    total = sum(here) + sum(there)
    prior = [prior_words * (a + b) / total for a, b in zip(here, there, strict=True)]
    y, other, a = here[word], there[word], prior[word]
    delta = math.log((y + a) / (sum(here) + sum(prior) - y - a)) - math.log(
        (other + a) / (sum(there) + sum(prior) - other - a)
    )
    return delta / math.sqrt(1 / (y + a) + 1 / (other + a))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=8))
def test_log_odds_are_those_of_the_formula(counts):
    here, there = ([pair[side] for pair in counts] for side in (0, 1))
    known = [word for word, pair in enumerate(counts) if sum(pair)]
    found = log_odds(np.array([here]), np.array([there]), 10)[0]
    if len(known) > 1:
        for word in known:
            assert found[word] == pytest.approx(by_hand(here, there, word, 10), abs=1e-6)


def test_a_word_that_occurs_once_does_not_come_before_one_that_marks():
    #             beach  once  the rest
    here = np.array([[40, 1, 200]])
    there = np.array([[10, 0, 2_000]])
    beach, once, _ = log_odds(here, there)[0]
    assert beach > once
    assert once < 1.96


@pytest.fixture(scope="module")
def demo():
    return open_library().coco("demo")


@pytest.mark.parametrize("word", ["beach", "kitchen", "night"])
def test_pictures_whose_captions_say_a_word_are_marked_by_it(demo, word):
    says = demo.with_words(word)
    marks = marking_words(demo, np.where(says, 0, 1), 2)
    assert word in marks[0]
    assert word not in marks[1]


def test_pictures_in_no_group_count_among_the_rest(demo):
    says = demo.with_words("beach")
    assert marking_words(demo, np.where(says, 0, -1), 1)[0][0] == "beach"


def test_articles_numbers_and_plurals_of_a_word_mark_nothing(demo):
    groups = np.arange(len(demo.images)) % 20
    for words in marking_words(demo, groups, 20, most=6):
        assert not {"a", "the", "with", "two"} & set(words)
        assert not any(f"{word}s" in words for word in words)


def test_many_groups_are_counted_in_steps_alike(demo, monkeypatch):
    groups = np.arange(len(demo.images)) % 7
    expected = marking_words(demo, groups, 7)
    monkeypatch.setattr("core.map.words._CELLS_AT_ONCE", 1)
    assert marking_words(demo, groups, 7) == expected


def test_without_captions_nothing_is_said(tiny_home_copy):
    folder = tiny_home_copy / "data/tiny"
    text = (folder / "dataset.toml").read_text()
    kept = [line for line in text.splitlines() if not line.startswith("captions")]
    (folder / "dataset.toml").write_text("\n".join(kept))
    coco = open_library(Settings(home=tiny_home_copy, offline=True)).coco("tiny")
    assert marking_words(coco, np.zeros(12, dtype=np.int64), 2) == ((), ())
