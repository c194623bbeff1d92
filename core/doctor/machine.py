"""What the machine has to offer: folders, disk, memory, the time, processes."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.doctor.finding import Finding, fail, ok, warn
from core.errors import CocoSiftError
from core.progress import Progress
from core.settings import Settings
from core.workers import run_apart

# The code itself is from this year: a clock before it is wrong.
RELEASED = datetime(2026, 1, 1, tzinfo=UTC)
_GIB = 2**30
_MIB = 2**20
# Where Linux says what a container may have.
_CGROUP = Path("/sys/fs/cgroup/memory.max")
_MEMORY = Path("/proc/meminfo")
# What the server itself takes beside models and vectors, about.
_SERVER_BYTES = 700 * _MIB


def folders(settings: Settings) -> Iterator[Finding]:
    """Whether the cache and the home folder can be written."""
    for about, folder, advice in (
        ("cache", settings.cache, "or name another folder in COCOSIFT_CACHE"),
        ("home", settings.home, "or name another folder in COCOSIFT_HOME"),
    ):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(prefix=".doctor-", dir=folder) as file:
                file.write(b"x")
                file.flush()
        except OSError as error:
            said = f"{folder} cannot be written: {error.strerror or error}."
            todo = f"Let the user that runs the server (now: {os.getuid()}) write there, {advice}."
            # Everything but the database may be read-only there.
            yield fail(about, said, todo) if about == "cache" else warn(about, said, todo)
        else:
            yield ok(about, f"{folder} can be written.")


def disk(settings: Settings) -> Iterator[Finding]:
    """Whether there is room where things are written."""
    for about, folder in (("disk", settings.cache), ("disk", settings.home)):
        free = shutil.disk_usage(_nearest(folder)).free
        said = f"{free / _GIB:,.1f} GB are free where {folder} lies."
        least = settings.min_free_disk_bytes
        if free < least:
            yield fail(
                about,
                f"{said} The server is not ready below {least / _GIB:,.1f} GB.",
                "Make room; the cache may be deleted at any time.",
            )
        elif free < least + settings.picture_cache_bytes:
            yield warn(
                about,
                f"{said} The cache of pictures alone may take "
                f"{settings.picture_cache_bytes / _GIB:,.1f} GB.",
                "Make room, or set COCOSIFT_PICTURE_CACHE_MB lower.",
            )
        else:
            yield ok(about, said)


def memory(settings: Settings) -> Iterator[Finding]:
    """Whether models and vectors fit into the memory that there is."""
    total = _memory_bytes()
    if total is None:
        return
    needed = settings.model_memory_bytes + _SERVER_BYTES
    said = f"{total / _GIB:,.1f} GB of memory are there"
    if total < needed:
        yield warn(
            "memory",
            f"{said}; models and vectors may take {settings.model_memory_bytes / _GIB:,.1f} GB.",
            f"Set COCOSIFT_MODEL_MEMORY_MB to {max(256, (total - _SERVER_BYTES) // _MIB)} or less.",
        )
    else:
        yield ok("memory", f"{said}.")


def clock(_settings: Settings, now: datetime | None = None) -> Iterator[Finding]:
    """Whether the time can be right; `database` compares it with the server's."""
    now = now or datetime.now(UTC)
    if now < RELEASED:
        yield fail(
            "clock",
            f"It is {now:%Y-%m-%d %H:%M} UTC by this machine, before this CocoSift was made.",
            "Set the clock, and have it kept: timedatectl set-ntp true",
        )
    else:
        yield ok("clock", f"It is {now:%Y-%m-%d %H:%M} UTC by this machine.")


def worker(settings: Settings) -> Iterator[Finding]:
    """Whether slow work can begin in a process of its own."""
    try:
        pid = run_apart("core.doctor.machine:begin", {}, settings=settings)
    except CocoSiftError as error:
        yield fail(
            "worker", str(error), "Allow more processes and memory (ulimit -u, the container's)."
        )
        return
    yield ok("worker", f"A process for slow work starts (number {pid}).")


def begin(_settings: Settings, _arguments: dict[str, Any], _progress: Progress) -> int:
    """The task that `worker` tries."""
    return os.getpid()


def _nearest(folder: Path) -> Path:
    """`folder`, or the one above it that there is."""
    return next(path for path in (folder, *folder.resolve().parents) if path.exists())


def _memory_bytes() -> int | None:
    """What this process may use; None where nothing says it."""
    found = []
    try:
        limit = _CGROUP.read_text("ascii").strip()
        found += [int(limit)] if limit.isdecimal() else []
    except OSError:
        pass
    try:
        for line in _MEMORY.read_text("ascii").splitlines():
            if line.startswith("MemTotal:"):
                found.append(int(line.split()[1]) * 1024)
    except OSError:
        pass
    return min(found, default=None)
