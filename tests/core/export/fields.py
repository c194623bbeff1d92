"""Annotation files compared field by field, as they are spelt."""

import json
from pathlib import Path
from typing import Any

from core.coco import CocoDataset, open_dataset, register_dataset
from core.settings import PROJECT_ROOT, Settings

SAMPLE = PROJECT_ROOT.parent / "shared" / "coco-sample"
SAMPLE_FILES = {
    "instances": SAMPLE / "annotations" / "instances_val2014.json",
    "captions": SAMPLE / "annotations" / "captions_val2014.json",
    "keypoints": SAMPLE / "annotations" / "person_keypoints_val2014.json",
}


class Number(str):
    """A number as it is spelt; its `repr` has no quotes, which tells it from a text."""

    def __repr__(self) -> str:
        return str(self)


def spelt(text: str | bytes) -> Any:
    """JSON with its numbers as text: 1 and 1.0 differ, and no digit is lost."""
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=Number)


def differences(source: Any, found: Any, image_ids: list[int]) -> list[str]:
    """Each field of each record that is not the source's, named; empty when all are."""
    order = [str(image_id) for image_id in image_ids]
    images = {record["id"]: record for record in source["images"]}
    expected = {
        **{key: value for key, value in source.items() if key not in ("images", "annotations")},
        "images": [images[image_id] for image_id in order],
        "annotations": [
            record
            for image_id in order
            for record in source["annotations"]
            if record["image_id"] == image_id
        ],
    }
    named = [f"member {key!r}" for key in expected.keys() ^ found.keys()]
    for key in expected.keys() & found.keys():
        if key not in ("images", "annotations"):
            named += [] if repr(expected[key]) == repr(found[key]) else [key]
            continue
        if len(expected[key]) != len(found[key]):
            named.append(f"{len(found[key])} {key} for {len(expected[key])}")
        for before, after in zip(expected[key], found[key], strict=False):
            for field in before.keys() | after.keys():
                if repr(before.get(field, ...)) != repr(after.get(field, ...)):
                    named.append(f"{key} {before.get('id')}: {field}")
            if list(before) != list(after):
                named.append(f"{key} {before.get('id')}: order of its fields")
    return named


def register_sample(home: Path) -> tuple[CocoDataset, Settings]:
    """The sample of real COCO as a dataset of a new home folder."""
    (home / "data").mkdir()
    limits = Settings(home=home, cache=home / "cache", offline=True)
    pictures = SAMPLE / "val2014"
    register_dataset(limits, "sample", **SAMPLE_FILES, pictures=pictures, split="val2014")
    return open_dataset(limits.data / "sample", limits), limits
