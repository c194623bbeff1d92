"""A split of COCO is fetched, unpacked and registered; what is here is not fetched again."""

import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from core.coco import find_datasets, open_dataset, register_dataset
from core.errors import DatasetError, DownloadError
from core.fetch.coco import KNOWN, Wanted, fetch_coco
from core.progress import Cancelled
from core.settings import PROJECT_ROOT, Settings
from tests.conftest import run_core
from tests.core.fetch.coco_mirror import CocoMirror, coco_mirror, zipped
from tests.core.fetch.conftest import QUICK
from tests.core.fetch.faulty_server import Cut, Damaged, Reset, Served, Slow, Status


@pytest.fixture
def mirror(server) -> CocoMirror:
    made = coco_mirror(server)
    made.publish()
    return made


@pytest.fixture
def settings(server, tmp_path) -> Settings:
    home = tmp_path / "home"
    home.mkdir()
    return Settings(home=home, cache=tmp_path / "cache", coco_url=server.url())


def fetch(settings, name="val2014", **wanted):
    return fetch_coco(settings, name, Wanted(**wanted), patience=QUICK)


def asked(server, suffix=".zip"):
    return [a.path for a in server.asked if a.path.endswith(suffix)]


def test_a_split_is_fetched_unpacked_and_registered(settings, mirror):
    fetched = fetch(settings)
    folder = settings.data / "val2014"
    assert fetched.folder == folder
    assert {p.name: p.read_bytes() for p in (folder / "val2014").iterdir()} == mirror.pictures
    assert sorted(p.name for p in (folder / "annotations").iterdir()) == [
        *("captions_val2014.json", "instances_val2014.json", "person_keypoints_val2014.json")
    ]
    dataset = open_dataset(find_datasets(settings)["val2014"], settings)
    assert dataset.title == "COCO val2014"
    assert dataset.kinds == ("captions", "instances", "keypoints")
    assert dataset.count_missing_files() == 0
    assert "a dog catching a frisbee" in dataset.examples
    assert {path.name for path in folder.iterdir()} == {
        *("val2014", "annotations", "dataset.toml", ".index", ".val2014.fetched.json")
    }


def test_what_is_here_is_not_asked_for_again(settings, mirror, server):
    fetch(settings)
    server.asked.clear()
    assert fetch(settings).dataset is not None
    assert server.asked == []


def test_annotations_that_are_registered_are_not_fetched(settings, mirror, server, tmp_path):
    fetch(settings, images=False)
    own = tmp_path / "own"
    shutil.move(settings.data / "val2014" / "annotations", own)
    shutil.rmtree(settings.data / "val2014")
    register_dataset(
        settings,
        "val2014",
        captions=own / "captions_val2014.json",
        instances=own / "instances_val2014.json",
        title="Mine",
        uses=["commercial"],
    )
    server.asked.clear()
    dataset = fetch(settings).dataset
    assert mirror.annotations not in asked(server)
    assert (dataset.title, dataset.uses) == ("Mine", ("commercial",))
    assert dataset.count_missing_files() == 0


def test_the_flat_layout_gets_its_pictures_and_stays_flat(settings, mirror):
    fetch(settings, images=False)
    for path in (settings.data / "val2014" / "annotations").iterdir():
        path.rename(settings.data / path.name)
    shutil.rmtree(settings.data / "val2014")
    dataset = fetch(settings).dataset
    assert dataset.count_missing_files() == 0
    assert dataset.picture_folder == settings.data / "val2014"
    assert not (settings.data / "val2014" / "dataset.toml").exists()


def test_without_pictures_they_are_shown_from_their_addresses(settings, mirror, server):
    dataset = fetch(settings, images=False).dataset
    assert mirror.zips not in asked(server)
    assert dataset.picture_folder is None
    assert dataset.coco_url(mirror.ids[0]).startswith("http://images.cocodataset.org/val2014/")


def test_pictures_alone_wait_for_annotations(settings, mirror):
    fetched = fetch(settings, annotations=False)
    assert fetched.dataset is None
    assert fetched.n_pictures == len(mirror.pictures)
    assert find_datasets(settings) == {}
    assert fetch(settings).dataset.count_missing_files() == 0


