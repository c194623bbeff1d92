"""What each format holds, leaves out and counts, on records that are odd."""

import csv
import io
import json
import tarfile
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from core.coco import open_dataset, register_dataset
from core.errors import ExportError
from core.export import FORMATS, ExportChoices, Splits, plan_export, verify_package, write_zip
from core.images import PictureStore
from tests.core import coco_files
from tests.core.odd_dataset import Odd, make_odd

BIG = 9007199254740995
ALL = [BIG, 3, 12, 7]
SPLITS = Splits({"train": 0.5, "val": 0.5})


@pytest.fixture
def odd(tmp_path: Path) -> Odd:
    return make_odd(tmp_path)


def plan(odd: Odd, name: str, image_ids: list[int] = ALL, **choices):
    chosen = ExportChoices(format=name, **choices)
    return plan_export(odd.coco, odd.pictures, image_ids, choices=chosen)


def export(odd: Odd, name: str, image_ids: list[int] = ALL, **choices) -> zipfile.ZipFile:
    path = odd.settings.home / "a.zip"
    write_zip(plan(odd, name, image_ids, **choices), path)
    return zipfile.ZipFile(path)


def losses(odd: Odd, name: str) -> dict[str, int]:
    return {loss.what: loss.count for loss in plan(odd, name).losses}


def rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8"))))


@pytest.mark.parametrize("name", FORMATS)
class TestEachFormat:
    @pytest.mark.parametrize(
        "choices", [{}, {"splits": SPLITS}, {"longest_side": 32}], ids=["whole", "parts", "smaller"]
    )
    def test_is_whole_with_its_checksums(self, odd, name, choices):
        export(odd, name, **choices)
        found = verify_package(odd.settings.home / "a.zip", odd.coco)
        assert found.differences == ()

    def test_has_licences_scores_and_a_recipe(self, odd, name):
        archive = export(odd, name)
        assert {"README.md", "ATTRIBUTION.csv", "scores.csv", "recipe.json", "SHA256SUMS"} <= set(
            archive.namelist()
        )
        assert json.loads(archive.read("recipe.json"))["choices"]["format"] == name

    def test_is_the_same_bytes_each_time(self, odd, name):
        first = export(odd, name).fp.name
        content = Path(first).read_bytes()
        assert Path(export(odd.reopened(), name).fp.name).read_bytes() == content

    def test_says_what_it_cannot_carry(self, odd, name):
        card = export(odd, name).read("README.md").decode("utf-8")
        assert FORMATS[name].limits in card

    def test_leaves_out_what_cannot_be_had(self, odd, name):
        odd.file(3).unlink()
        path = odd.settings.home / "b.zip"
        report = write_zip(plan(odd, name), path, without_missing=True)
        assert [picture.image_id for picture in report.missing] == [3]
        assert not [n for n in zipfile.ZipFile(path).namelist() if "test/x" in n]


def test_the_size_of_all_but_shards_is_known_beforehand(odd):
    for name in FORMATS:
        wanted = plan(odd, name)
        report = write_zip(wanted, odd.settings.home / "a.zip")
        if name != "webdataset":
            assert report.n_bytes == wanted.n_bytes, name


def leaving(archive: zipfile.ZipFile, name: str) -> int:
    """The instances that the files of a format have."""
    if name.startswith("yolo"):
        labels = [one for one in archive.namelist() if one.startswith("labels/")]
        return sum(len(archive.read(one).splitlines()) for one in labels)
    if name == "voc":
        boxes = [one for one in archive.namelist() if one.startswith("Annotations/")]
        return sum(archive.read(one).count(b"<object>") for one in boxes)
    tasks = json.loads(archive.read("tasks.json"))
    results = [result for task in tasks for result in task["annotations"][0]["result"]]
    return len({result["id"].partition("-")[0] for result in results})


@pytest.mark.parametrize("name", ["yolo", "yolo-segment", "voc", "label-studio"])
def test_a_format_that_drops_records_reports_those_that_leave(odd, name):
    report = write_zip(plan(odd, name), odd.settings.home / "a.zip")
    with zipfile.ZipFile(report.path) as archive:
        assert report.n_annotations == leaving(archive, name)
    assert 0 < report.n_annotations < 5


def test_a_format_that_drops_none_reports_all(odd):
    for name in ("coco", "cvat", "csv", "webdataset"):
        assert write_zip(plan(odd, name), odd.settings.home / "a.zip").n_annotations == 5, name


