"""What the points of a map are coloured by: each picture belongs to one class of a few."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset
from core.errors import QueryError
from core.found import Found
from core.licences import short_name
from core.recent import Recent

By = Literal["category", "score", "subset", "licence", "cluster"]
Ids = npt.NDArray[np.int64]
Classes = npt.NDArray[np.uint8]

MOST_CLASSES = 32
_MOST_CATEGORIES = 12
_BANDS = 8

_mains: Recent[Ids] = Recent(16)


@dataclass(frozen=True, slots=True, eq=False)
class Colouring:
    """The class of each picture, for its colour and the legend.

    Attributes:
        by: what the classes are of.
        names: of the classes, in the legend's order.
        of: uint8, shape (n,): the class of each picture, a place in `names`.
        rest: the class of those that are in none of the others, drawn in grey; None when
            there are no such.
        category_ids: of "category" the id of each class, -1 for the rest; else empty.
    """

    by: By
    names: tuple[str, ...]
    of: Classes
    rest: int | None = None
    category_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.names) > MOST_CLASSES:
            raise ValueError(f"expected at most {MOST_CLASSES} classes, got {len(self.names)}")
        if len(self.of) and int(self.of.max()) >= len(self.names):
            raise ValueError(f"expected classes below {len(self.names)}, got {self.of.max()}")

    @property
    def counts(self) -> Ids:
        """Pictures of each class, int64, shape (classes,)."""
        return np.bincount(self.of, minlength=len(self.names)).astype(np.int64)


def by_category(coco: CocoDataset, image_ids: Ids, names: Sequence[str] = ()) -> Colouring:
    """Colour each picture by the category that takes up most of it, by its instances' area.

    Args:
        names: categories that count; then a picture that has one of them is coloured by it
            even where another takes up more. None takes the 12 that take up most of most
            pictures.

    Raises:
        QueryError: a category that the dataset does not have, or more than 30.
    """
    known = {category.name: category for category in reversed(coco.categories)}
    for name in names:
        if name not in known:
            raise QueryError(f"{coco.name!r} has no category {name!r:.60}.")
    if len(names) > MOST_CLASSES - 2:
        raise QueryError(f"Expected at most {MOST_CLASSES - 2} categories, found {len(names)}.")
    only = tuple(dict.fromkeys(known[name].id for name in names))
    key = (coco.annotation_hash, only)
    main = _mains.get(key, lambda: _main_categories(coco, only or None))
    main = main[coco.images.rows_of(image_ids)]
    if names:
        chosen = list(only)
    else:
        ids, counts = np.unique(main[main >= 0], return_counts=True)
        chosen = ids[np.argsort(-counts, kind="stable")][:_MOST_CATEGORIES].tolist()
    by_id = {category.id: category.name for category in coco.categories}
    others = "all others" if names else "another, or none"
    of = np.full(len(image_ids), len(chosen), dtype=np.uint8)
    for place, category_id in enumerate(chosen):
        of[main == category_id] = place
    return Colouring(
        "category",
        (*(by_id[category_id] for category_id in chosen), others),
        of,
        rest=len(chosen),
        category_ids=(*chosen, -1),
    )


def by_score(found: Found, image_ids: Ids) -> Colouring:
    """Colour each picture by its score for the query, in eight bands of one width.

    Raises:
        QueryError: the query ranks nothing.
    """
    if found.ranking is None:
        raise QueryError("Nothing is asked yet, so there are no scores to colour by.")
    images = found.dataset.coco.images
    scores = found.ranking.scores_by_row(len(images))[images.rows_of(image_ids)]
    known = np.isfinite(scores)
    low, high = (
        (float(scores[known].min()), float(scores[known].max())) if known.any() else (0.0, 0.0)
    )
    bands = _BANDS if high > low else 1
    edges = np.linspace(low, high, bands + 1)
    of = np.full(len(image_ids), bands, dtype=np.uint8)
    of[known] = np.searchsorted(edges[1:-1], scores[known], side="right")
    # The best band first, as in every list of results.
    of[known] = bands - 1 - of[known]
    names = [f"{a:.3f} to {b:.3f}" for a, b in pairwise(edges)][::-1]
    if bands == 1:
        names = [f"{low:.3f}"]
    if known.all():
        return Colouring("score", tuple(names), of)
    return Colouring("score", (*names, "no score"), of, rest=bands)


def by_subset(image_ids: Ids, subsets: Sequence[tuple[str, Ids]]) -> Colouring:
    """Colour each picture by the first subset that has it.

    Args:
        subsets: name and image ids of each.
    """
    of = np.full(len(image_ids), len(subsets), dtype=np.uint8)
    for place in range(len(subsets) - 1, -1, -1):
        of[np.isin(image_ids, subsets[place][1])] = place
    names = (*(name for name, _ in subsets), "in none of these")
    return Colouring("subset", names, of, rest=len(subsets))


def by_licence(coco: CocoDataset, image_ids: Ids) -> Colouring:
    """Colour each picture by its licence, the most frequent first."""
    ids = coco.images.license_ids[coco.images.rows_of(image_ids)]
    names = {licence.id: short_name(licence.name, licence.url) for licence in coco.licenses}
    found, counts = np.unique(ids[np.isin(ids, list(names))], return_counts=True)
    chosen = found[np.argsort(-counts, kind="stable")][: MOST_CLASSES - 1].tolist()
    of = np.full(len(image_ids), len(chosen), dtype=np.uint8)
    for place, licence_id in enumerate(chosen):
        of[ids == licence_id] = place
    shown = tuple(names[licence_id] or f"licence {licence_id}" for licence_id in chosen)
    if not (of == len(chosen)).any():
        return Colouring("licence", shown, of)
    return Colouring("licence", (*shown, "none stated"), of, rest=len(chosen))


def by_cluster(clusters: npt.NDArray[np.integer], words: Sequence[Sequence[str]]) -> Colouring:
    """Colour each picture by its cluster.

    Args:
        clusters: shape (n,), as `cluster_rows` gives them.
        words: of each cluster, which name it.
    """
    names = tuple(
        f"{number}: {', '.join(some)}" if some else f"cluster {number}"
        for number, some in enumerate(words, 1)
    )
    return Colouring("cluster", names, np.asarray(clusters).astype(np.uint8))


def _main_categories(coco: CocoDataset, only: Sequence[int] | None) -> Ids:
    """Return the category that takes up most of each image, int64, (images,); -1 for none."""
    table = coco.instances
    ids = _first_of_name(coco)(table.category_ids)
    known = np.sort([category.id for category in coco.categories])
    keep = np.isin(ids, known if only is None else only)
    rows, ids = table.image_rows[keep], ids[keep]
    # An instance without an area counts, but least.
    areas = np.nan_to_num(table.area[keep], nan=0.0) + 1e-6
    main = np.full(len(coco.images), -1, dtype=np.int64)
    if not len(rows):
        return main
    order = np.argsort(rows * len(known) + np.searchsorted(known, ids))
    rows, ids, areas = rows[order], ids[order], areas[order]
    starts = _starts(rows) | _starts(ids)
    rows, ids, areas = rows[starts], ids[starts], np.add.reduceat(areas, np.flatnonzero(starts))
    of_image = np.flatnonzero(_starts(rows))
    most = np.repeat(np.maximum.reduceat(areas, of_image), np.diff(of_image, append=len(rows)))
    # Of equals the smallest id, which stands first and is written last.
    largest = np.flatnonzero(areas == most)[::-1]
    main[rows[largest]] = ids[largest]
    return main


def _starts(values: Ids) -> npt.NDArray[np.bool_]:
    """Tell where a value is another than the one before."""
    return np.concatenate([[True], values[1:] != values[:-1]])


def _first_of_name(coco: CocoDataset) -> Callable[[Ids], Ids]:
    """Return what gives of each category id the first that has its name: they count together."""
    first: dict[str, int] = {}
    for category in coco.categories:
        first.setdefault(category.name, category.id)
    pairs = sorted((category.id, first[category.name]) for category in coco.categories)
    known, firsts = np.array(pairs, dtype=np.int64).reshape(-1, 2).T

    def of(ids: Ids) -> Ids:
        if not len(known):
            return ids
        places = np.searchsorted(known, ids).clip(max=len(known) - 1)
        return np.where(known[places] == ids, firsts[places], ids)

    return of
