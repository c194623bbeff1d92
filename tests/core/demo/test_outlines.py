import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from core.demo.outlines import bounding_box, polygons, run_lengths


def disc(radius: float, hole: float = 0) -> np.ndarray:
    rows, columns = np.mgrid[0:120, 0:160]
    distance = np.hypot(rows - 60, columns - 70)
    return (distance < radius) & (distance >= hole)


def filled(parts: list[list[float]], shape: tuple[int, int]) -> np.ndarray:
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(parts, *shape))).astype(bool)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize(
    "mask", [disc(40), disc(40, hole=20), disc(8)], ids=["disc", "ring", "small disc"]
)
def test_polygons_fill_to_the_mask_in_pycocotools(mask):
    pytest.importorskip("contourpy", reason="needs requirements-demo.txt")
    assert overlap(filled(polygons(mask), mask.shape), mask) > 0.97


def test_a_mask_in_two_pieces_gets_two_polygons():
    pytest.importorskip("contourpy", reason="needs requirements-demo.txt")
    mask = disc(40)
    mask[:, 65:75] = False
    assert len(polygons(mask)) == 2


@given(arrays(bool, (7, 9)))
@settings(max_examples=60, deadline=None)
def test_run_lengths_decode_to_the_mask_in_pycocotools(mask):
    decoded = coco_mask.decode(coco_mask.frPyObjects(run_lengths(mask), *mask.shape))
    assert (decoded.astype(bool) == mask).all()


def test_a_bounding_box_holds_the_mask_exactly():
    mask = np.zeros((50, 60), bool)
    mask[10:15, 20:40] = True
    assert bounding_box(mask) == [20.0, 10.0, 20.0, 5.0]
