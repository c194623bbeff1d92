"""Queries as the parameters of an address, `?q=a+dog&not=a+leash&k=24`, and back.

An address may be typed, cut off or made up: what can be read of it is taken, and a plain
sentence says what could not be. `dataset` and `model` stand beside the query and are not
of it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

from core.errors import QueryError
from core.query.ids import pack_ids, unpack_ids
from core.query.record import (
    MAX_PARTS,
    MAX_TERMS,
    MAX_TOP_K,
    MAX_WEIGHT,
    Cut,
    Filters,
    Part,
    PartKind,
    Query,
)
from core.query.terms import (
    category_text,
    number_text,
    read_category,
    read_side,
    read_words,
    side_text,
    words_text,
)

VERSION = "1"
MAX_PACKED = 1_500
MAX_COMPLAINTS = 10

Value = TypeVar("Value")

# In the order of a query's parts, which is the order of the weights.
_PARTS: tuple[tuple[str, PartKind, bool], ...] = (
    ("q", "text", False),
    ("not", "text", True),
    ("image", "image", False),
    ("not_image", "image", True),
    ("upload", "upload", False),
    ("not_upload", "upload", True),
)
_TERMS = (("with", "must"), ("any", "any_of"), ("without", "without"))
_ANSWERS = {"yes": True, "no": False}
# No base64url text has one character, so this cannot be mistaken for ids.
_NO_IDS = "-"


class IdLists(Protocol):
    """Where id lists that are too long for an address are kept."""

    def keep_ids(self, ids: Sequence[int]) -> str:
        """Keep `ids`; return a name of 12 to 64 hex digits."""

    def get_ids(self, name: str) -> tuple[int, ...]:
        """Return the ids kept under `name`.

        Raises:
            QueryError: there are none, or they have expired.
        """


def to_params(query: Query, lists: IdLists | None = None) -> dict[str, list[str]]:
    """Return the parameters that `from_params` makes an equal query of, not yet escaped.

    What is at its default is left out, but the number of a top-k cut is always there.

    Args:
        lists: keeps lists of ids that would take more than 1,500 characters; None writes
            them all the same.
    """
    filters = query.filters
    params = {
        name: [
            str(part.value)
            for part in query.parts
            if (part.kind, part.is_negative) == (kind, is_negative)
        ]
        for name, kind, is_negative in _PARTS
    }
    if any(abs(part.weight) != 1 for part in query.parts):
        params["w"] = [",".join(number_text(abs(part.weight)) for part in query.parts)]
    params["mode"] = [query.mode] if query.mode != "blend" else []
    params["prompts"] = [query.prompts] if query.prompts != "off" else []
    params["k" if query.cut.kind == "top" else query.cut.kind] = [number_text(query.cut.value)]
    for name, field in _TERMS:
        params[name] = [category_text(term) for term in getattr(filters, field)]
    params["crowd"] = _answer(filters.crowd)
    params["words"] = [words_text(filters.words)] if filters.words else []
    params["license"] = list(filters.licenses)
    params["orientation"] = list(filters.orientations)
    params["size"] = [side_text(bound) for bound in filters.sides]
    params["annotated"] = _answer(filters.annotated)
    params["only"] = [] if filters.only is None else [_ids_text(filters.only, lists)]
    params["except"] = [_ids_text(filters.excluded, lists)] if filters.excluded else []
    if query.hide_duplicates is not None:
        params["duplicates"] = [number_text(query.hide_duplicates)]
    params["diversity"] = [number_text(query.diversity)] if query.diversity else []
    return {name: values for name, values in params.items() if values}


def from_params(
    params: Mapping[str, Sequence[str]], lists: IdLists | None = None
) -> tuple[Query, list[str]]:
    """Return the query of an address, the nearest valid one, and what could not be taken.

    Never raises. Numbers beyond their range become the nearest within; anything else that
    is wrong is left out. Parameters of other names are not looked at.

    Args:
        params: each parameter's values, unescaped.
        lists: where `to_params` kept long lists of ids.

    Returns:
        The query, and plain sentences, one for each thing that was not taken, 10 at most
        and one that says how many more there are.
    """
    read = _Reading(params)
    read.one("v", _version)
    parts = _parts(read)
    cut = _cut(read)
    filters: dict[str, Any] = {
        field: tuple(read.many(name, read_category, MAX_TERMS)) for name, field in _TERMS
    }
    filters |= {
        "crowd": read.one("crowd", _yes_or_no),
        "words": tuple(read.one("words", _words) or ()),
        "licenses": tuple(read.many("license", _license, MAX_TERMS)),
        "orientations": tuple(read.many("orientation", _orientation, MAX_TERMS)),
        "sides": tuple(read.many("size", read_side, MAX_TERMS)),
        "annotated": read.one("annotated", _yes_or_no),
        "only": read.one("only", lambda text: _ids(text, lists), blank=True),
        "excluded": read.one("except", lambda text: _ids(text, lists)) or (),
    }
    query = Query(
        parts=tuple(parts),
        mode=read.one("mode", lambda text: Query(mode=text).mode) or "blend",  # type: ignore[arg-type]
        prompts=read.one("prompts", lambda text: Query(prompts=text).prompts) or "off",  # type: ignore[arg-type]
        filters=Filters(**filters),
        cut=cut,
        hide_duplicates=read.one("duplicates", _duplicates),
        diversity=read.number("diversity", 0, 1) or 0.0,
    )
    return query, _few(read.complaints)


def link(
    base: str,
    query: Query,
    *,
    dataset: str | None = None,
    model: str | None = None,
    lists: IdLists | None = None,
) -> str:
    """Return the link that opens `query` in the app at `base`, such as http://127.0.0.1:8501."""
    params = to_params(query, lists)
    params |= {name: [value] for name, value in (("dataset", dataset), ("model", model)) if value}
    return f"{base.rstrip('/')}/?{urlencode(params, doseq=True)}"


