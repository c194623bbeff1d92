"""Whether filters fit a dataset: it has the categories, licences and captions they speak of."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from typing import Any

from core.coco import Category, CocoDataset
from core.coco.caption_words import searched_words
from core.errors import QueryError
from core.filters.conditions import USES, less, listed
from core.filters.names import named_categories
from core.query.record import CategoryTerm, Filters

# Bounds on the work of guessing which name was meant.
_LONGEST_NAME = 100
_MOST_NAMES = 5_000
_NEAR = 3
_LISTED = 8


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
    if filters.only and not listed(dataset, filters.only).any():
        filters = replace(filters, only=None)
        sentences.append("No picture here has one of the listed ids. The list is left out.")
    return filters, list(dict.fromkeys(sentences))


@dataclass(frozen=True, slots=True)
class _Misfit:
    """A condition on what a dataset does not have; `drop` takes it out of filters."""

    text: str
    advice: str
    drop: Callable[[Filters], Filters]


def _misfits(dataset: CocoDataset, filters: Filters) -> Iterator[_Misfit]:
    yield from _category_misfits(dataset, filters)
    yield from _licence_misfits(dataset, filters)
    yield from _word_misfits(dataset, filters)


def _category_misfits(dataset: CocoDataset, filters: Filters) -> Iterator[_Misfit]:
    for group in ("must", "any_of", "without"):
        for term in getattr(filters, group):
            names = named_categories(dataset.categories, is_supercategory=term.is_supercategory)
            if term.name not in names:
                noun = "supercategory" if term.is_supercategory else "category"
                text = f"{dataset.name!r} has no {noun} {term.name!r:.80}."
                advice = _category_advice(dataset.categories, term)
                yield _Misfit(text, advice, partial(_drop, group, term))


def _licence_misfits(dataset: CocoDataset, filters: Filters) -> Iterator[_Misfit]:
    known = {licence.id: licence.name for licence in dataset.licenses}
    for value in filters.licenses:
        if value not in USES and int(value) not in known:
            named = [f"{number} ({name})" for number, name in sorted(known.items())]
            yield _Misfit(
                f"{dataset.name!r} has no licence {value}.",
                f"It has {_listing(named)}." if named else "It lists no licences at all.",
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
    kept: Any = less(getattr(filters, name), value)
    return replace(filters, **{name: kept})


def _category_advice(categories: tuple[Category, ...], term: CategoryTerm) -> str:
    if not categories:
        return "It has no categories at all: leave the condition out."
    names = named_categories(categories, is_supercategory=term.is_supercategory)
    if term.name in named_categories(categories, is_supercategory=not term.is_supercategory):
        noun = "category" if term.is_supercategory else "supercategory"
        return f"It has a {noun} of that name."
    near = _near(term.name, names)
    if near:
        return f"The nearest that it has: {', '.join(near)}."
    return f"It has {_listing(sorted(names))}." if names else "It names none."


def _listing(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _near(name: str, names: Iterable[str]) -> list[str]:
    """Return up to three of `names` that may have been meant, by all or a word of them."""
    choices = sorted(names)
    if len(name) > _LONGEST_NAME or len(choices) > _MOST_NAMES:
        return []
    named: dict[str, list[str]] = {}
    for choice in choices:
        for form in dict.fromkeys([choice.casefold(), *choice.casefold().split()]):
            named.setdefault(form, []).append(choice)
    forms = get_close_matches(name.casefold(), named, n=_NEAR, cutoff=0.65)
    return list(dict.fromkeys(choice for form in forms for choice in named[form]))[:_NEAR]
