"""Where a subset comes from, in a few words."""

from typing import Literal

from core.query import query_words
from core.recipe.record import CombinationOrigin, Origin, QueryOrigin, Recipe
from core.recipe.values import MAX_TEXT

_BETWEEN = {"union": " or ", "intersection": " and ", "difference": " but not "}
_DEEPEST = 3

OriginKind = Literal["query", "hand", "combination", "ids"]


def origin_words(origin: Origin) -> str:
    """Say what makes a subset: `a dog; person >= 3`, `(a dog) but not (a leash)`.

    What was added or removed by hand is not said. "" when nothing was asked.
    """
    return _words(origin, 0)[:MAX_TEXT]


def origin_kind(origin: Origin) -> OriginKind:
    """Say where its pictures come from; "hand" is a query changed by hand."""
    if isinstance(origin, QueryOrigin):
        return "hand" if origin.added or origin.removed else "query"
    return "combination" if isinstance(origin, CombinationOrigin) else "ids"


def _words(origin: Origin, depth: int) -> str:
    if isinstance(origin, QueryOrigin):
        return query_words(origin.query)
    if isinstance(origin, CombinationOrigin):
        parts = (_part(recipe, depth + 1) for recipe in origin.of)
        return _BETWEEN[origin.operation].join(f"({part})" for part in parts)
    return origin.note


def _part(recipe: Recipe, depth: int) -> str:
    said = recipe.title if depth > _DEEPEST else _words(recipe.origin, depth) or recipe.title
    return said or f"{len(recipe):,} pictures"