@pytest.mark.parametrize("name", ["val2017", "train2017", "train2014"])
def test_every_split_has_its_files(settings, server, name):
    mirror = coco_mirror(server, name, n=2)
    mirror.publish()
    fetched = fetch(settings, name)
    assert fetched.dataset.count_missing_files() == 0
    assert {KNOWN[name].picture_file(i) for i in mirror.ids} == set(mirror.pictures)


def test_two_splits_may_share_a_folder(settings, server, tmp_path):
    for name in ("val2017", "train2017"):
        coco_mirror(server, name, n=2).publish()
        fetched = fetch(settings, name, folder=tmp_path / "coco")
        assert fetched.dataset.count_missing_files() == 0
        assert fetched.dataset.folder == settings.data / name
    assert {p.name for p in (tmp_path / "coco").glob("*2017")} == {"val2017", "train2017"}


class TestChecks:
    def test_the_mirrors_own_list_counts(self, settings, mirror, server):
        server.fail(mirror.zips, Damaged(beyond=1), times=-1)
        with pytest.raises(DownloadError, match=r"is not the file that is published: .*removed"):
            fetch(settings)
        assert not (settings.data / "val2014" / "val2014").exists()
        assert "val2014" in find_datasets(settings)  # its annotations are good
        server.heal(mirror.zips)
        assert fetch(settings).checked["val2014.zip"] == "sha256 as the mirror's SHA256SUMS says"

    def test_without_a_list_what_is_published_counts(self, settings, mirror, server):
        del server.files["/SHA256SUMS"]
        with pytest.raises(DownloadError, match=r"expected 252,872,794.*COCOSIFT_COCO_URL"):
            fetch(settings, images=False)

    def test_an_archive_that_the_list_lacks_is_checked_by_crc(self, settings, mirror, server):
        server.files["/SHA256SUMS"] = Served(b"0" * 64 + b"  other.zip\n")
        assert "CRC" in fetch(settings).checked["val2014.zip"]

    def test_a_list_that_is_none_is_named(self, settings, mirror, server):
        server.files["/SHA256SUMS"] = Served(b"hello")
        with pytest.raises(DownloadError, match=r"SHA256SUMS is not a list of checksums"):
            fetch(settings)

    def test_a_fetched_archive_that_is_damaged_is_removed_and_fetched_again(
        self, settings, mirror, server
    ):
        server.files["/SHA256SUMS"] = Served(b"0" * 64 + b"  other.zip\n")
        whole = server.files[mirror.zips].content
        at = whole.index(mirror.pictures[next(iter(mirror.pictures))]) + 300
        server.files[mirror.zips].content = whole[:at] + b"\xff\x00\xff" + whole[at + 3 :]
        with pytest.raises(DownloadError, match=r"is damaged\. It was removed"):
            fetch(settings)
        server.files[mirror.zips].content = whole
        assert fetch(settings).dataset.count_missing_files() == 0

    def test_an_archive_of_something_else_is_refused(self, settings, mirror, server):
        mirror.archives[mirror.zips] = zipped({"cats/1.jpg": b"x"})
        mirror.publish()
        with pytest.raises(DownloadError, match=r"holds nothing of val2014\. It was removed"):
            fetch(settings)

    def test_the_published_sizes_and_sums_are_whole(self):
        assert {name: known.n_pictures for name, known in KNOWN.items()} == {
            "val2014": 40_504,
            "val2017": 5_000,
            "train2014": 82_783,
            "train2017": 118_287,
        }
        for known in KNOWN.values():
            for archive in known.archives:
                assert len(bytes.fromhex(archive.sha256)) == 32
            # 60 to 200 kB a picture: a digit too many or too few would show.
            assert 60_000 < known.pictures.size / known.n_pictures < 200_000


