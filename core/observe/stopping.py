"""The end of a process: those who send people here are told first, then it ends.

A proxy or an orchestrator asks `/health/ready` every few seconds. When the process is told to
end (SIGTERM), that answers 503 from then on, and the process goes on serving for as long as it
may take them to ask again. Only then are connections closed: browsers get the code 1012
("service restart") and connect again. Where nobody has asked lately, nobody is waited for.
"""

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# As long as deploy/'s examples take between two looks, and one more second.
GRACE_S = 6.0
# Who has asked within this time looks after the instance.
_LATELY_S = 60.0

logger = logging.getLogger("cocosift")


class Stopping:
    """Whether this process is about to end. Safe to share by threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._has_begun = False
        self._callbacks: list[Callable[[], None]] = []
        self._asked: float | None = None

    @property
    def is_under_way(self) -> bool:
        """True from the moment at which the end has begun."""
        return self._has_begun

    def asked(self) -> None:
        """Note that somebody asks whether the process is ready."""
        self._asked = self._clock()

    def when_it_begins(self, callback: Callable[[], None]) -> None:
        """Have `callback` called once, in a thread, when the end begins: to take on no more work.

        What it raises is logged.
        """
        with self._lock:
            self._callbacks.append(callback)

    def grace_s(self) -> float:
        """Return for how many seconds to go on serving once the end has begun."""
        is_watched = self._asked is not None and self._clock() - self._asked < _LATELY_S
        return GRACE_S if is_watched else 0.0

    def begin(self) -> None:
        """Say that the process is about to end, and call those who wanted to know."""
        with self._lock:
            if self._has_begun:
                return
            self._has_begun = True
            callbacks = list(self._callbacks)
        logger.info("Stopping: not ready from now on")
        for callback in callbacks:
            threading.Thread(target=_call, args=(callback,), name="stopping", daemon=True).start()


@contextmanager
def graceful(stopping: Stopping) -> Iterator[None]:
    """Within the server's lifespan: let SIGTERM begin the end, and the server end after that.

    A second SIGTERM, and ^C, end it at once. Outside the main thread it does nothing, as
    signals come to that alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    servers = signal.getsignal(signal.SIGTERM)

    def end(number: int, frame: FrameType | None = None) -> None:
        if callable(servers):
            servers(number, frame)

    def told(number: int, frame: FrameType | None) -> None:
        if stopping.is_under_way or not callable(servers):
            end(number, frame)
            return
        grace_s = stopping.grace_s()

        def begin() -> None:
            stopping.begin()
            loop.call_later(grace_s, end, number)

        loop.call_soon_threadsafe(begin)

    signal.signal(signal.SIGTERM, told)
    try:
        yield
    finally:
        stopping.begin()
        if signal.getsignal(signal.SIGTERM) is told:
            signal.signal(signal.SIGTERM, servers)


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:
        logger.exception("What was to be done before the end failed")


# The process's own, which the server's lifespan and the routes of health share.
STOPPING = Stopping()
