"""One at a time: a lock on a file beside what is made, let go by whoever dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import DownloadError


@contextmanager
def only_one(path: Path, what: str) -> Iterator[None]:
    """Hold the lock `path`; the file is there only while it is held.

    Args:
        path: of the lock; its folder is made if it is missing.
        what: is being made, for the message.

    Raises:
        DownloadError: another process holds it.
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _locked(path)
    if descriptor is None:
        raise DownloadError(
            f"Another command is fetching {what} right now. Wait until it is done, then run the "
            "same command again."
        )
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _locked(path: Path) -> int | None:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:  # a file system without locks
            return descriptor
        if _is_still(path, descriptor):
            return descriptor
        os.close(descriptor)  # its last holder has just removed it


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
