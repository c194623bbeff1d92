"""What a file holds, whatever its format: its sha256, and whether it is only a pointer."""

import hashlib
from pathlib import Path

_LFS = b"version https://git-lfs"


def sha256_of(path: Path) -> str:
    """Return the hex sha256 of the file at `path`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_lfs_pointer(head: bytes) -> bool:
    """Tell whether a file that begins with `head` (32 bytes will do) is a Git LFS pointer.

    That is a small text which stands for the content until `git lfs pull` fetches it.
    """
    return head.startswith(_LFS)
