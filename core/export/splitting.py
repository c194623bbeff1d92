"""The pictures of a subset divided into parts, by fraction and seed.

Categories are spread by iterative stratification (Sechidis, Tsoumakas and Vlahavas, "On the
Stratification of Multi-Label Data", ECML PKDD 2011): the rarest category is dealt out first,
each picture of it to the part that lacks it most. Pictures that belong together are dealt
as one. The order within a category is by a hash of seed and id, the same on every machine.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.coco import CocoDataset
from core.errors import ExportError
from core.export.choices import Splits
from core.export.contents import Ids

# The label of pictures that nothing annotates, which are spread as well; no category has it.
_NOTHING = -1


def divide(dataset: CocoDataset, image_ids: Ids, splits: Splits) -> tuple[str, ...]:
    """Return the part of each picture, (n,).

    Parts have as many pictures as their fractions say, rounded by largest remainders; only
    a group that does not fit may make one larger.

    Args:
        dataset: whose categories are spread, when it has instances.
        image_ids: int64, shape (n,), unique.
        splits: how to divide.

    Raises:
        ExportError: there are fewer pictures than parts.
        DatasetError: an id that the dataset does not have.
    """
    names = list(splits.fractions)
    if len(image_ids) < len(names):
        raise ExportError(
            f"There are {len(image_ids):,} pictures for {len(names)} parts. Choose more pictures "
            "or fewer parts."
        )
    labels = _labels(dataset, image_ids) if splits.stratify else [Counter[int]()] * len(image_ids)
    units = _units(image_ids, splits, labels)
    room = dict(zip(names, _sizes(len(image_ids), list(splits.fractions.values())), strict=True))
    part_of = _dealt(units, splits, room)
    return tuple(part_of[place] for place in range(len(image_ids)))


@dataclass(frozen=True, slots=True)
class _Unit:
    """Pictures that stay together, by place, and in how many of them each label is."""

    places: tuple[int, ...]
    labels: "Counter[int]"
    order: bytes


def _labels(dataset: CocoDataset, image_ids: Ids) -> "list[Counter[int]]":
    """The categories of each picture, each once."""
    rows = dataset.images.rows_of(image_ids)
    place_of = np.full(len(dataset.images), -1, dtype=np.int64)
    place_of[rows] = np.arange(len(rows))
    places = place_of[dataset.instances.image_rows]
    pairs = np.stack([places, dataset.instances.category_ids], axis=1)[places >= 0]
    found: list[Counter[int]] = [Counter() for _ in image_ids]
    for place, category in np.unique(pairs, axis=0).tolist():
        found[place][category] = 1
    for labels in found:
        if not labels:
            labels[_NOTHING] = 1
    return found


def _units(image_ids: Ids, splits: Splits, labels: "Sequence[Counter[int]]") -> list[_Unit]:
    """The groups that are to stay together, those with a common picture as one; in random order."""
    ids = image_ids.tolist()
    place_of = {image_id: place for place, image_id in enumerate(ids)}
    leader = list(range(len(ids)))

    def leader_of(place: int) -> int:
        while leader[place] != place:
            leader[place] = leader[leader[place]]
            place = leader[place]
        return place

    for group in splits.groups:
        known = [place_of[image_id] for image_id in group if image_id in place_of]
        for place in known[1:]:
            leader[leader_of(place)] = leader_of(known[0])
    members: dict[int, list[int]] = {}
    for place in range(len(ids)):
        members.setdefault(leader_of(place), []).append(place)
    units = []
    for places in members.values():
        together: Counter[int] = Counter()
        for place in places:
            together.update(labels[place])
        first = min(ids[place] for place in places)
        order = hashlib.sha256(f"{splits.seed} {first}".encode()).digest()
        units.append(_Unit(tuple(places), together, order))
    # Large groups first, while every part has room.
    return sorted(units, key=lambda unit: (-len(unit.places), unit.order))


def _sizes(count: int, fractions: Sequence[float]) -> list[int]:
    exact = [count * fraction for fraction in fractions]
    sizes = [int(size) for size in exact]
    by_remainder = sorted(range(len(exact)), key=lambda at: sizes[at] - exact[at])
    for at in by_remainder[: count - sum(sizes)]:
        sizes[at] += 1
    return sizes


def _dealt(units: Sequence[_Unit], splits: Splits, room: dict[str, int]) -> dict[int, str]:
    """The part of each place."""
    left: Counter[int] = Counter()
    having: dict[int, list[int]] = {}
    for number, unit in enumerate(units):
        left.update(unit.labels)
        for label in unit.labels:
            having.setdefault(label, []).append(number)
    lacking = {
        name: {label: count * fraction for label, count in left.items()}
        for name, fraction in splits.fractions.items()
    }
    part_of: dict[int, str] = {}

    def deal(unit: _Unit, label: int | None) -> None:
        # Of equal ones the first has it, which is as good as any: the order is random.
        fitting = [name for name in room if room[name] >= len(unit.places)] or list(room)
        part = max(
            fitting,
            key=lambda name: (0.0 if label is None else lacking[name][label], room[name]),
        )
        for place in unit.places:
            part_of[place] = part
        room[part] -= len(unit.places)
        for each, count in unit.labels.items():
            lacking[part][each] -= count
            left[each] -= count

    while rest := [label for label, count in left.items() if count > 0]:
        rarest = min(rest, key=lambda label: (left[label], label))
        for number in having[rarest]:
            if units[number].places[0] not in part_of:
                deal(units[number], rarest)
    for unit in units:
        if unit.places[0] not in part_of:
            deal(unit, None)
    return part_of
