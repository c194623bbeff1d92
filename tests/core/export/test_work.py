"""Exports that are planned and made in another process are what they would be in this one."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core import open_library
from core.errors import DatasetError
from core.export import ExportChoices, ExportRequest, Splits, write_zip
from core.export.work import MAKE, look_apart
from core.progress import NoProgress
from core.query import Query
from core.workers import run_apart
from tests.core.odd_dataset import Odd, make_odd

SPLITS = Splits({"train": 0.5, "val": 0.5}, groups=((3, 7),))


@pytest.fixture
def odd(tmp_path: Path) -> Odd:
    return make_odd(tmp_path)


def ranked() -> ExportRequest:
    """What a person asks for: a query's result, with who and when."""
    found = open_library().dataset("demo", "demo").find(Query.text("a dog on a beach"))
    chosen = found.all_but([int(found.image_ids[1])])
    choices = ExportChoices(splits=SPLITS, only_annotated=True)
    return chosen.request(choices, who="Ann", when="2026-05-01T12:00:00+00:00")


def test_a_request_is_the_same_on_the_other_side():
    request = ranked()
    there = pickle.loads(pickle.dumps(request))
    assert there.key == request.key
    assert there.choices == request.choices
    assert there.recipe.who == "Ann"
    assert there.recipe.when == request.recipe.when
    library = open_library()
    coco, pictures = library.coco_and_pictures("demo")
    assert there.plan(coco, pictures).key == request.plan(coco, pictures).key


def test_what_is_made_there_is_what_is_made_here(tmp_path):
    request, library = ranked(), open_library()
    arguments = {
        "request": request.described(),
        "path": tmp_path / "there.zip",
        "without_missing": False,
        "earlier": None,
    }
    made = run_apart(MAKE, arguments, settings=library.settings, progress=NoProgress())
    plan = request.plan(*library.coco_and_pictures("demo"))
    report = write_zip(plan, tmp_path / "here.zip")
    assert (tmp_path / "there.zip").read_bytes() == (tmp_path / "here.zip").read_bytes()
    assert replace(made.report, path=report.path) == report
    assert made.key == plan.key


@pytest.mark.parametrize(
    "change",
    [
        {"image_ids": np.array([7, 3])},
        {"scores": np.array([0.5, 0.25], dtype=np.float32)},
        {"choices": ExportChoices(renumber=True)},
        {"title": "other"},
        {"annotation_hash": "other"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_request_has_another_key(odd, change):
    assert replace(odd.request(3, 7), **change).key != odd.request(3, 7).key


def test_who_asks_later_asks_for_the_same():
    request = ranked()
    later = replace(request.recipe, when="2026-05-01T12:30:00+00:00")
    assert replace(request, recipe=later).key == request.key


def test_what_is_told_beforehand_is_what_the_plan_has(odd):
    odd.file(3).unlink()
    request = replace(odd.request(3, 7, 12), choices=ExportChoices(format="yolo"))
    outlook = look_apart(request, odd.settings)
    plan = request.plan(odd.coco, odd.pictures)
    assert [picture.image_id for picture in outlook.missing] == [3]
    assert outlook.losses == plan.losses != ()
    assert outlook.licences == plan.licences
    assert (outlook.n_bytes, outlook.is_exact) == (plan.n_bytes, True)


def test_other_annotations_than_those_that_were_chosen_from_are_refused(odd):
    with pytest.raises(DatasetError, match="have changed"):
        look_apart(replace(odd.request(3), annotation_hash="other"), odd.settings)


def test_a_dataset_that_is_gone_is_said(odd):
    with pytest.raises(DatasetError, match="not there any more"):
        look_apart(replace(odd.request(3), dataset="other"), odd.settings)
