"""What the instance takes: disk, caches, memory."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core import downloads, uploads, views
from core.quality import vectors as quality_vectors
from core.settings import Settings

_PROC = Path("/proc")
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
_CGROUP_USED = Path("/sys/fs/cgroup/memory.current")


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system that holds folders of ours; sizes in bytes.

    Attributes:
        holds: which: "home", "cache", or both.
    """

    holds: tuple[str, ...]
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class CacheFolder:
    """A folder of the cache: what it holds, how much that takes, and its bound.

    Attributes:
        name: the folder's.
        title: what is in it, in words.
        n_bytes, n_files: of all files below it.
        limit: bytes that it is held to; None when nothing bounds it.
    """

    name: str
    title: str
    n_bytes: int
    n_files: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class Memory:
    """Main memory in bytes.

    Attributes:
        server: resident in this process.
        server_mapped: of it, pages of files that the system may drop at any time.
        worker: resident in the kept process for slow work and in what it works on; 0 when
            there is none.
        total: of the machine, or of the container when that has less.
        available: what may still be taken without swapping.
    """

    server: int
    server_mapped: int
    worker: int
    total: int
    available: int


def disks(settings: Settings) -> tuple[Disk, ...]:
    """Return the file systems that the home and the cache folder lie on."""
    found: dict[int, Disk] = {}
    for name, folder in (("home", settings.home), ("cache", settings.cache)):
        try:
            there = _nearest(folder)
            device = there.stat().st_dev
            usage = shutil.disk_usage(there)
        except OSError:
            continue
        known = found.get(device)
        holds = (*known.holds, name) if known else (name,)
        found[device] = Disk(holds, usage.free, usage.total)
    return tuple(found.values())


def cache_folders(settings: Settings) -> tuple[CacheFolder, ...]:
    """Return what the folders of the cache take, the largest first; walks all files."""
    try:
        folders = sorted(path for path in settings.cache.iterdir() if path.is_dir())
    except OSError:
        return ()
    found = []
    for folder in folders:
        title, limit = _known(settings).get(folder.name, (folder.name, None))
        sizes = list(_sizes(folder))
        found.append(CacheFolder(folder.name, title, sum(sizes), len(sizes), limit))
    return tuple(sorted(found, key=lambda one: -one.n_bytes))


def memory() -> Memory | None:
    """Return how the memory stands; None where the system does not tell (no `/proc`)."""
    try:
        own = _fields(_PROC / "self" / "status")
        machine = _fields(_PROC / "meminfo")
        total, available = machine["MemTotal"], machine["MemAvailable"]
    except (OSError, KeyError, ValueError):
        return None
    limit = _number(_CGROUP_LIMIT)
    if limit is not None and limit < total:
        total, available = limit, min(available, max(0, limit - (_number(_CGROUP_USED) or 0)))
    return Memory(
        server=own.get("VmRSS", 0),
        server_mapped=own.get("RssFile", 0),
        worker=sum(_resident(pid) for pid in _descendants(os.getpid())),
        total=total,
        available=available,
    )


def _known(settings: Settings) -> dict[str, tuple[str, int | None]]:
    return {
        "pictures": ("fetched pictures and thumbnails", settings.picture_cache_bytes),
        "downloads": ("finished downloads", downloads.MAX_BYTES),
        "uploads": ("pictures that people search with", uploads.MAX_BYTES),
        "views": ("selections too long for an address", views.MAX_BYTES),
        "quality": ("measurements of quality", quality_vectors.MAX_BYTES),
        "index": ("annotation indexes of folders that cannot be written", None),
        "runtime": ("models prepared for this machine's processor", None),
    }


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _sizes(folder: Path) -> Iterator[int]:
    """Yield the bytes that each file below `folder` takes on the disk."""
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        yield entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:  # it went meanwhile, or may not be read
            continue


def _fields(path: Path) -> dict[str, int]:
    """The lines `name: number kB` of a file of `/proc`, in bytes."""
    found = {}
    for line in path.read_text("ascii", "replace").splitlines():
        name, _, value = line.partition(":")
        words = value.split()
        if len(words) == 2 and words[1] == "kB":
            found[name] = int(words[0]) * 1024
    return found


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):  # not in a container, or no bound ("max")
        return None


def _descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for path in _PROC.glob("[0-9]*/stat"):
        try:
            after_name = path.read_text("utf-8", "replace").rpartition(")")[2].split()
            parents.setdefault(int(after_name[1]), []).append(int(path.parent.name))
        except (OSError, ValueError, IndexError):
            continue  # it has ended
    found, waiting = [], list(parents.get(pid, ()))
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += parents.get(one, ())
    return found


def _resident(pid: int) -> int:
    """Memory of another process: its own pages, each that it shares by its part."""
    try:
        return _fields(_PROC / str(pid) / "smaps_rollup")["Pss"]
    except (OSError, KeyError, ValueError):
        return 0
