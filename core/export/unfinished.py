"""Files in the making: under a temporary name beside the final one, marked by a lock.

A killed process lets its lock go, so what it left is told from what another still writes.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.atomic import UMASK

_SUFFIX = ".unfinished"
_LONGEST_STEM = 60


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """Yield a temporary path in `path`'s folder that becomes `path` if the block succeeds.

    What killed processes left in that folder is removed first. The folder is made if it is
    missing. If the block raises, nothing is left behind and an older file stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _only_one_in(path.parent):
        _sweep(path.parent)
        descriptor, name = tempfile.mkstemp(
            prefix=f".{path.name[:_LONGEST_STEM]}.", suffix=_SUFFIX, dir=path.parent
        )
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~UMASK)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        os.close(descriptor)


@contextmanager
def _only_one_in(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: nobody sweeps away what has been made and is not locked yet."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    for path in folder.glob(f".*{_SUFFIX}"):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
