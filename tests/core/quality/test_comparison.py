"""Two models side by side."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.library import Library
from core.quality.comparison import category_differences, recall_differences
from core.quality.estimates import difference
from core.quality.measurement import Measurement
from core.quality.work import measured
from core.settings import Settings


@pytest.fixture(scope="module")
def one(tiny_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Measurement:
    cache = tmp_path_factory.mktemp("cache")
    return measured(Library(Settings(home=tiny_home, cache=cache)).dataset("tiny", "tiny"))


@pytest.fixture(scope="module")
def other(one: Measurement) -> Measurement:
    """As `one`, but better: each share half way to 1, and each rank half."""

    def better(estimate, by):
        return replace(estimate, value=by(estimate.value), draws=by(estimate.draws))

    return replace(
        one,
        recall=tuple(
            replace(
                figure,
                recall={k: better(e, lambda x: (1 + x) / 2) for k, e in figure.recall.items()},
                median_rank=better(figure.median_rank, lambda x: x / 2),
            )
            for figure in one.recall
        ),
        categories=tuple(
            replace(c, average_precision=better(c.average_precision, lambda x: (1 + x) / 2))
            for c in one.categories
        ),
    )


def test_every_overall_figure_is_compared_draw_by_draw(one, other) -> None:
    changes = recall_differences(one, other)
    assert [(c.figure, c.of) for c in changes] == [
        (figure, way)
        for way in ("captions", "pictures")
        for figure in ("recall@1", "recall@5", "recall@10", "median rank")
    ]
    first = changes[0]
    assert first.change is not None
    expected = difference(first.one, first.other)
    assert first.change.interval() == expected.interval()


def test_a_higher_recall_and_a_lower_rank_are_better(one, other) -> None:
    for change in recall_differences(one, other):
        if change.one.value != change.other.value:
            assert not change.is_first_better
    for change in recall_differences(other, one):
        if change.one.value != change.other.value:
            assert change.is_first_better


def test_categories_come_after_their_mean_the_greatest_difference_first(one, other) -> None:
    changes = category_differences(one, other)
    assert changes[0].of == ""
    sizes = [abs(c.one.value - c.other.value) for c in changes[1:]]
    assert sizes == sorted(sizes, reverse=True)
    assert all(c.is_clear for c in changes[1:])


def test_a_model_does_not_differ_from_itself(one) -> None:
    assert not any(
        c.is_clear for c in (*recall_differences(one, one), *category_differences(one, one))
    )


def test_on_other_pictures_there_is_no_difference_to_tell(one, other) -> None:
    fewer = replace(other, image_ids=np.arange(5), labelled_ids=np.arange(5))
    changes = (*recall_differences(one, fewer), *category_differences(one, fewer))
    assert all(change.change is None and not change.is_clear for change in changes)
