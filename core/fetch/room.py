"""Room on the disk, looked at before it is needed."""

import shutil
from pathlib import Path

from core.errors import DownloadError

_SPARE = 64 * 2**20  # bytes that stay free


def check_room(folder: Path, n_bytes: int) -> None:
    """Raise unless `folder` has room for `n_bytes` more.

    Raises:
        DownloadError: it has not; the message says how much is free.
    """
    free = shutil.disk_usage(folder).free
    if n_bytes > 0 and free < n_bytes + _SPARE:
        raise DownloadError(
            f"{folder} has {free:,} bytes free; {n_bytes:,} are needed. Make room there, or set "
            "COCOSIFT_HOME to a folder on a larger disk; then run the same command again."
        )
