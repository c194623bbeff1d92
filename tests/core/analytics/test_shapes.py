"""Sizes, places, counts and lengths agree with plain loops and with what filters find."""

import json
import math
import statistics
from collections import Counter

import numpy as np
import pytest

from core import open_library
from core.analytics import shapes
from core.analytics.makeup import pictures_in
from core.analytics.shapes import distribution, pictures_of
from core.filters import passing
from core.query import CategoryTerm, Filters, SideBound
from core.settings import PROJECT_ROOT
from tests.core import coco_files as files


@pytest.fixture(scope="module")
def coco():
    return open_library().dataset("demo").coco


@pytest.fixture(scope="module")
def parsed():
    def of(kind):
        (path,) = (PROJECT_ROOT / "data/demo/annotations").glob(f"{kind}*.json")
        return json.loads(path.read_bytes())

    return of


@pytest.fixture(scope="module")
def is_in(coco):
    return pictures_in(coco, coco.images.ids[::3])


def ids_in(coco, is_in):
    return set(coco.images.ids[is_in].tolist())


def filtered(coco, is_in, **conditions):
    return coco.images.ids[passing(coco, Filters(**conditions)) & is_in].tolist()


def test_size_classes_are_counted_as_a_loop_does(coco, parsed, is_in):
    ids = ids_in(coco, is_in)
    expected = Counter(
        "small" if one["area"] < 32**2 else "medium" if one["area"] < 96**2 else "large"
        for one in parsed("instances")["annotations"]
        if one["image_id"] in ids
    )
    spread = distribution(shapes.object_sizes(coco), is_in)
    assert dict(zip(spread.labels, spread.counts.tolist(), strict=True)) == {
        name: expected[name] for name in ("small", "medium", "large")
    }


@pytest.mark.parametrize("size", shapes.SIZE_CLASSES)
def test_pictures_of_a_size_class_are_those_of_its_filter(coco, is_in, size):
    place = shapes.SIZE_CLASSES.index(size)
    found = pictures_of(coco, shapes.object_sizes(coco, "person"), place, is_in).tolist()
    assert found == filtered(coco, is_in, must=(CategoryTerm("person", size=size),))


def test_sides_and_their_median_are_those_of_a_loop(coco, parsed, is_in):
    ids = ids_in(coco, is_in)
    sides = [
        math.sqrt(one["area"])
        for one in parsed("instances")["annotations"]
        if one["image_id"] in ids
    ]
    spread = distribution(shapes.object_sides(coco), is_in)
    assert spread.counts.tolist() == np.histogram(sides, spread.edges)[0].tolist()
    assert spread.median == pytest.approx(statistics.median(sides), rel=1e-6)


def test_aspects_are_width_by_height_and_the_part_wider_than_high(coco, parsed, is_in):
    ids = ids_in(coco, is_in)
    boxes = [one["bbox"] for one in parsed("instances")["annotations"] if one["image_id"] in ids]
    ratios = [w / h for _, _, w, h in boxes]
    spread = distribution(shapes.object_aspects(coco), is_in)
    assert spread.median == pytest.approx(statistics.median(ratios), rel=1e-6)
    wide = sum(ratio >= 1 for ratio in ratios) / len(ratios)
    assert spread.share_from(1.0)[0] == pytest.approx(wide)


@pytest.mark.parametrize("category", [None, "person"])
def test_instances_a_picture_are_those_of_a_loop(coco, parsed, is_in, category):
    content = parsed("instances")
    names = {one["id"]: one["name"] for one in content["categories"]}
    counts = Counter(
        one["image_id"]
        for one in content["annotations"]
        if category in (None, names[one["category_id"]])
    )
    ids = ids_in(coco, is_in)
    expected = Counter(min(counts[i], shapes.MOST_INSTANCES) for i in ids)
    spread = distribution(shapes.crowding(coco, category), is_in)
    assert spread.counts.tolist() == [expected[i] for i in range(len(spread.labels))]
    assert spread.median == statistics.median(counts[i] for i in ids)


def test_so_many_of_a_category_are_the_pictures_of_the_filter(coco, is_in):
    found = pictures_of(coco, shapes.crowding(coco, "person"), 2, is_in).tolist()
    assert found == filtered(coco, is_in, must=(CategoryTerm("person", comparison="=", count=2),))


def test_pictures_with_a_crowd_are_those_of_the_filter(coco, is_in):
    crowds = shapes.crowds(coco)
    assert pictures_of(coco, crowds, 1, is_in).tolist() == filtered(coco, is_in, crowd=True)
    assert distribution(crowds, is_in).counts.sum() == is_in.sum()


@pytest.mark.parametrize(
    ("size", "orientation"), [((64, 48), 0), ((48, 64), 1), ((50, 50), 2), ((0, 48), -1)]
)
def test_orientation_is_that_of_the_filter(tmp_path, size, orientation):
    width, height = size
    content = files.coco([files.image(1, width=width, height=height)], [], categories=[])
    dataset = files.dataset(tmp_path, instances=content)
    assert shapes.orientations(dataset).places.tolist() == [orientation]
    for place, name in enumerate(shapes.ORIENTATIONS):
        assert passing(dataset, Filters(orientations=(name,)))[0] == (place == orientation)


