"""What leaves is what the source says: each byte of a picture, each field of a record."""

import contextlib
import csv
import io
import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools.coco import COCO
from torchvision.datasets import CocoCaptions, CocoDetection

import core.export
from core.coco import open_dataset, register_dataset
from core.errors import DatasetError, ExportError
from core.export import (
    MissingPicturesError,
    base_bytes,
    picture_bytes,
    plan_export,
    write_zip,
)
from core.images import PictureStore
from core.progress import Cancelled
from core.settings import Settings
from tests.core.export.fields import SAMPLE, SAMPLE_FILES, register_sample
from tests.core.odd_dataset import NAMES, Odd, make_odd

BIG = 9007199254740995
ALL = [BIG, 3, 12, 7]
# Windows cannot have a name with quotes.
PACKED = NAMES | {BIG: "żółw _1_.jpg"}


@pytest.fixture
def odd(tmp_path: Path) -> Odd:
    return make_odd(tmp_path)


def export(odd: Odd, image_ids: list[int], name: str = "subset.zip", **options) -> zipfile.ZipFile:
    path = odd.settings.home / name
    scores = options.pop("scores", None)
    write_zip(plan_export(odd.coco, odd.pictures, image_ids, scores), path, **options)
    return zipfile.ZipFile(path)


def document(archive: zipfile.ZipFile, name: str = "annotations/annotations.json"):
    # Numbers are kept as text, so that 1 and 1.0 differ here.
    return json.loads(archive.read(name), parse_int=str, parse_float=str)


def rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8"))))


def source(path: Path):
    return json.loads(path.read_text("utf-8"), parse_int=str, parse_float=str)


def expected(file: dict, image_ids: list[int]) -> dict:
    """The part of a source file that belongs to `image_ids`, in their order."""
    order = [str(image_id) for image_id in image_ids]
    by_id = {image["id"]: image for image in file["images"]}
    kept = [a for image_id in order for a in file["annotations"] if a["image_id"] == image_id]
    images = [
        image | {"file_name": PACKED.get(int(image["id"]), image["file_name"])}
        for image in (by_id[image_id] for image_id in order)
    ]
    return file | {"images": images, "annotations": kept}


def test_pictures_are_the_sources_bytes_under_their_own_paths(odd):
    archive = export(odd, ALL)
    assert archive.testzip() is None
    for image_id in ALL:
        packed = archive.read(f"images/{PACKED[image_id]}")
        assert packed == odd.file(image_id).read_bytes()


def test_pictures_of_one_name_in_two_folders_stay_apart(odd):
    names = export(odd, [3, 7]).namelist()
    assert names[:2] == ["images/test/x.png", "images/val/x.png"]


def test_every_record_is_the_sources_to_the_last_digit_and_in_rank_order(odd):
    archive = export(odd, ALL)
    assert document(archive) == expected(source(odd.instances), ALL)
    captions = document(archive, "annotations/captions_val2014.json")
    assert captions == expected(source(odd.captions), ALL)


def test_records_are_the_sources_bytes(odd):
    text = export(odd, ALL).read("annotations/annotations.json").decode("utf-8")
    for spelling in ('"area": 0.1000000000000000055', "[1, 1.0, 1e0, null", r'"\u00e9\/"'):
        assert spelling in text


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(image_ids=st.lists(st.sampled_from(ALL), min_size=1, unique=True))
def test_any_subset_in_any_order_holds_what_belongs_to_it(odd, image_ids):
    with export(odd, image_ids) as archive:
        assert document(archive) == expected(source(odd.instances), image_ids)
        pictures = [name for name in archive.namelist() if name.startswith("images/")]
        assert pictures == [f"images/{PACKED[image_id]}" for image_id in image_ids]


def test_a_dataset_without_instances_gives_its_captions(tmp_path):
    odd = make_odd(tmp_path, instances=False)
    archive = export(odd, [7, 3])
    assert document(archive) == expected(source(odd.captions), [7, 3])
    assert "categories" not in document(archive)
    assert [n for n in archive.namelist() if n.startswith("annotations/")] == [
        "annotations/annotations.json",
        "annotations/captions_val2014.json",
    ]


