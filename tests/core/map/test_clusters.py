"""Clusters: the groups that are there, the largest first, the same each time."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from core.map import cluster_rows, clusters
from tests.core.vectors import unit_rows

SIZES = (60, 30, 90)


def grouped_rows() -> tuple[np.ndarray, np.ndarray]:
    groups = np.repeat(np.arange(3), SIZES)
    rows = unit_rows(3, 16, seed=2)[groups] + 0.05 * unit_rows(len(groups), 16)
    return rows.astype(np.float32), groups


@pytest.mark.parametrize("all_at_once", [5_000, 10], ids=["all at once", "in batches"])
def test_groups_are_found_and_numbered_by_size(monkeypatch, all_at_once):
    monkeypatch.setattr(clusters, "_ALL_AT_ONCE", all_at_once)
    rows, groups = grouped_rows()
    found = cluster_rows(rows, 3)
    assert adjusted_rand_score(groups, found) == 1
    assert np.bincount(found).tolist() == sorted(SIZES, reverse=True)
    assert found.dtype == np.int32
    assert cluster_rows(rows, 3).tolist() == found.tolist()


@pytest.mark.parametrize(
    ("rows", "k", "expected"),
    [
        (unit_rows(0, 4), 3, 0),
        (unit_rows(1, 4), 3, 1),
        (np.repeat(unit_rows(1, 4), 5, axis=0), 3, 1),
        (unit_rows(4, 4), 8, 4),
    ],
    ids=["none", "one", "equal", "fewer than clusters"],
)
def test_there_are_no_more_clusters_than_rows_that_differ(rows, k, expected):
    found = cluster_rows(rows, k)
    assert len(found) == len(rows)
    assert len(np.unique(found)) == expected