class TestYolo:
    def test_has_a_line_for_each_box_and_counts_the_others(self, odd):
        archive = export(odd, "yolo")
        assert (
            archive.read("labels/all/test/x.txt").decode() == "1 0.15625 0.233333 0.2625 0.333333\n"
        )
        assert archive.read("labels/all/plain.txt") == b""
        assert losses(odd, "yolo") == {
            "crowds are left out": 2,
            "instances without a box are left out": 1,
            "instances keep their box and lose their outline": 2,
            "captions are left out": 4,
        }

    def test_has_an_outline_for_each_polygon(self, odd):
        archive = export(odd, "yolo-segment")
        line = archive.read("labels/all/żółw _1_.txt").decode().split()
        assert (line[0], len(line)) == ("2", 9)
        assert losses(odd, "yolo-segment")["instances without a polygon are left out"] == 1

    def test_classes_are_counted_from_0_and_the_ids_are_kept(self, odd):
        assert [tuple(row.values()) for row in rows(export(odd, "yolo"), "classes.csv")] == [
            ("0", "1", "person"),
            ("1", "18", "dog"),
            ("2", "44", "bottle"),
        ]

    @pytest.mark.parametrize(
        ("splits", "folders"),
        [
            (None, {"train": "all", "val": "all"}),
            (SPLITS, {"train": "train", "val": "val"}),
            (Splits({"a": 0.5, "b": 0.5}), {"train": "a", "val": "b"}),
            (
                Splits({"test": 0.25, "train": 0.5, "valid": 0.25}),
                {"train": "train", "val": "valid", "test": "test"},
            ),
        ],
        ids=["whole", "train and val", "other names", "with test"],
    )
    def test_names_the_folders(self, odd, splits, folders):
        import yaml

        archive = export(odd, "yolo", splits=splits)
        data = yaml.safe_load(archive.read("data.yaml"))
        for key, folder in folders.items():
            assert data[key] == f"images/{folder}"
        assert set(folders) == set(data) - {"path", "nc", "names"}
        assert data["names"] == {0: "person", 1: "dog", 2: "bottle"}

    def test_pictures_that_differ_in_their_suffix_alone_have_labels_of_their_own(self, tmp_path):
        instances = coco_files.instances_file([1, 2])
        instances["images"][0]["file_name"], instances["images"][1]["file_name"] = "a.jpg", "a.png"
        for name in ("a.jpg", "a.png"):
            Image.new("RGB", (64, 48)).save(tmp_path / name)
        coco = coco_files.dataset(tmp_path, pictures=tmp_path, instances=instances)
        store = PictureStore(coco, coco_files.home(tmp_path))
        chosen = plan_export(coco, store, [1, 2], choices=ExportChoices(format="yolo"))
        write_zip(chosen, tmp_path / "a.zip")
        names = zipfile.ZipFile(tmp_path / "a.zip").namelist()
        assert {"labels/all/a.txt", "labels/all/a_2.txt", "images/all/a_2.png"} <= set(names)

    def test_boxes_that_reach_out_of_the_picture_are_cut(self, tmp_path):
        instances = coco_files.instances_file([1])
        instances["annotations"][0]["bbox"] = [-10, -10, 1000, 34]
        Image.new("RGB", (64, 48)).save(tmp_path / "1.jpg")
        coco = coco_files.dataset(tmp_path, pictures=tmp_path, instances=instances)
        store = PictureStore(coco, coco_files.home(tmp_path))
        chosen = plan_export(coco, store, [1], choices=ExportChoices(format="yolo"))
        write_zip(chosen, tmp_path / "a.zip")
        text = zipfile.ZipFile(tmp_path / "a.zip").read("labels/all/1.txt").decode()
        assert text == "0 0.5 0.25 1 0.5\n"


class TestVoc:
    def test_names_and_text_are_escaped(self, tmp_path):
        instances = coco_files.instances_file([1])
        instances["categories"][0]["name"] = "a <b> & \x01c"
        Image.new("RGB", (64, 48)).save(tmp_path / "1.jpg")
        coco = coco_files.dataset(tmp_path, pictures=tmp_path, instances=instances)
        store = PictureStore(coco, coco_files.home(tmp_path))
        chosen = plan_export(coco, store, [1], choices=ExportChoices(format="voc"))
        write_zip(chosen, tmp_path / "a.zip")
        root = ElementTree.fromstring(zipfile.ZipFile(tmp_path / "a.zip").read("Annotations/1.xml"))
        assert root.findtext("object/name") == "a <b> & c"

    def test_pixels_are_counted_from_1(self, odd):
        root = ElementTree.fromstring(export(odd, "voc").read("Annotations/test/x.xml"))
        found = {node.tag: node.text for node in root.find("object/bndbox")}
        assert found == {"xmin": "2", "ymin": "3", "xmax": "11.5", "ymax": "12"}


