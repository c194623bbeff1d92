"""What is remembered: made once, bounded, given up oldest first."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.recent import Recent


def test_a_value_is_made_once():
    recent: Recent[int] = Recent(5)
    made = []
    for _ in range(3):
        recent.get("key", lambda: made.append(1) or 7)
    assert recent.get("key", lambda: 8) == 7
    assert made == [1]


def test_what_was_not_asked_for_longest_goes_first():
    recent: Recent[int] = Recent(3)
    for key in (1, 2, 3, 1, 4):
        recent.get(key, lambda key=key: key)
    assert len(recent) == 3
    assert recent.get(1, lambda: -1) == 1
    assert recent.get(2, lambda: -1) == -1


def test_bytes_are_bounded_but_the_last_value_stays():
    recent: Recent[bytes] = Recent(100, 10, len)
    for key in range(5):
        recent.get(key, lambda: bytes(4))
    assert len(recent) == 2
    recent.get("large", lambda: bytes(50))
    assert len(recent) == 1
    recent.get("small", lambda: bytes(1))
    assert len(recent) == 1
    assert recent.get("small", lambda: b"") == bytes(1)


def test_what_could_not_be_made_is_tried_again():
    recent: Recent[int] = Recent(3)
    with pytest.raises(ZeroDivisionError):
        recent.get("key", lambda: 1 // 0)
    assert len(recent) == 0
    assert recent.get("key", lambda: 5) == 5


def test_a_value_of_none_is_remembered():
    recent: Recent[None] = Recent(3)
    recent.get("key", lambda: None)
    recent.get("key", lambda: pytest.fail("made again"))


def test_cleared_it_holds_nothing():
    recent: Recent[bytes] = Recent(3, 10, len)
    recent.get("key", lambda: bytes(9))
    recent.clear()
    recent.get("one", lambda: bytes(5))
    recent.get("other", lambda: bytes(5))
    assert len(recent) == 2


def test_threads_that_ask_together_share_what_one_makes():
    recent: Recent[object] = Recent(4)
    together = threading.Barrier(8)
    made = []

    def make() -> object:
        made.append(1)
        time.sleep(0.05)
        return object()

    def ask(_: int) -> object:
        together.wait()
        return recent.get("key", make)

    with ThreadPoolExecutor(8) as threads:
        values = list(threads.map(ask, range(8)))
    assert len(made) == 1
    assert len(set(map(id, values))) == 1


def test_threads_that_ask_for_different_things_do_not_wait_for_one_another():
    recent: Recent[int] = Recent(4)
    other_is_made = threading.Event()
    with ThreadPoolExecutor(2) as threads:
        slow = threads.submit(recent.get, "slow", lambda: other_is_made.wait(10) and 1)
        assert threads.submit(recent.get, "quick", lambda: 2).result(10) == 2
        other_is_made.set()
        assert slow.result(10) == 1


def test_many_threads_keep_the_bounds():
    recent: Recent[bytes] = Recent(5, 40, len)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: recent.get(n % 13, lambda: bytes(10)), range(2_000)))
    assert len(recent) <= 4
    assert recent.get("after", lambda: b"x") == b"x"