def test_a_picture_without_annotations_stays(odd):
    archive = export(odd, [12])
    found = document(archive)
    assert [image["id"] for image in found["images"]] == ["12"]
    assert found["annotations"] == []
    assert len(found["categories"]) == 3


def test_scores_are_listed_by_rank(odd):
    scores = np.array([0.31, 0.1 + 0.2], dtype=np.float32)
    found = rows(export(odd, [7, BIG], scores=scores), "scores.csv")
    assert [(row["id"], row["file"], row["rank"]) for row in found] == [
        ("7", "val/x.png", "1"),
        (str(BIG), PACKED[BIG], "2"),
    ]
    assert [np.float32(row["score"]) for row in found] == scores.tolist()


def test_without_scores_the_column_is_empty(odd):
    assert rows(export(odd, [7]), "scores.csv")[0]["score"] == ""


def test_the_same_subset_gives_the_same_bytes(odd):
    export(odd, ALL, "one.zip")
    os.utime(odd.file(3))
    export(odd.reopened(), ALL, "two.zip")
    home = odd.settings.home
    assert (home / "one.zip").read_bytes() == (home / "two.zip").read_bytes()


@pytest.mark.parametrize("image_ids", [[3], [12], ALL], ids=["one", "unannotated", "all"])
def test_the_size_is_known_beforehand(odd, image_ids):
    scores = np.linspace(0.4, 0.1, len(image_ids))
    plan = plan_export(odd.coco, odd.pictures, image_ids, scores)
    report = write_zip(plan, odd.settings.home / "subset.zip")
    assert report.n_bytes == plan.n_bytes == report.path.stat().st_size


def test_sizes_of_pictures_and_base_make_the_size_of_the_plan(odd):
    plan = plan_export(odd.coco, odd.pictures, ALL, [0.25, 0.24, 0.23, 0.22])
    live = base_bytes(odd.coco) + picture_bytes(odd.coco, odd.pictures, ALL).sum()
    assert live == pytest.approx(plan.n_bytes, abs=300)


def test_a_picture_that_cannot_be_had_adds_nothing_to_the_size(odd):
    for image_id in ALL:
        if (path := odd.coco.picture_path(image_id)) is not None:
            path.unlink()
    gone = odd.reopened()
    assert picture_bytes(gone.coco, gone.pictures, ALL).tolist() == [0] * len(ALL)


def test_the_report_counts_what_is_in(odd):
    report = write_zip(plan_export(odd.coco, odd.pictures, [3, 12]), odd.settings.home / "a.zip")
    assert (report.n_images, report.n_annotations, report.missing) == (2, 2, ())


