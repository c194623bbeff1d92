"""Filters: which pictures of a dataset may be found, and how many each condition lets through.

    mask = passing(dataset, Filters(must=(CategoryTerm("person", count=3),)))

Every condition looks at columns of the dataset, so a filter costs milliseconds whatever
the pictures are. What is not known does not pass: a picture without a size has no
orientation and is within no bound, an instance without an area is in no area class, and
a licence whose terms are not known allows nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset
from core.errors import QueryError
from core.progress import Progress
from core.query.record import CategoryTerm, Comparison, Filters, Orientation, SideBound, SizeClass

BoolArray = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

# Instances by their `area` in square pixels, as COCO's evaluation groups them
# (https://cocodataset.org/#detection-eval): below 32², up to 96², and from there on.
SMALL_BELOW = 32.0**2
LARGE_FROM = 96.0**2

# Bounds on the work of guessing which name was meant.
_LONGEST_NAME = 100
_MOST_NAMES = 5_000
_NAMED = 3

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class FilterCount:
    """What one condition of the filters does.

    Attributes:
        label: the condition in words, such as `person >= 3`.
        drop: the filters without this condition.
        passing_alone: pictures that meet this condition, whatever the others say.
        passing_without: pictures that meet all the others.
    """

    label: str
    drop: Filters
    passing_alone: int
    passing_without: int


def passing(dataset: CocoDataset, filters: Filters, progress: Progress | None = None) -> BoolArray:
    """Tell which pictures meet all conditions.

    Categories of one name count together. A crowd is one record in COCO, and counts as one
    instance.

    Args:
        dataset: the pictures.
        filters: the conditions; without one every picture passes.
        progress: told the captions read, when their words must be indexed first.

    Returns:
        bool, shape (images,), in the order of `dataset.images`.

    Raises:
        QueryError: a condition on what the dataset does not have, as `check` says.
        DatasetError: the captions file changed while it was read.
    """
    check(dataset, filters)
    passes = np.ones(len(dataset.images), dtype=np.bool_)
    for condition in _conditions(dataset, filters, progress):
        passes &= condition.passes
    return passes


def explain(
    dataset: CocoDataset, filters: Filters, progress: Progress | None = None
) -> tuple[FilterCount, ...]:
    """Count what each condition lets through, so that an empty result explains itself.

    Each term, word, bound and use that a licence allows is a condition of its own; what is
    an "or" (`any_of`, single licences, orientations) is one together.

    Raises:
        QueryError, DatasetError: as `passing`.
    """
    check(dataset, filters)
    n = len(dataset.images)
    conditions = list(_conditions(dataset, filters, progress))
    n_failed = np.zeros(n, dtype=np.int16)
    for condition in conditions:
        n_failed += ~condition.passes
    return tuple(
        FilterCount(
            label=condition.label,
            drop=condition.drop,
            passing_alone=int(np.count_nonzero(condition.passes)),
            passing_without=n - int(np.count_nonzero(n_failed > ~condition.passes)),
        )
        for condition in conditions
    )


def check(dataset: CocoDataset, filters: Filters) -> None:
    """Check that the dataset has what the conditions speak of.

    Raises:
        QueryError: it lacks a category or a licence; the nearest that it has are named.
    """
    for misfit in _misfits(dataset, filters):
        raise QueryError(f"{misfit.text} {misfit.advice}")


def fitting(dataset: CocoDataset, filters: Filters) -> tuple[Filters, list[str]]:
    """Return the conditions that mean something for this dataset.

    For an address that was written by hand, or for another dataset.

    Returns:
        The filters, which `check` accepts, and a sentence on each condition left out.
    """
    sentences = []
    for misfit in list(_misfits(dataset, filters)):
        filters = misfit.drop(filters)
        sentences.append(f"{misfit.text} This condition is left out.")
    if filters.only is not None and not _listed(dataset, filters.only).any():
        filters = replace(filters, only=None)
        sentences.append("No picture here has one of the listed ids. The list is left out.")
    return filters, list(dict.fromkeys(sentences))


@dataclass(frozen=True, slots=True)
class _Condition:
    label: str
    drop: Filters
    passes: BoolArray


@dataclass(frozen=True, slots=True)
class _Misfit:
    """A condition on what a dataset does not have; `drop` takes it out of filters."""

    text: str
    advice: str
    drop: Callable[[Filters], Filters]


def _conditions(
    dataset: CocoDataset, filters: Filters, progress: Progress | None
) -> Iterator[_Condition]:
    yield from _on_instances(dataset, filters)
    yield from _on_pictures(dataset, filters)
    yield from _on_lists(dataset, filters)


def _on_instances(dataset: CocoDataset, filters: Filters) -> Iterator[_Condition]:
    for term in filters.must:
        drop = replace(filters, must=_less(filters.must, term))
        yield _Condition(_term_label(term), drop, _holds(dataset, term))
    if filters.any_of:
        label = " or ".join(_term_label(term) for term in filters.any_of)
        passes = _one_of(_holds(dataset, term) for term in filters.any_of)
        yield _Condition(label, replace(filters, any_of=()), passes)
    for term in filters.without:
        denial = "no" if (term.comparison, term.count) == (">=", 1) else "not"
        drop = replace(filters, without=_less(filters.without, term))
        yield _Condition(f"{denial} {_term_label(term)}", drop, ~_holds(dataset, term))
    if filters.crowd is not None:
        crowded = dataset.instances.image_rows[dataset.instances.iscrowd]
        passes = _marked(dataset, crowded) == filters.crowd
        label = "with a crowd" if filters.crowd else "no crowd"
        yield _Condition(label, replace(filters, crowd=None), passes)


def _on_pictures(dataset: CocoDataset, filters: Filters) -> Iterator[_Condition]:
    if filters.orientations:
        passes = _one_of(_is_oriented(dataset, one) for one in filters.orientations)
        drop = replace(filters, orientations=())
        yield _Condition(" or ".join(filters.orientations), drop, passes)
    for bound in filters.sides:
        drop = replace(filters, sides=_less(filters.sides, bound))
        label = f"{bound.side} {bound.comparison} {bound.pixels:,}"
        yield _Condition(label, drop, _is_within(dataset, bound))
    if filters.annotated is not None:
        passes = (dataset.annotation_counts(dataset.primary) > 0) == filters.annotated
        label = f"{'with' if filters.annotated else 'without'} {dataset.primary}"
        yield _Condition(label, replace(filters, annotated=None), passes)


def _on_lists(dataset: CocoDataset, filters: Filters) -> Iterator[_Condition]:
    if filters.only is not None:
        label = f"one of {len(filters.only):,} listed"
        yield _Condition(label, replace(filters, only=None), _listed(dataset, filters.only))
    if filters.excluded:
        label = f"none of {len(filters.excluded):,} excluded"
        passes = ~_listed(dataset, filters.excluded)
        yield _Condition(label, replace(filters, excluded=()), passes)


def _holds(dataset: CocoDataset, term: CategoryTerm) -> BoolArray:
    instances = dataset.instances
    counted = np.zeros(len(instances), dtype=np.bool_)
    for category_id in _category_ids(dataset, term):
        counted |= instances.category_ids == category_id
    if term.size is not None:
        counted &= _is_of_size(instances.area, term.size)
    counts = np.bincount(instances.image_rows[counted], minlength=len(dataset.images))
    return _compared(counts, term.comparison, term.count)


def _is_of_size(area: npt.NDArray[np.float64], size: SizeClass) -> BoolArray:
    small, large = area < SMALL_BELOW, area >= LARGE_FROM
    if size == "medium":
        return (area >= SMALL_BELOW) & (area < LARGE_FROM)
    return small if size == "small" else large


def _is_oriented(dataset: CocoDataset, orientation: Orientation) -> BoolArray:
    widths, heights = dataset.images.widths, dataset.images.heights
    known: BoolArray = (widths > 0) & (heights > 0)
    if orientation == "square":
        return known & (widths == heights)
    ordered: BoolArray = widths > heights if orientation == "landscape" else widths < heights
    return known & ordered


def _is_within(dataset: CocoDataset, bound: SideBound) -> BoolArray:
    pixels = dataset.images.widths if bound.side == "width" else dataset.images.heights
    known: BoolArray = pixels > 0
    return known & _compared(pixels, bound.comparison, bound.pixels)


def _compared(values: Ints, comparison: Comparison, bound: int) -> BoolArray:
    equal: BoolArray = values == bound
    if comparison == "=":
        return equal
    return equal | (values > bound if comparison == ">=" else values < bound)


def _marked(dataset: CocoDataset, rows: Ints) -> BoolArray:
    marked = np.zeros(len(dataset.images), dtype=np.bool_)
    marked[rows] = True
    return marked


def _listed(dataset: CocoDataset, ids: Sequence[int]) -> BoolArray:
    listed = np.asarray(ids, dtype=np.int64)  # ascending, see `Filters`
    if not listed.size:
        return np.zeros(len(dataset.images), dtype=np.bool_)
    places = np.minimum(np.searchsorted(listed, dataset.images.ids), listed.size - 1)
    found: BoolArray = listed[places] == dataset.images.ids
    return found


def _one_of(masks: Iterable[BoolArray]) -> BoolArray:
    union: BoolArray = np.logical_or.reduce(list(masks))
    return union


def _less(values: tuple[Value, ...], dropped: Value) -> tuple[Value, ...]:
    return tuple(value for value in values if value != dropped)


def _category_ids(dataset: CocoDataset, term: CategoryTerm) -> list[int]:
    return [
        category.id
        for category in dataset.categories
        if _spoken(category.supercategory if term.is_supercategory else category.name) == term.name
    ]


def _spoken(name: str) -> str | None:
    """Return a name of the file as a term has it, with single spaces; None when it is blank."""
    try:
        return CategoryTerm(name).name
    except QueryError:
        return None


def _term_label(term: CategoryTerm) -> str:
    """Say a term in words: `dog`, `small dog >= 2`, `animal (supercategory) = 0`."""
    size = f"{term.size} " if term.size else ""
    group = " (supercategory)" if term.is_supercategory else ""
    at_least_one = (term.comparison, term.count) == (">=", 1)
    count = "" if at_least_one else f" {term.comparison} {term.count:,}"
    return f"{size}{term.name}{group}{count}"


def _misfits(dataset: CocoDataset, filters: Filters) -> Iterator[_Misfit]:
    names = {name for category in dataset.categories if (name := _spoken(category.name))}
    groups = {name for category in dataset.categories if (name := _spoken(category.supercategory))}
    for term in (*filters.must, *filters.any_of, *filters.without):
        if term.name not in (groups if term.is_supercategory else names):
            noun = "supercategory" if term.is_supercategory else "category"
            yield _Misfit(
                f"{dataset.name!r} has no {noun} {term.name!r:.80}.",
                _category_advice(term, names, groups),
                lambda filters, term=term: _without_term(filters, term),  # type: ignore[misc]
            )


def _without_term(filters: Filters, term: CategoryTerm) -> Filters:
    return replace(
        filters,
        must=_less(filters.must, term),
        any_of=_less(filters.any_of, term),
        without=_less(filters.without, term),
    )


def _category_advice(term: CategoryTerm, names: set[str], groups: set[str]) -> str:
    if not names:
        return "It has no categories at all: leave the condition out."
    if term.is_supercategory and term.name in names:
        return f"It has a category of that name: {term.name}"
    if not term.is_supercategory and term.name in groups:
        return f"It has a supercategory of that name: super:{term.name}"
    near = _near(term.name, groups if term.is_supercategory else names)
    if near:
        return f"The nearest that it has: {', '.join(near)}."
    listed = sorted(groups if term.is_supercategory else names)
    more = f" and {len(listed) - _NAMED:,} more" if len(listed) > _NAMED else ""
    return f"It has {', '.join(listed[:_NAMED])}{more}."


def _near(name: str, names: Iterable[str]) -> list[str]:
    """Return up to three of `names` that may have been meant, by all or a word of them."""
    choices = sorted(names)
    if len(name) > _LONGEST_NAME or len(choices) > _MOST_NAMES:
        return []
    named: dict[str, list[str]] = {}
    for choice in choices:
        for form in dict.fromkeys([choice.casefold(), *choice.casefold().split()]):
            named.setdefault(form, []).append(choice)
    forms = get_close_matches(name.casefold(), named, n=_NAMED, cutoff=0.7)
    return list(dict.fromkeys(choice for form in forms for choice in named[form]))[:_NAMED]
