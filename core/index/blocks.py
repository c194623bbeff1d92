"""Rows in blocks over the cores: whoever asks works along, so nobody waits for a free thread."""

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

# Beyond so many threads the memory is the limit, and other people's queries want some.
_MOST_THREADS = 8
# Taken by a thread at a time: enough that Python between them is nothing, few enough that all
# end together.
_FEWEST_BYTES = 2**19
_MOST_BYTES = 2**23
_BLOCKS_A_THREAD = 4
# Below so many blocks waking a thread takes longer than the work.
_FEWEST_BLOCKS = 4


def in_blocks(count: int, size: int, work: Callable[[slice], object]) -> None:
    """Call `work` for slices of at most `size` that together are 0 to `count`.

    It is called by several threads at once, in no order; what it computes must be without the
    GIL for that to help. OMP_NUM_THREADS bounds the threads, as it does for numpy.

    Raises:
        Whatever `work` raises.
    """
    starts = iter(range(0, count, size))

    def run() -> None:
        for start in starts:  # shared by all threads: each start goes to one of them
            work(slice(start, min(start + size, count)))

    wanted = threads() - 1 if count > size * (_FEWEST_BLOCKS - 1) else 0
    helpers = [_pool(os.getpid(), wanted).submit(run) for _ in range(wanted)]
    run()
    for helper in helpers:
        # One that has not begun by now is not needed any more.
        if not helper.cancel():
            helper.result()


def rows_at_once(count: int, row_bytes: int) -> int:
    """How many of `count` rows a thread takes at a time when it only reads them."""
    wanted = count * row_bytes // (_BLOCKS_A_THREAD * threads())
    return max(1, min(max(wanted, _FEWEST_BYTES), _MOST_BYTES) // max(1, row_bytes))


@functools.cache
def threads() -> int:
    """How many threads share the work."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    most = min(cores or 1, _MOST_THREADS)
    return min(int(wanted), most) if wanted.isdecimal() and int(wanted) else most


@functools.cache
def _pool(process: int, size: int) -> ThreadPoolExecutor:
    """The helpers of this process: a fork has none of its parent's threads, and makes its own."""
    return ThreadPoolExecutor(size, thread_name_prefix="index")
