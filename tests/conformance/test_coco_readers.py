"""The COCO package, opened by the readers of COCO files."""

import contextlib
import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.export import Splits
from tests.conformance.conftest import COUNT, reader

SPLITS = Splits({"train": 0.75, "val": 0.25}, seed=3)


def source(coco, kind: str, ids: list[int]) -> dict[int, list[dict]]:
    return dict(zip(ids, coco.annotations_of(ids, kind), strict=True))


@pytest.fixture(scope="module")
def loaded(unpacked):
    """pycocotools' view of annotations.json."""
    from pycocotools.coco import COCO

    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(unpacked() / "annotations" / "annotations.json")


class TestPycocotools:
    def test_sees_every_picture_category_and_annotation(self, loaded, demo, ids):
        expected = source(demo[0], "instances", ids)
        assert list(loaded.imgs) == ids
        assert len(loaded.getCatIds()) == len(demo[0].categories)
        for image_id in ids:
            assert loaded.loadAnns(loaded.getAnnIds(imgIds=[image_id])) == expected[image_id]

    def test_decodes_every_mask(self, loaded):
        seen = Counter()
        for annotation in loaded.loadAnns(loaded.getAnnIds()):
            mask = loaded.annToMask(annotation)
            assert mask.sum() > 0
            seen[annotation["iscrowd"]] += 1
        assert seen[0] > 50
        assert seen[1] > 0

    @pytest.mark.parametrize("kind", ["bbox", "segm"])
    def test_the_truth_against_itself_has_an_average_precision_of_one(self, loaded, kind):
        from pycocotools.cocoeval import COCOeval

        results = [
            {
                "image_id": annotation["image_id"],
                "category_id": annotation["category_id"],
                "bbox": annotation["bbox"],
                "segmentation": loaded.annToRLE(annotation),
                "score": 1.0,
            }
            for annotation in loaded.loadAnns(loaded.getAnnIds(iscrowd=False))
        ]
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation = COCOeval(loaded, loaded.loadRes(results), kind)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        assert evaluation.stats[0] == pytest.approx(1.0)

    def test_reads_captions(self, unpacked, demo, ids):
        from pycocotools.coco import COCO

        with contextlib.redirect_stdout(io.StringIO()):
            captions = COCO(unpacked() / "annotations" / "captions_demo.json")
        for image_id in ids:
            found = captions.loadAnns(captions.getAnnIds(imgIds=[image_id]))
            assert tuple(record["caption"] for record in found) == demo[0].captions(image_id)

    @pytest.mark.parametrize("part", ["train", "val"])
    def test_reads_each_part(self, unpacked, part):
        from pycocotools.coco import COCO

        root = unpacked(splits=SPLITS)
        with contextlib.redirect_stdout(io.StringIO()):
            found = COCO(root / "annotations" / f"instances_{part}.json")
        for image in found.loadImgs(found.getImgIds()):
            with Image.open(root / "images" / part / image["file_name"]) as picture:
                assert picture.size == (image["width"], image["height"])
        assert len(found.imgs) == COUNT * SPLITS.fractions[part]

    def test_boxes_still_enclose_their_masks_after_scaling(self, unpacked):
        from pycocotools import mask as masks
        from pycocotools.coco import COCO

        with contextlib.redirect_stdout(io.StringIO()):
            small = COCO(unpacked(longest_side=320) / "annotations" / "annotations.json")
        for annotation in small.loadAnns(small.getAnnIds()):
            found = masks.toBbox(small.annToRLE(annotation))
            assert np.abs(found - annotation["bbox"]).max() <= 2
            assert small.annToMask(annotation).sum() == pytest.approx(
                annotation["area"], rel=0.15, abs=25
            )


class TestTorchvision:
    def test_detection_gives_pictures_with_their_annotations(self, unpacked, demo, ids):
        datasets = reader("torchvision.datasets")
        root = unpacked()
        with contextlib.redirect_stdout(io.StringIO()):
            found = datasets.CocoDetection(root / "images", root / "annotations/annotations.json")
        expected = source(demo[0], "instances", ids)
        assert len(found) == COUNT
        for image_id, (picture, annotations) in zip(found.ids, found, strict=True):
            assert annotations == expected[image_id]
            assert picture.mode == "RGB"

    def test_captions_gives_pictures_with_their_captions(self, unpacked, demo):
        datasets = reader("torchvision.datasets")
        root = unpacked()
        with contextlib.redirect_stdout(io.StringIO()):
            found = datasets.CocoCaptions(
                root / "images", root / "annotations" / "captions_demo.json"
            )
        for image_id, (_, captions) in zip(found.ids, found, strict=True):
            assert tuple(captions) == demo[0].captions(image_id)


