"""Ranks both ways, against a brute force over the whole table of scores."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.quality import ranks as module
from core.quality.ranks import Ranks, rank


def units(random: np.random.Generator, n: int, dim: int = 4) -> np.ndarray:
    rows = random.normal(size=(n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def ranked(images: np.ndarray, texts: np.ndarray, own: np.ndarray, order: np.ndarray) -> Ranks:
    """Rank with captions coming in blocks of three, in some order."""

    def blocks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in range(0, len(order), 3):
            rows = np.sort(order[start : start + 3])
            yield rows, texts[rows]

    return rank(images, own, blocks)


def brute_force(scores: np.ndarray, own: np.ndarray) -> Ranks:
    """All ranks by sorting: stable, so of equals the earlier comes first."""
    by_caption = np.argsort(-scores, axis=1, kind="stable")
    of_captions = (by_caption == own[:, None]).argmax(axis=1) + 1
    by_picture = np.argsort(-scores, axis=0, kind="stable")
    right = own[by_picture] == np.arange(scores.shape[1])
    of_pictures = np.where(right.any(axis=0), right.argmax(axis=0) + 1, 0)
    return Ranks(of_captions, by_caption[:, 0], of_pictures)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 12))
@settings(deadline=None)
def test_ranks_are_those_of_sorting_the_whole_table(seed: int, captions: int, n: int) -> None:
    random = np.random.default_rng(seed)
    images, texts = units(random, n), units(random, captions)
    own = np.sort(random.integers(0, n, captions))
    found = ranked(images, texts, own, random.permutation(captions))
    expected = brute_force(texts @ images.T, own)
    assert found.of_captions.tolist() == expected.of_captions.tolist()
    assert found.first.tolist() == expected.first.tolist()
    assert found.of_pictures.tolist() == expected.of_pictures.tolist()


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_equal_scores_go_to_the_earlier_picture_and_the_earlier_caption(seed: int) -> None:
    """Few different vectors, whose products are whole numbers and so exactly equal."""
    random = np.random.default_rng(seed)
    images = np.eye(2, dtype=np.float32)[random.integers(0, 2, 9)]
    texts = np.eye(2, dtype=np.float32)[random.integers(0, 2, 30)]
    own = np.sort(random.integers(0, 9, 30))
    found = ranked(images, texts, own, random.permutation(30))
    expected = brute_force(texts @ images.T, own)
    assert found.of_captions.tolist() == expected.of_captions.tolist()
    assert found.of_pictures.tolist() == expected.of_pictures.tolist()


def test_captions_that_are_all_the_same_stand_in_order() -> None:
    images, texts = np.ones((3, 1), np.float32), np.ones((6, 1), np.float32)
    found = ranked(images, texts, np.array([0, 0, 1, 1, 2, 2]), np.arange(6)[::-1])
    assert found.of_captions.tolist() == [1, 1, 2, 2, 3, 3]
    assert found.of_pictures.tolist() == [1, 3, 5]


def test_a_picture_without_a_caption_has_no_rank() -> None:
    images = np.eye(3, dtype=np.float32)
    found = ranked(images, images[:1], np.array([1]), np.arange(1))
    assert found.of_pictures.tolist() == [0, 1, 0]
    assert found.of_captions.tolist() == [2]


def test_it_does_not_matter_how_many_scores_are_in_memory_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(4)
    images, texts = units(random, 20), units(random, 60)
    own = np.sort(random.integers(0, 20, 60))
    whole = ranked(images, texts, own, np.arange(60))
    sizes = []
    count = module.ranks_of
    monkeypatch.setattr(
        module, "ranks_of", lambda scores, own: sizes.append(scores.size) or count(scores, own)
    )
    monkeypatch.setattr(module, "_SCORES_AT_ONCE", 40)
    few = ranked(images, texts, own, np.arange(60))
    assert max(sizes) == 40
    assert few.of_captions.tolist() == whole.of_captions.tolist()
    assert few.of_pictures.tolist() == whole.of_pictures.tolist()
