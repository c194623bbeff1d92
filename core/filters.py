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
from functools import lru_cache, partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from core.coco import Category, CocoDataset
from core.coco.caption_words import searched_words
from core.coco.scanner import NO_ID
from core.errors import QueryError
from core.licences import terms_of
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
_NEAR = 3
_LISTED = 8

# What a licence may have to allow, by its name in `Filters.licenses` and in `Terms`.
_USES = {
    "commercial": "commercial use allowed",
    "modifications": "modifications allowed",
}

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
    yield from _on_captions(dataset, filters, progress)
    yield from _on_licences(dataset, filters)
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


def _on_captions(
    dataset: CocoDataset, filters: Filters, progress: Progress | None
) -> Iterator[_Condition]:
    for words in filters.words:
        drop = replace(filters, words=_less(filters.words, words))
        passes = dataset.with_words(words.text, progress)
        if words.is_negative:
            yield _Condition(f'no caption has "{words.text}"', drop, ~passes)
        else:
            yield _Condition(f'caption has "{words.text}"', drop, passes)


def _on_licences(dataset: CocoDataset, filters: Filters) -> Iterator[_Condition]:
    for use, label in _USES.items():
        if use in filters.licenses:
            ids = [one.id for one in dataset.licenses if getattr(terms_of(one.url), use)]
            drop = replace(filters, licenses=_less(filters.licenses, use))
            yield _Condition(label, drop, _is_licensed(dataset, ids))
    ids = [int(value) for value in filters.licenses if value not in _USES]
    if ids:
        names = {licence.id: licence.name for licence in dataset.licenses}
        label = " or ".join(names.get(one) or f"licence {one}" for one in ids)
        drop = replace(filters, licenses=tuple(use for use in filters.licenses if use in _USES))
        yield _Condition(label, drop, _is_licensed(dataset, ids))


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
    wanted = _named(dataset.categories, is_supercategory=term.is_supercategory)[term.name]
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


@lru_cache(maxsize=32)
def _named(categories: tuple[Category, ...], *, is_supercategory: bool) -> dict[str, list[int]]:
    """Return the ids of the categories of each name, or of each supercategory."""
    ids: dict[str, list[int]] = {}
    for category in categories:
        name = _spoken(category.supercategory if is_supercategory else category.name)
        if name is not None:
            ids.setdefault(name, []).append(category.id)
    return ids


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
    yield from _category_misfits(dataset, filters)
    yield from _licence_misfits(dataset, filters)
    yield from _word_misfits(dataset, filters)


def _category_misfits(dataset: CocoDataset, filters: Filters) -> Iterator[_Misfit]:
    for group in ("must", "any_of", "without"):
        for term in getattr(filters, group):
            names = _named(dataset.categories, is_supercategory=term.is_supercategory)
            if term.name not in names:
                noun = "supercategory" if term.is_supercategory else "category"
                text = f"{dataset.name!r} has no {noun} {term.name!r:.80}."
                advice = _category_advice(dataset.categories, term)
                yield _Misfit(text, advice, partial(_drop, group, term))


def _licence_misfits(dataset: CocoDataset, filters: Filters) -> Iterator[_Misfit]:
    known = {licence.id: licence.name for licence in dataset.licenses}
    for value in filters.licenses:
        if value not in _USES and int(value) not in known:
            listed = ", ".join(
                f"{number} ({name})" for number, name in sorted(known.items())[:_LISTED]
            )
            yield _Misfit(
                f"{dataset.name!r} has no licence {value}.",
                f"It has {listed}." if listed else "It lists no licences at all.",
                partial(_drop, "licenses", value),
            )


def _word_misfits(dataset: CocoDataset, filters: Filters) -> Iterator[_Misfit]:
    for words in filters.words:
        drop = partial(_drop, "words", words)
        if "captions" not in dataset.kinds:
            yield _Misfit(f"{dataset.name!r} has no captions.", "Leave out the words.", drop)
        elif not searched_words(words.text):
            text = f"There is no word in {words.text!r:.80}."
            yield _Misfit(text, "Words of captions are letters, digits or pictographs.", drop)


def _drop(name: str, value: object, filters: Filters) -> Filters:
    kept: Any = _less(getattr(filters, name), value)
    return replace(filters, **{name: kept})


def _category_advice(categories: tuple[Category, ...], term: CategoryTerm) -> str:
    if not categories:
        return "It has no categories at all: leave the condition out."
    names = _named(categories, is_supercategory=term.is_supercategory)
    if term.name in _named(categories, is_supercategory=not term.is_supercategory):
        noun = "category" if term.is_supercategory else "supercategory"
        return f"It has a {noun} of that name."
    near = _near(term.name, names)
    if near:
        return f"The nearest that it has: {', '.join(near)}."
    listed = sorted(names)
    more = f" and {len(listed) - _LISTED:,} more" if len(listed) > _LISTED else ""
    return f"It has {', '.join(listed[:_LISTED])}{more}." if listed else "It names none."


def _near(name: str, names: Iterable[str]) -> list[str]:
    """Return up to three of `names` that may have been meant, by all or a word of them."""
    choices = sorted(names)
    if len(name) > _LONGEST_NAME or len(choices) > _MOST_NAMES:
        return []
    named: dict[str, list[str]] = {}
    for choice in choices:
        for form in dict.fromkeys([choice.casefold(), *choice.casefold().split()]):
            named.setdefault(form, []).append(choice)
    forms = get_close_matches(name.casefold(), named, n=_NEAR, cutoff=0.7)
    return list(dict.fromkeys(choice for form in forms for choice in named[form]))[:_NEAR]
