"""Where COCO's files are, and what is known of them beforehand."""

import hashlib

import pytest

from core.errors import DownloadError
from core.fetch.mirror import KNOWN, Mirror
from core.settings import Settings
from tests.core.fetch.conftest import QUICK
from tests.core.fetch.faulty_server import Page, Served, Status

VAL = KNOWN["val2014"]
DIGEST = hashlib.sha256(b"x").hexdigest()


def mirror(url: str) -> Mirror:
    return Mirror(Settings(coco_url=url), QUICK)


@pytest.mark.parametrize(
    "url",
    [
        "http://images.cocodataset.org",
        "https://images.cocodataset.org",
        "https://s3.amazonaws.com/images.cocodataset.org",
    ],
)
def test_of_the_official_server_nothing_is_asked_beforehand(url):
    remote = mirror(url).remote(VAL.pictures)
    assert remote.url == f"{url}/zips/val2014.zip"
    assert (remote.size, remote.sha256) == (VAL.pictures.size, VAL.pictures.sha256)


@pytest.mark.parametrize("status", [404, 403, 410])
def test_a_mirror_without_a_list_has_what_is_published(server, status):
    server.fail("/SHA256SUMS", Status(status), times=-1)
    made = mirror(server.url())
    remote = made.remote(VAL.annotations)
    assert (remote.size, remote.sha256) == (VAL.annotations.size, VAL.annotations.sha256)
    assert made.words(remote) == "sha256 as published"


@pytest.mark.parametrize(
    "line",
    [f"{DIGEST}  zips/val2014.zip", f"{DIGEST.upper()} *./zips/val2014.zip"],
    ids=["text", "binary"],
)
def test_a_mirrors_list_counts_in_place_of_what_is_published(server, line):
    other = f"{'0' * 64}  zips/other file.zip"
    server.files["/SHA256SUMS"] = Served(f"{other}\n\n{line}\n".encode(), content_type="")
    remote = mirror(server.url()).remote(VAL.pictures)
    assert (remote.size, remote.sha256) == (None, DIGEST)


def test_the_list_is_asked_for_once(server):
    server.files["/SHA256SUMS"] = Served(f"{DIGEST}  x\n".encode())
    made = mirror(server.url())
    for _ in range(3):
        made.remote(VAL.pictures)
    assert len(server.asked) == 1


def test_a_sign_in_page_is_not_taken_for_a_mirror_without_a_list(server):
    server.fail("/SHA256SUMS", Page(), times=-1)
    with pytest.raises(DownloadError, match="sent a web page"):
        mirror(server.url()).remote(VAL.pictures)


def test_a_server_that_is_down_is_not_taken_for_a_mirror_without_a_list(server):
    server.fail("/SHA256SUMS", Status(503), times=-1)
    with pytest.raises(DownloadError, match="busy or broken"):
        mirror(server.url()).remote(VAL.pictures)


def test_a_picture_is_where_coco_has_it():
    assert mirror("https://host/coco").picture_url(VAL, VAL.picture_file(42)) == (
        "https://host/coco/val2014/COCO_val2014_000000000042.jpg"
    )
    assert KNOWN["val2017"].picture_file(42) == "000000000042.jpg"
