"""Queries as JSON: one document, version 1, in which conditions are the text of `terms`."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from core.errors import QueryError
from core.query.record import Cut, Filters, Part, Query, Words
from core.query.terms import (
    category_text,
    read_category,
    read_side,
    read_words,
    side_text,
    words_text,
)

VERSION = 1

_PART_KEYS = ("kind", "value", "weight")
_CUT_KEYS = ("kind", "value")
_QUERY_KEYS = (
    "version",
    "parts",
    "mode",
    "prompts",
    "filters",
    "cut",
    "hide_duplicates",
    "diversity",
)


def to_json(query: Query) -> dict[str, Any]:
    """Return `query` as a document that `from_json` makes an equal query of.

    All is in it but the filters that are not set. Numbers without a fraction are integers.
    """
    return {
        "version": VERSION,
        "parts": [
            {"kind": part.kind, "value": part.value, "weight": _plain(part.weight)}
            for part in query.parts
        ],
        "mode": query.mode,
        "prompts": query.prompts,
        "filters": _filters_document(query.filters),
        "cut": {"kind": query.cut.kind, "value": _plain(query.cut.value)},
        "hide_duplicates": None if query.hide_duplicates is None else _plain(query.hide_duplicates),
        "diversity": _plain(query.diversity),
    }


def from_json(data: object) -> Query:
    """Return the query that a document says; keys that it lacks are at their defaults.

    Raises:
        QueryError: it is of another version, has a key that there is not, or a value that
            cannot be.
    """
    document = _document("a query", data, _QUERY_KEYS)
    version = document.pop("version", None)
    if version != VERSION or isinstance(version, bool):
        raise QueryError(f'Expected a query with "version": {VERSION}, found {_shown(version)}.')
    if "parts" in document:
        document["parts"] = tuple(map(_part, _list("parts", document["parts"])))
    if "filters" in document:
        document["filters"] = _filters(document["filters"])
    if "cut" in document:
        document["cut"] = _cut(document["cut"])
    return Query(**document)


def canonical(query: Query) -> str:
    """Return the one JSON text of `query`: keys sorted, no blanks, the same for equal queries."""
    return json.dumps(to_json(query), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _words_text(words: Words) -> str:
    return words_text([words])


def _read_word(text: str) -> Words:
    words = read_words(text)
    if len(words) != 1:
        raise QueryError(
            f"Expected one word or one phrase in quotes, found {_shown(text)} in the words."
        )
    return words[0]


# Of each filter that is a list of conditions: its condition as text, and back.
_CONDITIONS: dict[str, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    "must": (category_text, read_category),
    "any_of": (category_text, read_category),
    "without": (category_text, read_category),
    "words": (_words_text, _read_word),
    "licenses": (str, str),
    "orientations": (str, str),
    "sides": (side_text, read_side),
}
_FILTER_KEYS = (*_CONDITIONS, "crowd", "annotated", "only", "excluded")


def _filters_document(filters: Filters) -> dict[str, Any]:
    document: dict[str, Any] = {
        name: [text_of(value) for value in getattr(filters, name)]
        for name, (text_of, _) in _CONDITIONS.items()
        if getattr(filters, name)
    }
    for name in ("crowd", "annotated"):
        if getattr(filters, name) is not None:
            document[name] = getattr(filters, name)
    if filters.only is not None:
        document["only"] = list(filters.only)
    if filters.excluded:
        document["excluded"] = list(filters.excluded)
    return document


def _filters(data: object) -> Filters:
    document = _document("filters", data, _FILTER_KEYS)
    for name, (_, read) in _CONDITIONS.items():
        if name in document:
            texts = _list(name, document[name])
            for text in texts:
                if not isinstance(text, str):
                    raise QueryError(f"Expected text in {name}, found {_shown(text)}.")
            document[name] = tuple(map(read, texts))
    if document.get("only") is not None:
        document["only"] = tuple(_list("only", document["only"]))
    document["excluded"] = tuple(_list("excluded", document.get("excluded", ())))
    return Filters(**document)


def _part(data: object) -> Part:
    return Part(**_document("a part", data, _PART_KEYS, needed=("kind", "value")))


def _cut(data: object) -> Cut:
    return Cut(**_document("a cut", data, _CUT_KEYS, needed=_CUT_KEYS))


def _document(
    noun: str, data: object, keys: tuple[str, ...], needed: tuple[str, ...] = ()
) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise QueryError(f"Expected {noun} as a JSON object, found {_shown(data)}.")
    for key in data:
        if key not in keys:
            raise QueryError(
                f"Expected the keys {', '.join(keys)} in {noun}, found {_shown(key)}, too."
            )
    for key in needed:
        if key not in data:
            raise QueryError(f'Expected "{key}" in {noun} of the query, found none.')
    return dict(data)


def _list(name: str, data: object) -> list[Any]:
    if not isinstance(data, list | tuple):
        raise QueryError(f"Expected a list for {name}, found {_shown(data)}.")
    return list(data)


def _plain(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value


def _shown(value: object) -> str:
    if isinstance(value, str | int | float | None):
        return f"{value!r:.60}"
    return f"a {type(value).__name__}"