class TestMissingPictures:
    def test_stop_the_export_with_their_names_and_reasons(self, odd):
        odd.file(3).unlink()
        path = odd.settings.home / "subset.zip"
        plan = plan_export(odd.coco, odd.pictures, ALL)
        assert [picture.image_id for picture in plan.missing] == [3]
        with pytest.raises(MissingPicturesError, match=r"1 of 4 pictures.*\n- test/x\.png"):
            write_zip(plan, path)
        assert not path.exists()

    def test_are_left_out_with_their_records_when_the_person_says_so(self, odd):
        odd.file(3).unlink()
        archive = export(odd, ALL, without_missing=True, scores=[0.4, 0.3, 0.2, 0.1])
        assert document(archive) == expected(source(odd.instances), [BIG, 12, 7])
        assert "images/test/x.png" not in archive.namelist()
        assert [(row["id"], row["rank"]) for row in rows(archive, "missing.csv")] == [("3", "2")]
        ranks = [(row["rank"], row["score"]) for row in rows(archive, "scores.csv")]
        assert ranks == [("1", "0.4"), ("3", "0.2"), ("4", "0.1")]

    def test_without_them_the_size_is_known_too(self, odd):
        odd.file(3).unlink()
        plan = plan_export(odd.coco, odd.pictures, ALL)
        report = write_zip(plan, odd.settings.home / "a.zip", without_missing=True)
        assert report.n_bytes == plan.n_bytes
        assert [picture.file_name for picture in report.missing] == ["test/x.png"]

    def test_that_vanish_after_the_plan_are_noticed(self, odd):
        plan = plan_export(odd.coco, odd.pictures, ALL)
        odd.file(12).unlink()
        with pytest.raises(MissingPicturesError, match=r"plain\.jpg"):
            write_zip(plan, odd.settings.home / "subset.zip")
        assert not (odd.settings.home / "subset.zip").exists()

    def test_more_than_three_are_counted(self, odd):
        for image_id in NAMES:
            odd.file(image_id).unlink()
        plan = plan_export(odd.coco, odd.pictures, ALL)
        with pytest.raises(MissingPicturesError, match="and 1 more"):
            write_zip(plan, odd.settings.home / "subset.zip")

    def test_if_all_are_missing_there_is_no_zip(self, odd):
        odd.file(3).unlink()
        plan = plan_export(odd.coco, odd.pictures, [3])
        with pytest.raises(ExportError, match="None of the 1 pictures can be had"):
            write_zip(plan, odd.settings.home / "subset.zip", without_missing=True)
        assert not (odd.settings.home / "subset.zip").exists()

    @pytest.mark.parametrize(
        ("spoil", "reason"),
        [
            (lambda path: path.write_text("<html>please log in</html>"), "not a picture"),
            (lambda path: path.write_bytes(b""), "not a picture"),
            (lambda path: Image.new("RGB", (41, 30)).save(path), "41 x 30 pixels.*says 40 x 30"),
        ],
        ids=["a web page", "empty", "other sides"],
    )
    def test_include_files_that_are_not_the_picture(self, odd, spoil, reason):
        spoil(odd.file(3))
        plan = plan_export(odd.coco, odd.pictures, [3, 7])
        with pytest.raises(MissingPicturesError, match=reason):
            write_zip(plan, odd.settings.home / "subset.zip")

    @pytest.mark.parametrize("name", ["../secret.png", "/etc/secret.png", "a/../../secret.png"])
    def test_include_names_that_would_escape(self, tmp_path, name):
        odd = make_odd(tmp_path)
        Image.new("RGB", (40, 30)).save(odd.folder.parent / "secret.png")
        for file in (odd.instances, odd.captions):
            file.write_text(file.read_text("utf-8").replace("test/x.png", name), "utf-8")
        odd = odd.reopened()
        archive = export(odd, [3, 7], without_missing=True)
        assert [n for n in archive.namelist() if "images/" in n] == ["images/val/x.png"]
        assert name in rows(archive, "missing.csv")[0]["reason"]


class TestRefusals:
    def test_no_picture(self, odd):
        with pytest.raises(ExportError, match="nothing to export"):
            plan_export(odd.coco, odd.pictures, [])

    def test_a_picture_twice(self, odd):
        with pytest.raises(ExportError, match="found the id 7 2 times"):
            plan_export(odd.coco, odd.pictures, [7, 3, 7])

    def test_an_unknown_picture(self, odd):
        with pytest.raises(DatasetError, match="999"):
            plan_export(odd.coco, odd.pictures, [7, 999])

    def test_another_number_of_scores(self, odd):
        with pytest.raises(ExportError, match="one score for each of 2 pictures, found 1"):
            plan_export(odd.coco, odd.pictures, [7, 3], [0.5])

    def test_a_folder_as_the_zip(self, odd):
        with pytest.raises(ExportError, match="is a folder"):
            write_zip(plan_export(odd.coco, odd.pictures, [7]), odd.folder)

    def test_a_place_that_cannot_be_written(self, odd):
        path = odd.captions / "subset.zip"  # below a file
        with pytest.raises(ExportError, match="cannot be written"):
            write_zip(plan_export(odd.coco, odd.pictures, [7]), path)


