"""Balance: which pictures to add or to drop, so that a subset comes near a wanted makeup.

    wanted = equal_target(dataset)
    suggestion = suggest(dataset, found.image_ids, wanted, most=50)
    suggestion.added, suggestion.dropped, suggestion.distances

A makeup is the share that each category has of all instances. Nothing is changed by a
suggestion: it is a record to look at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from core.analytics.makeup import Presence, pictures_in, presence
from core.analytics.narrowing import of_pictures
from core.coco import CocoDataset
from core.errors import QueryError
from core.query.record import CategoryTerm, Cut, Query

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Stopped = Literal["changes", "nearest", "reached"]

MOST_CHANGES = 500
# Squared distances that differ by less are equal but for rounding.
_SAME = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A wanted makeup.

    Attributes:
        names: of the dataset's categories, k of them.
        shares: float64, (k,): of all instances; their sum is 1.
    """

    names: tuple[str, ...]
    shares: Floats

    def __post_init__(self) -> None:
        if self.shares.shape != (len(self.names),):
            raise ValueError(f"expected {len(self.names)} shares, got {self.shares.shape}")
        if (self.shares < 0).any() or not np.isclose(self.shares.sum(), 1):
            raise ValueError("expected shares from 0 that sum to 1")


@dataclass(frozen=True, slots=True, eq=False)
class Suggestion:
    """What to add to a subset and to drop from it.

    Attributes:
        target: the makeup that is wanted.
        image_ids: int64: the subset that comes of it: what stays, in its order, and then
            what is added.
        added, dropped: int64, in the order in which they were chosen, the most useful first.
        before, after: int64, (k,): instances of each category.
        n_before: pictures of the subset as it is.
        new: int64, (k,): pictures among the added ones that have the category.
        distances: float64, (changes + 1,): the Jensen-Shannon distance to the target, to
            base 2, at first and after each change; NaN without an instance.
        stopped: "changes" when so many were made as were allowed; "nearest" when no further
            picture brings it nearer; "reached" when it is the target.
    """

    target: Target
    image_ids: Ints
    added: Ints
    dropped: Ints
    before: Ints
    after: Ints
    n_before: int
    new: Ints
    distances: Floats
    stopped: Stopped

    @property
    def n_changes(self) -> int:
        return len(self.added) + len(self.dropped)

    @property
    def shares_before(self) -> Floats:
        """float64, (k,): of the instances; 0 where there are none."""
        return self.before / max(1, int(self.before.sum()))

    @property
    def shares_after(self) -> Floats:
        return self.after / max(1, int(self.after.sum()))

    @property
    def lacking(self) -> Ints:
        """Categories that have less than their share as the subset is, the most lacking first."""
        gap = self.target.shares - self.shares_before
        order = np.argsort(-gap, kind="stable")
        return np.asarray(order[gap[order] > _SAME])

    @property
    def by_gap(self) -> Ints:
        """Categories that are wanted or there, by how far they are from their share, int64."""
        gap = np.abs(self.target.shares - self.shares_before)
        there = (self.target.shares > 0) | (self.before > 0) | (self.after > 0)
        order = np.lexsort((-self.target.shares, -gap.round(12)))
        return np.asarray(order[there[order]])


def equal_target(dataset: CocoDataset) -> Target:
    """Return the makeup in which all categories that the dataset has are equally frequent.

    Raises:
        QueryError: the dataset has no instance.
    """
    table = _with_instances(dataset)
    return _target(table, (table.instances > 0).astype(np.float64))


def dataset_target(dataset: CocoDataset) -> Target:
    """Return the makeup of the whole dataset.

    Raises:
        QueryError: the dataset has no instance.
    """
    table = _with_instances(dataset)
    return _target(table, table.instances.astype(np.float64))


def typed_target(dataset: CocoDataset, percents: Mapping[str, float]) -> Target:
    """Return a makeup with some shares as wished.

    The other categories share what remains as in the whole dataset. If nothing else is
    there, or if the wishes fill it all, only their proportions count.

    Args:
        dataset: says which categories there are.
        percents: of all instances, by name of category, 0 to 100; at least one.

    Raises:
        QueryError: no wish, an unknown category or one without an instance, a number out of
            range, or more than 100 percent together.
    """
    table = _with_instances(dataset)
    shares = np.zeros(len(table.names))
    rest = table.instances.astype(np.float64)
    if not percents:
        raise QueryError("Type a share for one category at least, in percent.")
    for name, percent in percents.items():
        place = table.place_of(name)
        if place < 0 or not table.instances[place]:
            raise QueryError(
                f"The dataset has no instance of {name!r:.80}. Wish for a category that it has."
            )
        if not 0 <= percent <= 100:
            raise QueryError(f"Expected 0 to 100 percent for {name}, found {percent:.6g}.")
        shares[place], rest[place] = percent / 100, 0
    total = float(shares.sum())
    if total > 1 + 1e-9:
        raise QueryError(
            f"The wished shares are {100 * total:.6g}% together. Take them down to 100% at most."
        )
    if rest.any():
        shares += max(0.0, 1 - total) * rest / rest.sum()
    if not shares.any():
        raise QueryError("All shares are 0. Wish for some of one category at least.")
    return _target(table, shares)


