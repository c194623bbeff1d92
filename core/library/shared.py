"""Values that are costly to make, one for each key, shared by all threads and held to a bound."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from core.errors import CocoSiftError

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Something that this process holds in memory.

    Attributes:
        kind: "model", "vectors" or "dataset".
        name: of the model or the dataset; for vectors "dataset by model".
        n_bytes: what it takes; of a dataset 0, as its columns are a file that is mapped.
        used: when it was last asked for, in seconds since the epoch.
    """

    kind: str
    name: str
    n_bytes: int
    used: float


class Bound:
    """A number of bytes that several `Shared` hold together: the longest unused goes first.

    What is asked for last is always kept, however large it is.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[Any, Hashable], Loaded] = OrderedDict()

    def used(self, shared: "Shared[Any]", key: Hashable, name: str, n_bytes: int) -> None:
        """Note that the value of `key` is asked for now, and make room for it."""
        with self._lock:
            self._held[shared, key] = Loaded(shared.kind, name, n_bytes, time.time())
            self._held.move_to_end((shared, key))
            given_up = self._made_room()
        for other, old in given_up:
            other.drop(old)

    def gone(self, shared: "Shared[Any]", key: Hashable) -> None:
        """Note that the value of `key` is not kept any more."""
        with self._lock:
            self._held.pop((shared, key), None)

    def loaded(self) -> tuple[Loaded, ...]:
        """Return what is held, the last used first."""
        with self._lock:
            return tuple(reversed(self._held.values()))

    def _made_room(self) -> list[tuple["Shared[Any]", Hashable]]:
        """Take out the longest unused until the rest fits; return which these are."""
        left = sum(one.n_bytes for one in self._held.values())
        given_up = []
        for place in list(self._held)[:-1]:
            if left <= self.most_bytes:
                break
            if self._held[place].n_bytes:
                left -= self._held.pop(place).n_bytes
                given_up.append(place)
        return given_up


class Shared(Generic[Value]):
    """One value a key, made once however many threads ask, and anew when it is outdated.

    A failure is remembered too: who asks again for the same version gets the same error,
    without the work that led to it.

    Args:
        kind: what the values are, as `Loaded` says it.
        bound: what they are held to, by what `size` says of each at each use; None for no bound.
    """

    def __init__(
        self,
        kind: str,
        bound: Bound | None = None,
        size: Callable[[Value], int] = lambda value: 0,
    ) -> None:
        self.kind = kind
        self._bound = bound
        self._size = size
        self._lock = threading.Lock()
        self._slots: dict[Hashable, _Slot[Value]] = {}

    def get(
        self,
        key: Hashable,
        make: Callable[[], Value],
        version: Hashable = None,
        is_current: Callable[[Value], bool] = lambda value: False,
    ) -> Value:
        """Return the value of `key`: the one at hand if its version fits.

        Of another version, it stays if `is_current` says so after a closer look.
        """
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
        value = self._kept_or_made(slot, make, version, is_current)
        if self._bound is not None and self._slots.get(key) is slot:
            self._bound.used(self, key, _name(key), self._size(value))
        return value

    def has(self, key: Hashable) -> bool:
        """Whether a value of `key` is kept, of whatever version."""
        slot = self._slots.get(key)
        return slot is not None and slot.value is not None

    def keys(self) -> tuple[Hashable, ...]:
        """Return the keys of the values that are kept."""
        with self._lock:
            return tuple(key for key, slot in self._slots.items() if slot.value is not None)

    def drop(self, key: Hashable) -> None:
        """Give up the value of `key`; who uses it goes on with it."""
        with self._lock:
            self._slots.pop(key, None)
        if self._bound is not None:
            self._bound.gone(self, key)

    def _kept_or_made(
        self,
        slot: "_Slot[Value]",
        make: Callable[[], Value],
        version: Hashable,
        is_current: Callable[[Value], bool],
    ) -> Value:
        with slot.lock:
            is_known, slot.version = slot.version == version, version
            if slot.value is not None and (is_known or is_current(slot.value)):
                return slot.value
            if slot.failure is not None and is_known:
                raise copy(slot.failure)
            # The old value goes first: two copies of a model may not fit.
            slot.value = slot.failure = None
            try:
                slot.value = made = make()
            except CocoSiftError as error:
                # A copy has no traceback, which would keep all that was read.
                slot.failure = copy(error)
                raise
            return made


@dataclass(slots=True)
class _Slot(Generic[Value]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    version: Hashable = None
    value: Value | None = None
    failure: CocoSiftError | None = None


def _name(key: Hashable) -> str:
    return " by ".join(map(str, key)) if isinstance(key, tuple) else str(key)
