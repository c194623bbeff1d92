"""What objects, pictures and captions look like in numbers: sizes, places, counts, lengths.

Each view is a `Sorting`: the things of a dataset (instances, pictures or captions) sorted
into bins once. `distribution` counts the bins within some pictures, beside all of them, and
`pictures_of` says which pictures make up a bin.

    sizes = object_sizes(dataset)
    spread = distribution(sizes, pictures_in(dataset, found.image_ids))
    pictures_of(dataset, sizes, place=0, is_in=…)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from core.analytics.makeup import Bools, Floats, Int32s, Ints, pictures_in, presence
from core.coco import CocoDataset
from core.coco.scanner import NO_ID
from core.filters.conditions import LARGE_FROM, SMALL_BELOW
from core.licences import short_name
from core.recent import Recent

Noun = Literal["instance", "picture", "caption"]
Places = npt.NDArray[np.int16]
Float32s = npt.NDArray[np.float32]

SIZE_CLASSES = ("small", "medium", "large")
ORIENTATIONS = ("landscape", "portrait", "square")
MOST_INSTANCES = 20
MOST_WORDS = 25
MOST_SIZES = 10
GRID = 24
UNKNOWN = -1

# Half octaves of the side of a square of the instance's area, in pixels: 1 to 1,024.
SIDES = 2.0 ** np.arange(0, 10.5, 0.5)
# Thirds of an octave of width by height: 1:8 to 8:1.
RATIOS = 2.0 ** (np.arange(-9, 10) / 3)

_MOST_BYTES = 128 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Sorting:
    """The things of a dataset, each in a bin.

    Attributes:
        noun: what is sorted: instances, pictures or captions.
        labels: of the bins, in order.
        rows: int32, (things,): the row of the picture that each belongs to.
        places: int16, (things,): the bin of each; -1 where it is not known.
        edges: float64, (bins + 1,) of a continuous scale; None of a list of kinds. The
            first and the last bin also hold what lies beyond them.
        values: float32, (things,): of a continuous scale, each one's own; None of kinds.
    """

    noun: Noun
    labels: tuple[str, ...]
    rows: Int32s
    places: Places
    edges: Floats | None = None
    values: Float32s | None = None

    def __post_init__(self) -> None:
        if self.rows.shape != self.places.shape:
            raise ValueError(f"expected a bin a thing, got {self.places.shape}")
        if self.edges is not None and len(self.edges) != len(self.labels) + 1:
            raise ValueError(f"expected {len(self.labels) + 1} edges, got {len(self.edges)}")

    @property
    def n_bytes(self) -> int:
        """About how much memory it takes."""
        values = 0 if self.values is None else self.values.nbytes
        return self.rows.nbytes + self.places.nbytes + values

    def only(self, keep: Bools) -> "Sorting":
        """Return it with some of its things alone; `keep` is bool, (things,)."""
        values = None if self.values is None else self.values[keep]
        rows, places = self.rows[keep], self.places[keep]
        return Sorting(self.noun, self.labels, rows, places, self.edges, values)


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """How many things lie in each bin, in some pictures and in the whole dataset.

    Attributes:
        noun, labels, edges: as of `Sorting`.
        counts, all_counts: int64, (bins,).
        images: int64, (bins,): pictures looked at that have at least one thing in the bin.
        unknown, all_unknown: things of which the bin is not known.
        median, all_median: of the values of a continuous scale, or of the places of bins,
            which are the numbers where things are counted; NaN without a thing.
    """

    noun: Noun
    labels: tuple[str, ...]
    edges: Floats | None
    counts: Ints
    all_counts: Ints
    images: Ints
    unknown: int
    all_unknown: int
    median: float
    all_median: float

    @property
    def n(self) -> int:
        """Things in a bin, in the pictures looked at."""
        return int(self.counts.sum())

    @property
    def total(self) -> int:
        """Things in a bin, in the whole dataset."""
        return int(self.all_counts.sum())

    @property
    def share(self) -> Floats:
        """float64, (bins,): sums to 1, or is 0 everywhere without a thing."""
        return self.counts / max(1, self.n)

    @property
    def all_share(self) -> Floats:
        """float64, (bins,): the same of the whole dataset."""
        return self.all_counts / max(1, self.total)

    def share_from(self, edge: float) -> tuple[float, float]:
        """Return the share of what lies above an edge of the scale, here and in the dataset.

        Raises:
            ValueError: there is no such edge.
        """
        if self.edges is None or not np.isclose(self.edges, edge).any():
            raise ValueError(f"expected an edge of the scale, got {edge}")
        above = self.edges[:-1] > edge * (1 - 1e-9)
        return float(self.share[above].sum()), float(self.all_share[above].sum())


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """Where in their pictures the boxes of instances lie, on a grid over the picture.

    Attributes:
        share, all_share: float64, (rows, columns) from the top left: of the boxes, the part
            that lies over a cell; of the pictures looked at, and of the whole dataset.
        n, total: boxes that were counted.
    """

    share: Floats
    all_share: Floats
    n: int
    total: int


def distribution(sorting: Sorting, is_in: Bools) -> Distribution:
    """Count the things of each bin.

    Args:
        sorting: as the functions below make it.
        is_in: bool, (images,): which pictures are looked at.
    """
    k = len(sorting.labels)
    chosen = is_in[sorting.rows]
    rows, places = sorting.rows[chosen], sorting.places[chosen]
    known = places >= 0
    measured = sorting.places if sorting.values is None else sorting.values
    all_known = sorting.places >= 0
    return Distribution(
        noun=sorting.noun,
        labels=sorting.labels,
        edges=sorting.edges,
        counts=np.bincount(places[known], minlength=k),
        all_counts=np.bincount(sorting.places[all_known], minlength=k),
        images=_pictures_by_bin(rows[known], places[known], k, len(is_in)),
        unknown=int(np.count_nonzero(~known)),
        all_unknown=int(np.count_nonzero(~all_known)),
        median=_median(measured[chosen & all_known]),
        all_median=_median(measured[all_known]),
    )


def pictures_of(dataset: CocoDataset, sorting: Sorting, place: int, is_in: Bools) -> Ints:
    """Return the ids of the pictures looked at with a thing in a bin, in the dataset's order.

    Args:
        place: the bin; -1 for what is not known.
        is_in: bool, (images,): which pictures are looked at.
    """
    has = np.zeros(len(is_in), dtype=np.bool_)
    has[sorting.rows[sorting.places == place]] = True
    return dataset.images.ids[has & is_in]


def object_sizes(dataset: CocoDataset, category: str | None = None) -> Sorting:
    """Sort instances into COCO's area classes: small below 32², large from 96² square pixels.

    By the record's `area`, which is that of the mask (COCO's detection evaluation).

    Args:
        category: only its instances; None takes all.
    """

    def make() -> Sorting:
        area = dataset.instances.area
        places = np.digitize(area, [SMALL_BELOW, LARGE_FROM])
        return _of_instances(dataset, SIZE_CLASSES, places, np.isfinite(area))

    return _of_category(dataset, category, _remembered(dataset, "size class", make))


def object_sides(dataset: CocoDataset, category: str | None = None) -> Sorting:
    """Sort instances by size on a log scale: the side of a square of their area, in pixels.

    Bins are half octaves from 1 to 1,024 pixels; 32 and 96 pixels part COCO's classes.
    """

    def make() -> Sorting:
        area = dataset.instances.area
        is_known = np.isfinite(area) & (area > 0)
        sides = np.sqrt(np.where(is_known, area, 1.0))
        return _on_scale(dataset, sides, is_known, SIDES)

    return _of_category(dataset, category, _remembered(dataset, "side", make))


def object_aspects(dataset: CocoDataset, category: str | None = None) -> Sorting:
    """Sort instances by the width of their box over its height, on a log scale."""

    def make() -> Sorting:
        width, height = dataset.instances.bbox[:, 2], dataset.instances.bbox[:, 3]
        is_known = (width > 0) & (height > 0)
        ratios = np.ones(len(width))
        np.divide(width, height, out=ratios, where=is_known)
        return _on_scale(dataset, ratios, is_known, RATIOS)

    return _of_category(dataset, category, _remembered(dataset, "aspect", make))


def crowding(dataset: CocoDataset, category: str | None = None) -> Sorting:
    """Sort pictures by their number of instances: 0, 1, … and 20 or more; a crowd is one.

    Args:
        category: counts only its instances; pictures without one are still there.
    """
    labels = (*map(str, range(MOST_INSTANCES)), f"{MOST_INSTANCES}+")

    def make() -> Sorting:
        rows = dataset.instances.image_rows
        if category is not None:
            rows = rows[_are_of(dataset, category)]
        counts = np.bincount(rows, minlength=len(dataset.images))
        return _of_pictures(dataset, labels, np.minimum(counts, MOST_INSTANCES))

    # Counting anew is cheap; a dataset may have a thousand categories.
    return make() if category is not None else _remembered(dataset, "instances", make)


def crowds(dataset: CocoDataset) -> Sorting:
    """Sort pictures by whether they have a crowd: a record that stands for many."""

    def make() -> Sorting:
        has = np.zeros(len(dataset.images), dtype=np.int64)
        has[dataset.instances.image_rows[dataset.instances.iscrowd]] = 1
        return _of_pictures(dataset, ("no crowd", "a crowd"), has)

    return _remembered(dataset, "crowd", make)


def orientations(dataset: CocoDataset) -> Sorting:
    """Sort pictures into landscape, portrait and square; unknown where no size is named."""

    def make() -> Sorting:
        widths, heights = dataset.images.widths, dataset.images.heights
        places = np.where(widths > heights, 0, np.where(widths < heights, 1, 2))
        places = np.where((widths > 0) & (heights > 0), places, UNKNOWN)
        return _of_pictures(dataset, ORIENTATIONS, places)

    return _remembered(dataset, "orientation", make)


def picture_sizes(dataset: CocoDataset) -> Sorting:
    """Sort pictures by width and height: the ten most frequent pairs, and all others."""

    def make() -> Sorting:
        widths, heights = dataset.images.widths, dataset.images.heights
        known = (widths > 0) & (heights > 0)
        # A size as one number, because a sort of pairs takes twenty times as long.
        pairs, of_pair, counts = np.unique(
            widths[known] + 1j * heights[known], return_inverse=True, return_counts=True
        )
        first = np.argsort(-counts, kind="stable")[:MOST_SIZES]
        place = np.full(len(counts), len(first), dtype=np.int64)
        place[first] = np.arange(len(first))
        places = np.full(len(widths), UNKNOWN, dtype=np.int64)
        places[known] = place[of_pair]
        labels = [f"{pair.real:.0f} × {pair.imag:.0f}" for pair in pairs[first]]
        labels += ["other sizes"] if len(counts) > len(first) else []
        return _of_pictures(dataset, tuple(labels), places)

    return _remembered(dataset, "picture size", make)


def licences(dataset: CocoDataset) -> Sorting:
    """Sort pictures by licence, in the order of the dataset's list; unknown: none is stated."""

    def make() -> Sorting:
        listed = [licence for licence in dataset.licenses if licence.id != NO_ID]
        places = np.full(len(dataset.images), UNKNOWN, dtype=np.int64)
        for place, licence in enumerate(listed):
            places[dataset.images.license_ids == licence.id] = place
        names = [short_name(licence.name, licence.url) or str(licence.id) for licence in listed]
        labels = [
            name if names.count(name) == 1 else f"{name} ({licence.id})"
            for name, licence in zip(names, listed, strict=True)
        ]
        return _of_pictures(dataset, tuple(labels), places)

    return _remembered(dataset, "licence", make)