class _Reading:
    """The parameters of one address, and what could not be taken of them."""

    def __init__(self, params: Mapping[str, Sequence[str]]) -> None:
        self._params = params
        self.complaints: list[str] = []

    def values(self, name: str) -> list[str]:
        given = self._params.get(name, ())
        return [given] if isinstance(given, str) else [str(value) for value in given]

    def refuse(self, name: str, value: str, reason: object) -> None:
        shown = value if len(value) <= 40 else f"{value[:39]}…"
        complaint = f"The address says {name}={shown}, which was left out. {reason}"
        # What is no Unicode text cannot be shown either.
        self.complaints.append(complaint.encode("utf-8", "replace").decode("utf-8"))

    def take(self, name: str, value: str, make: Callable[[str], Value]) -> Value | None:
        try:
            return make(value)
        except QueryError as error:
            self.refuse(name, value, error)
            return None

    def one(self, name: str, make: Callable[[str], Value], *, blank: bool = False) -> Value | None:
        """Return what `make` makes of the only value; None when there is none, or a blank one.

        Args:
            blank: a blank value is looked at, too.
        """
        values = self.values(name)
        values = values if blank else [value for value in values if value.strip()]
        for extra in values[1:2]:
            self.refuse(name, extra, f"Expected {name} once; the first is taken.")
        return self.take(name, values[0], make) if values else None

    def many(self, name: str, make: Callable[[str], Value], most: int) -> list[Value]:
        values = [value for value in self.values(name) if value.strip()]
        if len(values) > most:
            self.refuse(name, values[most], f"Expected at most {most}; the first are taken.")
        made = (self.take(name, value, make) for value in values[:most])
        return [value for value in made if value is not None]

    def number(self, name: str, lowest: float, highest: float) -> float | None:
        return self.one(name, lambda text: self.within(name, text, lowest, highest))

    def within(self, name: str, text: str, lowest: float, highest: float) -> float:
        """Return the number that `text` is, or the nearest in the range, saying so."""
        number = _number(text)
        nearest = min(max(number, lowest), highest)
        if nearest != number:
            self.complaints.append(
                f"The address says {name}={text.strip():.40}; the nearest that is possible, "
                f"{number_text(nearest)}, is taken."
            )
        return nearest


def _few(complaints: list[str]) -> list[str]:
    more = len(complaints) - MAX_COMPLAINTS
    if more <= 0:
        return complaints
    return [*complaints[:MAX_COMPLAINTS], f"The address says {more:,} more that was left out."]


