"""Near-duplicates: of pictures that are alike only the best-ranked is kept."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MOST_CANDIDATES = 10_000
"""How many candidates, best first, are looked at; the others count as unlike any."""

Places = npt.NDArray[np.int64]
VectorsOf = Callable[[Places], npt.NDArray[np.float32]]

_AT_ONCE = 512
# A vector's product with itself is 1 but for the rounding of float32.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Candidates parted into those that are kept and those hidden behind one of these.

    Attributes:
        kept: int64, shape (n,): places among the candidates, ascending.
        hidden: the places hidden behind a kept one, ascending; only where there are any.
    """

    kept: Places
    hidden: Mapping[int, tuple[int, ...]]


class NearDuplicates:
    """Walks the candidates in rank order and hides those that are like one kept before.

    A candidate is hidden when its cosine with a kept one is at least the threshold, to a
    millionth; it then belongs to the best-ranked such one. A hidden candidate hides
    nothing. The walk goes as far as it is asked and goes on from there the next time; may be
    used by several threads. It keeps no vectors: they are asked for, always of the same
    candidates, by a function from places to float32, shape (places, dim), unit rows, or
    rows of zeros, which are like nothing.

    Args:
        count: of candidates.
        threshold: above 0, up to 1.
    """

    def __init__(self, count: int, threshold: float) -> None:
        self._count = count
        self._threshold = np.float32(max(threshold - _ROUNDING, _ROUNDING))
        self._lock = threading.Lock()
        self._limit = min(count, MOST_CANDIDATES)
        # Of each candidate, the place of the one that stands for it; its own if it is kept.
        self._leader = np.empty(0, np.int64)

    def first(self, kept: int, vectors: VectorsOf) -> Groups:
        """Return the first `kept` that stay, and all that is hidden before the next one."""
        with self._lock:
            leaders = self._leader
            while (own := _own(leaders)).size <= kept and leaders.size < self._limit:
                leaders = self._further(leaders, vectors)
            self._leader = leaders
        unseen = np.arange(leaders.size, self._count)
        places = np.concatenate([own, unseen])[: kept + 1]
        end = int(places[kept]) if places.size > kept else self._count
        return _groups(leaders[:end], places[:kept])

    def within(self, count: int, vectors: VectorsOf) -> Groups:
        """Return how the first `count` candidates are parted."""
        with self._lock:
            leaders = self._leader
            while leaders.size < min(count, self._limit):
                leaders = self._further(leaders, vectors)
            self._leader = leaders
        leaders = leaders[:count]
        return _groups(leaders, np.concatenate([_own(leaders), np.arange(leaders.size, count)]))

    def _further(self, leaders: Places, vectors_of: VectorsOf) -> Places:
        """Return `leaders` with those of the next block.

        Blocks begin at the same places whatever was asked before, so that the rounding of
        the products is the same, too.
        """
        start = leaders.size
        block = np.arange(start, min(start + _AT_ONCE, self._limit))
        vectors = vectors_of(block)
        found = np.full(block.size, -1)
        kept = _own(leaders)
        if kept.size:
            near = vectors_of(kept) @ vectors.T >= self._threshold
            is_near = near.any(axis=0)
            found[is_near] = kept[near[:, is_near].argmax(axis=0)]
        among = np.triu(vectors @ vectors.T >= self._threshold, 1)
        for at in np.flatnonzero(among.any(axis=1)):
            if found[at] < 0:
                found[among[at] & (found < 0)] = start + at
        return np.concatenate([leaders, np.where(found < 0, block, found)])


def alike(vectors: npt.NDArray[np.float32], threshold: float) -> tuple[tuple[int, ...], ...]:
    """Return the places of pictures that near-duplicates join, however many are between them.

    Unlike `NearDuplicates`, two that are each like a third are in one group, so that no two
    groups have near-duplicates of one another.

    Args:
        vectors: float32, shape (n, dim), unit rows, or rows of zeros, which are like nothing.
        threshold: the lowest cosine, above 0, up to 1.

    Returns:
        Groups of two at least, each ascending, in the order of their first places.
    """
    lowest = np.float32(max(threshold - _ROUNDING, _ROUNDING))
    group = np.arange(len(vectors))
    for start in range(0, len(vectors), _AT_ONCE):
        block = vectors[start : start + _AT_ONCE]
        near = block @ vectors[start:].T >= lowest
        for at in np.flatnonzero(near.sum(axis=1) > 1):
            joined = np.unique(group[start + np.append(np.flatnonzero(near[at]), at)])
            if joined.size > 1:
                group[np.isin(group, joined)] = joined[0]
    found: dict[int, list[int]] = {}
    for place, first in enumerate(group.tolist()):
        found.setdefault(first, []).append(place)
    return tuple(tuple(places) for places in found.values() if len(places) > 1)


def _own(leaders: Places) -> Places:
    return np.flatnonzero(leaders == np.arange(leaders.size))


def _groups(leaders: Places, kept: Places) -> Groups:
    hidden: dict[int, list[int]] = {}
    for place in np.flatnonzero(leaders != np.arange(leaders.size)).tolist():
        hidden.setdefault(int(leaders[place]), []).append(place)
    return Groups(kept, {leader: tuple(places) for leader, places in hidden.items()})