def caption_lengths(dataset: CocoDataset) -> Sorting:
    """Sort captions by their number of words: 0, 1, … and 25 or more.

    Raises:
        DatasetError: the captions file changed meanwhile.
    """
    labels = (*map(str, range(MOST_WORDS)), f"{MOST_WORDS}+")

    def make() -> Sorting:
        words = dataset.caption_words()
        ends = np.append(words.starts[1:], len(words.tokens))
        lengths = ends - words.starts - 1  # less the mark at each end
        rows = dataset.caption_image_rows
        keep = rows >= 0
        places = np.minimum(lengths, MOST_WORDS)[keep].astype(np.int16)
        return Sorting("caption", labels, rows[keep].astype(np.int32), places)

    return _remembered(dataset, "caption length", make)


def coverage(
    dataset: CocoDataset, image_ids: Sequence[int] | Ints, category: str | None = None
) -> Coverage:
    """Tell how many boxes lie over each cell of a grid that is laid over every picture.

    A box lies over all cells that it touches. Boxes of pictures without a size, and records
    without a box, are left out.

    Raises:
        DatasetError: an id that the dataset does not have.
    """
    cells = _cells(dataset)
    of_category = cells.known if category is None else cells.known & _are_of(dataset, category)
    chosen = of_category & pictures_in(dataset, image_ids)[dataset.instances.image_rows]
    n, total = int(np.count_nonzero(chosen)), int(np.count_nonzero(of_category))
    return Coverage(
        share=_covered(cells, chosen) / max(1, n),
        all_share=_covered(cells, of_category) / max(1, total),
        n=n,
        total=total,
    )