class TestTables:
    def test_csv_has_what_no_column_has_in_the_record(self, odd):
        (row,) = [r for r in rows(export(odd, "csv"), "instances.csv") if r["id"] == "4"]
        assert '"area": 0.1000000000000000055' in row["record"]
        assert json.loads(row["record"])["attributes"] == {"occluded": True}
        assert (row["bbox_x"], row["iscrowd"], row["segmentation"]) == ("0", "0", "[]")

    def test_parquet_keeps_ids_beyond_53_bits(self, odd, tmp_path):
        import pyarrow.parquet as pq

        content = export(odd, "parquet").read("images.parquet")
        assert pq.read_table(io.BytesIO(content))["image_id"].to_pylist() == ALL


class TestWebDataset:
    def test_samples_have_one_key_and_the_sources_bytes(self, odd):
        shard = export(odd, "webdataset").read("shards/all-000000.tar")
        with tarfile.open(fileobj=io.BytesIO(shard)) as archive:
            content = {m.name: archive.extractfile(m).read() for m in archive.getmembers()}
        assert content["000000002.png"] == odd.file(3).read_bytes()
        assert json.loads(content["000000002.json"])["image"]["id"] == 3
        assert content["000000003.txt"] == b"nothing to see"
        assert "000000001.txt" not in content

    def test_large_subsets_make_several_shards(self, odd, monkeypatch):
        monkeypatch.setattr("core.export.archive.ROUND_PICTURES", 3)
        names = export(odd, "webdataset").namelist()
        assert [name for name in names if name.startswith("shards/")] == [
            "shards/all-000000.tar",
            "shards/all-000001.tar",
        ]


class TestWhatMakesNoSense:
    @pytest.mark.parametrize("name", ["webdataset", "imagefolder"])
    def test_pictures_left_out_of_a_format_that_is_nothing_else(self, odd, name):
        with pytest.raises(ExportError, match="no sense without pictures"):
            plan(odd, name, without_pictures=True)

    def test_new_ids_in_shards(self, odd):
        with pytest.raises(ExportError, match="keep the ids"):
            plan(odd, "webdataset", renumber=True)

    def test_cvat_without_instances(self, tmp_path):
        odd = make_odd(tmp_path, instances=False)
        with pytest.raises(ExportError, match="CVAT takes instances"):
            plan(odd, "cvat")


def test_label_studio_gives_outlines_or_boxes_in_percent(odd):
    tasks = json.loads(export(odd, "label-studio").read("tasks.json"))
    (task,) = [task for task in tasks if task["id"] == 3]
    assert task["data"]["captions"] == ["Ein Hund, „nass“ 🐶.", "a dog and a bottle"]
    (result,) = task["annotations"][0]["result"]
    assert result["value"]["polygonlabels"] == ["dog"]
    assert result["value"]["points"][0] == [2.5, pytest.approx(100 * 2 / 30)]


@pytest.mark.parametrize("name", FORMATS)
def test_poses_and_a_category_that_is_not_listed_do_no_harm(tmp_path, name):
    instances = coco_files.instances_file([1])
    instances["annotations"].append(coco_files.instance(300, 1, category_id=99))
    pose = coco_files.instance(101, 1, keypoints=[1, 2, 2] * 17, num_keypoints=17)
    keypoints = coco_files.instances_file([1]) | {"annotations": [pose]}
    Image.new("RGB", (64, 48)).save(tmp_path / "1.jpg")
    settings = coco_files.home(tmp_path)
    paths = {
        "instances": coco_files.write(tmp_path / "i.json", instances),
        "keypoints": coco_files.write(tmp_path / "k.json", keypoints),
    }
    coco = open_dataset(register_dataset(settings, "x", **paths, pictures=tmp_path), settings)
    chosen = plan_export(
        coco, PictureStore(coco, settings), [1], choices=ExportChoices(format=name)
    )
    write_zip(chosen, tmp_path / "a.zip")
    lost = {loss.what: loss.count for loss in chosen.losses}
    keeps = {"coco", "csv", "parquet", "webdataset"}
    assert lost.get("poses are left out") == (None if name in keeps else 1)
