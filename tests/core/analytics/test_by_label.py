"""Scores by label: areas beside scikit-learn's, intervals beside a root finder, strips by mask."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from core.analytics.by_label import (
    STRIP,
    Z_95,
    LabelledPictures,
    auc_interval,
    caption_word_labels,
    category_labels,
    scores_by_instances,
    scores_by_label,
)
from core.coco import open_dataset
from core.library import Library


@pytest.fixture
def tiny_coco(tiny_settings):
    return Library(tiny_settings).coco("tiny")


def labels_of(member: np.ndarray) -> LabelledPictures:
    places, rows = np.nonzero(member)
    return LabelledPictures(tuple(f"label {i}" for i in range(len(member))), places, rows)


def a_case(seed=0, n=200, k=9, digits=2):
    """Scores with many ties, a few missing, and labels of some and of no picture."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1, n).round(digits)
    scores[rng.random(n) < 0.05] = np.nan
    member = rng.random((k, n)) < rng.random((k, 1)) ** 2
    member[0], member[1] = False, True
    return scores, member


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 50), st.sampled_from([0, 1, 6]))
def test_areas_are_those_of_scikit_learn(seed, digits):
    scores, member = a_case(seed, n=80, digits=digits)
    found = scores_by_label(scores, labels_of(member), least=0)
    ranked = ~np.isnan(scores)
    for name, auc in zip(found.names, found.auc, strict=True):
        truth = member[int(name.split()[1]), ranked]
        if 0 < truth.sum() < truth.size:
            assert auc == pytest.approx(roc_auc_score(truth, scores[ranked]))
        else:
            assert np.isnan(auc)


def test_strips_are_the_quantiles_of_those_with_and_of_those_without():
    scores, member = a_case()
    found = scores_by_label(scores, labels_of(member))
    ranked = ~np.isnan(scores)
    for i, name in enumerate(found.names):
        has = member[int(name.split()[1])]
        with_, without = scores[has & ranked], scores[~has & ranked]
        assert (found.n_with[i], found.n_without[i]) == (with_.size, without.size)
        assert found.strips_with[i] == pytest.approx(np.quantile(with_, STRIP))
        if without.size:
            assert found.strips_without[i] == pytest.approx(np.quantile(without, STRIP))
        else:
            assert np.isnan(found.strips_without[i]).all()


def test_labels_come_by_area_those_without_one_last():
    scores, member = a_case()
    found = scores_by_label(scores, labels_of(member))
    known = found.auc[~np.isnan(found.auc)]
    assert (np.diff(known) <= 0).all()
    assert np.isnan(found.auc[-1])


def test_by_the_lower_bound_a_rare_label_does_not_come_first():
    scores = np.arange(100.0)
    member = np.zeros((2, 100), dtype=bool)
    member[0, 99] = True  # one picture, the very best
    member[1, 50:] = True
    member[1, [10, 98]] = True, False
    by_area = scores_by_label(scores, labels_of(member))
    by_bound = scores_by_label(scores, labels_of(member), by_lower_bound=True)
    assert by_area.names[0] == "label 0"
    assert by_bound.names[0] == "label 1"


def test_rare_labels_are_left_out_and_no_more_come_than_are_wanted():
    scores, member = a_case(k=20)
    found = scores_by_label(scores, labels_of(member), least=10, most=4)
    assert len(found) == 4
    assert (found.n_with >= 10).all()
    assert found.first(2).names == found.names[:2]


def newcombe(auc, m, n):
    """Both ends by a root finder, of the equation as Newcombe writes it."""
    half = (m + n) / 2 - 1

    def outside(a):
        variance = a * (1 - a) * (1 + half * (1 - a) / (2 - a) + half * a / (1 + a)) / (m * n)
        return (auc - a) ** 2 - Z_95**2 * variance

    tiny = 1e-12
    low = 0.0 if auc == 0 else brentq(outside, tiny, auc - tiny, xtol=1e-14)
    high = 1.0 if auc == 1 else brentq(outside, auc + tiny, 1 - tiny, xtol=1e-14)
    return low, high


@pytest.mark.parametrize("auc", [0.0, 0.02, 0.5, 0.81, 1.0])
@pytest.mark.parametrize(("m", "n"), [(1, 439), (15, 425), (900, 39_604)])
def test_intervals_solve_newcombes_equation(auc, m, n):
    low, high = auc_interval(np.array([auc]), np.array([m]), np.array([n]))
    assert (low[0], high[0]) == pytest.approx(newcombe(auc, m, n), abs=1e-6)
    assert 0 <= low[0] <= auc <= high[0] <= 1


