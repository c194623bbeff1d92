"""The plane of principal axes, against scikit-learn's."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from core.map import principal_points
from tests.core.vectors import unit_rows


@pytest.mark.parametrize(("n", "dim"), [(300, 16), (5_000, 24), (5, 40)], ids=str)
def test_points_and_shares_are_those_of_a_full_decomposition(n, dim):
    vectors = unit_rows(n, dim, seed=3)
    points, shares = principal_points(vectors)
    other = PCA(2, svd_solver="full").fit(vectors.astype(np.float64))
    expected = other.transform(vectors.astype(np.float64))
    for axis in range(2):
        sign = np.sign(points[:, axis] @ expected[:, axis])
        np.testing.assert_allclose(points[:, axis], sign * expected[:, axis], atol=2e-5)
    np.testing.assert_allclose(shares, other.explained_variance_ratio_, rtol=1e-4)


def test_axes_point_the_same_way_whatever_the_order_of_the_rows():
    vectors = unit_rows(200, 12)
    order = np.random.default_rng(1).permutation(200)
    points, _ = principal_points(vectors)
    shuffled, _ = principal_points(vectors[order])
    np.testing.assert_allclose(shuffled, points[order], atol=1e-5)


def test_the_mean_that_all_vectors_share_does_not_hide_how_they_differ():
    small = np.random.default_rng(0).normal(scale=1e-3, size=(500, 8))
    small[:, 3] *= 50
    vectors = (small + 0.9).astype(np.float32)
    points, shares = principal_points(vectors)
    expected = vectors[:, 3] - vectors[:, 3].mean()
    assert np.corrcoef(points[:, 0], expected)[0, 1] == pytest.approx(1, abs=1e-4)
    assert shares[0] > 0.99


@pytest.mark.parametrize(
    "vectors",
    [unit_rows(1, 8), np.repeat(unit_rows(1, 8), 30, axis=0)],
    ids=["one picture", "equal pictures"],
)
def test_what_does_not_differ_lies_in_the_origin(vectors):
    points, shares = principal_points(vectors)
    assert points.shape == (len(vectors), 2)
    assert not points.any()
    assert shares == (0, 0)


def test_vectors_of_one_number_lie_on_a_line():
    points, shares = principal_points(np.array([[1], [-1], [1]], dtype=np.float32))
    assert not points[:, 1].any()
    assert shares == (pytest.approx(1), 0)
