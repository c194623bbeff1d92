"""Lists of a split's pictures are read as people have them."""

import json

import pytest

from core.errors import DownloadError, QueryError
from core.quality.split import SPLITS, read_split, split_ids, split_named
from core.settings import Settings
from tests.core.fetch.faulty_server import Page, Served, Status, faulty_server

NAME = "COCO_val2014_000000391895.jpg"
KARPATHY = {
    "dataset": "coco",
    "images": [
        {
            "filepath": "val2014",
            "sentids": [770337],
            "filename": NAME,
            "imgid": 0,
            "split": "test",
            "sentences": [
                {"tokens": ["a", "man"], "raw": "A man.", "imgid": 0, "sentid": 770337},
            ],
            "cocoid": 391895,
        },
        {"filename": "COCO_val2014_000000000042.jpg", "split": "val", "cocoid": 42},
        {"filename": "COCO_train2014_000000000009.jpg", "split": "train", "cocoid": 9},
        {"filename": "COCO_val2014_000000060623.jpg", "split": "test"},
    ],
}


def write(folder, content):
    path = folder / "list"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(
    "content",
    [
        KARPATHY,
        {"images": [{"id": 391895, "file_name": NAME}, {"id": 60623}], "annotations": []},
        [
            {"image": f"val2014/{NAME}", "caption": ["A man.", "Another."]},
            {"image": "val2014/COCO_val2014_000000060623.jpg", "caption": []},
        ],
        [
            {"image_id": "coco_391895", "image": f"val2014/{NAME}", "caption": "A man."},
            {"image_id": "coco_391895", "image": f"val2014/{NAME}", "caption": "Another."},
            {"image_id": 60623, "caption": "A third."},
        ],
        [391895, 60623],
        {"images": [391895, 60623]},
        f"{NAME}\nval2014/COCO_val2014_000000060623.jpg\n",
        "391895\n60623 # the second\n",
        "391895, 60623",
    ],
    ids=[
        "Karpathy's",
        "COCO's",
        "BLIP's pictures",
        "BLIP's captions",
        "ids as JSON",
        "ids as images",
        "file names",
        "ids",
        "ids in a line",
    ],
)
def test_a_list_is_read_in_each_form(tmp_path, content):
    assert read_split(write(tmp_path, content)) == (391895, 60623)


def test_another_split_of_the_same_list_is_taken(tmp_path):
    assert read_split(write(tmp_path, KARPATHY), "val") == (42,)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (KARPATHY, r"no picture of the split 'restval'; it has test, train, val"),
        ([{"caption": "A man."}], r"expected|Expected of each picture"),
        ("a man with a helmet", r"Expected an image id"),
        ("", r"lists no picture"),
        ('{"images": [{"cocoid": 1', r"not valid JSON"),
    ],
    ids=["no such split", "no id", "no list", "empty", "cut short"],
)
def test_what_is_no_list_is_named(tmp_path, content, said):
    with pytest.raises(QueryError, match=said):
        read_split(write(tmp_path, content), "restval")


def test_a_list_that_is_not_there_is_named(tmp_path):
    with pytest.raises(QueryError, match=r"cannot be read: No such file"):
        read_split(tmp_path / "nowhere")


def test_an_unknown_split_names_the_known():
    with pytest.raises(QueryError, match="karpathy-test or karpathy-val"):
        split_named("minival")


class TestFetchedLists:
    @pytest.fixture
    def server(self):
        with faulty_server() as running:
            yield running

    @pytest.fixture
    def settings(self, tmp_path):
        return Settings(cache=tmp_path / "cache")

    def test_are_fetched_from_an_address_that_is_given(self, server, settings):
        server.files["/dataset_coco.json"] = Served(json.dumps(KARPATHY).encode())
        at = server.url("/dataset_coco.json")
        assert split_ids(split_named("karpathy-val"), at, settings) == (42,)
        assert split_ids(None, at, settings) == (391895, 60623)

    def test_of_a_split_are_fetched_once(self, server, settings, monkeypatch):
        split = split_named("karpathy-test")
        ids = list(range(1, split.pictures + 1))
        server.files["/list"] = Served(json.dumps({"images": [{"id": i} for i in ids]}).encode())
        here = type(split)(split.name, split.kind, server.url("/list"), split.pictures)
        assert split_ids(here, None, settings) == tuple(ids)
        asked = len(server.asked)
        assert split_ids(here, None, settings) == tuple(ids)
        assert len(server.asked) == asked

    def test_of_another_length_are_refused(self, server, settings):
        split = split_named("karpathy-test")
        server.files["/list"] = Served(b"[1, 2, 3]")
        here = type(split)(split.name, split.kind, server.url("/list"), split.pictures)
        for _ in range(2):
            with pytest.raises(DownloadError, match=r"has 3 pictures; karpathy-test has 5,000"):
                split_ids(here, None, settings)

    @pytest.mark.parametrize(
        ("fault", "said"), [(Status(404), r"has no /list"), (Page(), "web page")]
    )
    def test_that_cannot_be_had_are_named(self, server, settings, fault, said):
        server.files["/list"] = Served(b"[1, 2, 3]")
        server.fail("/list", fault, times=-1)
        with pytest.raises(DownloadError, match=said):
            split_ids(None, server.url("/list"), settings)

    def test_are_not_fetched_offline(self, tmp_path):
        offline = Settings(cache=tmp_path, offline=True)
        with pytest.raises(DownloadError, match=r"--ids FILE"):
            split_ids(SPLITS["karpathy-test"], None, offline)
