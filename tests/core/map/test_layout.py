"""Which pictures of a map an outline holds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.map import Layout

STAR = [(0, 3), (1, 1), (3, 0), (1, -1), (0, -3), (-1, -1), (-3, 0), (-1, 1)]


def layout(points: np.ndarray) -> Layout:
    return Layout("pca", np.arange(10, 10 + len(points)), points.astype(np.float32))


@given(
    seed=st.integers(0, 1_000),
    corners=st.integers(3, 9),
    turned=st.floats(0, 3),
    backwards=st.booleans(),
)
def test_a_convex_outline_holds_what_is_left_of_each_edge(seed, corners, turned, backwards):
    points = np.random.default_rng(seed).normal(size=(80, 2)).astype(np.float32)
    angles = turned + 2 * np.pi * np.arange(corners) / corners
    outline = 1.2 * np.column_stack([np.cos(angles), np.sin(angles)])
    edges = np.roll(outline, -1, axis=0) - outline
    to_points = points[:, None, :] - outline
    is_left = edges[:, 0] * to_points[..., 1] - edges[:, 1] * to_points[..., 0] > 0
    expected = np.flatnonzero(is_left.all(axis=1)) + 10
    found = layout(points).inside(outline[::-1] if backwards else outline)
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("point", "is_inside"),
    [((0, 0), True), ((0, 2.5), True), ((1.5, 1.5), False), ((-2, 1), False), ((9, 0), False)],
    ids=str,
)
def test_the_dents_of_a_star_are_outside(point, is_inside):
    assert bool(len(layout(np.array([point])).inside(STAR))) is is_inside


def test_a_layout_has_one_point_for_each_picture():
    with pytest.raises(ValueError, match=r"shape \(3, 2\)"):
        Layout("pca", np.arange(3), np.zeros((2, 2), dtype=np.float32))
