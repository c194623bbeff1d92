"""Values that are costly to make, one for each key, shared by all threads and held to a bound."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from core.errors import CocoSiftError

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Something that this process holds in memory.

    Attributes:
        kind: "model", "vectors" or "dataset".
        name: of the model or the dataset; for vectors "dataset by model".
        n_bytes: what it takes, files that are mapped included.
        used: when it was last asked for, in seconds since the epoch.
    """

    kind: str
    name: str
    n_bytes: int
    used: float


class Bound:
    """A number of bytes that all that is held takes together: the longest unused goes first.

    What is asked for last is always kept, however large it is.

    Args:
        most_bytes: of all together.
        told: told the kind and name of each that goes.
    """

    def __init__(
        self, most_bytes: int, told: Callable[[str, str], None] = lambda kind, name: None
    ) -> None:
        self.most_bytes = most_bytes
        self._told = told
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[str, str], _Held] = OrderedDict()

    def used(
        self, kind: str, name: str, size: Callable[[], int], give_up: Callable[[], None]
    ) -> None:
        """Note that something is asked for now, and make room for it.

        Args:
            kind, name: as of `Loaded`.
            size: tells how many bytes it takes; asked again and again, as a model grows when
                its towers are first used.
            give_up: called when it must go for something else; who uses it goes on with it.
        """
        with self._lock:
            self._held[kind, name] = _Held(size, give_up, time.time())
            self._held.move_to_end((kind, name))
            going = self._made_room()
        for place, held in going.items():
            held.give_up()
            self._told(*place)

    def touch(self, kind: str, name: str) -> None:
        """Note that something that is held is asked for now."""
        with self._lock:
            if held := self._held.get((kind, name)):
                held.when = time.time()
                self._held.move_to_end((kind, name))

    def gone(self, kind: str, name: str) -> None:
        """Note that something is not held any more."""
        with self._lock:
            was_held = self._held.pop((kind, name), None)
        if was_held:
            self._told(kind, name)

    def let_go(self, kind: str, name: str) -> bool:
        """Give up something that is held; tell whether it was."""
        with self._lock:
            held = self._held.pop((kind, name), None)
        if held is None:
            return False
        held.give_up()
        self._told(kind, name)
        return True

    def loaded(self) -> tuple[Loaded, ...]:
        """Return what is held, the last used first."""
        with self._lock:
            return tuple(
                Loaded(*place, held.size(), held.when)
                for place, held in reversed(self._held.items())
            )

    def _made_room(self) -> "dict[tuple[str, str], _Held]":
        """Take out the longest unused until the rest fits; return these."""
        sizes = {place: held.size() for place, held in self._held.items()}
        left, going = sum(sizes.values()), {}
        for place in list(self._held)[:-1]:
            if left <= self.most_bytes:
                break
            if sizes[place]:
                left -= sizes[place]
                going[place] = self._held.pop(place)
        return going


class Shared(Generic[Value]):
    """One value a key, made once however many threads ask, and anew when it is outdated.

    A failure is remembered too: who asks again for the same version gets the same error,
    without the work that led to it.

    Args:
        kind: what the values are, as `Loaded` says it.
        bound: what they are held to.
        size: bytes that a value takes.
    """

    def __init__(self, kind: str, bound: Bound, size: Callable[[Value], int]) -> None:
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
        value = self._kept_or_made(key, slot, make, version, is_current)
        if self._slots.get(key) is slot:
            size, drop = partial(self._size, value), partial(self.drop, key)
            self._bound.used(self.kind, name_of(key), size, drop)
        return value

    def drop(self, key: Hashable) -> None:
        """Give up the value of `key`; who uses it goes on with it."""
        with self._lock:
            self._slots.pop(key, None)
        self._bound.gone(self.kind, name_of(key))

    def _kept_or_made(
        self,
        key: Hashable,
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
            self._bound.gone(self.kind, name_of(key))
            try:
                slot.value = made = make()
            except CocoSiftError as error:
                # A copy has no traceback, which would keep all that was read.
                slot.failure = copy(error)
                raise
            return made


@dataclass(slots=True)
class _Held:
    size: Callable[[], int]
    give_up: Callable[[], None]
    when: float


@dataclass(slots=True)
class _Slot(Generic[Value]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    version: Hashable = None
    value: Value | None = None
    failure: CocoSiftError | None = None


def name_of(key: Hashable) -> str:
    """Return what `Loaded` calls the value of `key`."""
    return " by ".join(map(str, key)) if isinstance(key, tuple) else str(key)
