"""The conditions of filters, each as the pictures of a dataset that meet it.

What is not known does not pass: a picture without a size has no orientation and is within
no bound, an instance without an area is in no area class, and a licence whose terms are
not known allows nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset
from core.coco.scanner import NO_ID
from core.filters.names import named_categories
from core.licences import terms_of
from core.progress import Progress
from core.query.record import CategoryTerm, Comparison, Filters, Orientation, SideBound, SizeClass
from core.query.words import caption_words, denial_words, license_words, side_words, term_words

BoolArray = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

# Instances by their `area` in square pixels, as COCO's evaluation groups them
# (https://cocodataset.org/#detection-eval): below 32², up to 96², and from there on.
SMALL_BELOW = 32.0**2
LARGE_FROM = 96.0**2

# What a licence may have to allow, by its name in `Filters.licenses` and in `Terms`.
USES = ("commercial", "modifications")

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of filters on one dataset.

    Attributes:
        label: it in words.
        drop: the filters without it.
        passes: bool, shape (images,): the pictures that meet it.
    """

    label: str
    drop: Filters
    passes: BoolArray


def conditions(
    dataset: CocoDataset, filters: Filters, progress: Progress | None = None
) -> Iterator[Condition]:
    """Yield each condition of filters that fit the dataset.

    Each term, word, bound and use that a licence allows is a condition of its own; what is
    an "or" (`any_of`, single licences, orientations) is one together.
    """
    yield from _on_instances(dataset, filters)
    yield from _on_captions(dataset, filters, progress)
    yield from _on_licences(dataset, filters)
    yield from _on_pictures(dataset, filters)
    yield from _on_lists(dataset, filters)


def _on_instances(dataset: CocoDataset, filters: Filters) -> Iterator[Condition]:
    for term in filters.must:
        drop = replace(filters, must=less(filters.must, term))
        yield Condition(term_words(term), drop, _holds(dataset, term))
    if filters.any_of:
        label = " or ".join(term_words(term) for term in filters.any_of)
        passes = _one_of(_holds(dataset, term) for term in filters.any_of)
        yield Condition(label, replace(filters, any_of=()), passes)
    for term in filters.without:
        drop = replace(filters, without=less(filters.without, term))
        yield Condition(denial_words(term), drop, ~_holds(dataset, term))
    if filters.crowd is not None:
        crowded = dataset.instances.image_rows[dataset.instances.iscrowd]
        passes = _marked(dataset, crowded) == filters.crowd
        label = "with a crowd" if filters.crowd else "no crowd"
        yield Condition(label, replace(filters, crowd=None), passes)


def _on_captions(
    dataset: CocoDataset, filters: Filters, progress: Progress | None
) -> Iterator[Condition]:
    for words in filters.words:
        drop = replace(filters, words=less(filters.words, words))
        passes = dataset.with_words(words.text, progress)
        passes = ~passes if words.is_negative else passes
        yield Condition(caption_words(words), drop, passes)


def _on_licences(dataset: CocoDataset, filters: Filters) -> Iterator[Condition]:
    for use in USES:
        if use in filters.licenses:
            ids = [one.id for one in dataset.licenses if getattr(terms_of(one.url), use)]
            drop = replace(filters, licenses=less(filters.licenses, use))
            yield Condition(license_words(use), drop, _is_licensed(dataset, ids))
    ids = [int(value) for value in filters.licenses if value not in USES]
    if ids:
        names = {licence.id: licence.name for licence in dataset.licenses}
        label = " or ".join(names.get(one) or license_words(str(one)) for one in ids)
        drop = replace(filters, licenses=tuple(use for use in filters.licenses if use in USES))
        yield Condition(label, drop, _is_licensed(dataset, ids))


