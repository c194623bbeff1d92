"""Each other shape of a package, opened by what reads it."""

import csv
import json
from collections import Counter
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from PIL import Image, ImageDraw

from core.export import Splits
from tests.conformance.conftest import COUNT, reader

SPLITS = Splits({"train": 0.75, "val": 0.25}, seed=3)


@pytest.fixture(scope="module")
def truth(demo, ids) -> dict[str, list[dict]]:
    """The instances of each picture that are no crowds, by its file name."""
    coco = demo[0]
    names = coco.images.file_names.take(coco.images.rows_of(ids))
    found = zip(names, coco.annotations_of(ids, "instances"), strict=True)
    return {name: [r for r in records if not r["iscrowd"]] for name, records in found}


@pytest.fixture(scope="module")
def names(demo) -> dict[int, str]:
    return {category.id: category.name for category in demo[0].categories}


class TestYolo:
    def check_boxes(self, found, truth, names, tolerance):
        assert sum(len(detections) for _, _, detections in found) == sum(map(len, truth.values()))
        for path, _, detections in found:
            records = truth[Path(path).name]
            for at, record in enumerate(records):
                x, y, width, height = record["bbox"]
                corners = [x, y, x + width, y + height]
                assert detections.xyxy[at] == pytest.approx(corners, abs=tolerance)
                assert found.classes[detections.class_id[at]] == names[record["category_id"]]

    @pytest.mark.parametrize("part", ["train", "val"])
    def test_supervision_reads_the_boxes(self, unpacked, truth, names, part):
        supervision = reader("supervision")
        root = unpacked(format="yolo", splits=SPLITS)
        found = supervision.DetectionDataset.from_yolo(
            str(root / "images" / part), str(root / "labels" / part), str(root / "data.yaml")
        )
        mine = {Path(path).name for path, _, _ in found}
        assert len(mine) == COUNT * SPLITS.fractions[part]
        self.check_boxes(found, {n: r for n, r in truth.items() if n in mine}, names, 0.01)

    def test_supervision_reads_the_outlines(self, unpacked, truth, names):
        supervision = reader("supervision")
        root = unpacked(format="yolo-segment")
        found = supervision.DetectionDataset.from_yolo(
            str(root / "images" / "all"),
            str(root / "labels" / "all"),
            str(root / "data.yaml"),
            force_masks=True,
        )
        seen = 0
        for path, picture, detections in found:
            shapes = [r for r in truth[Path(path).name] if len(r["segmentation"]) == 1]
            if len(shapes) != len(detections):
                continue  # a shape of several polygons is one outline here
            for at, record in enumerate(shapes):
                drawn = Image.new("1", (picture.shape[1], picture.shape[0]))
                ImageDraw.Draw(drawn).polygon(record["segmentation"][0], fill=1, outline=1)
                mask = np.array(drawn)
                both = (mask & detections.mask[at]).sum()
                assert both / (mask | detections.mask[at]).sum() > 0.9
                seen += 1
        assert seen > 20

    def test_labels_are_as_ultralytics_checks_them(self, unpacked, names):
        """Its `verify_image_label`: rows of 5 or of 1 + 2n numbers, from 0 to 1, known classes."""
        for name in ("yolo", "yolo-segment"):
            root = unpacked(format=name)
            data = yaml.safe_load((root / "data.yaml").read_text("utf-8"))
            assert data["nc"] == len(data["names"]) == len(names)
            assert (root / data["path"] / data["train"]).is_dir()
            assert (root / data["path"] / data["val"]).is_dir()
            labels = sorted((root / "labels").rglob("*.txt"))
            assert len(labels) == COUNT
            for label in labels:
                rows = [line.split() for line in label.read_text().splitlines()]
                for row in rows:
                    numbers = np.array(row[1:], dtype=np.float32)
                    assert len(row) == 5 if name == "yolo" else len(row) >= 7 and len(row) % 2 == 1
                    assert ((numbers >= 0) & (numbers <= 1)).all()
                    assert 0 <= int(row[0]) < data["nc"]
                if name == "yolo":
                    assert len(np.unique(np.array(rows, dtype=float), axis=0)) == len(rows)
                assert (
                    (root / "images" / label.relative_to(root / "labels"))
                    .with_suffix(".jpg")
                    .is_file()
                )


class TestVoc:
    def test_supervision_reads_the_boxes(self, unpacked, truth):
        supervision = reader("supervision")
        root = unpacked(format="voc")
        found = supervision.DetectionDataset.from_pascal_voc(
            str(root / "JPEGImages"), str(root / "Annotations")
        )
        assert len(found) == COUNT
        for path, _, detections in found:
            boxes = sorted(map(tuple, detections.xyxy.tolist()))
            expected = sorted(
                (x, y, x + w - 1, y + h - 1)
                for x, y, w, h in (record["bbox"] for record in truth[Path(path).name])
            )
            assert np.allclose(boxes, expected, atol=1.01) if boxes else not expected

    def test_torchvision_reads_its_xml(self, unpacked, truth, names):
        datasets = reader("torchvision.datasets")
        root = unpacked(format="voc")
        for file in (root / "Annotations").iterdir():
            found = datasets.VOCDetection.parse_voc_xml(ElementTree.parse(file).getroot())
            annotation = found["annotation"]
            records = truth[annotation["filename"]]
            assert [item["name"] for item in annotation.get("object", [])] == [
                names[record["category_id"]] for record in records
            ]

    def test_lists_name_every_picture_once(self, unpacked):
        root = unpacked(format="voc", splits=SPLITS)
        listed = [
            line
            for part in SPLITS.fractions
            for line in (root / "ImageSets" / "Main" / f"{part}.txt").read_text().splitlines()
        ]
        assert sorted(listed) == sorted(path.stem for path in (root / "JPEGImages").iterdir())


