"""Regions of a map: each picture in one of each level, named by its captions."""

import numpy as np
import pytest

from core import open_library
from core.map import Layout, find_regions, layout_of, regions_of


@pytest.fixture(scope="module")
def demo():
    return open_library().dataset("demo", "demo")


@pytest.mark.parametrize("method", ["umap", "pca"])
def test_each_picture_is_in_one_region_of_each_level(demo, method):
    layout = layout_of(demo, method)
    regions = regions_of(demo, method)
    levels = {region.level for region in regions}
    assert levels == {0, 1, 2}
    for level in levels:
        rows = np.concatenate([region.rows for region in regions if region.level == level])
        assert sorted(rows.tolist()) == list(range(len(layout)))
        sizes = [len(region) for region in regions if region.level == level]
        assert sizes == sorted(sizes, reverse=True)


def test_a_region_stands_at_one_of_its_own_points(demo):
    layout = layout_of(demo, "umap")
    for region in regions_of(demo, "umap"):
        points = layout.points[region.rows]
        assert (np.abs(points - np.array(region.place)).sum(axis=1) < 1e-6).any()
        assert points[:, 1].min() <= region.top <= points[:, 1].max()


def test_words_of_a_region_are_in_its_captions_more_than_elsewhere(demo):
    layout = layout_of(demo, "umap")
    for region in regions_of(demo, "umap"):
        for word in region.words:
            says = demo.coco.with_words(word)[demo.coco.images.rows_of(layout.image_ids)]
            assert says[region.rows].mean() > says.mean()


def test_the_same_map_has_the_same_regions(demo):
    layout = layout_of(demo, "pca")
    first, again = (find_regions(layout, demo.coco) for _ in range(2))
    assert [region.rows.tolist() for region in first] == [region.rows.tolist() for region in again]
    assert [region.words for region in first] == [region.words for region in again]


@pytest.mark.parametrize("n", [1, 3, 9])
def test_few_pictures_have_few_regions_or_none(demo, n):
    layout = layout_of(demo, "pca")
    few = Layout("pca", layout.image_ids[:n], layout.points[:n])
    assert len(find_regions(few, demo.coco)) <= n // 4


def test_pictures_that_coincide_are_one_region(demo):
    ids = demo.embeddings.image_ids[:40]
    regions = find_regions(Layout("pca", ids, np.zeros((40, 2), np.float32)), demo.coco)
    assert all(len(region) == 40 for region in regions)
