"""Pairs of categories agree with a count by hand, and with scipy's test of each table."""

import json
from collections import defaultdict
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import fisher_exact
from scipy.stats.contingency import expected_freq

from core import open_library
from core.analytics.cooccurrence import cooccurrence
from core.settings import PROJECT_ROOT
from tests.core import coco_files as files


@pytest.fixture(scope="module")
def coco():
    return open_library().dataset("demo").coco


@pytest.fixture(scope="module")
def pictures_with():
    (path,) = (PROJECT_ROOT / "data/demo/annotations").glob("instances*.json")
    parsed = json.loads(path.read_bytes())
    names = {one["id"]: one["name"] for one in parsed["categories"]}
    pictures = defaultdict(set)
    for one in parsed["annotations"]:
        pictures[names[one["category_id"]]].add(one["image_id"])
    return pictures


def test_counts_are_those_of_sets_of_pictures(coco, pictures_with):
    ids = set(coco.images.ids[::2].tolist())
    pairs = cooccurrence(coco, sorted(ids))
    assert len(pairs.names) == 20
    for (a, name), (b, other) in combinations(enumerate(pairs.names), 2):
        both = len(pictures_with[name] & pictures_with[other] & ids)
        assert pairs.together[a, b] == pairs.together[b, a] == both
    assert np.diagonal(pairs.together).tolist() == [
        len(pictures_with[name] & ids) for name in pairs.names
    ]


def test_the_categories_of_most_pictures_are_looked_at(coco, pictures_with):
    pairs = cooccurrence(coco, coco.images.ids, most=6)
    counts = sorted((len(ids) for ids in pictures_with.values()), reverse=True)
    assert np.diagonal(pairs.together).tolist() == counts[:6]
    assert pairs.n_categories == sum(count > 0 for count in counts)


def test_each_pair_is_tested_as_its_table(coco):
    pairs = cooccurrence(coco, coco.images.ids[::2], most=8)
    alone, n = np.diagonal(pairs.together), pairs.n_images
    for at, (a, b) in enumerate(zip(pairs.first, pairs.second, strict=True)):
        both = pairs.together[a, b]
        table = [
            [both, alone[a] - both],
            [alone[b] - both, n - alone[a] - alone[b] + both],
        ]
        tails = [fisher_exact(table, alternative=side).pvalue for side in ("less", "greater")]
        assert pairs.lift.p[at] == pytest.approx(min(1, 2 * min(tails)), rel=1e-9)
        assert pairs.expected[at] == pytest.approx(expected_freq(table)[0, 0])
        assert pairs.lift.lift[at] == pytest.approx(both / expected_freq(table)[0, 0])


def test_supercategories_are_rolled_up(coco):
    pairs = cooccurrence(coco, coco.images.ids, "supercategory")
    assert set(pairs.names) <= {one.supercategory for one in coco.categories}


def test_one_category_has_no_pair(tmp_path):
    dataset = files.dataset(tmp_path, instances=files.instances_file([1, 2]))
    pairs = cooccurrence(dataset, [1, 2])
    assert pairs.names == ("dog",)
    assert not pairs.first.size
    assert not pairs.lift.lift.size


def test_no_picture_has_no_category(coco):
    pairs = cooccurrence(coco, [])
    assert pairs.names == ()
    assert pairs.together.shape == (0, 0)
