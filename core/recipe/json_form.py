"""Recipes as JSON: `recipe.json`, version 1; docs/recipe.schema.json describes it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from core.errors import CocoSiftError, RecipeError
from core.query import from_json as query_from_json
from core.query import to_json as query_to_json
from core.recipe.check import check_document, check_of_document
from core.recipe.record import (
    CombinationOrigin,
    DatasetStamp,
    EmbeddingsStamp,
    IdsOrigin,
    LeftOut,
    ModelStamp,
    Origin,
    QueryOrigin,
    Recipe,
)

FORMAT = "cocosift-recipe"
VERSION = 1
MAX_BYTES = 128 * 2**20

# Python needs up to ten times the bytes of a JSON file that is nothing but small values.
_MAX_VALUES = 12_000_000
_NEEDED = ("format", "version", "title", "origin", "dataset", "image_ids")
_KEYS = (
    *_NEEDED,
    *("model", "embeddings", "software", "choices", "who", "when"),
    *("scores", "left_out", "left_out_kinds", "check"),
)
_STAMPS: dict[str, Callable[..., Any]] = {
    "dataset": DatasetStamp,
    "model": ModelStamp,
    "embeddings": EmbeddingsStamp,
}


def to_json(recipe: Recipe) -> bytes:
    """Return `recipe` as a document that `from_json` makes an equal recipe of.

    The same recipe gives the same bytes: UTF-8, one member of the document a line.

    Raises:
        RecipeError: the choices hold something that is not JSON.
    """
    try:
        lines = [f"{_text(name)}: {_text(value)}" for name, value in _document(recipe).items()]
    except (TypeError, ValueError) as error:
        raise RecipeError(f"The choices of the recipe are not JSON: {error}.") from None
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def from_json(data: bytes) -> Recipe:
    """Return the recipe that a document says.

    Raises:
        RecipeError: it is larger than `MAX_BYTES`, no JSON, of another version, has a key
            that there is not or lacks one, or a value that cannot be.
    """
    if len(data) > MAX_BYTES:
        raise RecipeError(
            f"Expected a recipe of at most {MAX_BYTES // 2**20} MB, found a larger file."
        )
    if sum(data.count(mark) for mark in b"[{,") > _MAX_VALUES:
        raise RecipeError(f"Expected at most {_MAX_VALUES:,} values in a recipe, found more.")
    try:
        document = json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as error:
        raise RecipeError(
            f"Expected a recipe as JSON: {error.msg} in line {error.lineno:,}. "
            "The file is cut short, or is another one."
        ) from None
    except UnicodeDecodeError:
        raise RecipeError("Expected a recipe as JSON in UTF-8, found other bytes.") from None
    except (ValueError, RecursionError):  # a number of thousands of digits; thousands of brackets
        raise RecipeError("The recipe is not JSON that can be read.") from None
    try:
        return _recipe(document)
    except RecipeError:
        raise
    except CocoSiftError as error:
        raise RecipeError(f"The recipe asks what cannot be asked. {error}") from None
    except RecursionError:
        raise RecipeError("The recipe combines too many levels of subsets.") from None


def _document(recipe: Recipe) -> dict[str, Any]:
    document = {
        "format": FORMAT,
        "version": VERSION,
        "title": recipe.title,
        "origin": _origin_document(recipe.origin),
        "dataset": asdict(recipe.dataset),
        "model": None if recipe.model is None else asdict(recipe.model),
        "embeddings": None if recipe.embeddings is None else asdict(recipe.embeddings),
        "software": dict(recipe.software),
        "choices": dict(recipe.choices),
        "who": recipe.who,
        "when": recipe.when,
        "left_out": [asdict(one) for one in recipe.left_out],
        "left_out_kinds": list(recipe.left_out_kinds),
        "image_ids": list(recipe.image_ids),
        "scores": None if recipe.scores is None else list(recipe.scores),
    }
    if recipe.check is not None:  # so that a recipe without one has the bytes it always had
        document["check"] = check_document(recipe.check)
    return document


def _origin_document(origin: Origin) -> dict[str, Any]:
    if isinstance(origin, QueryOrigin):
        return {
            "kind": "query",
            "query": query_to_json(origin.query),
            "added": list(origin.added),
            "removed": list(origin.removed),
        }
    if isinstance(origin, CombinationOrigin):
        return {
            "kind": "combination",
            "operation": origin.operation,
            "of": [_document(recipe) for recipe in origin.of],
        }
    return {"kind": "ids", "note": origin.note}


def _recipe(data: object) -> Recipe:
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        raise RecipeError(f'Expected a recipe with "format": "{FORMAT}", found another document.')
    version = data.get("version")
    if version != VERSION or type(version) is not int:
        raise RecipeError(
            f"Expected a recipe of version {VERSION}, found {version!r:.40}. "
            "It may be of a newer CocoSift: update this one."
        )
    document = _object("a recipe", data, _KEYS, _NEEDED)
    del document["format"], document["version"]
    for name, stamp in _STAMPS.items():
        if document.get(name) is not None:
            document[name] = _record(name, stamp, document[name])
    if document["dataset"] is None:
        raise RecipeError("Expected the dataset of the recipe, found none.")
    document["origin"] = _origin(document["origin"])
    document["left_out"] = tuple(
        _record("left_out", LeftOut, one) for one in _list("left_out", document.get("left_out", []))
    )
    if document.get("check") is not None:
        document["check"] = check_of_document(document["check"])
    kinds = _list("left_out_kinds", document.get("left_out_kinds", []))
    return Recipe(**document | {"left_out_kinds": tuple(kinds)})


def _origin(data: object) -> Origin:
    kind = data.get("kind") if isinstance(data, Mapping) else None
    if kind == "query":
        document = _object("the origin", data, ("kind", "query", "added", "removed"), ("query",))
        return QueryOrigin(
            query_from_json(document["query"]),
            tuple(_list("added", document.get("added", []))),
            tuple(_list("removed", document.get("removed", []))),
        )
    if kind == "combination":
        keys = ("kind", "operation", "of")
        document = _object("the origin", data, keys, keys)
        return CombinationOrigin(
            document["operation"], tuple(map(_recipe, _list("of", document["of"])))
        )
    if kind == "ids":
        return IdsOrigin(_object("the origin", data, ("kind", "note")).get("note", ""))
    raise RecipeError(
        f"Expected an origin of the kind query, combination or ids, found {kind!r:.40}."
    )


def _record(noun: str, record: Callable[..., Any], data: object) -> Any:
    fields = tuple(record.__dataclass_fields__)  # type: ignore[attr-defined]
    return record(**_object(noun, data, fields, tuple(f for f in fields if f != "rank")))


def _object(
    noun: str, data: object, keys: tuple[str, ...], needed: tuple[str, ...] = ()
) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise RecipeError(f"Expected {noun} as a JSON object, found a {type(data).__name__}.")
    for key in data:
        if key not in keys:
            raise RecipeError(
                f"Expected the keys {', '.join(keys)} in {noun}, found {key!r:.40}, too."
            )
    for key in needed:
        if key not in data:
            raise RecipeError(f'Expected "{key}" in {noun}, found none.')
    return dict(data)


def _list(name: str, data: object) -> list[Any]:
    if not isinstance(data, list):
        raise RecipeError(f"Expected a list for {name}, found a {type(data).__name__}.")
    return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; one key given twice is read in two ways by two readers, so it is refused."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RecipeError(f"Expected each key once, found {twice!r:.40} twice.")
    return found


def _refuse_constant(name: str) -> Any:
    raise RecipeError(f"Expected numbers, found {name}.")


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