def pictures_over(
    dataset: CocoDataset,
    row: int,
    column: int,
    is_in: Bools,
    category: str | None = None,
) -> Ints:
    """Return the ids of the pictures looked at with a box over a cell, in the dataset's order."""
    cells = _cells(dataset)
    over = cells.known & (cells.left <= column) & (column <= cells.right)
    over &= (cells.top <= row) & (row <= cells.bottom)
    if category is not None:
        over &= _are_of(dataset, category)
    has = np.zeros(len(is_in), dtype=np.bool_)
    has[dataset.instances.image_rows[over]] = True
    return dataset.images.ids[has & is_in]


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """The first and last column and row of the grid that each box lies over; int8 each."""

    left: npt.NDArray[np.int8]
    right: npt.NDArray[np.int8]
    top: npt.NDArray[np.int8]
    bottom: npt.NDArray[np.int8]
    known: Bools

    @property
    def n_bytes(self) -> int:
        return 5 * self.known.nbytes


_sorted: Recent[Sorting] = Recent(64, _MOST_BYTES, lambda one: one.n_bytes)
_gridded: Recent[_Cells] = Recent(8, _MOST_BYTES, lambda one: one.n_bytes)


def _remembered(dataset: CocoDataset, what: str, make: Callable[[], Sorting]) -> Sorting:
    return _sorted.get((dataset.annotation_hash, what), make)