class TestTables:
    def rows(self, root: Path, kind: str) -> list[dict]:
        with (root / f"{kind}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    @pytest.mark.parametrize("kind", ["instances", "captions"])
    def test_csv_has_each_record_whole(self, unpacked, demo, ids, kind):
        found = [json.loads(row["record"]) for row in self.rows(unpacked(format="csv"), kind)]
        assert found == [r for of_one in demo[0].annotations_of(ids, kind) for r in of_one]

    def test_pandas_reads_csv(self, unpacked, demo, ids):
        import pandas

        root = unpacked(format="csv")
        images = pandas.read_csv(root / "images.csv")
        assert images["image_id"].tolist() == ids
        assert all((root / file).is_file() for file in images["file"])
        instances = pandas.read_csv(root / "instances.csv")
        merged = instances.merge(pandas.read_csv(root / "categories.csv"), on="category_id")
        assert len(merged) == len(instances) > 50

    def test_pandas_and_pyarrow_read_parquet(self, unpacked, demo, ids):
        import pandas
        import pyarrow.parquet as pq

        root = unpacked(format="parquet")
        instances = pandas.read_parquet(root / "instances.parquet")
        records = [r for of_one in demo[0].annotations_of(ids, "instances") for r in of_one]
        assert instances["id"].tolist() == [record["id"] for record in records]
        assert instances["bbox_width"].tolist() == [record["bbox"][2] for record in records]
        assert [json.loads(text) for text in instances["record"]] == records
        assert [json.loads(text) for text in instances["segmentation"]] == [
            record["segmentation"] for record in records
        ]
        assert pq.read_table(root / "images.parquet")["image_id"].to_pylist() == ids


class TestWebDataset:
    def test_gives_pictures_records_and_captions(self, unpacked, demo, ids):
        webdataset = reader("webdataset")
        root = unpacked(format="webdataset")
        shards = sorted(map(str, (root / "shards").glob("*.tar")))
        dataset = webdataset.WebDataset(shards, shardshuffle=False, empty_check=False)
        samples = list(dataset.decode("pil"))
        assert [sample["json"]["image"]["id"] for sample in samples] == ids
        for sample in samples:
            record = sample["json"]
            image_id = record["image"]["id"]
            assert record["instances"] == demo[0].annotations(image_id, "instances")
            assert record["captions"] == demo[0].annotations(image_id, "captions")
            assert tuple(sample["txt"].split("\n")) == demo[0].captions(image_id)
            assert sample["jpg"].size == (record["image"]["width"], record["image"]["height"])

    def test_shards_hold_the_sources_bytes_and_keep_to_a_part(self, unpacked, demo):
        import tarfile

        root = unpacked(format="webdataset", splits=SPLITS)
        counts = Counter()
        for shard in (root / "shards").iterdir():
            with tarfile.open(shard) as archive:
                members = {m.name: archive.extractfile(m).read() for m in archive.getmembers()}
            for name, content in members.items():
                if name.endswith(".json"):
                    image_id = json.loads(content)["image"]["id"]
                    packed = members[name.replace(".json", ".jpg")]
                    assert packed == demo[0].picture_path(image_id).read_bytes()
                    counts[shard.name.partition("-")[0]] += 1
        assert counts == {part: COUNT * share for part, share in SPLITS.fractions.items()}


class TestLabelStudio:
    def test_tasks_have_what_its_import_asks_for(self, unpacked, truth, names):
        """By its "basic Label Studio JSON format": data, annotations, results in percent."""
        root = unpacked(format="label-studio")
        tasks = json.loads((root / "tasks.json").read_text("utf-8"))
        config = ElementTree.parse(root / "label_config.xml").getroot()
        controls = {node.get("name"): node for node in config if node.get("toName") == "image"}
        labels = {node.get("value") for node in controls["box"]}
        assert labels == set(names.values())
        assert len(tasks) == COUNT
        for task in tasks:
            file = unquote(task["data"]["image"].removeprefix("/data/local-files/?d="))
            assert (root / file).is_file()
            shapes = Counter()
            for result in task["annotations"][0]["result"]:
                assert result["from_name"] in controls
                assert set(result["value"][result["type"]]) <= labels
                shapes[result["id"].partition("-")[0]] += 1
                numbers = np.array(
                    result["value"].get("points")
                    or [result["value"][key] for key in ("x", "y", "width", "height")]
                )
                assert (numbers > -1).all()
                assert (numbers < 101).all()
            assert set(shapes) == {str(record["id"]) for record in truth[task["data"]["file_name"]]}