def suggest(
    dataset: CocoDataset,
    image_ids: Ints,
    target: Target,
    *,
    most: int = 50,
    add: bool = True,
    drop: bool = True,
    candidates: Ints | None = None,
) -> Suggestion:
    """Suggest changes that bring a subset near a wanted makeup.

    Greedy: each change is the one picture, added or dropped, after which the Jensen-Shannon
    distance of the subset's instance shares to the target is the smallest. It ends when no
    picture makes it smaller. All pictures are looked at for every change, and the distance
    of each is exact; a chain of best single steps need not be the best of all sets. Of equal
    ones the first candidate is added, and the last picture of the subset dropped. A picture
    that was added or dropped stays so.

    Args:
        dataset: of which the subset is.
        image_ids: int64, the subset as it is, the best-ranked first.
        target: made for the same dataset.
        most: changes at most, 1 to 500.
        add, drop: which kinds of change may be made.
        candidates: int64, ids of pictures that may be added, the most welcome first; None
            for all of the dataset, in its order. Those of the subset are passed over.

    Raises:
        DatasetError: an id that the dataset does not have.
        QueryError: the dataset has no instance.
        ValueError: a number of changes out of range, or a target of another dataset.
    """
    if not 1 <= most <= MOST_CHANGES:
        raise ValueError(f"expected 1 to {MOST_CHANGES} changes, got {most}")
    table = _with_instances(dataset)
    if target.names != table.names:
        raise ValueError("expected a target of the same categories")
    rows = dataset.images.rows_of(image_ids)
    is_in = pictures_in(dataset, image_ids)
    welcome = (
        np.arange(table.n_images) if candidates is None else dataset.images.rows_of(candidates)
    )
    adding = _Moves(table, welcome[~is_in[welcome]] if add else rows[:0], 1)
    dropping = _Moves(table, rows[::-1] if drop else rows[:0], -1)
    before = _instances(table, is_in)
    after, squares = before.copy(), [_square(before, target.shares)]
    added: list[int] = []
    dropped: list[int] = []
    while len(squares) <= most:
        best = min(
            (move.best(after, target.shares) for move in (adding, dropping)),
            key=lambda found: found[0],
        )
        if not best[0] < squares[-1] - _SAME:
            break
        square, move, place = best
        after = move.take(after, place)
        (added if move is adding else dropped).append(int(move.rows[place]))
        squares.append(square)
    reached = squares[-1] <= _SAME
    stopped: Stopped = "reached" if reached else "changes" if len(squares) > most else "nearest"
    ids = dataset.images.ids
    added_rows, dropped_rows = (np.array(some, dtype=np.int64) for some in (added, dropped))
    stays = image_ids[~np.isin(rows, dropped_rows)]
    squares[0] = np.nan if np.isinf(squares[0]) else squares[0]
    return Suggestion(
        target=target,
        image_ids=np.concatenate([stays, ids[added_rows]]),
        added=ids[added_rows],
        dropped=ids[dropped_rows],
        before=before,
        after=after,
        n_before=len(image_ids),
        new=_pictures(table, added_rows),
        distances=np.sqrt(np.maximum(squares, 0)),
        stopped=stopped,
    )


def query_for(query: Query, name: str, image_ids: Ints) -> Query:
    """Return the query that finds more pictures of a category, in the order of `query`.

    Args:
        query: what the subset was found by: its parts and filters stay.
        name: of the category.
        image_ids: int64, the subset, which is left out.
    """
    filters = query.filters
    must = (*filters.must, CategoryTerm(name))
    excluded = (*filters.excluded, *image_ids.tolist())
    filters = replace(filters, must=must, only=None, excluded=tuple(sorted(set(excluded))))
    return replace(query, filters=filters, cut=Cut())


def query_of_ids(query: Query, image_ids: Ints, category: str | None = None) -> Query:
    """Return the query that shows exactly these pictures, ranked as `query` ranks them.

    Args:
        query: of which nothing but the ranking is taken.
        image_ids: int64; none finds nothing.
        category: of these pictures only those that have it.
    """
    must = () if category is None else (CategoryTerm(category),)
    unranked = of_pictures(image_ids.tolist(), must=must)
    return replace(query.ranking(), filters=unranked.filters, cut=unranked.cut)


