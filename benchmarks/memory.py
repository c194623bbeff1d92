"""What processes hold of memory and take of processors, by the kernel (proc(5)); Linux only."""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Memory:
    """What processes hold, in MB of a million bytes.

    Attributes:
        resident: pages in memory, those shared with others and mapped files among them (Rss).
        proportional: the same with shared pages divided by who shares them (Pss).
        anonymous: what is no file's: what it would take to hold it in swap.
    """

    resident: float
    proportional: float
    anonymous: float


def memory_of(pid: int) -> Memory:
    """Return what one process holds.

    Raises:
        OSError: it has ended, or there is no proc file system.
    """
    return Memory(_sum(pid, "Rss"), _sum(pid, "Pss"), _sum(pid, "Anonymous"))


def private_mb(pids: Iterable[int]) -> float:
    """Return in MB what processes have to themselves; one that has just ended has nothing."""
    total = 0.0
    for pid in pids:
        with suppress(OSError):
            total += _sum(pid, "Private_Clean", "Private_Dirty")
    return total


def descendants(pid: int | None = None) -> list[int]:
    """Return the processes that `pid`, or this one, has started, and those that they have."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = [os.getpid() if pid is None else pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def processor_seconds(pids: Iterable[int]) -> float:
    """Return how long processors have worked for processes; one that has just ended has nothing."""
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _sum(pid: int, *fields: str) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    wanted = tuple(f"{field}:" for field in fields)
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(wanted)) * (
        1024 / 1e6
    )
