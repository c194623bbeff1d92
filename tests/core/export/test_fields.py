"""Field by field: what leaves equals the source, numbers and texts compared as they are spelt."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from core.coco import CocoDataset, open_dataset, register_dataset
from core.export import plan_export, write_zip
from core.images import PictureStore
from core.settings import PROJECT_ROOT, Settings
from tests.core.export.fields import SAMPLE, SAMPLE_FILES, differences, register_sample, spelt

DEMO = PROJECT_ROOT / "data" / "demo"


def export(coco: CocoDataset, limits: Settings, ids: list[int], path: Path) -> zipfile.ZipFile:
    write_zip(plan_export(coco, PictureStore(coco, limits), ids), path)
    return zipfile.ZipFile(path)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_demo(tmp_path, seed):
    limits = Settings(cache=tmp_path / "cache", offline=True)
    coco = open_dataset(DEMO, limits)
    ids = np.random.default_rng(seed).permutation(coco.images.ids)[:150].tolist()
    archive = export(coco, limits, ids, tmp_path / "a.zip")
    for kind in ("instances", "captions"):
        source = spelt((DEMO / "annotations" / f"{kind}_demo.json").read_bytes())
        found = spelt(archive.read(f"annotations/{kind}_demo.json"))
        assert len(found["annotations"]) > 150
        assert differences(source, found, ids) == []


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the sample of real COCO is not there")
def test_real_coco(tmp_path):
    coco, limits = register_sample(tmp_path)
    ids = coco.images.ids[::-1].tolist()
    archive = export(coco, limits, ids, tmp_path / "a.zip")
    for file in SAMPLE_FILES.values():
        found = spelt(archive.read(f"annotations/{file.name}"))
        # A picture without poses is no record of the keypoints file, and comes from another.
        source = spelt(file.read_bytes())
        listed = {record["id"] for record in source["images"]}
        source["images"] += [
            record
            for record in spelt(SAMPLE_FILES["instances"].read_bytes())["images"]
            if record["id"] not in listed
        ]
        assert len(found["annotations"]) > 50
        assert differences(source, found, ids) == []
    assert any(
        a["iscrowd"] == "1"
        for a in spelt(archive.read("annotations/annotations.json"))["annotations"]
    )


class Spelling(str):
    """A number as it is written in a file."""


LETTERS = st.characters(exclude_categories=["Cs"])
TEXTS = st.text(LETTERS, max_size=12)
NUMBERS = st.sampled_from(
    ["0", "-0", "1", "1.0", "1e0", "1E+2", "-1.50", "0.1000000000000000055", "1e400", "9" * 40]
).map(Spelling)
VALUES = st.recursive(
    st.none() | st.booleans() | TEXTS | NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
KNOWN = {
    *("id", "image_id", "file_name", "width", "height", "license", "coco_url", "caption"),
    *("category_id", "area", "bbox", "iscrowd", "segmentation", "images", "annotations"),
    *("info", "licenses", "categories", "type", "name", "supercategory", "url"),
}
UNKNOWN = st.dictionaries(TEXTS.filter(lambda key: key not in KNOWN), VALUES, max_size=3)
IDS = st.integers(0, 2**63 - 1)
SHAPES = st.sampled_from(
    [
        [],
        [[]],
        [[1, 2, 3, 2, 3, 4]],
        {"counts": [Spelling("0"), Spelling("3072")], "size": [48, 64]},
        {"counts": "\\`n0k1", "size": [48, 64]},
        None,
    ]
)


def written(value: Any, draw: Any) -> str:
    """JSON text with spacing and escapes that are drawn."""
    space = draw(st.sampled_from(["", " ", "\n", "\t \r\n"]))
    if isinstance(value, Spelling):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=draw(st.booleans()))
    if isinstance(value, dict):
        members = [
            f"{written(key, draw)}{space}:{space}{written(entry, draw)}"
            for key, entry in value.items()
        ]
        return "{" + space + f"{space},".join(members) + space + "}"
    if isinstance(value, list):
        return "[" + space + f",{space}".join(written(entry, draw) for entry in value) + "]"
    return json.dumps(value)


@st.composite
def hostile(draw: Any) -> tuple[str, list[int]]:
    """An instances file in odd but valid JSON, and some of its pictures in some order."""
    image_ids = draw(st.lists(IDS, min_size=1, max_size=4, unique=True))
    categories = draw(st.lists(IDS, min_size=1, max_size=3, unique=True))
    names = draw(
        st.lists(
            st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20).filter(
                lambda name: name.casefold() == name
            ),
            min_size=len(image_ids),
            max_size=len(image_ids),
            unique=True,
        )
    )
    images = [
        {
            **draw(UNKNOWN),
            "id": image_id,
            "file_name": f"{number}{name}.png",
            "width": 64,
            "height": 48,
        }
        for number, (image_id, name) in enumerate(zip(image_ids, names, strict=True))
    ]
    annotations = [
        {
            "segmentation": draw(SHAPES),
            **draw(UNKNOWN),
            "id": annotation_id,
            "image_id": draw(st.sampled_from(image_ids)),
            "category_id": draw(st.sampled_from(categories)),
            "iscrowd": draw(st.sampled_from([0, 1])),
            "area": draw(NUMBERS),
            "bbox": [draw(NUMBERS) for _ in range(4)],
        }
        for annotation_id in draw(st.lists(IDS, max_size=6, unique=True))
    ]
    document = {
        **draw(UNKNOWN),
        "info": draw(VALUES),
        "licenses": [{"id": 1, "name": draw(TEXTS), "url": draw(TEXTS), **draw(UNKNOWN)}],
        "images": images,
        "annotations": annotations,
        "categories": [{"id": c, "name": draw(TEXTS), **draw(UNKNOWN)} for c in categories],
    }
    chosen = draw(st.permutations(image_ids))[: draw(st.integers(1, len(image_ids)))]
    return written(document, draw), chosen


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(hostile())
def test_hostile_files(tmp_path_factory, example):
    text, ids = example
    home = tmp_path_factory.mktemp("hostile")
    (home / "data").mkdir()
    (home / "pictures").mkdir()
    file = home / "instances.json"
    file.write_text(text, "utf-8")
    source = spelt(file.read_bytes())
    for image in source["images"]:
        Image.new("RGB", (64, 48)).save(home / "pictures" / image["file_name"])
    limits = Settings(home=home, cache=home / "cache", offline=True)
    register_dataset(limits, "hostile", instances=file, pictures=home / "pictures")
    coco = open_dataset(limits.data / "hostile", limits)
    archive = export(coco, limits, ids, home / "a.zip")
    assert differences(source, spelt(archive.read("annotations/annotations.json")), ids) == []
    assert archive.testzip() is None


@pytest.mark.parametrize("area", ["1.0", '"1"', "1e0", "null", "[1]"])
def test_a_difference_would_be_seen(area):
    text = '{"images": [{"id": 1}], "annotations": [{"id": 2, "image_id": 1, "area": %s}]}'
    source, changed = spelt(text % 1), spelt(text % area)
    assert differences(source, source, [1]) == []
    assert differences(source, changed, [1]) == ["annotations 2: area"]
