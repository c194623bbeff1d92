"""Files and folders appear whole or not at all."""

import os
from pathlib import Path

import pytest

from core.atomic import atomic_file, atomic_folder, write_text


def test_a_file_appears_whole(tmp_path):
    write_text(tmp_path / "new" / "note.txt", "ä")
    assert (tmp_path / "new" / "note.txt").read_bytes() == "ä".encode()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["note.txt"]


def test_a_failure_leaves_the_older_file_and_nothing_else(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_file(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_can_be_read_by_others_as_the_umask_says(tmp_path):
    write_text(tmp_path / "note.txt", "")
    usual = tmp_path / "usual.txt"
    usual.touch()
    assert (tmp_path / "note.txt").stat().st_mode == usual.stat().st_mode


def test_a_folder_replaces_the_older_one(tmp_path):
    folder = tmp_path / "vectors"
    folder.mkdir()
    (folder / "old").touch()
    with atomic_folder(folder) as temporary:
        (temporary / "new").touch()
    assert [path.name for path in folder.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_failure_leaves_the_older_folder_and_nothing_else(tmp_path):
    folder = tmp_path / "vectors"
    folder.mkdir()
    (folder / "old").touch()
    with pytest.raises(RuntimeError), atomic_folder(folder) as temporary:
        (temporary / "new").touch()
        raise RuntimeError
    assert [path.name for path in folder.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [folder]


def test_the_umask_of_the_process_is_left_alone(tmp_path, monkeypatch):
    def fail(mask: int) -> int:
        raise AssertionError("another thread's files would get this mask")

    monkeypatch.setattr(os, "umask", fail)
    write_text(tmp_path / "note.txt", "")
    with atomic_folder(tmp_path / "vectors"):
        pass


def test_an_older_folder_comes_back_when_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    folder = tmp_path / "vectors"
    folder.mkdir()
    (folder / "old").touch()
    replace = Path.replace

    def fail_for_new(self: Path, target: Path) -> Path:
        if self.name.endswith(".tmp"):
            raise OSError("No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail_for_new)
    with pytest.raises(OSError, match="No space"), atomic_folder(folder) as temporary:
        (temporary / "new").touch()
    assert [path.name for path in folder.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [folder]