def _on_pictures(dataset: CocoDataset, filters: Filters) -> Iterator[Condition]:
    if filters.orientations:
        passes = _one_of(_is_oriented(dataset, one) for one in filters.orientations)
        drop = replace(filters, orientations=())
        yield Condition(" or ".join(filters.orientations), drop, passes)
    for bound in filters.sides:
        drop = replace(filters, sides=less(filters.sides, bound))
        yield Condition(side_words(bound), drop, _is_within(dataset, bound))
    if filters.annotated is not None:
        passes = (dataset.annotation_counts(dataset.primary) > 0) == filters.annotated
        label = f"{'with' if filters.annotated else 'without'} {dataset.primary}"
        yield Condition(label, replace(filters, annotated=None), passes)


def _on_lists(dataset: CocoDataset, filters: Filters) -> Iterator[Condition]:
    if filters.only is not None:
        label = f"one of {len(filters.only):,} listed"
        yield Condition(label, replace(filters, only=None), listed(dataset, filters.only))
    if filters.excluded:
        label = f"none of {len(filters.excluded):,} excluded"
        passes = ~listed(dataset, filters.excluded)
        yield Condition(label, replace(filters, excluded=()), passes)


def _holds(dataset: CocoDataset, term: CategoryTerm) -> BoolArray:
    instances = dataset.instances
    wanted = named_categories(dataset.categories, is_supercategory=term.is_supercategory)[term.name]
    counted: BoolArray = np.isin(instances.category_ids, np.array(wanted, dtype=np.int64))
    if term.size is not None:
        counted &= _is_of_size(instances.area, term.size)
    counts = np.bincount(instances.image_rows[counted], minlength=len(dataset.images))
    return _compared(counts, term.comparison, term.count)


def _is_of_size(area: npt.NDArray[np.float64], size: SizeClass) -> BoolArray:
    of_size: BoolArray
    if size == "small":
        of_size = area < SMALL_BELOW
    elif size == "medium":
        of_size = (area >= SMALL_BELOW) & (area < LARGE_FROM)
    else:
        of_size = area >= LARGE_FROM
    return of_size


def _is_oriented(dataset: CocoDataset, orientation: Orientation) -> BoolArray:
    widths, heights = dataset.images.widths, dataset.images.heights
    known: BoolArray = (widths > 0) & (heights > 0)
    compare = {"landscape": np.greater, "portrait": np.less, "square": np.equal}[orientation]
    return known & compare(widths, heights)


def _is_within(dataset: CocoDataset, bound: SideBound) -> BoolArray:
    pixels = dataset.images.widths if bound.side == "width" else dataset.images.heights
    known: BoolArray = pixels > 0
    return known & _compared(pixels, bound.comparison, bound.pixels)


def _is_licensed(dataset: CocoDataset, ids: Iterable[int]) -> BoolArray:
    # -1 stands for a picture that names no licence, whatever a file may call its licences.
    wanted = [one for one in ids if one != NO_ID]
    licensed: BoolArray = np.isin(dataset.images.license_ids, np.array(wanted, dtype=np.int64))
    return licensed


def _compared(values: Ints, comparison: Comparison, bound: int) -> BoolArray:
    compare = {">=": np.greater_equal, "<=": np.less_equal, "=": np.equal}[comparison]
    holds: BoolArray = compare(values, bound)
    return holds


def _marked(dataset: CocoDataset, rows: Ints) -> BoolArray:
    marked = np.zeros(len(dataset.images), dtype=np.bool_)
    marked[rows] = True
    return marked


def listed(dataset: CocoDataset, ids: Sequence[int]) -> BoolArray:
    """Tell which pictures have one of `ids`, which are ascending; bool, shape (images,)."""
    wanted = np.asarray(ids, dtype=np.int64)
    if not wanted.size:
        return np.zeros(len(dataset.images), dtype=np.bool_)
    places = np.minimum(np.searchsorted(wanted, dataset.images.ids), wanted.size - 1)
    found: BoolArray = wanted[places] == dataset.images.ids
    return found


def _one_of(masks: Iterable[BoolArray]) -> BoolArray:
    union: BoolArray = np.logical_or.reduce(list(masks))
    return union


def less(values: tuple[Value, ...], dropped: Value) -> tuple[Value, ...]:
    """Return `values` without `dropped`."""
    return tuple(value for value in values if value != dropped)
