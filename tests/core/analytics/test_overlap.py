"""Overlaps: beside Python's own sets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analytics.overlap import overlap_of

RESULTS = st.lists(st.lists(st.integers(0, 20), unique=True, max_size=15), min_size=1, max_size=5)


def of(results):
    names = [f"query {i}" for i in range(len(results))]
    return overlap_of(names, [np.array(one, dtype=np.int64) for one in results])


@settings(max_examples=40, deadline=None)
@given(RESULTS)
def test_shared_pictures_are_what_sets_have_in_common(results):
    overlap, sets = of(results), [set(one) for one in results]
    for i, one in enumerate(sets):
        for j, other in enumerate(sets):
            assert overlap.shared[i, j] == len(one & other)
            assert overlap.shared_ids(i, j).tolist() == sorted(one & other)
            if one | other:
                assert overlap.jaccard[i, j] == pytest.approx(len(one & other) / len(one | other))
            else:
                assert np.isnan(overlap.jaccard[i, j])
    assert overlap.in_all().tolist() == sorted(set.intersection(*sets))
    assert overlap.n == len(set.union(*sets))


@settings(max_examples=40, deadline=None)
@given(RESULTS)
def test_each_picture_is_in_the_one_group_of_exactly_the_queries_that_find_it(results):
    overlap = of(results)
    seen = [int(i) for group in overlap.intersections for i in group.image_ids]
    assert sorted(seen) == sorted(set().union(*results))
    for group in overlap.intersections:
        for image_id in group.image_ids.tolist():
            finders = tuple(i for i, one in enumerate(results) if image_id in one)
            assert finders == group.members


def test_the_largest_group_comes_first():
    sizes = [len(group.image_ids) for group in of([[1, 2, 3], [3], [4, 5]]).intersections]
    assert sizes == sorted(sizes, reverse=True) == [2, 2, 1]


def test_results_without_a_name_are_refused():
    with pytest.raises(ValueError, match="name"):
        overlap_of([], [])
