"""Answers of the database, kept for some seconds, because they are asked at every request."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")

KEPT_S = 10.0
MOST = 4_096


class Kept(Generic[Value]):
    """The last answers; `drop` forgets them all at once.

    Args:
        seconds: for so long an answer counts.
        most: so many are kept.
    """

    def __init__(self, seconds: float = KEPT_S, most: int = MOST) -> None:
        self._seconds = seconds
        self._most = most
        self._lock = threading.Lock()
        self._answers: OrderedDict[Hashable, tuple[float, Value]] = OrderedDict()
        self._drops = 0

    def get(self, key: Hashable, ask: Callable[[], Value | None]) -> Value | None:
        """Return the answer to `key`, asked for now unless it is kept; None is never kept.

        What is asked while others `drop` is not kept either: it may be what they dropped.
        """
        with self._lock:
            found = self._answers.get(key)
            # This clock cannot be set back.
            if found is not None and time.monotonic() < found[0]:
                self._answers.move_to_end(key)
                return found[1]
            drops = self._drops
        until = time.monotonic() + self._seconds
        value = ask()
        with self._lock:
            if value is not None and drops == self._drops:
                self._answers[key] = (until, value)
                self._answers.move_to_end(key)
                while len(self._answers) > self._most:
                    self._answers.popitem(last=False)
        return value

    def drop(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._drops += 1
            self._answers.clear()
