"""From a figure to its pictures: the query that finds a part of what was looked at.

narrowed(found, must=(CategoryTerm("dog"),))     # those of the result that have a dog
of_pictures(ids, must=(CategoryTerm("dog"),))    # those of a subset that have one
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from core.filters.conditions import USES
from core.found import Found
from core.query import Cut, Filters, Query

_ADDED = ("must", "without", "words", "sides")


def narrowed(found: Found, **conditions: Any) -> Query:
    """Return the query that finds those pictures of a result that meet conditions, too.

    It asks what the result's query asks, so they stand in the same order. Where a filter
    would let in what the result has not (the best 24 dogs are not the dogs among the best
    24), the result's own ids are part of the filters.

    Args:
        found: the result.
        conditions: filters by their names in `core.query.Filters`, as `and_also` adds them.

    Raises:
        QueryError: more filters than a query can have.
    """
    query = found.query
    if not _keeps_to_itself(found):
        query = query.with_filters(only=tuple(found.image_ids.tolist()))
    return replace(query, filters=and_also(query.filters, **conditions))


def of_pictures(image_ids: Iterable[int], **conditions: Any) -> Query:
    """Return the query that shows those of some pictures that meet conditions, unranked.

    Raises:
        QueryError: as `narrowed`.
    """
    ids = tuple(int(image_id) for image_id in image_ids)
    filters = and_also(Filters(only=ids), **conditions)
    return Query(filters=filters, cut=Cut("top", max(1, len(ids))))


def and_also(filters: Filters, **conditions: Any) -> Filters:
    """Return filters that ask for conditions as well.

    Args:
        filters: what is asked already.
        conditions: by their names in `core.query.Filters`. Terms, words and sides are added;
            single licences and orientations take the place of those there, which are each
            "one of these"; lists of ids are intersected; all else is set.

    Raises:
        QueryError: more of a filter than there can be.
        ValueError: `any_of` beside another one, which no filter can say.
    """
    values: dict[str, Any] = {}
    for name, value in conditions.items():
        present = getattr(filters, name)
        if name in _ADDED:
            values[name] = (*present, *value)
        elif name == "licenses":
            values[name] = (*(use for use in present if use in USES), *value)
        elif name == "any_of" and present not in ((), value):
            raise ValueError("expected no other any_of")
        elif name == "only" and present is not None:
            values[name] = tuple(set(present).intersection(value))
        else:
            values[name] = value
    return replace(filters, **values)


def _keeps_to_itself(found: Found) -> bool:
    """Tell whether more filters only take pictures out of a result, and let none in."""
    query = found.query
    if query.hide_duplicates is not None:
        return False  # one that was hidden may come out from behind what is filtered
    return query.cut.kind != "top" or len(found) < query.cut.value
