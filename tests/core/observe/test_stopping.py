"""The end of a process: those who look after it are told first, and have time to hear it."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from core.observe import stopping
from core.observe.stopping import GRACE_S, Stopping, graceful


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ended() -> Iterator[list[int]]:
    """What the server's own handler of SIGTERM is told; it stands in for uvicorn's."""
    told: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    yield told
    signal.signal(signal.SIGTERM, before)


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def test_who_asks_lately_is_waited_for_and_nobody_else():
    clock = Clock()
    one = Stopping(clock)
    assert one.grace_s() == 0
    one.asked()
    assert one.grace_s() == GRACE_S
    clock.now += 3600
    assert one.grace_s() == 0


def test_those_who_wanted_to_know_are_told_once_and_a_failure_hinders_nobody():
    one, told = Stopping(), threading.Semaphore(0)

    def fail() -> None:
        raise OSError("the database is away")

    one.when_it_begins(fail)
    one.when_it_begins(told.release)
    assert not one.is_under_way
    one.begin()
    one.begin()
    assert one.is_under_way
    assert told.acquire(timeout=20)
    assert not told.acquire(timeout=0.05)


def test_the_server_goes_on_after_the_signal_and_ends_then(ended, monkeypatch):
    monkeypatch.setattr(stopping, "GRACE_S", 0.3)
    one = Stopping()
    one.asked()

    async def serve() -> tuple[bool, list[int]]:
        with graceful(one):
            os.kill(os.getpid(), signal.SIGTERM)
            await until(lambda: one.is_under_way)
            while_serving = list(ended)
            await until(lambda: ended)
            return one.is_under_way, while_serving

    assert asyncio.run(serve()) == (True, [])
    assert ended == [signal.SIGTERM]


def test_a_second_signal_ends_at_once(ended, monkeypatch):
    monkeypatch.setattr(stopping, "GRACE_S", 3600.0)
    one = Stopping()
    one.asked()

    async def serve() -> None:
        with graceful(one):
            os.kill(os.getpid(), signal.SIGTERM)
            await until(lambda: one.is_under_way)
            os.kill(os.getpid(), signal.SIGTERM)
            await until(lambda: ended)

    asyncio.run(serve())
    assert ended == [signal.SIGTERM]


def test_the_handler_from_before_is_there_again(ended):
    before = signal.getsignal(signal.SIGTERM)

    async def serve() -> None:
        with graceful(Stopping()):
            assert signal.getsignal(signal.SIGTERM) is not before

    asyncio.run(serve())
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_server_in_a_thread_ends_as_it_would(ended):
    one = Stopping()

    async def serve() -> None:
        with graceful(one):
            pass

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert not one.is_under_way
