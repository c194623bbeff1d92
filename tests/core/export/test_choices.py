"""What a person chooses changes what it says it changes, and nothing else."""

import csv
import io
import json
import math
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as masks

from core.coco import CocoDataset
from core.errors import ExportError
from core.export import ExportChoices, Splits, plan_export, read_fractions, write_zip
from core.export.geometry import (
    Scaling,
    decoded_mask,
    encoded_mask,
    resampled,
    scaled_values,
)
from core.export.splitting import divide
from core.library import open_library
from tests.core.export.fields import Number, differences, spelt
from tests.core.odd_dataset import Odd, make_odd

BIG = 9007199254740995
ALL = [BIG, 3, 12, 7]


@pytest.fixture
def odd(tmp_path: Path) -> Odd:
    return make_odd(tmp_path)


def export(odd: Odd, image_ids: list[int] = ALL, **choices) -> zipfile.ZipFile:
    path = odd.settings.home / "a.zip"
    plan = plan_export(odd.coco, odd.pictures, image_ids, choices=ExportChoices(**choices))
    write_zip(plan, path)
    return zipfile.ZipFile(path)


def document(archive: zipfile.ZipFile, name: str = "annotations/annotations.json") -> dict:
    return json.loads(archive.read(name))


def rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8"))))


def recipe(archive: zipfile.ZipFile) -> dict:
    return json.loads(archive.read("recipe.json"))


class TestOnlyAnnotated:
    def test_leaves_out_the_others_and_says_so(self, odd):
        archive = export(odd, only_annotated=True)
        assert [image["id"] for image in document(archive)["images"]] == [BIG, 3, 7]
        (left_out,) = recipe(archive)["left_out"]
        assert (left_out["image_id"], left_out["reason"]) == (12, "It has no annotations.")
        assert recipe(archive)["choices"]["only_annotated"] is True
        assert "images/plain.jpg" not in archive.namelist()
        assert "1 picture without annotations left out" in archive.read("README.md").decode()

    def test_of_nothing_but_others_is_refused(self, odd):
        with pytest.raises(ExportError, match="has annotations"):
            export(odd, [12], only_annotated=True)


class TestRenumber:
    def test_counts_from_one_and_writes_the_map(self, odd):
        archive = export(odd, renumber=True)
        found = document(archive)
        assert [image["id"] for image in found["images"]] == [1, 2, 3, 4]
        assert [a["id"] for a in found["annotations"]] == [1, 2, 3, 4, 5]
        assert [a["image_id"] for a in found["annotations"]] == [1, 2, 2, 4, 4]
        by_record = {}
        for row in rows(archive, "ids.csv"):
            by_record.setdefault(row["record"], {})[int(row["old"])] = int(row["new"])
        assert by_record["image"] == {BIG: 1, 3: 2, 12: 3, 7: 4}
        assert by_record["annotation"] == {5: 1, 1: 2, 4: 3, 900100257839: 4, 2: 5}
        assert set(by_record["caption"]) == {31, 32, 33, 34}

    def test_changes_nothing_but_ids(self, odd):
        archive = export(odd, renumber=True)
        new = {(r["record"], r["old"]): r["new"] for r in rows(archive, "ids.csv")}
        for name, file, what in (
            ("annotations.json", odd.instances, "annotation"),
            ("captions_val2014.json", odd.captions, "caption"),
        ):
            source = spelt(file.read_bytes())
            for record in source["annotations"]:
                record["id"] = Number(new[what, record["id"]])
                record["image_id"] = Number(new["image", record["image_id"]])
            for record in source["images"]:
                record["id"] = Number(new["image", record["id"]])
                if "żółw" in record["file_name"]:
                    record["file_name"] = "żółw _1_.jpg"
            found = spelt(archive.read(f"annotations/{name}"))
            assert differences(source, found, [1, 2, 3, 4]) == []

    def test_leaves_other_bytes_as_they_are(self, odd):
        text = export(odd, renumber=True).read("annotations/annotations.json").decode("utf-8")
        for spelling in ('"area": 0.1000000000000000055', "[1, 1.0, 1e0, null", r'"\u00e9\/"'):
            assert spelling in text

    def test_keeps_instances_and_poses_of_one_object_under_one_id(self, tmp_path):
        from tests.core import coco_files

        instances = coco_files.instances_file([1, 2])
        pose = {**instances["annotations"][1], "keypoints": [1, 2, 2], "num_keypoints": 1}
        keypoints = {**instances, "annotations": [pose]}
        Image.new("RGB", (64, 48)).save(tmp_path / "1.jpg")
        Image.new("RGB", (64, 48)).save(tmp_path / "2.jpg")
        coco = coco_files.dataset(
            tmp_path, pictures=tmp_path, instances=instances, keypoints=keypoints
        )
        from core.images import PictureStore

        store = PictureStore(coco, coco_files.home(tmp_path))
        plan = plan_export(coco, store, [2, 1], choices=ExportChoices(renumber=True))
        write_zip(plan, tmp_path / "a.zip")
        archive = zipfile.ZipFile(tmp_path / "a.zip")
        (pose,) = document(archive, "annotations/person_keypoints_small.json")["annotations"]
        (same,) = [a for a in document(archive)["annotations"] if a["image_id"] == 1]
        assert (pose["id"], pose["image_id"]) == (same["id"], 1)

    def test_tables_have_the_new_ids_and_the_recipe_the_old(self, odd):
        archive = export(odd, renumber=True)
        assert [row["id"] for row in rows(archive, "scores.csv")] == ["1", "2", "3", "4"]
        assert recipe(archive)["image_ids"] == ALL


