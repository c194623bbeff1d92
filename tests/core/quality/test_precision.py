"""Average precision of categories: against scikit-learn, and draw by draw against a loop."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.quality.estimates import weights_of_draws
from core.quality.precision import average_precisions, in_parts, labelled, measure_categories
from tests.core.coco_files import coco, dataset, image, instance


def average_precision(labels: np.ndarray) -> float:
    """Of labels from the first rank to the last, by its definition."""
    found, total = 0, 0.0
    for rank, is_right in enumerate(labels, start=1):
        if is_right:
            found += 1
            total += found / rank
    return total / found if found else float("nan")


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_it_is_scikit_learns_average_precision(seed: int) -> None:
    from sklearn.metrics import average_precision_score

    random = np.random.default_rng(seed)
    scores = random.permutation(40).astype(float)
    carries = random.random(40) < 0.4
    carries[:5] = True
    order = np.argsort(-scores)
    (found,) = average_precisions(
        order, carries, [carries], in_parts(weights_of_draws(40, draws=3))
    )
    assert found is not None
    assert found.value == pytest.approx(average_precision_score(carries, scores))


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_in_a_draw_it_is_that_of_the_drawn_pictures_in_a_row(seed: int) -> None:
    random = np.random.default_rng(seed)
    order, carries = random.permutation(25), random.random(25) < 0.5
    carries[:6] = True
    part = carries & (random.random(25) < 0.7)
    part[:5] = True
    weights = weights_of_draws(25, draws=15, seed=seed % 1000)
    whole, wanted = average_precisions(order, carries, [carries, part], in_parts(weights))
    assert whole is not None
    assert wanted is not None
    for number, drawn in enumerate(weights):
        rows = np.repeat(order, drawn[order])
        assert whole.draws[number] == pytest.approx(
            average_precision(carries[rows]), abs=1e-6, nan_ok=True
        )
        kept = rows[~carries[rows] | part[rows]]
        assert wanted.draws[number] == pytest.approx(
            average_precision(part[kept]), abs=1e-6, nan_ok=True
        )


def test_a_label_of_few_pictures_has_no_figure() -> None:
    carries = np.arange(20) < 4
    weights = weights_of_draws(20, draws=5)
    assert average_precisions(np.arange(20), carries, [carries], in_parts(weights)) == [None]


def test_a_label_that_no_picture_carries_has_no_figure() -> None:
    none = np.zeros(20, bool)
    parts = in_parts(weights_of_draws(20, draws=5))
    assert average_precisions(np.arange(20), none, [none], parts) == [None]


CATEGORIES = [
    {"id": 7, "name": "dog", "supercategory": "animal"},
    {"id": 9, "name": "car", "supercategory": "vehicle"},
]


def of_area(area: float) -> dict:
    return {"area": area}


@pytest.fixture
def animals(tmp_path: Path):
    """Twelve pictures: six with a small dog, two of them with a large one too; one with a crowd."""
    records = [instance(n, n, category_id=7) | of_area(100.0) for n in range(1, 7)]
    records += [instance(20 + n, n, category_id=7) | of_area(20_000.0) for n in (1, 2)]
    records += [instance(30, 12, category_id=7) | of_area(500.0) | {"iscrowd": 1}]
    images = [image(n) for n in range(1, 13)]
    return dataset(tmp_path, instances=coco(images, records, categories=CATEGORIES))


def test_a_picture_is_of_the_size_of_its_largest_single_object(animals) -> None:
    asked = labelled(animals, animals.images.ids)
    assert asked is not None
    assert asked.areas[0, :7].tolist()[:6] == [20_000, 20_000, 100, 100, 100, 100]
    assert np.isnan(asked.areas[0, 6])
    assert np.isnan(asked.areas[0, 11])  # a crowd alone
    assert asked.carries[0].tolist() == [True] * 6 + [False] * 5 + [True]


def test_each_category_has_its_query_its_figure_and_what_it_gets_wrong(animals) -> None:
    asked = labelled(animals, animals.images.ids)
    assert asked is not None
    images = np.stack([np.linspace(1, 0, 12), np.linspace(0, 1, 12)], axis=1).astype(np.float32)
    queries = np.eye(2, dtype=np.float32)
    dog, car = measure_categories(asked, queries, images, weights_of_draws(12, draws=5))
    assert (dog.query, dog.pictures, dog.supercategory) == ("a photo of a dog", 7, "animal")
    assert dog.average_precision is not None
    expected = average_precision(np.array([True] * 6 + [False] * 5 + [True]))
    assert dog.average_precision.value == pytest.approx(expected)
    assert dog.missed[:2] == (12, 6)
    assert dog.false == (7, 8, 9, 10, 11)
    assert dog.by_size == {}  # four small ones and two large ones are too few
    assert (car.pictures, car.average_precision, car.missed) == (0, None, ())


def test_a_dataset_without_instances_has_no_labels(tmp_path: Path) -> None:
    from tests.core.coco_files import captions_file

    small = dataset(tmp_path, captions=captions_file([1, 2]))
    assert labelled(small, small.images.ids) is None