class _Moves:
    """Pictures of which one at a time may be added (`sign` 1) or dropped (-1).

    The distance is a sum over categories. With a picture of t instances each category's
    share becomes c / (T ± t), but for the few that the picture has. So the sum is known for
    each t, and of the others only what differs is worked out, once for each (category,
    count, t) that occurs.
    """

    def __init__(self, table: Presence, rows: Ints, sign: int) -> None:
        # Each picture's pairs, picture after picture in the order of `rows`.
        offsets = np.searchsorted(table.rows, np.arange(table.n_images + 1))
        rows = rows[offsets[rows + 1] > offsets[rows]]
        sizes = offsets[rows + 1] - offsets[rows]
        self.rows = rows
        self.starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        pairs = np.repeat(offsets[rows] - self.starts, sizes) + np.arange(sizes.sum())
        self.sign = sign
        self.groups = table.groups[pairs].astype(np.int64)
        self.counts = table.counts[pairs].astype(np.int64)
        totals = np.add.reduceat(self.counts, self.starts) if rows.size else rows
        # The different t, and which of them each picture has.
        self.totals, self.total_of = np.unique(totals, return_inverse=True)
        kinds, self.kind_of = np.unique(
            np.ravel_multi_index(
                (self.groups, self.counts, np.repeat(self.total_of, sizes)), self._shape(table)
            ),
            return_inverse=True,
        )
        self.kinds = np.unravel_index(kinds, self._shape(table))
        self.is_open = np.ones(rows.size, dtype=np.bool_)

    def best(self, now: Ints, wanted: Floats) -> tuple[float, "_Moves", int]:
        """Return the smallest squared distance after one move, and the place of its picture."""
        if not self.is_open.any():
            return np.inf, self, -1
        sums = int(now.sum()) + self.sign * self.totals
        divisors = np.maximum(sums, 1)
        plain = _terms(now / divisors[:, None], wanted)
        groups, counts, totals = self.kinds
        shares = np.maximum(now[groups] + self.sign * counts, 0) / divisors[totals]
        changed = _terms(shares, wanted[groups]) - plain[totals, groups]
        squares = plain.sum(axis=1)[self.total_of]
        squares += np.add.reduceat(changed[self.kind_of], self.starts)
        is_possible = self.is_open & (sums > 0)[self.total_of]
        squares = np.where(is_possible, squares, np.inf)
        # Equal ones may differ by rounding; the first of them is meant.
        place = int(np.argmax(squares <= squares.min() + _SAME))
        return float(squares[place]), self, place

    def _shape(self, table: Presence) -> tuple[int, int, int]:
        most = int(self.counts.max(initial=0))
        return max(1, len(table.names)), most + 1, max(1, self.totals.size)

    def take(self, now: Ints, place: int) -> Ints:
        """Return the instances after a move, which is not made twice."""
        self.is_open[place] = False
        start = int(self.starts[place])
        end = int(self.starts[place + 1]) if place + 1 < self.starts.size else self.groups.size
        after = now.copy()
        after[self.groups[start:end]] += self.sign * self.counts[start:end]
        return after


def _terms(shares: Floats, wanted: Floats) -> Floats:
    """What each category adds to the Jensen-Shannon divergence to base 2."""
    middle = (shares + wanted) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        one = np.where(shares > 0, shares * np.log2(shares / middle), 0.0)
        other = np.where(wanted > 0, wanted * np.log2(wanted / middle), 0.0)
    return np.asarray((one + other) / 2)


def _square(instances: Ints, wanted: Floats) -> float:
    """The squared distance of a makeup to the wanted one; infinite without an instance."""
    total = int(instances.sum())
    return float(_terms(instances / total, wanted).sum()) if total else np.inf


def _instances(table: Presence, is_in: Bools) -> Ints:
    chosen = is_in[table.rows]
    sums = np.bincount(table.groups[chosen], table.counts[chosen], minlength=len(table.names))
    return sums.astype(np.int64)


def _pictures(table: Presence, rows: Ints) -> Ints:
    is_in = np.zeros(table.n_images, dtype=np.bool_)
    is_in[rows] = True
    chosen = table.groups[is_in[table.rows]]
    return np.bincount(chosen, minlength=len(table.names)).astype(np.int64)


def _with_instances(dataset: CocoDataset) -> Presence:
    table = presence(dataset)
    if not table.instances.any():
        raise QueryError(
            f"{dataset.name!r} has no instances, so there are no categories to balance."
        )
    return table


def _target(table: Presence, weights: Floats) -> Target:
    return Target(table.names, weights / weights.sum())
