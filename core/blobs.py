"""A bounded folder of bytes that are kept under their own hash.

What is kept goes when nobody has used it for long, and the longest unused goes first when
there is too much of it. Threads, instances and processes may share a folder.
"""

import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.atomic import atomic_file
from core.errors import SettingsError

# The folder is walked at the first use, then after this share of the limit was added or so
# many seconds.
_SLACK = 0.05
_WALK_AFTER_S = 3600.0
# What a small file takes on a disk all the same.
_BLOCK = 4096
_HEX = frozenset("0123456789abcdef")


class BlobStore:
    """Bytes under the hex sha256 of them, for a time and up to a size.

    Args:
        folder: made when the first bytes are kept.
        max_bytes: of all files together, each counted as 4,096 at least; each process that
            keeps something exceeds it by a twentieth at most.
        max_age_s: how long something is kept after its last use.
        clock: seconds since the epoch.
        digits: how many of the 64 hex digits name a file.
    """

    def __init__(
        self,
        folder: Path,
        max_bytes: int,
        max_age_s: float,
        clock: Callable[[], float] = time.time,
        digits: int = 64,
    ) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._clock = clock
        self._digits = digits
        self._lock = threading.Lock()
        self._unseen = 0
        self._walked: float | None = None

    def put(self, data: bytes) -> str:
        """Keep `data` and return its name: the first `digits` of its hex sha256.

        Raises:
            SettingsError: the folder cannot be written.
        """
        name = self._name(data)
        path = self._path(name)
        with self._writing(), self._alone():
            if not self._touch(path):
                with atomic_file(path) as file:
                    file.write(data)
                self._touch(path)
                self._added(path, len(data))
        return name

    def get(self, name: str) -> bytes | None:
        """Return what is kept as `name` and note its use; None when it is not there any more.

        Raises:
            SettingsError: the file cannot be read.
        """
        path = self.path(name)
        if path is None:
            return None
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(self.folder, "read", error) from error
        return data if self._name(data) == name else None

    def path(self, name: str) -> Path | None:
        """Return the file of `name` and note its use; None when it is not there any more."""
        if len(name) != self._digits or not _HEX.issuperset(name):
            return None
        path = self._path(name)
        try:
            used = path.stat().st_mtime
        except OSError:
            return None
        if self._clock() - used > self._max_age_s:
            return None
        self._touch(path)
        with suppress(OSError):  # of a folder that may be read only, what is old stays
            self._tidy(path)
        return path

    def _name(self, data: bytes) -> str:
        return hashlib.sha256(data).hexdigest()[: self._digits]

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / name

    def _touch(self, path: Path) -> bool:
        """Note that `path` is used now; False when it is not there."""
        now = self._clock()
        try:
            os.utime(path, (now, now))
        except FileNotFoundError:
            return False
        except OSError:
            return path.is_file()  # a folder that may be read only
        return True

    def _added(self, path: Path, size: int) -> None:
        self._unseen += max(size, _BLOCK)
        if self._is_due() or self._unseen > self._max_bytes * _SLACK:
            self._make_room(keep=path)

    def _tidy(self, keep: Path) -> None:
        """Remove what has expired, also where nothing new is ever kept."""
        if self._is_due():
            with self._alone():
                if self._is_due():  # no other thread has done it meanwhile
                    self._make_room(keep)

    def _is_due(self) -> bool:
        return self._walked is None or self._clock() - self._walked >= _WALK_AFTER_S

    def _make_room(self, keep: Path) -> None:
        now = self._clock()
        self._unseen, self._walked = 0, now
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        # Room for what is added until the next walk, once there is too much.
        wanted = self._max_bytes * (1 - _SLACK) if total > self._max_bytes else total
        for used, size, path in files:
            is_old = now - used > self._max_age_s
            if path != str(keep) and (is_old or total > wanted):
                Path(path).unlink(missing_ok=True)
                total -= size

    def _files(self) -> Iterator[tuple[float, int, str]]:
        """Yield (last use, bytes on disk, path) of each; removes what a dead writer has left."""
        for folder in os.scandir(self.folder):
            if not folder.is_dir(follow_symlinks=False):
                continue
            for entry in os.scandir(folder.path):
                if _HEX.issuperset(entry.name):
                    status = entry.stat(follow_symlinks=False)
                    yield status.st_mtime, max(status.st_size, _BLOCK), entry.path
                else:  # nobody else writes now
                    Path(entry.path).unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other thread or process keep or remove anything meanwhile.

        Else one might remove as too old what another has just been asked to keep.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock, (self.folder / ".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _unusable(self.folder, "written", error) from error


def _unusable(folder: Path, verb: str, error: OSError) -> SettingsError:
    return SettingsError(
        f"{folder} cannot be {verb}: {error.strerror or error}. Let this user use it and make "
        "room there, or name another folder in COCOSIFT_CACHE."
    )
