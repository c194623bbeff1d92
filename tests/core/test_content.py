"""What a file holds: its sha256, and whether it only points to its content."""

import hashlib
from pathlib import Path

import pytest

from core.content import is_lfs_pointer, sha256_of


def test_the_sha256_is_that_of_the_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5_000
    (tmp_path / "file").write_bytes(content)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("head", "pointer"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", True),
        (b"version https://git-lfs", True),
        (b"version 2", False),
        (b"", False),
    ],
)
def test_a_git_lfs_pointer_is_known_by_how_it_begins(head: bytes, pointer: bool) -> None:
    assert is_lfs_pointer(head) is pointer
