"""Tables of what is true agree with the claims, pair by pair."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.demo.captions import write_captions, write_query
from core.demo.facts import Facts, write_facts
from core.demo.scenes import Content, sample_scene
from core.demo.truth import drawn_questions, questions_from_facts, truth_matrix
from core.errors import DatasetError
from core.evaluation import WrittenCaption


@given(st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_the_table_says_of_each_pair_what_the_claims_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scenes = [sample_scene(rng) for _ in range(12)]
    claims = [caption.claims for scene in scenes for caption in write_captions(scene, rng)]
    claims += [write_query(rng).claims for _ in range(30)]
    contents = [scene.content for scene in scenes]
    expected = [[claim.true_of(content) for content in contents] for claim in claims]
    assert truth_matrix(claims, contents).tolist() == expected


def test_labels_are_asked_for_in_plain_words() -> None:
    contents = [Content("beach", (("apple", 1),)), Content("snow", (("dog", 2), ("skis", 1)))]
    questions = drawn_questions(contents, [], np.zeros(0, np.int64))
    assert questions.categories is not None
    assert questions.categories.queries == (
        "a photo of an apple",
        "a photo of a dog",
        "a photo of skis",
    )
    assert questions.categories.carries.tolist() == [[True, False], [False, True], [False, True]]
    assert questions.pairs is not None
    assert questions.pairs.queries[0] == "an apple on a beach"
    assert questions.pairs.carries[0].tolist() == [True, False]


def test_a_picture_that_the_facts_do_not_know_is_named(tmp_path: Path) -> None:
    write_facts(Facts({7: Content("beach", ())}, {}), tmp_path / "facts.json")
    caption = WrittenCaption(3, "A beach.", 0)
    with pytest.raises(DatasetError, match=r"number 3.*python -m core demo build"):
        questions_from_facts(tmp_path / "facts.json", np.array([7]), [caption])
