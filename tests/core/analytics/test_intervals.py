"""Wilson's interval is that of SciPy, and says nothing where nothing was seen."""

import numpy as np
import pytest
from scipy.stats import binomtest

from core.analytics.intervals import wilson


@pytest.mark.parametrize(("right", "of"), [(0, 1), (1, 1), (3, 7), (81, 100), (24, 24)])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_it_is_wilsons(right, of, confidence):
    expected = binomtest(right, of).proportion_ci(confidence, method="wilson")
    found = [float(bound) for bound in wilson(right, of, confidence)]
    assert found == pytest.approx(list(expected))


def test_many_at_once_are_the_same_as_one_by_one():
    right, of = np.arange(8), 7
    low, high = wilson(right, of)
    assert [(low[i], high[i]) for i in right] == [tuple(map(float, wilson(i, of))) for i in right]


def test_where_nothing_was_seen_all_is_open():
    assert [bound.tolist() for bound in wilson([0, 1], [0, 2])] == [
        [0.0, pytest.approx(0.0945, abs=1e-4)],
        [1.0, pytest.approx(0.9055, abs=1e-4)],
    ]