def _parts(read: _Reading) -> list[Part]:
    asked = [
        (name, kind, is_negative, value)
        for name, kind, is_negative in _PARTS
        for value in read.values(name)
        if value.strip()
    ]
    weights = _weights(read, len(asked))
    parts: list[Part] = []
    for name, *_, value in asked[MAX_PARTS : MAX_PARTS + 1]:
        read.refuse(name, value, f"Expected at most {MAX_PARTS} parts; the first are taken.")
    for (name, kind, is_negative, value), weight in zip(asked[:MAX_PARTS], weights, strict=False):
        signed = -weight if is_negative else weight
        part = read.take(name, value, lambda text: _part(kind, text, signed))  # noqa: B023
        if part is not None:
            parts.append(part)
    return parts


def _weights(read: _Reading, count: int) -> list[float]:
    """Return one absolute weight a part; what is missing or wrong is 1."""
    text = read.one("w", str)
    if text is None:
        return [1.0] * count
    given = text.split(",")
    if len(given) != count:
        read.refuse("w", text, f"Expected {count} weights, found {len(given)}.")
        return [1.0] * count
    weights = (
        read.take("w", one, lambda text: read.within("w", text, 0, MAX_WEIGHT)) for one in given
    )
    return [1.0 if weight is None else weight for weight in weights]


def _part(kind: PartKind, text: str, weight: float) -> Part:
    return Part(kind, _whole(text) if kind == "image" else text.strip(), weight)


def _cut(read: _Reading) -> Cut:
    """Return the first cut that can be read; a number of pictures gives way to the others."""
    most = MAX_WEIGHT * MAX_PARTS
    makers: dict[str, Callable[[str], Cut]] = {
        "score": lambda text: Cut("score", read.within("score", text, -most, most)),
        "percentile": lambda text: Cut("percentile", read.within("percentile", text, 0, 100)),
        "k": lambda text: Cut("top", read.within("k", _digits(text), 1, MAX_TOP_K)),
    }
    cut = None
    for name, make in makers.items():
        if cut is None:
            cut = read.one(name, make)
        elif any(map(str.strip, read.values(name))):
            read.refuse(name, read.values(name)[0], "Expected one of k, score and percentile.")
    return cut or Cut()


def _version(text: str) -> None:
    if text.strip() != VERSION:
        raise QueryError(
            f"Expected an address of version {VERSION}; it is read as one, and may mean more."
        )


def _duplicates(text: str) -> float:
    value = Query(hide_duplicates=_number(text)).hide_duplicates
    assert value is not None  # noqa: S101
    return value


def _yes_or_no(text: str) -> bool:
    answer = _ANSWERS.get(text.strip().lower())
    if answer is None:
        raise QueryError("Expected yes or no.")
    return answer


def _answer(value: bool | None) -> list[str]:
    return [] if value is None else ["yes" if value else "no"]


def _words(text: str) -> tuple[Any, ...]:
    return Filters(words=read_words(text)).words


def _license(text: str) -> str:
    return Filters(licenses=(text.strip(),)).licenses[0]


def _orientation(text: str) -> str:
    return Filters(orientations=(text.strip(),)).orientations[0]  # type: ignore[arg-type]


def _ids_text(ids: Sequence[int], lists: IdLists | None) -> str:
    # An id takes a byte at least: so many need not be packed to know that they are too long.
    if lists is not None and len(ids) > MAX_PACKED:
        return f"@{lists.keep_ids(ids)}"
    packed = pack_ids(ids) or _NO_IDS
    return packed if lists is None or len(packed) <= MAX_PACKED else f"@{lists.keep_ids(ids)}"


def _ids(text: str, lists: IdLists | None) -> tuple[int, ...]:
    text = text.strip()
    if not text:
        raise QueryError("Expected image ids, found none.")
    if text == _NO_IDS:
        return ()
    if not text.startswith("@"):
        return unpack_ids(text)
    name = text[1:]
    if not (12 <= len(name) <= 64 and not name.strip("0123456789abcdef")):
        raise QueryError("Expected the name of a kept list of image ids.")
    if lists is None:
        raise QueryError("Lists of image ids are not kept here.")
    return tuple(lists.get_ids(name))


def _digits(text: str) -> str:
    if not _number(text).is_integer():
        raise QueryError("Expected a whole number.")
    return text


def _whole(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 19):
        raise QueryError("Expected the id of a picture.")
    return int(text)


def _number(text: str) -> float:
    try:
        number = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise QueryError("Expected a number.")
    return number + 0.0
