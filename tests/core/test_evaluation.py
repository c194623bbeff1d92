"""The figures of search, on cases small enough to work out by hand."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import open_library
from core.coco.source import SourceFile
from core.evaluation import (
    Labels,
    Questions,
    evaluate,
    evaluate_captions,
    evaluate_dataset,
    evaluate_labels,
    photo_of,
    questions_of,
    ranking,
)
from core.settings import Settings
from tests.conftest import run_core
from tests.core.coco_files import CATEGORIES, captions_file, coco, dataset, image, instance


def plane(*degrees: float) -> np.ndarray:
    """Unit vectors of two dimensions, one an angle."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_recall_counts_captions_whose_own_picture_is_among_the_first() -> None:
    images = plane(0, 10, 20, 30, 40, 50)
    captions = plane(0, 0, 0)
    figures = evaluate_captions(captions, images, own=np.array([0, 2, 5]))
    assert figures.recall == {1: pytest.approx(1 / 3), 5: pytest.approx(2 / 3), 10: 1.0}
    assert figures.median_rank == 3.0
    assert figures.n == 3


def test_a_tie_goes_to_the_earlier_picture() -> None:
    images = plane(30, 30, 30)
    figures = evaluate_captions(plane(0, 0, 0), images, own=np.array([0, 1, 2]))
    assert figures.median_rank == 2.0
    assert figures.recall[1] == pytest.approx(1 / 3)
    assert figures.top1_fits == pytest.approx(1 / 3)
    assert ranking(np.zeros((1, 3))).tolist() == [[0, 1, 2]]


def test_the_ceiling_is_the_recall_of_a_perfect_ranker_that_cannot_tell_true_pictures_apart() -> (
    None
):
    true = np.zeros((2, 40), bool)
    true[0, :20] = True
    true[1, 7] = True
    figures = evaluate_captions(plane(0, 0), plane(*range(40)), np.array([3, 7]), true)
    assert figures.recall_ceiling == {
        1: pytest.approx((1 / 20 + 1) / 2),
        5: pytest.approx((5 / 20 + 1) / 2),
        10: pytest.approx((10 / 20 + 1) / 2),
    }


def test_a_first_picture_fits_when_the_caption_is_true_of_it_though_written_for_another() -> None:
    true = np.array([[True, True, False], [False, True, False]])
    figures = evaluate_captions(plane(0, 0), plane(0, 10, 20), np.array([1, 1]), true)
    assert figures.top1_fits == 0.5
    assert figures.recall[1] == 0.0


def test_a_caption_is_true_of_its_own_picture_whatever_the_table_says() -> None:
    figures = evaluate_captions(plane(0), plane(0, 90), np.array([0]), np.zeros((1, 2), bool))
    assert figures.top1_fits == 1.0
    assert figures.recall_ceiling[1] == 1.0


def test_captions_without_a_picture_of_their_own_are_refused() -> None:
    with pytest.raises(ValueError, match="one picture a caption"):
        evaluate_captions(plane(0, 1), plane(0), np.array([0]))


def test_average_precision_is_the_mean_precision_at_the_ranks_of_the_true_pictures() -> None:
    images = plane(0, 10, 20, 30, 40, 50, 60)
    carries = np.array([[True, False, True, True, False, True, True]])
    figures = evaluate_labels(["dog"], plane(0), images, carries)
    expected = np.mean([1 / 1, 2 / 3, 3 / 4, 4 / 6, 5 / 7])
    assert figures.average_precision["dog"] == pytest.approx(expected)
    assert figures.precision["dog"] == pytest.approx(3 / 5)
    assert figures.pictures["dog"] == 5


def test_labels_of_few_pictures_are_left_out() -> None:
    carries = np.array([[True] * 4 + [False] * 6, [True] * 5 + [False] * 5])
    figures = evaluate_labels(["rare", "common"], plane(0, 0), plane(*range(10)), carries)
    assert list(figures.average_precision) == ["common"]
    assert figures.n == 1


def test_without_any_label_there_is_no_mean() -> None:
    figures = evaluate_labels([], plane(), plane(0, 1), np.zeros((0, 2), bool))
    assert figures.mean_average_precision is None


@given(st.integers(0, 2**32 - 1))
def test_a_perfect_ranker_has_an_average_precision_of_one(seed: int) -> None:
    carries = np.random.default_rng(seed).random((3, 30)) < 0.5
    # One dimension a label: each picture points to the labels that it carries.
    figures = evaluate_labels(
        ["a", "b", "c"], np.eye(3, dtype=np.float32), carries.T.astype(np.float32), carries
    )
    assert all(value == pytest.approx(1) for value in figures.average_precision.values())