def test_the_ten_most_frequent_sizes_have_a_row_and_the_rest_another(tmp_path):
    images = [files.image(100 * w + i, width=w, height=10) for w in range(1, 13) for i in range(w)]
    dataset = files.dataset(tmp_path, instances=files.coco(images, [], categories=[]))
    all_ = np.ones(len(images), dtype=bool)
    spread = distribution(shapes.picture_sizes(dataset), all_)
    assert spread.labels == (*(f"{w} × 10" for w in range(12, 2, -1)), "other sizes")
    assert spread.counts.tolist() == [*range(12, 2, -1), 3]
    sides = (SideBound("width", "=", 12), SideBound("height", "=", 10))
    found = pictures_of(dataset, shapes.picture_sizes(dataset), 0, all_).tolist()
    assert found == filtered(dataset, all_, sides=sides)


def test_licences_are_those_of_the_filter_and_none_is_none(tmp_path):
    images = [files.image(1), files.image(2, license=9), files.image(3)]
    del images[2]["license"]
    dataset = files.dataset(tmp_path, instances=files.coco(images, [], categories=[]))
    all_ = np.ones(3, dtype=bool)
    spread = distribution(shapes.licences(dataset), all_)
    assert (spread.counts.tolist(), spread.unknown) == ([1], 2)
    found = pictures_of(dataset, shapes.licences(dataset), 0, all_).tolist()
    assert found == filtered(dataset, all_, licenses=("1",))


def test_licences_of_one_name_stay_apart(tmp_path):
    content = files.coco([files.image(1)], [], categories=[])
    content["licenses"] = [{"id": 1, "name": "Same", "url": ""}, {"id": 2, "name": "Same"}]
    assert len(set(shapes.licences(files.dataset(tmp_path, instances=content)).labels)) == 2


def test_caption_lengths_are_those_of_the_words(coco, parsed, is_in):
    ids = ids_in(coco, is_in)
    lengths = [
        len(one["caption"].replace("-", " ").replace(".", " ").replace(",", " ").split())
        for one in parsed("captions")["annotations"]
        if one["image_id"] in ids
    ]
    expected = Counter(lengths)
    spread = distribution(shapes.caption_lengths(coco), is_in)
    assert spread.counts.tolist() == [expected[i] for i in range(len(spread.labels))]


def test_boxes_cover_the_cells_that_they_touch(coco, parsed):
    ids = coco.images.ids[::29]
    content = parsed("instances")
    size = {one["id"]: (one["width"], one["height"]) for one in content["images"]}
    expected, n = np.zeros((shapes.GRID, shapes.GRID)), 0
    for one in content["annotations"]:
        if one["image_id"] not in set(ids.tolist()):
            continue
        (x, y, w, h), (width, height) = one["bbox"], size[one["image_id"]]
        n += 1
        for row in range(shapes.GRID):
            for column in range(shapes.GRID):
                left, top = column * width / shapes.GRID, row * height / shapes.GRID
                right, bottom = left + width / shapes.GRID, top + height / shapes.GRID
                is_over = left < x + w and x < right and top < y + h and y < bottom
                expected[row, column] += is_over
    covered = shapes.coverage(coco, ids)
    assert covered.n == n
    assert np.allclose(covered.share, expected / n)


def test_pictures_over_a_cell_have_a_box_there(tmp_path):
    annotations = [
        files.instance(1, 1, bbox=[0, 0, 2, 2]),
        files.instance(2, 2, bbox=[60, 40, 4, 8]),
        files.instance(3, 2, bbox=[0, 0, 1, 1], category_id=1),
    ]
    content = files.coco([files.image(1), files.image(2)], annotations, categories=files.CATEGORIES)
    dataset = files.dataset(tmp_path, instances=content)
    both = np.ones(2, dtype=bool)
    last = shapes.GRID - 1
    assert shapes.pictures_over(dataset, 0, 0, both).tolist() == [1, 2]
    assert shapes.pictures_over(dataset, 0, 0, both, "dog").tolist() == [1]
    assert shapes.pictures_over(dataset, last, last, both).tolist() == [2]


def test_what_is_not_known_is_in_no_bin(tmp_path):
    bare = files.instance(1, 1)
    del bare["area"], bare["bbox"]
    content = files.coco([files.image(1)], [bare], categories=files.CATEGORIES)
    dataset = files.dataset(tmp_path, instances=content)
    all_ = np.ones(1, dtype=bool)
    for sorting in (shapes.object_sizes, shapes.object_sides, shapes.object_aspects):
        spread = distribution(sorting(dataset), all_)
        assert (spread.n, spread.unknown) == (0, 1)
        assert math.isnan(spread.median)
        assert not spread.share.any()
    assert shapes.coverage(dataset, [1]).n == 0
    assert pictures_of(dataset, shapes.object_sizes(dataset), -1, all_).tolist() == [1]


def test_a_dataset_without_instances_has_pictures_without_any(tmp_path):
    dataset = files.dataset(tmp_path, captions=files.captions_file([1, 2]))
    all_ = np.ones(2, dtype=bool)
    assert distribution(shapes.object_sizes(dataset), all_).n == 0
    assert distribution(shapes.crowding(dataset), all_).counts[0] == 2
    assert shapes.coverage(dataset, [1, 2]).share.sum() == 0


def test_a_dataset_without_captions_has_no_lengths(tmp_path):
    dataset = files.dataset(tmp_path, instances=files.instances_file([1]))
    assert distribution(shapes.caption_lengths(dataset), np.ones(1, dtype=bool)).n == 0


def test_a_category_that_is_not_there_has_nothing(coco, is_in):
    assert distribution(shapes.object_sizes(coco, "no such"), is_in).n == 0


def test_a_dataset_is_sorted_once(coco):
    assert shapes.object_sizes(coco) is shapes.object_sizes(coco)
