"""The makeup of pictures: how many have each category, and how many instances that makes.

What is counted of the whole dataset is counted once: as pairs of a picture and a category
that it has. A subset of it is then a sum over some of the pairs.

    made = makeup(dataset, found.image_ids)
    made.share, made.all_share
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset
from core.coco.tables import IdIndex
from core.filters.names import named_categories
from core.recent import Recent

By = Literal["category", "supercategory"]
Ints = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NO_PICTURE = "There is no picture here, so there is nothing to count. Ask for something else."

_NO_CATEGORY = -1
_MOST_BYTES = 128 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """Which pictures of a dataset have which categories, and how many instances of each.

    Categories of one name count together, as in filters; supercategories likewise. A crowd
    is one record, and counts as one instance.

    Attributes:
        names: of the k categories, in the order of the dataset's list.
        ids: int64, (k,): the id of the first category of each name, which gives the colour.
        supercategories: (k,); "" where none is named.
        rows, groups, counts: int32, (pairs,): a picture's row, the place of a category in
            `names`, and the instances of it in that picture; ascending by row, then group.
        group_of: int32, (instances,): the place in `names` of each instance's category, -1
            where that has no name or is not listed.
        n_images: pictures of the dataset.
        images, instances: int64, (k,): pictures that have the category, and instances.
    """

    names: tuple[str, ...]
    ids: Ints
    supercategories: tuple[str, ...]
    rows: Int32s
    groups: Int32s
    counts: Int32s
    group_of: Int32s
    n_images: int
    images: Ints
    instances: Ints

    @property
    def n_bytes(self) -> int:
        """About how much memory it takes."""
        return sum(array.nbytes for array in (self.rows, self.groups, self.counts, self.group_of))

    def place_of(self, name: str) -> int:
        """Return the place of a category in `names`, -1 when there is none of that name."""
        return self.names.index(name) if name in self.names else -1


@dataclass(frozen=True, slots=True, eq=False)
class Makeup:
    """How often each category is in some pictures of a dataset, and in all of them.

    Attributes:
        by: what is counted, "category" or "supercategory".
        names, ids, supercategories: as of `Presence`; k of them, also those that are absent.
        n_images, total: pictures looked at, and pictures of the dataset.
        images, instances: int64, (k,): pictures looked at that have the category, and its
            instances in them.
        all_images, all_instances: int64, (k,): the same of the whole dataset.
        unnamed: instances in the pictures looked at whose category is not listed, or has no
            name (of supercategories: names none); they are counted nowhere else.
    """

    by: By
    names: tuple[str, ...]
    ids: Ints
    supercategories: tuple[str, ...]
    n_images: int
    total: int
    images: Ints
    instances: Ints
    all_images: Ints
    all_instances: Ints
    unnamed: int = 0

    def __post_init__(self) -> None:
        for name in ("ids", "images", "instances", "all_images", "all_instances"):
            if getattr(self, name).shape != (len(self.names),):
                raise ValueError(f"expected {len(self.names)} {name}, got {getattr(self, name)}")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def share(self) -> Floats:
        """float64, (k,): the part of the pictures looked at that have it; 0 without pictures."""
        return self.images / max(1, self.n_images)

    @property
    def all_share(self) -> Floats:
        """float64, (k,): the part of the dataset's pictures that have it."""
        return self.all_images / max(1, self.total)

    @property
    def absent(self) -> tuple[str, ...]:
        """Categories that the dataset has and these pictures have not; the most frequent first."""
        places = np.flatnonzero((self.images == 0) & (self.all_images > 0))
        return tuple(self.names[i] for i in places[np.argsort(-self.all_images[places])])

    @property
    def never(self) -> tuple[str, ...]:
        """Categories that are listed and that no picture of the dataset has."""
        return tuple(self.names[i] for i in np.flatnonzero(self.all_images == 0))


def makeup(dataset: CocoDataset, image_ids: Sequence[int] | Ints, by: By = "category") -> Makeup:
    """Count the pictures and the instances of each category.

    Args:
        dataset: the pictures.
        image_ids: those looked at; an id that stands there twice counts once.
        by: "supercategory" rolls categories up.

    Raises:
        DatasetError: an id that the dataset does not have.
    """
    whole = presence(dataset, by)
    is_in = pictures_in(dataset, image_ids)
    chosen = is_in[whole.rows]
    groups, k = whole.groups[chosen], len(whole.names)
    instances = np.bincount(groups, whole.counts[chosen], minlength=k).astype(np.int64)
    n_records = int(np.count_nonzero(is_in[dataset.instances.image_rows]))
    return Makeup(
        by=by,
        names=whole.names,
        ids=whole.ids,
        supercategories=whole.supercategories,
        n_images=int(np.count_nonzero(is_in)),
        total=whole.n_images,
        images=np.bincount(groups, minlength=k),
        instances=instances,
        all_images=whole.images,
        all_instances=whole.instances,
        unnamed=n_records - int(instances.sum()),
    )


def presence(dataset: CocoDataset, by: By = "category") -> Presence:
    """Return which pictures have which categories; counted once a dataset and kept."""
    return _kept.get((dataset.annotation_hash, by), lambda: _count(dataset, by))


def nothing_to_count(dataset: CocoDataset, n_images: int) -> str:
    """Say why no category can be counted in so many pictures; "" when it can."""
    if not len(dataset.instances):
        return (
            f"The dataset {dataset.name!r} has no instances, so there is no category to count. "
            "Pictures and captions can be looked at."
        )
    if not presence(dataset).names:
        return f"The categories of {dataset.name!r} have no names, so there is nothing to count."
    return "" if n_images else NO_PICTURE


def pictures_in(dataset: CocoDataset, image_ids: Sequence[int] | Ints) -> Bools:
    """Return a mark for each picture of the dataset: bool, (images,), True for `image_ids`.

    Raises:
        DatasetError: an id that the dataset does not have.
    """
    marked = np.zeros(len(dataset.images), dtype=np.bool_)
    marked[dataset.images.rows_of(image_ids)] = True
    return marked


_kept: Recent[Presence] = Recent(16, _MOST_BYTES, lambda one: one.n_bytes)


def _count(dataset: CocoDataset, by: By) -> Presence:
    named = named_categories(dataset.categories, is_supercategory=by == "supercategory")
    k, n = len(named), len(dataset.images)
    ids = np.array([one for group in named.values() for one in group], dtype=np.int64)
    of_id = np.repeat(np.arange(k), [len(group) for group in named.values()])
    places = IdIndex(ids).find(dataset.instances.category_ids)
    group_of = np.full(len(places), _NO_CATEGORY, dtype=np.int32)
    group_of[places >= 0] = of_id[places[places >= 0]]
    is_named = group_of >= 0
    keys = np.sort(dataset.instances.image_rows[is_named] * max(1, k) + group_of[is_named])
    starts = np.flatnonzero(np.diff(keys, prepend=-1) > 0)
    pairs, counts = keys[starts], np.diff(np.append(starts, len(keys)))
    rows, groups = (part.astype(np.int32) for part in np.divmod(pairs, max(1, k)))
    supercategory = {one.id: one.supercategory for one in dataset.categories}
    firsts = [group[0] for group in named.values()]
    return Presence(
        names=tuple(named),
        ids=np.array(firsts, dtype=np.int64),
        supercategories=tuple(" ".join(supercategory[one].split()) for one in firsts),
        rows=rows,
        groups=groups,
        counts=counts.astype(np.int32),
        group_of=group_of,
        n_images=n,
        images=np.bincount(groups, minlength=k),
        instances=np.bincount(groups, counts, minlength=k).astype(np.int64),
    )