class TestWithoutPictures:
    def test_there_are_annotations_alone(self, odd):
        archive = export(odd, without_pictures=True)
        assert not [name for name in archive.namelist() if name.startswith("images/")]
        assert "metadata.jsonl" not in archive.namelist()
        assert len(document(archive)["images"]) == 4
        assert recipe(archive)["choices"]["without_pictures"] is True
        assert "without the pictures" in archive.read("README.md").decode()

    def test_it_does_not_matter_whether_pictures_can_be_had(self, odd):
        for image_id in ALL:
            odd.file(image_id).unlink()
        assert len(document(export(odd, without_pictures=True))["images"]) == 4


class TestLongestSide:
    def test_pictures_get_smaller_and_small_ones_stay(self, odd):
        archive = export(odd, longest_side=40)
        sizes = {}
        for image in document(archive)["images"]:
            packed = archive.read(f"images/{image['file_name']}")
            sizes[image["id"]] = Image.open(io.BytesIO(packed)).size
            assert sizes[image["id"]] == (image["width"], image["height"])
        assert sizes == {BIG: (40, 30), 12: (40, 30), 3: (40, 30), 7: (40, 30)}
        assert archive.read("images/val/x.png") == odd.file(7).read_bytes()
        assert recipe(archive)["choices"]["longest_side"] == 40

    def test_boxes_polygons_and_areas_follow(self, odd):
        archive = export(odd, longest_side=32)
        found = {a["id"]: a for a in document(archive)["annotations"]}
        assert found[5]["bbox"] == [2.5, 2.5, 1.75, 1.75]
        assert found[5]["segmentation"] == [[2.5, 2.5, 4.25, 2.5, 4.25, 4.25, 2.5, 4.25]]
        assert found[5]["area"] == 12.25 / 4
        assert found[4]["attributes"] == {"occluded": True}
        assert found[4]["segmentation"] == []
        line = json.loads(archive.read("metadata.jsonl").decode().splitlines()[0])
        assert (line["width"], line["objects"]["bbox"]) == (32, [[2.5, 2.5, 1.75, 1.75]])

    @pytest.mark.parametrize("annotation_id", [900100257839, 2], ids=["counts", "text"])
    def test_masks_follow_in_the_form_they_have(self, odd, annotation_id):
        before = {a["id"]: a for a in json.loads(odd.instances.read_text("utf-8"))["annotations"]}
        found = {a["id"]: a for a in document(export(odd, longest_side=20))["annotations"]}
        old, new = before[annotation_id], found[annotation_id]
        assert type(new["segmentation"]["counts"]) is type(old["segmentation"]["counts"])
        assert new["segmentation"]["size"] == [15, 20]
        mask = decoded_mask(new["segmentation"])
        assert np.array_equal(mask, decoded_mask(old["segmentation"])[1::2, 1::2])
        assert new["area"] == mask.sum()

    def test_keypoints_follow_and_those_not_labelled_stay(self):
        record = {"keypoints": [10, 20, 2, 0, 0, 0, 3, 4, 1], "num_keypoints": 2}
        assert scaled_values(record, Scaling(40, 40, 20, 10)) == {
            "keypoints": [5.0, 5.0, 2, 0.0, 0.0, 0, 1.5, 1.0, 1]
        }

    def test_fields_that_are_not_of_cocos_form_stay(self):
        record = {"bbox": [1, 2], "area": None, "segmentation": "?", "keypoints": ["a"]}
        assert scaled_values(record, Scaling(40, 40, 20, 20)) == {}

    @pytest.mark.parametrize("side", [15, 65_501, 0, -3])
    def test_out_of_bounds_is_refused(self, side):
        with pytest.raises(ExportError, match="longest side"):
            ExportChoices(longest_side=side)

    @settings(max_examples=50, deadline=None)
    @given(
        st.integers(1, 40),
        st.integers(1, 40),
        st.integers(0, 2**32 - 1),
        st.booleans(),
    )
    def test_masks_are_encoded_and_decoded_without_a_pixel_lost(self, height, width, seed, as_text):
        mask = np.random.default_rng(seed).integers(0, 2, (height, width)).astype(np.uint8)
        shape = encoded_mask(mask, as_text=as_text)
        assert np.array_equal(decoded_mask(shape), mask)
        rle = shape if as_text else masks.frPyObjects(shape, height, width)
        assert np.array_equal(masks.decode(rle), mask)

    def test_the_same_size_is_the_same_mask(self):
        mask = np.random.default_rng(1).integers(0, 2, (31, 17)).astype(np.uint8)
        assert np.array_equal(resampled(mask, Scaling(17, 31, 17, 31)), mask)


