"""The words of captions are read once, kept on disk, and found whole and in a row."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.coco import CocoDataset, open_dataset
from core.coco.caption_words import searched_words
from core.errors import DatasetError
from core.progress import Cancelled
from core.settings import PROJECT_ROOT
from core.words import words_of
from tests.core.coco_files import caption, captions_file, coco, dataset, home, image, instances_file

SAMPLE = PROJECT_ROOT.parent / "shared" / "coco-sample" / "annotations"


def captioned(folder: Path, *captions: str) -> CocoDataset:
    """A dataset with one picture a caption, the first of id 0."""
    images = [image(number) for number in range(len(captions))]
    records = [caption(100 + number, number, text) for number, text in enumerate(captions)]
    return dataset(folder, captions=coco(images, records))


def reopened(folder: Path) -> CocoDataset:
    return open_dataset(folder / "data" / "small", home(folder))


def words_file(folder: Path) -> Path:
    return folder / "data" / "small" / ".index" / "caption_words.arrow"


class Told:
    """Remembers the progress it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []

    def update(self, done: int, total: int) -> None:
        self.told.append((done, total))


class Stop:
    """Cancels at once."""

    def update(self, done: int, total: int) -> None:
        raise Cancelled


FOUND = {
    "a word": ("A dog on a beach", "dog", True),
    "any case": ("A DOG", "dOg", True),
    "a part of a word": ("hotdogs and dogs", "dog", False),
    "a phrase": ("two red balls", "red balls", True),
    "a phrase apart": ("red and blue balls", "red balls", False),
    "a phrase turned round": ("balls, red", "red balls", False),
    "across punctuation": ("It is red. Balls roll", "red balls", True),
    "across a hyphen": ("a hot-dog stand", "hot dog", True),
    "a hyphen asked for": ("a hot dog stand", "hot-dog", True),
    "across lines": ("red\nballs", "red balls", True),
    "markup is text": ("a <b>dog</b>", "b dog b", True),
    "a possessive is a word of its own": ("the dog's bowl", "dog", False),
    "a possessive": ("the dog\u2019s bowl", "dog's", True),
    "quotes around": ("the 'dog' sits", "dog", True),
    "digits": ("route 66", "66", True),
    "a decomposed accent": ("cafe\u0301", "caf\u00e9", True),
    "without the accent": ("caf\u00e9", "cafe", False),
    "case folding": ("STRASSE", "straße", True),
    "a final sigma": ("ΟΔΟΣ", "οδοσ", True),
    "a dotted capital": ("İstanbul", "i\u0307stanbul", True),
    "right to left": ("كلب على الشاطئ", "على الشاطئ", True),
    "vowel signs": ("हिन्दी में कुत्ता", "हिन", False),
    "a pictograph": ("Hund🐶!", "🐶", True),
    "a joined pictograph": ("👩\u200d🚀", "👩🚀", True),
    "a full-width space": ("犬\u3000猫", "犬 猫", True),
    "no word in a caption": ("", "a", False),
    "no word asked for": ("...", "...", False),
    "all of a long caption": ("a b c d e f", "a b c d e f", True),
    "more than the caption": ("a b", "a b c", False),
}


@pytest.mark.parametrize(("text", "asked", "is_found"), FOUND.values(), ids=FOUND)
def test_whole_words_in_a_row_are_found(tmp_path, text, asked, is_found):
    small = captioned(tmp_path, text, "nothing of it")
    assert small.with_words(asked).tolist() == [is_found, False]


def test_a_phrase_never_runs_from_one_caption_into_the_next(tmp_path):
    records = [caption(1, 1, "a red"), caption(2, 1, "ball"), caption(3, 1, "")]
    small = dataset(tmp_path, captions=coco([image(1)], records))

    assert not small.with_words("red ball").any()
    assert small.caption_words().find("ball").tolist() == [1]
    assert small.caption_words().find("a ball").tolist() == []


def test_a_caption_is_found_once_however_often_it_has_the_word(tmp_path):
    small = captioned(tmp_path, "dog dog dog", "cat", "a dog and a dog dog")
    assert small.caption_words().find("dog").tolist() == [0, 2]
    assert small.caption_words().find("dog dog").tolist() == [0, 2]
    assert small.caption_words().find("dog dog dog").tolist() == [0]


def test_pictures_are_those_of_the_dataset_in_its_order(tmp_path):
    captions = coco(
        [image(5), image(3)], [caption(1, 3, "a dog"), caption(2, 99, "a dog"), caption(3, 5, "x")]
    )
    small = dataset(tmp_path, captions=captions, instances=instances_file([8, 3]))

    assert small.images.ids.tolist() == [8, 3, 5]
    assert small.with_words("dog").tolist() == [False, True, False]


def test_a_dataset_without_captions_has_no_words(tmp_path):
    mute = dataset(tmp_path, instances=instances_file([1, 2]))
    assert mute.with_words("dog").tolist() == [False, False]
    assert len(mute.caption_words().vocabulary) == 0


def test_a_file_without_a_caption_has_no_words(tmp_path):
    empty = dataset(tmp_path, captions=coco([image(1)], []))
    assert empty.with_words("dog").tolist() == [False]
    assert reopened(tmp_path).with_words("dog").tolist() == [False]