def _of_instances(
    dataset: CocoDataset,
    labels: tuple[str, ...],
    places: npt.NDArray[np.integer],
    is_known: Bools,
) -> Sorting:
    found = np.where(is_known, places, UNKNOWN).astype(np.int16)
    return Sorting("instance", labels, dataset.instances.image_rows.astype(np.int32), found)


def _on_scale(dataset: CocoDataset, values: Floats, is_known: Bools, edges: Floats) -> Sorting:
    labels = tuple(f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges))
    sorting = _of_instances(dataset, labels, _bins(values, edges), is_known)
    return replace(sorting, edges=edges, values=values.astype(np.float32))


def _of_pictures(
    dataset: CocoDataset, labels: tuple[str, ...], places: npt.NDArray[np.integer]
) -> Sorting:
    rows = np.arange(len(dataset.images), dtype=np.int32)
    return Sorting("picture", labels, rows, places.astype(np.int16))


def _of_category(dataset: CocoDataset, category: str | None, sorting: Sorting) -> Sorting:
    return sorting if category is None else sorting.only(_are_of(dataset, category))


def _are_of(dataset: CocoDataset, category: str) -> Bools:
    whole = presence(dataset)
    place = whole.place_of(category)
    are: Bools = (whole.group_of == place) & (place >= 0)
    return are


def _bins(values: Floats, edges: Floats) -> npt.NDArray[np.int64]:
    """Return the bin of each value; what lies beyond the edges is in the first and the last."""
    places: npt.NDArray[np.int64] = np.searchsorted(edges, values, side="right") - 1
    return np.clip(places, 0, len(edges) - 2)


def _median(values: npt.NDArray[Any]) -> float:
    return float(np.median(values)) if values.size else float("nan")


def _pictures_by_bin(rows: Int32s, places: Places, k: int, n_images: int) -> Ints:
    has = np.zeros((k, n_images), dtype=np.bool_)
    has[places, rows] = True
    counts: Ints = np.count_nonzero(has, axis=1)
    return counts


def _cells(dataset: CocoDataset) -> _Cells:
    def make() -> _Cells:
        table = dataset.instances
        widths = dataset.images.widths[table.image_rows]
        heights = dataset.images.heights[table.image_rows]
        x, y, w, h = table.bbox.T
        known = np.isfinite(table.bbox).all(axis=1) & (widths > 0) & (heights > 0)
        ends = ((x, widths, 0), (x + w, widths, -1), (y, heights, 0), (y + h, heights, -1))
        left, right, top, bottom = (_cell(at, side, known, past) for at, side, past in ends)
        return _Cells(left, np.maximum(left, right), top, np.maximum(top, bottom), known)

    return _gridded.get(dataset.annotation_hash, make)


def _cell(at: Floats, side: Ints, known: Bools, past: int) -> npt.NDArray[np.int8]:
    """Return the cell of a coordinate; an end of a box that is on a line is before it."""
    scaled = np.zeros(len(at))
    np.divide(at * GRID, side, out=scaled, where=known)
    cells = np.floor(scaled) if past == 0 else np.ceil(scaled) + past
    return np.clip(cells, 0, GRID - 1).astype(np.int8)


def _covered(cells: _Cells, chosen: Bools) -> Floats:
    """Return how many of the chosen boxes lie over each cell, float64, (GRID, GRID).

    By differences: one more from a box's first cell on, one less after its last.
    """
    left, top = cells.left[chosen].astype(np.int64), cells.top[chosen].astype(np.int64)
    right = cells.right[chosen].astype(np.int64) + 1
    bottom = cells.bottom[chosen].astype(np.int64) + 1
    side = GRID + 1
    steps = sum(
        sign * np.bincount(row * side + column, minlength=side * side)
        for row, column, sign in (
            (top, left, 1),
            (top, right, -1),
            (bottom, left, -1),
            (bottom, right, 1),
        )
    )
    covered: Floats = np.asarray(steps).reshape(side, side).cumsum(0).cumsum(1)[:GRID, :GRID]
    return covered.astype(np.float64)