@pytest.fixture(scope="module")
def demo() -> CocoDataset:
    return open_library().coco("demo")


def strays(demo: CocoDataset, splits: Splits) -> float:
    """How many pictures of a category, on average, are in another part than they should be."""
    parts = np.array(divide(demo, demo.images.ids, splits))
    found = []
    for category in demo.categories:
        rows = np.unique(demo.instances.image_rows[demo.instances.category_ids == category.id])
        found += [
            abs((parts[rows] == name).sum() - fraction * len(rows))
            for name, fraction in splits.fractions.items()
            if len(rows)
        ]
    return float(np.mean(found))


class TestSplits:
    @settings(max_examples=30, deadline=None)
    @given(count=st.integers(3, 440), seed=st.integers(0, 99), stratify=st.booleans())
    def test_each_picture_is_in_one_part_and_parts_have_their_sizes(
        self, demo, count, seed, stratify
    ):
        fractions = {"train": 0.7, "val": 0.2, "test": 0.1}
        parts = Counter(divide(demo, demo.images.ids[:count], Splits(fractions, seed, stratify)))
        assert sum(parts.values()) == count
        for name, fraction in fractions.items():
            assert abs(parts[name] - count * fraction) < 1

    def test_the_seed_decides_and_the_order_of_the_ids_does_not(self, demo):
        ids = demo.images.ids[:100]
        splits = Splits({"a": 0.5, "b": 0.5}, seed=1)
        one = dict(zip(ids.tolist(), divide(demo, ids, splits), strict=True))
        again = dict(zip(ids[::-1].tolist(), divide(demo, ids[::-1], splits), strict=True))
        other = divide(demo, ids, Splits({"a": 0.5, "b": 0.5}, seed=2))
        assert one == again
        assert list(one.values()) != list(other)

    def test_each_category_is_in_each_part_by_its_share(self, demo):
        fractions = {"train": 0.75, "val": 0.25}
        assert strays(demo, Splits(fractions)) < 0.6
        assert strays(demo, Splits(fractions, stratify=False)) > 1.2

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.lists(st.integers(1, 60), max_size=5), max_size=8), st.booleans())
    def test_a_group_is_never_torn(self, demo, groups, stratify):
        splits = Splits({"a": 0.6, "b": 0.4}, stratify=stratify, groups=tuple(map(tuple, groups)))
        ids = demo.images.ids[:50]
        part_of = dict(zip(ids.tolist(), divide(demo, ids, splits), strict=True))
        for group in groups:
            assert len({part_of[i] for i in group if i in part_of}) <= 1

    def test_make_a_folder_and_files_of_annotations_for_each_part(self, odd):
        archive = export(odd, splits=Splits({"train": 0.5, "val": 0.5}))
        seen = []
        for part in ("train", "val"):
            instances = document(archive, f"annotations/instances_{part}.json")
            captions = document(archive, f"annotations/captions_{part}.json")
            assert [i["id"] for i in instances["images"]] == [i["id"] for i in captions["images"]]
            assert len(instances["categories"]) == 3
            for image in instances["images"]:
                assert f"images/{part}/{image['file_name']}" in archive.namelist()
            lines = archive.read(f"images/{part}/metadata.jsonl").decode().splitlines()
            assert [json.loads(line)["image_id"] for line in lines] == [
                i["id"] for i in instances["images"]
            ]
            seen += [i["id"] for i in instances["images"]]
        assert sorted(seen) == sorted(ALL)
        assert "annotations/annotations.json" not in archive.namelist()
        parts = {int(row["id"]): row["split"] for row in rows(archive, "scores.csv")}
        assert set(parts.values()) == {"train", "val"}
        assert recipe(archive)["choices"]["splits"]["seed"] == 0

    @pytest.mark.parametrize(
        ("fractions", "said"),
        [
            ({"train": 1.0}, "two parts"),
            ({"train": 0.8, "val": 0.1}, "add up to 0.9"),
            ({"train": 0.8, "../val": 0.2}, "cannot be the name"),
            ({"train": 1.2, "val": -0.2}, "between 0 and 1"),
            ({"train": math.nan, "val": 0.5}, "between 0 and 1"),
            ({"val": 0.5, "VAL": 0.5}, "one name"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, fractions, said):
        with pytest.raises(ExportError, match=said):
            Splits(fractions)

    def test_more_parts_than_pictures_are_refused(self, odd):
        with pytest.raises(ExportError, match="1 pictures for 2 parts"):
            export(odd, [7], splits=Splits({"a": 0.5, "b": 0.5}))

    def test_are_read_from_text(self):
        assert read_fractions("train=0.8, val=0.2") == {"train": 0.8, "val": 0.2}

    @pytest.mark.parametrize("text", ["", "train", "train=x", "a=0.5,a=0.5", "=,="])
    def test_other_text_is_refused(self, text):
        with pytest.raises(ExportError, match="for example"):
            read_fractions(text)


def test_choices_together_still_fit_one_another(odd):
    archive = export(
        odd,
        only_annotated=True,
        renumber=True,
        longest_side=32,
        splits=Splits({"train": 0.6, "val": 0.4}),
    )
    ids = []
    for part in ("train", "val"):
        found = document(archive, f"annotations/instances_{part}.json")
        known = {image["id"] for image in found["images"]}
        assert {a["image_id"] for a in found["annotations"]} <= known
        for image in found["images"]:
            packed = archive.read(f"images/{part}/{image['file_name']}")
            assert Image.open(io.BytesIO(packed)).size == (image["width"], image["height"])
        ids += [a["id"] for a in found["annotations"]]
    assert sorted(ids) == [1, 2, 3, 4, 5]


def test_an_unknown_use_is_refused():
    with pytest.raises(ExportError, match="commercial, modifications"):
        ExportChoices(uses=("world domination",))


def test_an_unknown_format_is_refused(odd):
    with pytest.raises(ExportError, match="no format 'docx'"):
        export(odd, format="docx")
