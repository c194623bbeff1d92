"""The C library's allocator: how much of what was freed a server keeps to itself.

Only glibc is told anything; elsewhere nothing happens. See mallopt(3) and malloc_trim(3).
"""

import ctypes
from contextlib import suppress

_ARENA_MAX = -8
_ARENAS = 2


def share_arenas() -> None:
    """Have threads share two arenas, before there are many: what one frees another then uses.

    By default there are eight a core, and what the threads of a warm-up freed would stay.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Give pages that hold nothing any more back to the system."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
