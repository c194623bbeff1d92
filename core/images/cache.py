"""A folder of files that may be made again, held to a size: least recently used go first."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Room made beyond the limit, so that the folder is not walked at every new file.
_SLACK = 0.05


class DiskCache:
    """Files under a folder whose sizes together stay near `limit` bytes.

    Several threads, instances and processes may share the folder: each walks it after it
    has added a twentieth of the limit, so the sum exceeds the limit by that at most for
    each of them.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self._limit = limit
        self._lock = threading.Lock()
        self._unseen = limit  # the first file added has the folder walked

    def get(self, path: Path) -> Path | None:
        """Return `path` when it is cached, and note that it was used now."""
        try:
            stat = path.stat()
            os.utime(path, ns=(time.time_ns(), stat.st_mtime_ns))
        except OSError:
            return None
        return path

    def added(self, path: Path) -> None:
        """Note that `path` was written, and make room when the folder has grown too large."""
        try:
            size = path.stat().st_size
        except OSError:
            return
        with self._lock:
            self._unseen += size
            if self._unseen <= self._limit * _SLACK:
                return
            self._unseen = 0
            self._make_room(keep=path)

    def _make_room(self, keep: Path) -> None:
        files = sorted(_walk(self.folder))
        total = sum(size for _, size, _ in files)
        if total <= self._limit:
            return
        for _, size, path in files:
            if total <= self._limit * (1 - _SLACK):
                return
            if path != str(keep):
                _remove(path)
                total -= size


class KeyedLocks:
    """A lock for each key that is in use, so that one thread makes a thing and others wait."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def holding(self, key: str) -> Iterator[None]:
        """Hold the lock of `key`."""
        with self._guard:
            lock, users = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, users = self._locks[key]
                if users == 1:
                    del self._locks[key]
                else:
                    self._locks[key] = (lock, users - 1)


def _walk(folder: Path) -> Iterator[tuple[int, int, str]]:
    """Yield (last use in ns, bytes, path) of each file under `folder`."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path))
            else:
                stat = entry.stat(follow_symlinks=False)
                yield stat.st_atime_ns, stat.st_size, entry.path
        except OSError:
            continue


def _remove(path: str) -> None:
    try:
        Path(path).unlink()
    except OSError:
        return
