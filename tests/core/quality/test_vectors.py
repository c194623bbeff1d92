"""Kept vectors: found again, made anew when damaged, made room for."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from core.errors import SettingsError
from core.quality.vectors import KeptVectors, make_room

TEXTS = ["a long caption of many words", "a dog", "a cat"]


class Letters:
    """An encoder of two dimensions that counts letters, and what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        return np.array([[len(text), text.count("a")] for text in texts], np.float32)


@pytest.fixture
def kept(tmp_path: Path) -> KeptVectors:
    return KeptVectors(tmp_path / "vectors", "a model", 2)


def test_what_was_encoded_is_found_again_in_the_texts_order(kept: KeptVectors) -> None:
    assert kept.get(TEXTS) is None
    made = kept.encode(TEXTS, Letters())
    assert made[:, 0].tolist() == [len(text) for text in TEXTS]
    found = kept.get(TEXTS)
    assert found is not None
    assert found.tolist() == made.tolist()


def test_texts_of_like_length_are_encoded_together(kept: KeptVectors) -> None:
    letters = Letters()
    kept.encode(TEXTS, letters)
    assert letters.asked == ["a dog", "a cat", TEXTS[0]]


@pytest.mark.parametrize("other", [[*TEXTS, "more"], TEXTS[::-1], ["a dog"]])
def test_other_texts_are_not_taken_for_it(kept: KeptVectors, other: list[str]) -> None:
    kept.encode(TEXTS, Letters())
    assert kept.get(other) is None


def test_another_model_is_not_taken_for_it(kept: KeptVectors, tmp_path: Path) -> None:
    kept.encode(TEXTS, Letters())
    assert KeptVectors(tmp_path / "vectors", "another model", 2).get(TEXTS) is None
    assert KeptVectors(tmp_path / "vectors", "a model", 3).get(TEXTS) is None


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_a_damaged_file_counts_as_not_kept(
    kept: KeptVectors, tmp_path: Path, content: bytes
) -> None:
    kept.encode(TEXTS, Letters())
    (file,) = (tmp_path / "vectors").rglob("*.npy")
    file.write_bytes(content)
    assert kept.get(TEXTS) is None


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "vectors").write_text("a file, not a folder")
    with pytest.raises(SettingsError, match="COCOSIFT_CACHE"):
        KeptVectors(tmp_path / "vectors", "a model", 2).encode(TEXTS, Letters())


def test_the_oldest_go_when_there_is_too_much(kept: KeptVectors, tmp_path: Path) -> None:
    folder = tmp_path / "vectors"
    for day, text in enumerate(["one", "two", "three"]):
        before = set(folder.rglob("*.npy"))
        kept.encode([text], Letters())
        (new,) = set(folder.rglob("*.npy")) - before
        os.utime(new, (time.time() - 86_400 * (9 - day),) * 2)
    size = next(folder.rglob("*.npy")).stat().st_size
    make_room(folder, max_bytes=2 * size)
    assert kept.get(["one"]) is None
    assert kept.get(["two"]) is not None
    assert kept.get(["three"]) is not None


def test_what_is_young_stays_whatever_there_is(kept: KeptVectors, tmp_path: Path) -> None:
    kept.encode(TEXTS, Letters())
    make_room(tmp_path / "vectors", max_bytes=0)
    assert kept.get(TEXTS) is not None
