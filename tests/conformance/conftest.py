"""Packages for the readers: one of the demo, and one of odd records, in each format.

These tests need the readers of requirements-conformance.txt (make conformance); without
them they are skipped, except where COCOSIFT_CONFORMANCE=1 says that all must run.
"""

import importlib
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from core.export import ExportChoices, plan_export, write_zip
from core.library import open_library

MUST_RUN = os.environ.get("COCOSIFT_CONFORMANCE") == "1"
COUNT = 40

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")


def reader(name: str) -> ModuleType:
    """A reader's module; the test is skipped without it, unless all must run."""
    if MUST_RUN:
        return importlib.import_module(name)
    return pytest.importorskip(name)


@pytest.fixture(scope="session")
def demo():
    return open_library().coco_and_pictures("demo")


@pytest.fixture(scope="session")
def ids(demo) -> list[int]:
    """Some pictures in no order, one without annotations and one with a crowd among them."""
    coco = demo[0]
    counts = coco.annotation_counts("instances")
    crowds = coco.images.ids[coco.instances.image_rows[coco.instances.iscrowd]][:2]
    bare = coco.images.ids[counts == 0][:1]
    others = np.random.default_rng(5).permutation(coco.images.ids)
    return list(dict.fromkeys([*crowds.tolist(), *bare.tolist(), *others.tolist()]))[:COUNT]


@pytest.fixture(scope="session")
def unpacked(demo, ids, tmp_path_factory) -> Callable[..., Path]:
    """A package of the demo with some choices, unpacked; made once for the same choices."""
    made: dict[ExportChoices, Path] = {}

    def unpack(**choices) -> Path:
        wanted = ExportChoices(**choices)
        key = repr(wanted)
        if key not in made:
            folder = tmp_path_factory.mktemp(wanted.format)
            scores = np.linspace(0.4, 0.1, len(ids))
            plan = plan_export(*demo, ids, scores, choices=wanted, title="a dog", all_scores=scores)
            report = write_zip(plan, folder / "package.zip")
            with zipfile.ZipFile(report.path) as archive:
                archive.extractall(folder / "package")
            made[key] = folder / "package"
        return made[key]

    return unpack