class TestArchivesThatAreHere:
    def test_they_are_used_and_stay(self, settings, mirror, server, tmp_path):
        for path, data in mirror.archives.items():
            (tmp_path / path.rpartition("/")[2]).write_bytes(data)
        offline = replace(settings, offline=True)
        fetched = fetch(offline, archives=tmp_path)
        assert fetched.dataset.count_missing_files() == 0
        assert server.asked == []
        assert len(list(tmp_path.glob("*.zip"))) == 2

    def test_one_that_lies_in_the_folder_is_used(self, settings, mirror, server):
        folder = settings.data / "val2014"
        folder.mkdir(parents=True)
        (folder / "val2014.zip").write_bytes(mirror.archives[mirror.zips])
        fetch(settings)
        assert mirror.zips not in asked(server)
        assert (folder / "val2014.zip").exists()

    def test_a_cut_one_is_named_and_stays(self, settings, mirror, tmp_path):
        (tmp_path / "val2014.zip").write_bytes(mirror.archives[mirror.zips][:5000])
        with pytest.raises(DownloadError, match=r"val2014.zip is not a whole ZIP archive.*--from"):
            fetch(settings, annotations=False, archives=tmp_path)
        assert (tmp_path / "val2014.zip").exists()

    def test_a_missing_one_is_named(self, settings, tmp_path):
        with pytest.raises(DownloadError, match=r"There is no annotations_trainval2014.zip in"):
            fetch(settings, archives=tmp_path)
        assert not (settings.data / "val2014").exists()

    def test_fetched_ones_can_be_kept(self, settings, mirror):
        fetch(settings, keep=True)
        folder = settings.data / "val2014"
        assert (folder / "val2014.zip").read_bytes() == mirror.archives[mirror.zips]
        assert not (folder / ".archives").exists()


class TestGoingOn:
    @pytest.mark.parametrize(
        "fault",
        [Reset(after=2_000, beyond=1), Cut(after=2_000, beyond=1), Status(503, beyond=1)],
        ids=["reset", "cut", "busy"],
    )
    def test_after_a_server_that_failed(self, settings, mirror, server, fault):
        server.fail(mirror.zips, fault, times=-1)
        with pytest.raises(DownloadError, match="Run the same command again"):
            fetch(settings, connections=1)
        server.heal(mirror.zips)
        server.asked.clear()
        assert fetch(settings).dataset.count_missing_files() == 0
        assert mirror.annotations not in asked(server)

    def test_after_a_stop_while_unpacking(self, settings, mirror, server):
        class StopsAtOnce:
            def __init__(self, label, unit):
                self.label = label

            def __enter__(self):
                return self

            def __exit__(self, *_):
                pass

            def update(self, done, total):
                if self.label == "Unpacking val2014.zip":
                    raise Cancelled

        with pytest.raises(Cancelled, match=r"files of val2014.zip are unpacked\. The same"):
            fetch_coco(settings, "val2014", stage=StopsAtOnce, patience=QUICK)
        server.asked.clear()
        assert fetch(settings).dataset.count_missing_files() == 0
        assert mirror.annotations not in asked(server)

    def test_after_a_stop_between_two_annotation_files(self, settings, mirror, server, tmp_path):
        fetch(settings, images=False)
        folder = settings.data / "val2014"
        # As a kill leaves it: the archive still there, the last file not yet unpacked.
        (folder / "annotations" / "person_keypoints_val2014.json").unlink()
        (folder / "dataset.toml").unlink()
        (folder / ".archives").mkdir()
        archive = folder / ".archives" / "annotations_trainval2014.zip"
        archive.write_bytes(mirror.archives[mirror.annotations])
        assert fetch(settings, images=False).dataset.kinds == ("captions", "instances", "keypoints")
        assert not archive.exists()

    @pytest.mark.parametrize("few", [200, 0], ids=["few", "many"])
    def test_pictures_that_were_lost_come_back(self, settings, mirror, server, monkeypatch, few):
        fetch(settings)
        lost = settings.data / "val2014" / "val2014" / next(iter(mirror.pictures))
        lost.unlink()
        server.asked.clear()
        monkeypatch.setattr("core.fetch.coco._FEW", few)
        assert fetch(settings).dataset.count_missing_files() == 0
        assert lost.read_bytes() == mirror.pictures[lost.name]
        assert (mirror.zips in asked(server)) == (few == 0)


