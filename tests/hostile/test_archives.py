"""Archives of pictures that a mirror sends."""

import stat
import zipfile
from pathlib import Path

import pytest

from core.errors import DownloadError
from core.fetch.archive import unpack
from tests.hostile.refusals import refused
from tests.hostile.test_recipes import bomb, packed

MB = 2**20
NAMES = [
    "../others/secret.txt",
    "val2014/../../others/secret.txt",
    "/etc/passwd",
    "//host/share",
    "C:/Windows/win.ini",
    "val2014\\..\\..\\secret.txt",
    "val2014/a\x00.jpg",
    "",
    ".",
    "..",
    "val2014/a\n.jpg",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_escapes_is_refused_before_anything_is_written(given, name):
    path = packed(given / "val2014.zip", {"val2014/1.jpg": b"1", name: b"x"}, zipfile.ZIP_STORED)
    refused(lambda: unpack(path, given / "out", lambda _: True, at_most=MB), DownloadError)
    assert not list((given / "out").rglob("*.jpg"))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_what_is_no_plain_file_is_refused(given, kind):
    path = given / "val2014.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("val2014/1.jpg")
        info.create_system, info.external_attr = 3, (kind | 0o777) << 16
        archive.writestr(info, "../../others/secret.txt")
    refused(lambda: unpack(path, given / "out", lambda _: True, at_most=MB), DownloadError)


def test_a_bomb_is_refused_before_anything_is_written(given):
    path = bomb(given / "val2014.zip", "val2014/1.jpg", 500 * MB)
    refused(lambda: unpack(path, given / "out", lambda _: True, at_most=MB), DownloadError)
    assert not list((given / "out").rglob("*.jpg"))


def test_a_name_that_no_disk_takes_is_refused(given):
    path = packed(given / "val2014.zip", {"val2014/" + "a" * 300 + ".jpg": b"x"})
    refused(lambda: unpack(path, given / "out", lambda _: True, at_most=MB), DownloadError)


def test_two_names_of_one_file_are_refused(given):
    members = {"val2014/a.jpg": b"1", "VAL2014/A.JPG": b"2"}
    path = packed(given / "val2014.zip", members)
    refused(lambda: unpack(path, given / "out", lambda _: True, at_most=MB), DownloadError)


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"PK\x03\x04" + bytes(99), b"<html>Sign in</html>"]
)
def test_what_is_no_archive_is_refused(given: Path, content: bytes):
    path = given / "val2014.zip"
    path.write_bytes(content)
    refused(lambda: unpack(path, given / "out", lambda _: True, at_most=MB), DownloadError)