def test_an_annotation_file_that_changed_gives_no_zip(odd):
    plan = plan_export(odd.coco, odd.pictures, ALL)
    odd.instances.write_text(odd.instances.read_text("utf-8").replace("bottle", "barrel"))
    os.utime(odd.instances, (1, 1))
    with pytest.raises(DatasetError):
        write_zip(plan, odd.settings.home / "subset.zip")
    assert not (odd.settings.home / "subset.zip").exists()


class Recorder:
    """Keeps what a progress is told, and cancels at a share of the whole."""

    def __init__(self, cancel_at: float = 2.0) -> None:
        self.told: list[tuple[int, int]] = []
        self._cancel_at = cancel_at

    def update(self, done: int, total: int) -> None:
        self.told.append((done, total))
        if done >= self._cancel_at * total:
            raise Cancelled


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_cancelling_leaves_nothing_and_keeps_an_older_file(odd, share):
    path = odd.settings.home / "out" / "subset.zip"
    path.parent.mkdir()
    path.write_bytes(b"older")
    with pytest.raises(Cancelled):
        write_zip(plan_export(odd.coco, odd.pictures, ALL), path, progress=Recorder(share))
    assert path.read_bytes() == b"older"
    assert list(path.parent.iterdir()) == [path]


def test_progress_rises_to_the_total(odd):
    progress = Recorder()
    export(odd, ALL, progress=progress)
    done = [done for done, _ in progress.told]
    assert done == sorted(done)
    assert progress.told[-1][0] == progress.told[-1][1]


def test_the_zip_loads_in_pycocotools(odd, tmp_path):
    export(odd, ALL).extractall(tmp_path / "out")
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(tmp_path / "out" / "annotations" / "annotations.json")
    assert list(coco.imgs) == ALL
    assert {category["name"] for category in coco.loadCats(coco.getCatIds())} == {
        "person",
        "dog",
        "bottle",
    }
    crowds = coco.loadAnns(coco.getAnnIds(imgIds=[7], iscrowd=True))
    assert [coco.annToMask(crowd).sum() for crowd in crowds] == [6, 6]


def test_the_zip_loads_in_torchvision(odd, tmp_path):
    export(odd, ALL).extractall(tmp_path / "out")
    root = tmp_path / "out" / "images"
    annotations = tmp_path / "out" / "annotations"
    with contextlib.redirect_stdout(io.StringIO()):
        detection = CocoDetection(root, annotations / "annotations.json")
        captions = CocoCaptions(root, annotations / "captions_val2014.json")
    sides = {
        image_id: image.size for image_id, (image, _) in zip(detection.ids, detection, strict=True)
    }
    assert sides == {3: (40, 30), 7: (40, 30), 12: (64, 48), BIG: (64, 48)}
    assert len(detection[detection.ids.index(3)][1]) == 2
    assert captions[captions.ids.index(3)][1] == ["Ein Hund, „nass“ 🐶.", "a dog and a bottle"]


def test_captions_alone_load_in_torchvision(tmp_path):
    odd = make_odd(tmp_path, instances=False)
    export(odd, ALL).extractall(tmp_path / "out")
    with contextlib.redirect_stdout(io.StringIO()):
        captions = CocoCaptions(
            tmp_path / "out" / "images", tmp_path / "out" / "annotations" / "annotations.json"
        )
    assert captions[captions.ids.index(7)][1] == ["people\non a beach"]


@pytest.fixture
def picture_host(odd: Odd) -> Iterator[tuple[str, set[str]]]:
    """A web server with the dataset's pictures; what is in the set is not there."""
    gone: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix("/")
            if name in gone:
                self.send_error(404)
                return
            content = odd.file(int(name)).read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/{{id}}", gone
    server.shutdown()
    server.server_close()


def registered(odd: Odd, settings: Settings, *, split: str = "val2014", **options) -> Odd:
    """The instances of `odd` as the dataset `remote`, opened anew."""
    register_dataset(
        settings, "remote", instances=odd.instances, split=split, replace=True, **options
    )
    coco = open_dataset(settings.data / "remote", settings)
    store = PictureStore(coco, settings)
    return Odd(settings, coco, store, odd.instances, odd.captions, odd.folder)