@pytest.mark.slow
def test_killed_again_and_again_it_comes_to_the_same(server, tmp_path):
    """The process is killed at its start, while it fetches, unpacks and registers."""
    mirror = coco_mirror(server, n=400)
    mirror.publish()
    server.fail(mirror.zips, Slow(rate=1_500_000, beyond=1), times=-1)
    home = tmp_path / "home"
    home.mkdir()
    environment = os.environ | {
        "COCOSIFT_HOME": str(home),
        "COCOSIFT_CACHE": str(tmp_path / "cache"),
        "COCOSIFT_COCO_URL": server.url(),
        "COCOSIFT_OFFLINE": "0",
    }
    command = [sys.executable, "-m", "core", "fetch", "coco", "val2014"]
    lottery = random.Random(5)
    n_kills = 0
    for _ in range(8):
        running = subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment)
        try:
            assert running.wait(lottery.uniform(0.3, 2.5)) == 0
            break
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
            n_kills += 1
            folder = home / "data" / "val2014" / "val2014"
            for path in folder.iterdir() if folder.exists() else []:
                assert path.read_bytes() == mirror.pictures[path.name]
    assert n_kills
    subprocess.run(command, cwd=PROJECT_ROOT, env=environment, check=True, timeout=60)
    folder = home / "data" / "val2014"
    assert {p.name: p.read_bytes() for p in (folder / "val2014").iterdir()} == mirror.pictures
    settings = Settings(home=home, cache=tmp_path / "cache")
    assert open_dataset(folder, settings).count_missing_files() == 0
    assert not [path for path in folder.rglob("*") if path.suffix in (".part", ".zip", ".lock")]


class TestOneByOne:
    def test_only_these_are_fetched(self, settings, mirror, server):
        chosen = mirror.ids[2:5]
        fetched = fetch(settings, image_ids=chosen)
        assert mirror.zips not in asked(server)
        assert fetched.n_pictures == 3
        assert fetched.failures == {}
        assert [fetched.dataset.picture_path(i) is not None for i in mirror.ids] == [
            i in chosen for i in mirror.ids
        ]

    def test_those_that_are_here_are_not_asked_for(self, settings, mirror, server):
        fetch(settings, image_ids=mirror.ids[:3])
        server.asked.clear()
        fetched = fetch(settings, image_ids=mirror.ids[:4])
        assert len(asked(server, ".jpg")) == 1
        assert fetched.n_pictures == 4

    def test_the_archive_adds_the_others(self, settings, mirror):
        fetch(settings, image_ids=mirror.ids[:3])
        assert fetch(settings).dataset.count_missing_files() == 0

    def test_those_that_cannot_be_had_are_listed(self, settings, mirror, server):
        gone = KNOWN["val2014"].picture_file(mirror.ids[1])
        data = server.files.pop(f"/val2014/{gone}")
        fetched = fetch(settings, image_ids=mirror.ids)
        assert list(fetched.failures) == [gone]
        assert "HTTP 404" in fetched.failures_file.read_text()
        server.files[f"/val2014/{gone}"] = data
        assert fetch(settings, image_ids=mirror.ids).failures == {}
        assert not fetched.failures_file.exists()

    def test_a_file_name_that_leads_out_is_not_written(self, settings, mirror, server):
        fetch(settings, images=False)
        registered = settings.data / "val2014" / "annotations"
        name = next(iter(mirror.pictures))
        for path in registered.iterdir():
            path.write_text(
                path.read_text().replace(f'"file_name": "{name}"', '"file_name": "../x.jpg"')
            )
        server.files["/val2014/../x.jpg"] = Served(mirror.pictures[name])
        fetched = fetch(settings, image_ids=mirror.ids[:2])
        assert "would leave the picture folder" in fetched.failures["../x.jpg"]
        assert not (settings.data / "val2014" / "x.jpg").exists()
        assert fetched.n_pictures == 1

    def test_an_id_of_another_split_is_named(self, settings, mirror):
        with pytest.raises(DatasetError, match="10"):
            fetch(settings, image_ids=[mirror.ids[0], 10])

    def test_without_annotations_the_names_are_cocos(self, settings, mirror):
        fetched = fetch(settings, annotations=False, image_ids=mirror.ids[:2])
        assert fetched.n_pictures == 2

    def test_a_stop_leaves_whole_pictures(self, settings, mirror):
        class StopsSoon:
            def __init__(self, label, unit):
                self.label = label

            def __enter__(self):
                return self

            def __exit__(self, *_):
                pass

            def update(self, done, total):
                if self.label == "Fetching pictures" and done >= 2:
                    raise Cancelled

        with pytest.raises(Cancelled, match=r"of 7 pictures are here"):
            fetch_coco(
                settings,
                "val2014",
                Wanted(image_ids=mirror.ids, connections=1),
                stage=StopsSoon,
                patience=QUICK,
            )
        for path in (settings.data / "val2014" / "val2014").iterdir():
            assert path.read_bytes() == mirror.pictures[path.name]