def test_for_many_pictures_the_interval_is_hanley_and_mcneils():
    a, m, n = 0.8, 2_000, 2_000
    q1, q2 = a / (2 - a), 2 * a**2 / (1 + a)
    error = np.sqrt((a * (1 - a) + (m - 1) * (q1 - a**2) + (n - 1) * (q2 - a**2)) / (m * n))
    low, high = auc_interval(np.array([a]), np.array([m]), np.array([n]))
    assert (high - low)[0] == pytest.approx(2 * Z_95 * error, rel=0.01)


def test_about_nineteen_of_twenty_intervals_hold_the_true_area():
    rng = np.random.default_rng(4)
    with_, without = rng.normal(1, 1, (1_500, 20)), rng.normal(0, 1, (1_500, 60))
    auc = (with_[:, :, None] > without[:, None, :]).mean(axis=(1, 2))
    low, high = auc_interval(auc, np.full(1_500, 20), np.full(1_500, 60))
    true = 0.7602499389  # P(N(1, 1) > N(0, 1))
    assert 0.93 <= ((low <= true) & (true <= high)).mean() <= 0.975


def test_categories_of_one_name_count_together(tmp_path, tiny_dataset_folder, tiny_settings):
    folder = tmp_path / "data"
    folder.mkdir()
    source = tiny_dataset_folder / "annotations" / "instances_tiny.json"
    document = json.loads(source.read_text())
    for category in document["categories"]:
        category["name"] = "shape"
    (folder / "instances_val2014.json").write_text(json.dumps(document))
    labels = category_labels(open_dataset(folder / "instances_val2014.json", tiny_settings))
    assert labels.names == ("shape",)
    assert labels.image_rows.tolist() == list(range(12))


def test_categories_are_those_of_each_pictures_own_annotations(tiny_coco):
    labels = category_labels(tiny_coco)
    names = {category.id: category.name for category in tiny_coco.categories}
    for row, image_id in enumerate(tiny_coco.images.ids.tolist()):
        annotated = {names[a["category_id"]] for a in tiny_coco.annotations(image_id, "instances")}
        here = labels.places[labels.image_rows == row]
        assert {labels.names[place] for place in here} == annotated


def test_words_are_those_of_captions_found_again_one_by_one(demo_home, tmp_path):
    from core.settings import Settings

    coco = Library(Settings(home=demo_home, cache=tmp_path, offline=True)).coco("demo")
    labels = caption_word_labels(coco)
    assert "beach" in labels.names
    for word in ("beach", "dog", "a"):
        rows = labels.image_rows[labels.places == labels.names.index(word)]
        assert np.flatnonzero(coco.with_words(word)).tolist() == sorted(rows.tolist())


def test_words_of_few_pictures_are_left_out(tiny_coco):
    # "square" is in all twelve captions, each number in one.
    assert caption_word_labels(tiny_coco).names == ("square",)


def test_groups_by_instances_are_counted_from_the_annotations(demo_home, tmp_path):
    from core.settings import Settings

    coco = Library(Settings(home=demo_home, cache=tmp_path, offline=True)).coco("demo")
    scores = np.random.default_rng(3).random(len(coco.images))
    scores[:5] = np.nan
    counts = np.array([len(a) for a in coco.annotations_of(coco.images.ids, "instances")])
    found = scores_by_instances(scores, coco)
    ranked = ~np.isnan(scores)
    assert found.n == found.counts.sum() == ranked.sum()
    inside = ranked & (counts >= 3) & (counts <= 5)
    place = found.names.index("3 to 5")
    assert found.counts[place] == inside.sum()
    assert found.strips[place] == pytest.approx(np.quantile(scores[inside], STRIP))
    assert found.spearman == pytest.approx(spearmanr(scores[ranked], counts[ranked]).statistic)


def test_equal_scores_tell_nothing(tiny_coco):
    scores = np.full(12, 0.25, np.float32)
    found = scores_by_label(scores, category_labels(tiny_coco))
    assert found.auc == pytest.approx([0.5, 0.5])
    assert np.isnan(scores_by_instances(scores, tiny_coco).spearman)


def test_no_picture_with_a_score_compares_nothing(tiny_coco):
    scores = np.full(12, np.nan, np.float32)
    assert len(scores_by_label(scores, category_labels(tiny_coco))) == 0
    assert scores_by_instances(scores, tiny_coco) is None
