"""What a recipe's values may be: each is checked where its record is built.

Each function raises a RecipeError that names the value by its `noun`.
"""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from numbers import Integral, Real
from typing import Any

from core.errors import RecipeError
from core.query.record import MAX_ID

MAX_TEXT = 4_000
MAX_NAME = 200

_HEX = re.compile("[0-9a-f]{64}")
# Names that are shown as they are: nothing in them that a terminal would obey.
_PLAIN = re.compile(r"[\w.+-]{1,200}", re.ASCII)


def as_text(noun: str, value: object, most: int, least: int = 0) -> str:
    """Return text of `least` to `most` characters that can be encoded."""
    if not isinstance(value, str):
        raise RecipeError(f"Expected a {noun} as text, found {shown(value)}.")
    if not least <= len(value) <= most:
        raise RecipeError(
            f"Expected a {noun} of {least} to {most:,} characters, found {len(value):,}."
        )
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise RecipeError(f"The {noun} {value!r:.60} is not valid Unicode text.")
    return value


def expect_plain(noun: str, value: object) -> None:
    """Refuse what is not a plain name."""
    if not (isinstance(value, str) and _PLAIN.fullmatch(value)):
        raise RecipeError(
            f"Expected letters, digits and .+-_ for the {noun}, found {shown(value)}."
        )


def expect_sha256(noun: str, value: object) -> None:
    """Refuse what is not a hex sha256."""
    if not (isinstance(value, str) and _HEX.fullmatch(value)):
        raise RecipeError(f"Expected 64 hex digits for the {noun}, found {shown(value)}.")


def expect_one_of(noun: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse what is not among the choices."""
    if value not in choices:
        raise RecipeError(f"Expected a {noun} of {', '.join(choices)}, found {shown(value)}.")


def as_mapping(noun: str, value: object) -> dict[str, Any]:
    """Return a copy of an object."""
    if not isinstance(value, Mapping):
        raise RecipeError(f"Expected the {noun} as an object, found {shown(value)}.")
    return dict(value)


def as_whole(noun: str, value: object, lowest: int = 0) -> int:
    """Return a whole number from `lowest` to the largest id."""
    if isinstance(value, Integral) and not isinstance(value, bool):
        whole = int(value)
        if lowest <= whole <= MAX_ID:
            return whole
    raise RecipeError(f"Expected a whole number from {lowest} for the {noun}, found {value!r:.60}.")


def as_ids(noun: str, values: object) -> tuple[int, ...]:
    """Return image ids, of which none is there twice."""
    if not isinstance(values, tuple | list):
        raise RecipeError(f"Expected the {noun} as a list of ids, found {shown(values)}.")
    ids = tuple(
        value if type(value) is int and 0 <= value <= MAX_ID else as_whole("image id", value)
        for value in values
    )
    if len(set(ids)) != len(ids):
        twice = next(value for value, nth in _counted(ids) if nth == 2)
        raise RecipeError(f"Expected each picture once in the {noun}, found {twice} twice.")
    return ids


def _counted(ids: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    counts: dict[int, int] = {}
    for value in ids:
        counts[value] = counts.get(value, 0) + 1
        yield value, counts[value]


def as_scores(values: object, count: int) -> tuple[float | None, ...] | None:
    """Return `count` finite scores, None where there is none; or None for none at all."""
    if values is None:
        return None
    if not isinstance(values, tuple | list):
        raise RecipeError(f"Expected the scores as a list, found {shown(values)}.")
    if len(values) != count:
        raise RecipeError(f"Expected {count:,} scores, one for each id, found {len(values):,}.")
    return tuple(None if value is None else _score(value) for value in values)


def _score(value: object) -> float:
    try:
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        score = float(value) if is_number else math.nan  # type: ignore[arg-type]
    except OverflowError:
        score = math.nan
    if not math.isfinite(score):
        raise RecipeError(f"Expected a number for a score, found {value!r:.60}.")
    return score


def expect_time(value: object) -> None:
    """Refuse what is not an ISO 8601 time with a zone."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or len(str(value)) > MAX_NAME:
        raise RecipeError(
            "Expected a time such as 2024-05-01T12:00:00+00:00, with its zone, "
            f"found {shown(value)}."
        )


def shown(value: object) -> str:
    """Return a value as messages show it."""
    if isinstance(value, str | int | float | None):
        return f"{value!r:.60}"
    return f"a {type(value).__name__}"
