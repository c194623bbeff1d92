"""Counts of categories agree with a count by hand, over the JSON as it is parsed."""

import json
from collections import Counter, defaultdict

import numpy as np
import pytest

from core import open_library
from core.analytics.makeup import makeup, nothing_to_count, presence
from core.catalogue.makeup import category_makeup
from core.errors import DatasetError
from core.settings import PROJECT_ROOT
from tests.core import coco_files as files

DEMO = PROJECT_ROOT / "data/demo/annotations"


@pytest.fixture(scope="module")
def coco():
    return open_library().dataset("demo").coco


@pytest.fixture(scope="module")
def parsed():
    (path,) = DEMO.glob("instances*.json")
    return json.loads(path.read_bytes())


def some_ids(coco, every=3):
    return coco.images.ids[::every]


def by_hand(parsed, image_ids, field):
    names = {one["id"]: one[field] for one in parsed["categories"]}
    pictures, instances = defaultdict(set), Counter()
    for one in parsed["annotations"]:
        if one["image_id"] in image_ids:
            pictures[names[one["category_id"]]].add(one["image_id"])
            instances[names[one["category_id"]]] += 1
    return {name: (len(ids), instances[name]) for name, ids in pictures.items()}


@pytest.mark.parametrize(("by", "field"), [("category", "name"), ("supercategory",) * 2])
def test_pictures_and_instances_are_those_counted_by_hand(coco, parsed, by, field):
    ids = some_ids(coco)
    made = makeup(coco, ids, by)
    few = by_hand(parsed, set(ids.tolist()), field)
    all_ = by_hand(parsed, set(coco.images.ids.tolist()), field)
    assert {n: (i, k) for n, i, k in zip(made.names, made.images, made.instances, strict=True)} == {
        name: few.get(name, (0, 0)) for name in made.names
    }
    assert {
        n: (i, k) for n, i, k in zip(made.names, made.all_images, made.all_instances, strict=True)
    } == {name: all_.get(name, (0, 0)) for name in made.names}
    assert set(made.names) == {one[field] for one in parsed["categories"]}
    assert (made.n_images, made.total) == (len(ids), len(coco.images))


def test_it_counts_what_the_catalogue_counts(coco):
    ids = some_ids(coco, 7)
    made = makeup(coco, ids)
    counted = {one.name: (one.images, one.instances) for one in category_makeup(coco, ids)}
    assert counted == {
        name: (images, instances)
        for name, images, instances in zip(made.names, made.images, made.instances, strict=True)
        if images
    }


def test_what_is_absent_is_there_with_zero_the_most_frequent_first(coco):
    made = makeup(coco, coco.images.ids[:3])
    assert made.absent
    of_all = dict(zip(made.names, made.all_images.tolist(), strict=True))
    counts = [of_all[name] for name in made.absent]
    assert counts == sorted(counts, reverse=True)
    assert 0 not in counts
    assert not set(made.absent) & set(made.never)


def test_shares_are_of_the_pictures_looked_at(coco):
    made = makeup(coco, some_ids(coco))
    assert np.allclose(made.share, made.images / made.n_images)
    assert np.allclose(made.all_share, made.all_images / len(coco.images))


def test_an_id_that_stands_twice_counts_once(coco):
    ids = some_ids(coco, 9)
    once, twice = makeup(coco, ids), makeup(coco, np.concatenate([ids, ids]))
    assert twice.n_images == once.n_images
    assert np.array_equal(twice.images, once.images)


def test_no_picture_gives_zeros(coco):
    made = makeup(coco, [])
    assert made.n_images == 0
    assert not made.images.any()
    assert not made.share.any()


def test_an_id_that_is_not_there_is_refused(coco):
    with pytest.raises(DatasetError, match="no picture with the id"):
        makeup(coco, [10**12])


def small(tmp_path, annotations, categories=None, ids=(1, 2, 3)):
    content = files.coco(
        [files.image(i) for i in ids], annotations, categories=categories or files.CATEGORIES
    )
    return files.dataset(tmp_path, instances=content)


def test_a_crowd_counts_as_one_instance(tmp_path):
    crowd = {"iscrowd": 1, "segmentation": {"size": [48, 64], "counts": [0, 3072]}}
    coco = small(tmp_path, [files.instance(1, 1, **crowd), files.instance(2, 1)])
    made = makeup(coco, [1, 2])
    dog = made.names.index("dog")
    assert (made.images[dog], made.instances[dog]) == (1, 2)


def test_categories_of_one_name_count_together(tmp_path):
    categories = [
        {"id": 5, "name": "dog", "supercategory": "animal"},
        {"id": 9, "name": " dog ", "supercategory": "pet"},
    ]
    annotations = [files.instance(1, 1, category_id=5), files.instance(2, 1, category_id=9)]
    made = makeup(small(tmp_path, annotations, categories), [1])
    assert made.names == ("dog",)
    assert (made.images.tolist(), made.instances.tolist()) == ([1], [2])
    assert made.ids.tolist() == [5]


def test_instances_of_no_listed_category_are_said_apart(tmp_path):
    annotations = [files.instance(1, 1, category_id=77), files.instance(2, 1)]
    coco = small(tmp_path, annotations)
    assert makeup(coco, [1]).unnamed == 1
    assert makeup(coco, [2]).unnamed == 0


def test_categories_without_supercategory_are_not_rolled_up(tmp_path):
    categories = [{"id": 18, "name": "dog"}, {"id": 1, "name": "person", "supercategory": "x"}]
    made = makeup(small(tmp_path, [files.instance(1, 1)], categories), [1], "supercategory")
    assert made.names == ("x",)
    assert made.unnamed == 1


def test_a_dataset_is_counted_once(coco):
    assert presence(coco) is presence(coco)


@pytest.mark.parametrize(
    ("kind", "n", "says"),
    [
        ("captions", 1, "no instances"),
        ("instances", 0, "no picture"),
        ("instances", 1, ""),
    ],
)
def test_why_there_is_nothing_to_count(tmp_path, kind, n, says):
    content = files.captions_file([1]) if kind == "captions" else files.instances_file([1])
    sentence = nothing_to_count(files.dataset(tmp_path, **{kind: content}), n)
    assert says in sentence
    assert bool(sentence) == bool(says)