class TestHuggingFace:
    @pytest.fixture(autouse=True)
    def _own_cache(self, tmp_path, monkeypatch):
        self.cache = str(tmp_path / "cache")

    def load(self, *arguments, **options):
        return reader("datasets").load_dataset(*arguments, cache_dir=self.cache, **options)

    def check(self, found, demo):
        for row in found:
            instances = demo[0].annotations(row["image_id"], "instances")
            assert tuple(row["captions"]) == demo[0].captions(row["image_id"])
            assert row["objects"]["id"] == [record["id"] for record in instances]
            assert row["objects"]["bbox"] == [record["bbox"] for record in instances]
            assert row["objects"]["iscrowd"] == [record["iscrowd"] for record in instances]
            assert row["image"].size == (row["width"], row["height"])

    def test_load_dataset_finds_pictures_captions_and_objects(self, unpacked, demo, ids):
        found = self.load(str(unpacked()))
        assert list(found) == ["train"]
        assert found["train"]["image_id"] == ids
        self.check(found["train"], demo)

    def test_imagefolder_does_so_too(self, unpacked, demo, ids):
        found = self.load("imagefolder", data_dir=str(unpacked()))["train"]
        assert found["image_id"] == ids
        self.check(found, demo)

    def test_parts_are_its_splits(self, unpacked, demo):
        found = self.load(str(unpacked(splits=SPLITS)))
        assert {name: len(part) for name, part in found.items()} == {
            name: COUNT * share for name, share in SPLITS.fractions.items()
        }
        for part in found.values():
            self.check(part, demo)

    def test_names_with_val2014_in_them_do_no_harm(self, tmp_path, unpacked):
        """Without the card the name makes a split of its own, and drops metadata.jsonl."""
        import shutil

        root = tmp_path / "val2014"
        shutil.copytree(unpacked(), root)
        pictures = sorted((root / "images").iterdir())
        text = (root / "metadata.jsonl").read_text("utf-8")
        for picture in pictures:
            name = picture.name.replace("COCO_demo_drawing", "COCO_val2014")
            text = text.replace(picture.name, name)
            picture.rename(picture.with_name(name))
        (root / "metadata.jsonl").write_text(text, "utf-8")
        found = self.load(str(root))
        assert list(found) == ["train"]
        assert "captions" in found["train"].features

    def test_the_format_of_its_own_loads_too(self, unpacked, demo):
        found = self.load(str(unpacked(format="imagefolder", splits=SPLITS)))
        assert set(found) == {"train", "val"}
        found = self.load("imagefolder", data_dir=str(unpacked(format="imagefolder") / "data"))
        assert len(found["train"]) == COUNT
        self.check(found["train"], demo)


class TestSupervision:
    def test_reads_boxes_and_classes(self, unpacked, demo, ids):
        supervision = reader("supervision")
        root = unpacked()
        found = supervision.DetectionDataset.from_coco(
            str(root / "images"), str(root / "annotations" / "annotations.json")
        )
        assert len(found) == COUNT
        assert len(found.classes) == len(demo[0].categories)
        names = {c.id: c.name for c in demo[0].categories}
        by_file = {Path(path).name: detections for path, _, detections in found}
        for image_id, records in source(demo[0], "instances", ids).items():
            name = demo[0].images.file_names[demo[0].images.row_of(image_id)]
            detections = by_file[name]
            assert len(detections) == len(records)
            for at, record in enumerate(records):
                x, y, width, height = record["bbox"]
                assert detections.xyxy[at] == pytest.approx([x, y, x + width, y + height])
                assert found.classes[detections.class_id[at]] == names[record["category_id"]]


def test_cvats_file_is_coco_with_nothing_else(unpacked, demo, ids):
    from pycocotools.coco import COCO

    root = unpacked(format="cvat")
    with contextlib.redirect_stdout(io.StringIO()):
        found = COCO(root / "annotations" / "instances_default.json")
    assert list(found.imgs) == ids
    assert len(found.anns) == sum(map(len, source(demo[0], "instances", ids).values()))
    assert [path.name for path in (root / "annotations").iterdir()] == ["instances_default.json"]


class TestDatumaro:
    @pytest.mark.parametrize("splits", [None, SPLITS], ids=["whole", "in parts"])
    def test_reads_pictures_boxes_outlines_and_captions(self, unpacked, demo, ids, splits):
        reader("datumaro")
        from datumaro.components.annotation import AnnotationType
        from datumaro.components.dataset import Dataset

        coco = demo[0]
        found = Dataset.import_from(str(unpacked(splits=splits)), "coco")
        items = {item.id: item for item in found}
        assert set(found.subsets()) == ({"demo"} if splits is None else set(splits.fractions))
        names = coco.images.file_names.take(coco.images.rows_of(ids))
        assert set(items) == {Path(name).stem for name in names}
        labels = found.categories()[AnnotationType.label]
        words = {c.id: c.name for c in coco.categories}
        for image_id, name in zip(ids, names, strict=True):
            item = items[Path(name).stem]
            by_type = {
                kind: [a for a in item.annotations if a.type == kind] for kind in AnnotationType
            }
            captions = [caption.caption for caption in by_type[AnnotationType.caption]]
            records = coco.annotations(image_id, "instances")
            assert sorted(captions) == sorted(coco.captions(image_id))
            assert Counter(labels[box.label].name for box in by_type[AnnotationType.bbox]) == (
                Counter(words[record["category_id"]] for record in records)
            )
            assert len({a.group for a in by_type[AnnotationType.bbox]}) == len(records)
            assert item.media.size == (480, 640)

    def test_reads_what_is_made_for_cvat(self, unpacked, ids):
        reader("datumaro")
        from datumaro.components.dataset import Dataset

        assert len(Dataset.import_from(str(unpacked(format="cvat")), "coco")) == len(ids)