class TestRemotePictures:
    @pytest.fixture
    def remote(self, odd: Odd, picture_host) -> Odd:
        """The dataset without a picture folder; its pictures are on the host."""
        limits = Settings(
            home=odd.settings.home,
            cache=odd.settings.cache,
            image_hosts=frozenset({picture_host[0].split("/")[2]}),
        )
        return registered(odd, limits, url=picture_host[0])

    def test_are_fetched_before_they_are_written(self, remote):
        plan = plan_export(remote.coco, remote.pictures, ALL)
        assert set(plan.to_fetch) == set(ALL)
        progress = Recorder()
        write_zip(plan, remote.settings.home / "subset.zip", progress=progress)
        archive = zipfile.ZipFile(remote.settings.home / "subset.zip")
        for image_id in ALL:
            assert archive.read(f"images/{PACKED[image_id]}") == remote.file(image_id).read_bytes()
        done = [done for done, _ in progress.told]
        assert done == sorted(done)

    def test_once_fetched_are_sized_exactly_under_the_same_key(self, remote):
        before = plan_export(remote.coco, remote.pictures, ALL)
        write_zip(before, remote.settings.home / "subset.zip")
        after = plan_export(remote.coco, remote.pictures, ALL)
        assert after.to_fetch == ()
        assert after.n_bytes == (remote.settings.home / "subset.zip").stat().st_size
        assert after.key == before.key

    def test_that_the_host_lacks_stop_the_export(self, remote, picture_host):
        picture_host[1].update({"3", "12"})
        plan = plan_export(remote.coco, remote.pictures, ALL)
        with pytest.raises(MissingPicturesError, match="404") as stopped:
            write_zip(plan, remote.settings.home / "subset.zip")
        assert [picture.image_id for picture in stopped.value.missing] == [3, 12]
        assert not (remote.settings.home / "subset.zip").exists()

    @pytest.fixture
    def of_one_name(self, remote: Odd, picture_host) -> Odd:
        """Pictures 3 and 7 are two, but their records give them one file name."""
        text = remote.instances.read_text("utf-8").replace("test/x.png", "val/x.png")
        remote.instances.write_text(text, "utf-8")
        return registered(remote, remote.settings, url=picture_host[0])

    @pytest.mark.parametrize("per_round", [1, 512], ids=["a round each", "in one round"])
    def test_of_one_file_name_leave_under_two(self, of_one_name, monkeypatch, per_round):
        monkeypatch.setattr(core.export.archive, "ROUND_PICTURES", per_round)
        archive = export(of_one_name, ALL)
        names = {image["id"]: image["file_name"] for image in document(archive)["images"]}
        assert (names["3"], names["7"]) == ("val/x.png", "val/x_7.png")
        assert archive.read("images/val/x.png") == of_one_name.file(3).read_bytes()
        assert archive.read("images/val/x_7.png") == of_one_name.file(7).read_bytes()
        assert {(row["id"], row["new_file_name"]) for row in rows(archive, "renamed.csv")} == {
            ("7", "val/x_7.png"),
            (str(BIG), PACKED[BIG]),
        }

    def test_of_one_file_name_keep_their_names_when_the_first_is_gone(
        self, of_one_name, picture_host
    ):
        picture_host[1].add("3")
        archive = export(of_one_name, ALL, without_missing=True)
        assert "images/val/x.png" not in archive.namelist()
        assert archive.read("images/val/x_7.png") == of_one_name.file(7).read_bytes()

    def test_that_the_cache_drops_meanwhile_are_fetched_again(self, remote, monkeypatch):
        original = core.export.archive._write_pictures

        def drop_first(package, shape, plan, *arguments):
            looked = core.export.archive.standing(plan.selection, plan.pictures)
            assert all(picture.path for picture in looked)
            monkeypatch.setattr(core.export.archive, "standing", lambda *_: looked)
            for picture in looked:
                picture.path.unlink()
            return original(package, shape, plan, *arguments)

        export(remote, ALL, "first.zip")
        monkeypatch.setattr(core.export.archive, "_write_pictures", drop_first)
        archive = export(remote, ALL, "second.zip")
        assert archive.read("images/plain.jpg") == remote.file(12).read_bytes()

    def test_that_the_host_lacks_are_left_out_when_the_person_says_so(self, remote, picture_host):
        picture_host[1].add("3")
        archive = export(remote, ALL, without_missing=True)
        assert [image["id"] for image in document(archive)["images"]] == [str(BIG), "12", "7"]
        assert rows(archive, "missing.csv")[0]["id"] == "3"


