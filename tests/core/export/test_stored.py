"""ZIPs of stored members are what `zipfile` would have written, whoever writes which part when."""

import hashlib
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ExportError
from core.export import stored
from core.export.stored import FileCopy, StoredZip, archive_bytes, copy_files, version_of
from core.progress import Cancelled

NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\\/", exclude_categories=("Cs", "Cc")),
    min_size=1,
    max_size=12,
)


@contextmanager
def opened(path: Path) -> Iterator[StoredZip]:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        yield StoredZip(file)
    finally:
        os.close(file)


def copies(archive: StoredZip, folder: Path, files: dict[str, bytes]) -> list[FileCopy]:
    """Each content as a file that is to become a member."""
    found = []
    for number, (name, content) in enumerate(files.items()):
        path = folder / str(number)
        path.write_bytes(content)
        entry = archive.end(archive.begin(name, len(content)), len(content))
        version = version_of(path.stat())
        found.append(FileCopy(entry, lambda path=path: path, version, hashlib.sha256()))
    return found


def expected(path: Path, files: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return path.read_bytes()


@settings(max_examples=60, deadline=None)
@given(files=st.dictionaries(NAMES, st.binary(max_size=300), max_size=30))
def test_the_bytes_are_those_of_zipfile(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("files")
    path = folder / "a.zip"
    with opened(path) as archive:
        wanted = copies(archive, folder, files)
        copy_files(archive, wanted, lambda n_bytes: None)
        archive.finish()
    assert path.read_bytes() == expected(folder / "b.zip", files)
    assert archive_bytes({name: len(content) for name, content in files.items()}) == (
        path.stat().st_size
    )
    digests = [copy.digest.hexdigest() for copy in wanted]
    assert digests == [hashlib.sha256(content).hexdigest() for content in files.values()]


def test_files_beyond_one_chunk_and_empty_ones_are_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "CHUNK_BYTES", 1000)
    files = {f"{size}": os.urandom(size) for size in (0, 1, 999, 1000, 1001, 2000, 54_321)}
    with opened(tmp_path / "a.zip") as archive:
        told: list[int] = []
        copy_files(archive, copies(archive, tmp_path, files), told.append)
        archive.finish()
        assert {name: b"".join(archive.read(name)) for name in files} == files
    assert (tmp_path / "a.zip").read_bytes() == expected(tmp_path / "b.zip", files)
    assert sum(told) == sum(map(len, files.values()))


@pytest.mark.parametrize("limit", [100, 5_000])
def test_what_needs_64_bits_is_read_by_zipfile(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(stored, "LARGEST", limit)
    files = {f"{number}.jpg": os.urandom(size) for number, size in enumerate([90, 400, 6_000, 3])}
    with opened(tmp_path / "a.zip") as archive:
        copy_files(archive, copies(archive, tmp_path, files), lambda n_bytes: None)
        archive.finish()
    size = archive_bytes({name: len(content) for name, content in files.items()})
    assert size == (tmp_path / "a.zip").stat().st_size
    with zipfile.ZipFile(tmp_path / "a.zip") as found:
        assert found.testzip() is None
        assert {name: found.read(name) for name in found.namelist()} == files


@pytest.mark.parametrize("change", ["longer", "shorter", "touched", "gone"])
def test_a_file_that_changes_before_it_is_copied_stops_the_work(tmp_path, change):
    with opened(tmp_path / "a.zip") as archive:
        wanted = copies(archive, tmp_path, {"a": b"some", "b": b"more", "c": b"last"})
        path = tmp_path / "1"
        if change == "gone":
            path.unlink()
        elif change == "touched":
            path.write_bytes(b"MORE")
            os.utime(path, (1, 1))
        else:
            path.write_bytes(b"more and more" if change == "longer" else b"m")
        with pytest.raises(ExportError, match=r"Export again\.$"):
            copy_files(archive, wanted, lambda n_bytes: None)


def test_what_is_told_may_end_the_work(tmp_path):
    def tell(n_bytes: int) -> None:
        raise Cancelled

    with opened(tmp_path / "a.zip") as archive:
        wanted = copies(archive, tmp_path, {str(number): b"x" for number in range(500)})
        with pytest.raises(Cancelled):
            copy_files(archive, wanted, tell)
        assert sum(copy.digest.digest() != hashlib.sha256().digest() for copy in wanted) < 500
