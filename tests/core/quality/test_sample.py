"""Which pictures compete, and the groups that they are measured in."""

from pathlib import Path

import numpy as np
import pytest

from core.quality.groups import groups_of, length_name, of_size
from core.quality.sample import captioned, sample_of
from tests.core.coco_files import caption, captions_file, coco, dataset, image, instance

IDS = list(range(11, 41))


@pytest.fixture
def thirty(tmp_path: Path):
    return dataset(tmp_path, captions=captions_file(IDS))


def test_a_smaller_sample_is_part_of_a_larger_one_and_always_the_same(thirty) -> None:
    ids = thirty.images.ids
    small, again, large = (sample_of(thirty, ids, n) for n in (8, 8, 20))
    assert small.image_ids.tolist() == again.image_ids.tolist()
    assert set(small.image_ids.tolist()) < set(large.image_ids.tolist())
    assert small.image_ids.tolist() != ids[:8].tolist()
    assert (np.diff(large.image_ids) > 0).all()


def test_the_blocks_of_a_smaller_sample_come_first_in_a_larger_one(thirty, monkeypatch) -> None:
    monkeypatch.setattr("core.quality.sample.PICTURES_A_BLOCK", 4)
    texts = []
    for n in (8, 20):
        sample = sample_of(thirty, thirty.images.ids, n)
        texts.append([[sample.texts[row] for row in rows] for rows in sample.blocks()])
    assert texts[0] == texts[1][:2]
    assert sorted(text for block in texts[1] for text in block) == sorted(
        f"picture {one}" for one in sample.image_ids
    )


def test_another_models_missing_vectors_do_not_change_which_other_pictures_compete(thirty) -> None:
    order = captioned(thirty, thirty.images.ids).tolist()
    without = captioned(thirty, thirty.images.ids[thirty.images.ids != order[3]]).tolist()
    assert without == [one for one in order if one != order[3]]


def test_pictures_without_a_caption_do_not_compete(tmp_path: Path) -> None:
    images = [image(n) for n in (1, 2, 3)]
    records = [caption(5, 3, "late"), caption(4, 1, "first"), caption(6, 3, "later")]
    small = dataset(tmp_path, captions=coco(images, records))
    sample = sample_of(small, small.images.ids, 10)
    assert sample.image_ids.tolist() == [1, 3]
    assert sample.texts == ("first", "late", "later")
    assert sample.own.tolist() == [0, 1, 1]


def test_a_dataset_without_captions_has_an_empty_sample(tmp_path: Path) -> None:
    from tests.core.coco_files import instances_file

    small = dataset(tmp_path, instances=instances_file([1, 2]))
    assert sample_of(small, small.images.ids, 10).texts == ()


def test_groups_go_by_supercategory_size_and_length(tmp_path: Path) -> None:
    images = [image(n) for n in (1, 2, 3)]
    categories = [
        {"id": 1, "name": "person", "supercategory": "person"},
        {"id": 18, "name": "dog", "supercategory": "animal"},
    ]
    records = [
        instance(1, 1, category_id=18, area=90.0**2),
        instance(2, 1, category_id=1, area=10.0),
        instance(3, 2, category_id=1, area=10.0),
        instance(4, 2, category_id=1, area=99_999.0, iscrowd=1),
    ]
    texts = ["a dog", "one two three four five six seven eight nine", "word " * 20]
    written = [caption(10 + n, n, text) for n, text in zip((1, 2, 3), texts, strict=True)]
    small = dataset(
        tmp_path,
        instances=coco(images, records, categories=categories),
        captions=coco(images, written),
    )
    groups = {
        (group.kind, group.name): group.captions.tolist()
        for group in groups_of(small, sample_of(small, small.images.ids, 10))
    }
    assert groups == {
        ("all", "all"): [True, True, True],
        ("supercategory", "person"): [True, True, False],
        ("supercategory", "animal"): [True, False, False],
        ("size", "small"): [False, True, False],  # of the crowd nothing is known
        ("size", "medium"): [True, False, False],
        ("size", "no object"): [False, False, True],
        ("length", "up to 8 words"): [True, False, False],
        ("length", "9 to 10 words"): [False, True, False],
        ("length", "14 words and more"): [False, False, True],
    }


@pytest.mark.parametrize(
    ("area", "size"),
    [(32.0**2 - 0.1, "small"), (32.0**2, "medium"), (96.0**2 - 0.1, "medium"), (96.0**2, "large")],
)
def test_sizes_are_cocos_area_classes(area: float, size: str) -> None:
    areas = np.array([area])
    assert [s for s in ("small", "medium", "large") if of_size(areas, s)[0]] == [size]


def test_what_has_no_area_has_no_size() -> None:
    assert not any(of_size(np.array([np.nan]), s)[0] for s in ("small", "medium", "large"))


def test_lengths_are_said_in_words() -> None:
    assert length_name(1, 8) == "up to 8 words"
    assert length_name(9, 10) == "9 to 10 words"
    assert length_name(14, None) == "14 words and more"