class TestTheIndex:
    def test_is_read_from_disk_the_second_time(self, tmp_path, monkeypatch):
        first, told = captioned(tmp_path, *["a dog"] * 5_000), Told()
        assert first.caption_words(told).find("dog").size == 5_000
        assert told.told == [(4096, 5_000), (5_000, 5_000)]

        monkeypatch.setattr("core.coco.caption_words.searched_words", lambda text: [text])
        again = Told()
        words = reopened(tmp_path).caption_words(again)
        assert again.told == []
        assert words.find("dog").size == 5_000

    def test_is_of_the_captions_as_they_are(self, tmp_path):
        captioned(tmp_path, "a dog").caption_words()
        captioned_anew = captions_file([0])
        captioned_anew["annotations"][0]["caption"] = "a cat"
        (tmp_path / "captions.json").write_text(json.dumps(captioned_anew))

        assert reopened(tmp_path).with_words("cat").tolist() == [True]
        assert reopened(tmp_path).with_words("dog").tolist() == [False]

    @pytest.mark.parametrize("damage", [b"", b"ARROW1\0\0", b"x" * 4_000], ids=["none", "cut", "x"])
    def test_is_made_anew_when_it_is_damaged(self, tmp_path, damage):
        captioned(tmp_path, "a dog").caption_words()
        words_file(tmp_path).write_bytes(damage)

        assert reopened(tmp_path).with_words("dog").tolist() == [True]
        assert words_file(tmp_path).stat().st_size > 100
        assert words_file(tmp_path).read_bytes() != damage

    @pytest.mark.parametrize(
        "name", ["WORDS_VERSION", "unicodedata.unidata_version"], ids=["of it", "of Unicode"]
    )
    def test_is_made_anew_for_another_version(self, tmp_path, monkeypatch, name):
        captioned(tmp_path, "a dog").caption_words()
        monkeypatch.setattr(f"core.coco.caption_words.{name}", "other")
        told = Told()
        reopened(tmp_path).caption_words(told)
        assert told.told == [(1, 1)]

    def test_goes_to_the_cache_when_the_dataset_may_not_be_written(self, tmp_path):
        small = captioned(tmp_path, "a dog")
        words_file(tmp_path).mkdir()  # in the way, for root as for anybody else
        told = Told()

        assert small.with_words("dog").tolist() == [True]
        assert len(list((tmp_path / "cache").rglob("caption_words.arrow"))) == 1
        reopened(tmp_path).caption_words(told)
        assert told.told == []

    def test_stays_in_memory_when_nothing_may_be_written(self, tmp_path):
        small = captioned(tmp_path, "a dog")
        words_file(tmp_path).mkdir()
        (tmp_path / "cache").write_text("a file in the way")

        assert small.with_words("dog").tolist() == [True]

    def test_leaves_nothing_behind_when_it_is_stopped(self, tmp_path):
        small = captioned(tmp_path, "a dog")
        with pytest.raises(Cancelled):
            small.caption_words(Stop())

        assert [path.name for path in words_file(tmp_path).parent.iterdir()] == ["captions.arrow"]
        assert small.with_words("dog").tolist() == [True]

    def test_refuses_captions_that_changed_since(self, tmp_path):
        small = captioned(tmp_path, "a dog")
        (tmp_path / "captions.json").write_text("{}")
        with pytest.raises(DatasetError, match="changed while it was in use"):
            small.caption_words()

    def test_reads_records_as_they_lie_in_the_file(self, tmp_path):
        records = [caption(1, 1, "a ünlü dog"), caption(2, 2, 'a "red"\tball\\')]
        text = json.dumps(coco([image(1), image(2)], records), indent=7, ensure_ascii=False)
        small = dataset(tmp_path, captions=text)
        assert small.with_words("ünlü dog").tolist() == [True, False]
        assert small.with_words("red ball").tolist() == [False, True]


@given(st.text() | st.text(st.characters(codec="ascii")))
def test_words_are_those_of_queries_without_regard_to_case(text):
    expected = [unicodedata.normalize("NFC", word.casefold()) for word in words_of(text)]
    assert searched_words(text) == expected


@given(st.text())
def test_lower_case_first_changes_nothing(text):
    assert searched_words(text.lower()) == searched_words(text)


letters = st.text("ab ", max_size=8)


@settings(deadline=None, max_examples=40)
@given(st.lists(letters, min_size=1, max_size=6), letters)
def test_any_phrase_is_found_where_a_loop_finds_it(tmp_path_factory, captions, asked):
    small = captioned(tmp_path_factory.mktemp("letters"), *captions)
    wanted = asked.split()
    expected = [
        bool(wanted) and f" {' '.join(wanted)} " in f" {' '.join(text.split())} "
        for text in captions
    ]
    assert small.with_words(asked).tolist() == expected


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="../shared/coco-sample is not there")
@pytest.mark.parametrize("asked", ["a", "next to a", "man's", "tennis racket", "giraffes", "of"])
def test_cocos_own_captions_are_found_as_by_a_loop(asked, real_captions):
    opened, by_picture = real_captions
    expected = {
        image_id
        for image_id, text in by_picture
        if f" {asked} " in f" {' '.join(searched_words(text))} "
    }
    found = opened.images.ids[opened.with_words(asked)]
    assert expected
    assert set(found.tolist()) == expected


@pytest.fixture(scope="module")
def real_captions(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """COCO's captions of 5,000 photographs: the dataset, and (image id, caption) pairs."""
    text = (SAMPLE / "captions_val2017.json").read_text("utf-8")
    opened = dataset(tmp_path_factory.mktemp("real"), captions=text)
    pairs = [(one["image_id"], one["caption"]) for one in json.loads(text)["annotations"]]
    assert len(np.unique(opened.images.ids)) == 5_000
    return opened, pairs