class TestPlanKey:
    def test_is_the_same_for_the_same_subset(self, odd):
        one = plan_export(odd.coco, odd.pictures, ALL, [4, 3, 2, 1])
        other = plan_export(odd.coco, odd.pictures, np.array(ALL), np.array([4.0, 3, 2, 1]))
        assert one.key == other.key

    @pytest.mark.parametrize(
        ("image_ids", "scores"),
        [([3, 7], [2, 1]), ([7, 3], [2, 2]), ([7], [2]), ([7, 3], None)],
        ids=["order", "scores", "pictures", "no scores"],
    )
    def test_differs_by(self, odd, image_ids, scores):
        one = plan_export(odd.coco, odd.pictures, [7, 3], [2, 1])
        assert plan_export(odd.coco, odd.pictures, image_ids, scores).key != one.key

    @pytest.mark.parametrize(
        "change",
        [{"split": "other"}, {"url": "http://127.0.0.1/other/{id}"}],
        ids=["split", "address"],
    )
    def test_differs_by_what_dataset_toml_says(self, odd, change):
        limits = replace(odd.settings, image_hosts=frozenset({"127.0.0.1"}), offline=False)
        url = {"url": "http://127.0.0.1/{id}"}
        before = registered(odd, limits, **url)
        key = plan_export(before.coco, before.pictures, [3]).key
        after = registered(odd, limits, **(url | change))
        assert plan_export(after.coco, after.pictures, [3]).key != key

    def test_differs_when_a_picture_changed(self, odd):
        one = plan_export(odd.coco, odd.pictures, [7])
        Image.new("RGB", (40, 30), "red").save(odd.file(7))
        os.utime(odd.file(7), (1, 1))
        assert plan_export(odd.coco, odd.pictures, [7]).key != one.key


def test_many_small_members_need_no_more_than_the_format_allows(odd):
    """Beyond 65,535 files or 2 GiB the format needs its 64-bit records; the size counts them."""
    from core.export.sizes import archive_bytes

    names = {f"images/{number}.jpg": 1 for number in range(65_536)}
    path = odd.settings.home / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    assert archive_bytes(names) == path.stat().st_size


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the sample of real COCO is not there")
def test_each_field_of_each_annotation_of_real_coco_equals_the_sources(tmp_path):
    coco, limits = register_sample(tmp_path)
    image_ids = np.random.default_rng(2).permutation(coco.images.ids)[:60].tolist()
    plan = plan_export(coco, PictureStore(coco, limits), image_ids)
    report = write_zip(plan, tmp_path / "sample.zip")
    archive = zipfile.ZipFile(report.path)
    assert report.n_bytes == plan.n_bytes
    for name, file in {
        "annotations.json": SAMPLE_FILES["instances"],
        "captions_val2014.json": SAMPLE_FILES["captions"],
        "person_keypoints_val2014.json": SAMPLE_FILES["keypoints"],
    }.items():
        found = document(archive, f"annotations/{name}")
        assert found == expected(source(file), image_ids)
        assert len(found["annotations"]) > 50
    for file_name in coco.images.file_names.take(coco.images.rows_of(image_ids)):
        assert archive.read(f"images/{file_name}") == (SAMPLE / "val2014" / file_name).read_bytes()
    archive.extractall(tmp_path / "out")
    with contextlib.redirect_stdout(io.StringIO()):
        loaded = CocoDetection(
            tmp_path / "out" / "images", tmp_path / "out" / "annotations" / "annotations.json"
        )
    picture, annotations = loaded[0]
    assert picture.mode == "RGB"
    assert len(loaded) == 60
    assert isinstance(annotations, list)
