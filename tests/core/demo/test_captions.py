import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.demo.captions import Claims, write_captions, write_query
from core.demo.categories import DRAWN, SETTINGS
from core.demo.scenes import Content, sample_scene

DOGS = frozenset(("dog",))
PETS = frozenset(("cat", "dog"))
BEACH = frozenset(("beach",))
TWO_DOGS = Content("beach", (("cat", 1), ("dog", 2)))


@pytest.mark.parametrize(
    ("claims", "true"),
    [
        (Claims(None, ()), True),
        (Claims(BEACH, ()), True),
        (Claims(frozenset(("snow", "beach")), ()), True),
        (Claims(frozenset(("snow",)), ()), False),
        (Claims(None, ((DOGS, 1, False),)), True),
        (Claims(None, ((DOGS, 2, True),)), True),
        (Claims(None, ((DOGS, 1, True),)), False),
        (Claims(None, ((DOGS, 3, False),)), False),
        (Claims(None, ((PETS, 3, True),)), True),
        (Claims(BEACH, ((DOGS, 1, False), (frozenset(("cow",)), 1, False))), False),
        (Claims(BEACH, ((PETS, 0, True),)), False),
    ],
    ids=["nothing claimed", "place", "either place", "other place", "a dog", "two dogs",
         "exactly one", "three dogs", "three pets", "also a cow", "no pets"],
)  # fmt: skip
def test_claims_are_true_only_of_what_is_there(claims, true):
    assert claims.true_of(TWO_DOGS) is true


@given(st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_all_five_captions_are_true_of_their_scene_and_differ(seed):
    rng = np.random.default_rng(seed)
    scene = sample_scene(rng)
    captions = write_captions(scene, rng)
    assert len({caption.text.lower() for caption in captions}) == 5
    for caption in captions:
        assert caption.claims.true_of(scene.content), caption


@given(st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_captions_read_like_sentences(seed):
    rng = np.random.default_rng(seed)
    for caption in write_captions(sample_scene(rng), rng):
        assert caption.text[0].isupper()
        assert caption.text.endswith(".")
        assert "  " not in caption.text
        assert not any(f" a {vowel}" in caption.text for vowel in "aeio"), caption.text


@given(st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_a_query_claims_only_known_places_and_categories(seed):
    query = write_query(np.random.default_rng(seed))
    assert query.text.strip()
    assert query.claims.settings is None or query.claims.settings <= set(SETTINGS)
    for categories, count, _ in query.claims.groups:
        assert categories <= set(DRAWN)
        assert count >= 1


def test_queries_cover_every_category_setting_and_what_a_person_types():
    rng = np.random.default_rng(0)
    queries = [write_query(rng) for _ in range(8_000)]
    texts = {query.text for query in queries}
    assert {f"a photo of {name}" for name in ("a dog", "a stop sign", "an orange")} <= texts
    assert {"furniture", "something to eat", "animals", "vehicles"} <= texts
    assert any(text.endswith("at night") for text in texts)
    named = {c for q in queries for group in q.claims.groups for c in group[0]}
    assert named == set(DRAWN)
    # "dog snow": a noun and a place, no grammar.
    assert any(
        len(text.split()) == 2 and query.claims.settings and query.claims.groups
        for query in queries
        for text in [query.text]
    )


@given(st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_claims_survive_json(seed):
    claims = write_query(np.random.default_rng(seed)).claims
    assert Claims.from_json(json.loads(json.dumps(claims.to_json()))) == claims


def test_an_empty_scene_is_called_empty_truly():
    rng = np.random.default_rng(3)
    empty = type(sample_scene(rng))("beach", (), 7)
    captions = [c for _ in range(10) for c in write_captions(empty, rng) if "empty" in c.text]
    assert captions
    assert all(not caption.claims.true_of(TWO_DOGS) for caption in captions)
