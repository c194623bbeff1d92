"""Values that are costly to make: kept for those who ask again, the oldest given up."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(slots=True, eq=False)
class _Entry(Generic[Value]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    values: list[Value] = field(default_factory=list)
    size: int = 0


class Recent(Generic[Value]):
    """The values that were asked for last, each made once however many threads ask.

    A key must name the version of all that its value was made of: nothing is ever made
    anew while it is kept. What could not be made is not kept.

    Args:
        most: values that are kept at most.
        most_bytes: the same, by what `size` says of each; the last one is kept always.
        size: bytes of a value.
    """

    def __init__(
        self,
        most: int,
        most_bytes: int = 0,
        size: Callable[[Value], int] = lambda value: 0,
    ) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._size = size
        self._bytes = 0
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, _Entry[Value]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value of `key`, made now unless it is kept.

        Raises:
            Whatever `make` raises.
        """
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
        with entry.lock:
            if entry.values:
                return entry.values[0]
            try:
                value = make()
            except BaseException:
                self._forget(key, entry)
                raise
            entry.values.append(value)
        self._keep(key, entry, self._size(value))
        return value

    def clear(self) -> None:
        """Give up all values."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    def _forget(self, key: Hashable, entry: _Entry[Value]) -> None:
        with self._lock:
            if self._entries.get(key) is entry:
                del self._entries[key]

    def _keep(self, key: Hashable, entry: _Entry[Value], size: int) -> None:
        with self._lock:
            if self._entries.get(key) is not entry:
                return  # given up meanwhile
            entry.size = size
            self._bytes += size
            while len(self._entries) > 1 and self._is_full():
                _, oldest = self._entries.popitem(last=False)
                self._bytes -= oldest.size

    def _is_full(self) -> bool:
        too_large = self._most_bytes > 0 and self._bytes > self._most_bytes
        return too_large or len(self._entries) > self._most
