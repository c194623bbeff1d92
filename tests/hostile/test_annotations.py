"""Annotation files: what no reader should have to bear."""

import json

import pytest

from core.coco import open_dataset, register_dataset
from core.errors import CocoSiftError, DatasetError
from tests.core.coco_files import caption, captions_file, coco, image, write
from tests.hostile.refusals import refused

DEEP = b'{"images": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
ID = 7
FILES = {
    "nothing": b"",
    "zeros": bytes(1_000),
    "not UTF-8": b'{"images": "\xff"}',
    "UTF-16": json.dumps(captions_file([1])).encode("utf-16"),
    "a list": b"[]",
    "a text": b'"images"',
    "cut short": json.dumps(captions_file([1, 2])).encode()[:-30],
    "something after the end": json.dumps(captions_file([1])).encode() + b"{}",
    "brackets without end": DEEP,
    "a ZIP": b"PK\x03\x04" + bytes(50),
    "gzip": b"\x1f\x8b\x08" + bytes(50),
    "a pickle": b"\x80\x04cos\nsystem\n(S'id'\ntR.",
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "images that are a text": {"images": "1", "annotations": []},
    "images that are numbers": {"images": [1, 2], "annotations": []},
    "no images": {"annotations": []},
    "an id that is a text": coco([image("1")], []),
    "an id that is true": coco([image(True)], []),
    "an id that is a fraction": coco([image(1.5)], []),
    "an id beyond 64 bits": coco([image(2**64)], []),
    "an id of a thousand digits": coco([image(10**999)], []),
    "an id twice": coco([image(ID), image(ID)], []),
    "an id that is null": coco([image(None)], []),
    "a name that is a list": coco([image(ID, file_name=["a"])], []),
    "a name that is missing": coco([{"id": ID, "width": 1, "height": 1}], []),
    "annotations that are a number": {"images": [image(ID)], "annotations": 5},
    "an annotation that is a list": coco([image(ID)], [[1, 2]]),  # type: ignore[list-item]
    "an annotation of a text": coco([image(ID)], [{**caption(1, ID), "image_id": "7"}]),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES.keys())
def test_a_file_is_refused_and_not_registered(settings, given, content):
    path = write(given / "captions.json", content)

    def add() -> None:
        register_dataset(settings, "bad", captions=path)
        open_dataset(settings.data / "bad", settings)

    refused(add, DatasetError)
    assert not list((settings.data / "bad").rglob("*.json.tmp"))


NAMES = [
    "../../others/secret.txt",
    "/etc/passwd",
    "..",
    ".",
    "a/../../../b.jpg",
    "C:\\Windows\\win.ini",
    "\\\\server\\share\\a.jpg",
    "a\x00.jpg",
    "CON",
    "a" * 5_000,
]


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_of_a_name_that_escapes_is_never_read_from_there(settings, given, name):
    from core.images import PictureStore
    from core.images.fetch import PictureFetcher

    (given / "pictures").mkdir()
    path = write(given / "captions.json", coco([image(ID, file_name=name, coco_url=None)], []))
    try:
        registered = register_dataset(settings, "bad", captions=path, pictures=given / "pictures")
        dataset = open_dataset(registered, settings)
    except CocoSiftError as error:
        assert str(error)  # noqa: PT017 - refusing the file is as good
        return
    store = PictureStore(dataset, settings, PictureFetcher(settings))
    refused(lambda: store.path(ID))


DATASET_NAMES = [
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "/etc",
    "a\\b",
    "a\x00",
    "a" * 300,
    "<b>",
    "-rf",
    " a",
]


@pytest.mark.parametrize("name", DATASET_NAMES)
def test_a_dataset_of_a_name_that_is_a_path_is_refused(settings, given, name):
    path = write(given / "captions.json", captions_file([1]))
    refused(lambda: register_dataset(settings, name, captions=path), DatasetError)
    assert list(settings.data.iterdir()) == []