class TestRefusals:
    def test_offline_nothing_is_asked(self, settings, mirror, server):
        with pytest.raises(DownloadError, match="COCOSIFT_OFFLINE"):
            fetch(replace(settings, offline=True))
        assert server.asked == []
        assert not (settings.data / "val2014").exists()

    def test_offline_no_picture_is_asked_for(self, settings, mirror, server):
        fetch(settings, images=False)
        server.asked.clear()
        with pytest.raises(DownloadError, match="COCOSIFT_OFFLINE"):
            fetch(replace(settings, offline=True), image_ids=mirror.ids)
        assert server.asked == []

    def test_an_unknown_split_is_named_with_those_that_are(self, settings):
        with pytest.raises(DownloadError, match=r"'val2015' is not known\. Expected val2014"):
            fetch(settings, "val2015")

    def test_room_is_looked_for_before_anything_is_fetched(
        self, settings, mirror, server, monkeypatch
    ):
        usage = shutil.disk_usage(settings.home)._replace(free=1000)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
        with pytest.raises(DownloadError, match=r"0.00 GB free; COCO val2014 needs .*--dest"):
            fetch(settings)
        assert server.sent[mirror.zips] <= 1

    def test_the_published_archives_need_their_room_twice(self, server, settings, monkeypatch):
        usage = shutil.disk_usage(settings.home)._replace(free=13_000_000_000)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
        with pytest.raises(DownloadError, match=r"13.00 GB free; COCO val2014 needs 13.59 GB"):
            fetch(settings)

    def test_pictures_are_not_fetched_from_a_mirror_with_a_password(self, settings, mirror, server):
        fetch(settings, images=False)
        secret = replace(settings, coco_url=server.url().replace("//", "//ann:secret@"))
        with pytest.raises(DownloadError, match="asks for a password") as caught:
            fetch(secret, image_ids=mirror.ids)
        assert "secret" not in str(caught.value)


class TestCommand:
    def run(self, settings, server, *arguments):
        environment = {"COCOSIFT_COCO_URL": server.url(), "COCOSIFT_OFFLINE": ""}
        environment["COCOSIFT_CACHE"] = str(settings.cache)
        return run_core("fetch", "coco", *arguments, home=settings.home, **environment)

    def test_it_says_what_is_here_and_what_comes_next(self, settings, mirror, server):
        done = self.run(settings, server, "val2014")
        assert done.exit_code == 0, done.stderr
        assert "  7 pictures, 7 captions, 7 instances, 7 keypoints" in done.stdout
        assert "  every picture has its file" in done.stdout
        assert "val2014.zip: checked by sha256 as the mirror's SHA256SUMS says" in done.stdout
        assert done.stdout.splitlines()[-1] == (
            "Next: python -m core embed --dataset val2014 --model MODEL"
        )

    def test_ids_come_from_a_file_and_figures_as_json(self, settings, mirror, server, tmp_path):
        (tmp_path / "ids.txt").write_text(f"{mirror.ids[0]}\n{list(mirror.pictures)[1]}\n")
        done = self.run(settings, server, "val2014", "--ids", str(tmp_path / "ids.txt"), "--json")
        figures = json.loads(done.stdout)
        assert (figures["picture_files"], figures["missing_files"]) == (2, 5)
        assert figures["annotations"] == {"captions": 7, "instances": 7, "keypoints": 7}

    def test_pictures_that_failed_give_exit_code_3(self, settings, mirror, server, tmp_path):
        server.files.pop(f"/val2014/{next(iter(mirror.pictures))}")
        (tmp_path / "ids.txt").write_text("\n".join(mirror.pictures))
        done = self.run(settings, server, "val2014", "--ids", str(tmp_path / "ids.txt"))
        assert done.exit_code == 3
        assert "1 picture could not be had" in done.stderr

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["val2014", "--no-images", "--no-annotations"], "nothing is left"),
            (["val2014", "--no-images", "--ids", "x"], "wants none"),
            (["val2099"], "Expected val2014"),
            (["val2014", "--ids", "/no/such"], "There is no file"),
        ],
        ids=["nothing", "ids without images", "unknown", "no list"],
    )
    def test_a_mistake_is_one_line(self, settings, server, arguments, words):
        done = self.run(settings, server, *arguments)
        assert done.exit_code == 2
        assert words in done.stderr
        assert server.asked == []