@given(st.integers(0, 2**32 - 1), st.integers(1, 700))
@settings(deadline=None)
def test_recall_grows_with_k_and_never_depends_on_how_many_captions_are_ranked_at_once(
    seed: int, n: int
) -> None:
    rng = np.random.default_rng(seed)
    images = plane(*rng.uniform(0, 360, 25))
    texts, own = plane(*rng.uniform(0, 360, n)), rng.integers(25, size=n)
    figures = evaluate_captions(texts, images, own)
    assert figures.recall[1] <= figures.recall[5] <= figures.recall[10]
    ranks = np.argmax(ranking(texts @ images.T) == own[:, None], axis=1) + 1
    assert figures.median_rank == np.median(ranks)
    assert figures.recall[10] == pytest.approx(np.mean(ranks <= 10))


def test_what_cannot_be_asked_is_null_in_the_figures() -> None:
    questions = Questions(("a dog",), np.array([0]), None)
    figures = evaluate(questions, plane(0, 90), lambda texts: plane(*[0] * len(texts))).figures()
    assert figures["recall@1"] == 1.0
    assert figures["setting_map"] is None
    assert figures["pair_precision@5"] is None
    assert json.loads(json.dumps(figures)) == figures


def test_labels_that_lack_a_query_are_refused() -> None:
    with pytest.raises(ValueError, match="one query"):
        Labels(("dog", "cat"), ("a photo of a dog",), np.zeros((2, 3), bool))


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("dog", "a photo of a dog"),
        ("apple", "a photo of an apple"),
        ("umbrella", "a photo of an umbrella"),
        ("skis", "a photo of skis"),
        ("scissors", "a photo of scissors"),
        ("hot dog", "a photo of a hot dog"),
    ],
)
def test_categories_are_asked_for_with_the_right_article(name: str, query: str) -> None:
    assert photo_of(name) == query


def test_a_dataset_without_facts_is_asked_for_captions_and_categories(
    tiny_settings: Settings,
) -> None:
    evaluation = evaluate_dataset(open_library(tiny_settings).dataset("tiny", "tiny"))
    figures = evaluation.figures()
    assert figures["n"] == {"images": 12, "captions": 12, "category": 2, "setting": 0, "pair": 0}
    assert figures["recall@10_ceiling"] == 1.0
    assert figures["top1_fits"] == figures["recall@1"]
    assert figures["setting_map"] is None
    assert evaluation.categories is not None
    assert evaluation.categories.pictures == {"square": 6, "box": 6}


def test_an_instance_of_a_category_that_is_not_listed_counts_for_none(tmp_path: Path) -> None:
    images = [image(1), image(2)]
    annotations = [instance(1, 1), instance(2, 2, category_id=99)]
    small = dataset(tmp_path, instances=coco(images, annotations, categories=CATEGORIES))
    categories = questions_of(small, np.array([1, 2])).categories
    assert categories is not None
    assert categories.names == ("dog", "person")
    assert categories.carries.tolist() == [[True, False], [False, False]]


def test_the_captions_of_all_pictures_are_read_in_one_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = dataset(tmp_path, captions=captions_file([1, 2, 3]))
    opened, reading = [], SourceFile.reading
    monkeypatch.setattr(SourceFile, "reading", lambda file: opened.append(file) or reading(file))
    assert questions_of(small, np.array([1, 2, 3])).own.tolist() == [0, 1, 2]
    assert len(opened) == 1


def test_the_command_prints_json_alone_on_stdout(tiny_home: Path) -> None:
    result = run_core("evaluate", "--dataset", "tiny", "--captions", "5", "--json", home=tiny_home)
    assert result.exit_code == 0
    figures = json.loads(result.stdout)
    assert (figures["dataset"], figures["model"]) == ("tiny", "tiny")
    assert figures["n"]["captions"] == 5


def test_the_command_prints_a_table_with_a_dash_for_what_cannot_be_asked(tiny_home: Path) -> None:
    result = run_core("evaluate", "--dataset", "tiny", home=tiny_home)
    assert "12 pictures, 12 captions" in result.stdout
    assert re.search(r"setting_map +-\n", result.stdout)


def test_a_dataset_that_is_not_there_is_named(tiny_home: Path) -> None:
    result = run_core("evaluate", "--dataset", "nowhere", "--model", "tiny", home=tiny_home)
    assert result.exit_code == 2
    assert "'nowhere'" in result.stderr


@pytest.mark.parametrize(
    ("figure", "least"),
    [
        ("top1_fits", 0.88),
        ("category_map", 0.90),
        ("setting_map", 0.98),
        ("pair_precision@5", 0.92),
    ],
)
def test_the_demo_searches_as_well_as_promised(
    demo_figures: dict[str, Any], figure: str, least: float
) -> None:
    assert demo_figures[figure] >= least


def test_the_demo_finds_nearly_every_picture_that_its_captions_can_tell_apart(
    demo_figures: dict[str, Any],
) -> None:
    assert demo_figures["recall@10"] >= 0.93 * demo_figures["recall@10_ceiling"]


@pytest.fixture(scope="module")
def demo_figures(demo_home: Path) -> dict[str, Any]:
    library = open_library(Settings(home=demo_home, cache=demo_home / ".cache", offline=True))
    return evaluate_dataset(library.dataset("demo", "demo")).figures()
