"""Sets of ids as text: short, the same as the gallery writes, and bounded when read."""

import pytest
from hypothesis import strategies as st

from core.errors import QueryError
from core.query import pack_ids, unpack_ids
from core.query.record import MAX_ID
from tests.core.query.queries import for_all, image_ids

# The gallery's JavaScript is held to the same texts.
KNOWN = {
    (): "",
    (0,): "AA",
    (1,): "AQ",
    (127,): "fw",
    (128,): "gAE",
    (1, 2, 300): "AQGqAg",
    (42, 73, 74, 133): "Kh8BOw",
    (262_148, 581_929): "hIAQpcIT",
    (2**53,): "gICAgICAgBA",
    (MAX_ID,): "__________9_",
    (0, MAX_ID): "AP__________fw",
}


@pytest.mark.parametrize(("ids", "text"), KNOWN.items())
def test_the_text_of_ids_is_known(ids, text):
    assert pack_ids(ids) == text
    assert unpack_ids(text) == ids


@for_all(st.lists(image_ids, max_size=50))
def test_ids_come_back_ascending_and_once(ids):
    assert unpack_ids(pack_ids(ids)) == tuple(sorted(set(ids)))


@for_all(st.text("ABCDEFGHabcdefgh0123_-", max_size=40))
def test_any_text_is_ids_or_refused(text):
    try:
        ids = unpack_ids(text)
    except QueryError:
        return
    assert list(ids) == sorted(set(ids))
    assert unpack_ids(pack_ids(ids)) == ids


def test_three_hundred_ids_of_val2014_fit_into_an_address():
    ids = range(42, 581_929, 581_929 // 300)
    assert len(pack_ids(ids)) <= 900


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("AQ=", "packed image ids"),
        ("A", "packed image ids"),
        ("AQ é", "packed image ids"),
        ("AQA", "ascending"),
        ("gAA", "ascending"),
        ("gA", "part of one at the end"),
        ("____________fw", "larger one"),
        ("__________9_AQ", "ascending"),
    ],
    ids=["padding", "length", "alphabet", "twice", "overlong", "cut off", "too long", "beyond"],
)
def test_what_is_not_packed_ids_is_refused_in_words(text, message):
    with pytest.raises(QueryError, match=message):
        unpack_ids(text)


@pytest.mark.parametrize("text", [pack_ids(range(1, 12)), "A" * 10_000], ids=["11", "much text"])
def test_no_more_ids_are_unpacked_than_the_limit(text):
    with pytest.raises(QueryError, match=r"at most 10 image ids"):
        unpack_ids(text, limit=10)


def test_ids_that_cannot_be_are_a_mistake_of_the_programmer():
    with pytest.raises(ValueError, match="expected ids from 0"):
        pack_ids([-1])
