"""What was freed goes back to the system."""

import subprocess
import sys

import pytest

from core.settings import PROJECT_ROOT

# Small pieces lie on the heap; one that stays at its end keeps the allocator from shrinking it.
FILL_AND_FREE = """
import os
from pathlib import Path
from core import allocator

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

allocator.share_arenas()
pieces = [bytes(2_000 + number % 7) for number in range(60_000)]
last = pieces.pop()
del pieces
before = resident()
allocator.give_back()
print(before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator is glibc's")
def test_freed_memory_is_given_back():
    done = subprocess.run(
        [sys.executable, "-c", FILL_AND_FREE],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) > 50_000_000
