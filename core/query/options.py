"""Queries from keyword arguments, as a notebook writes them, and as command-line arguments.

The options of `python -m core search` have the names of the keywords.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from core.errors import QueryError
from core.query.ids import pack_ids, unpack_ids
from core.query.record import (
    DEFAULT_TOP_K,
    Cut,
    Filters,
    Mode,
    Orientation,
    Part,
    PartKind,
    Prompts,
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

PACKED = "packed:"

_OPTIONS_OF_PARTS = {
    ("text", True): "--not",
    ("image", False): "--like",
    ("image", True): "--not-like",
    ("upload", False): "--upload",
    ("upload", True): "--not-upload",
}
_MOST_LISTED = 100


def query_of(
    *texts: str | Part,
    not_: str | Iterable[str] = (),
    like: int | Iterable[int] = (),
    not_like: int | Iterable[int] = (),
    uploads: str | Iterable[str] = (),
    not_uploads: str | Iterable[str] = (),
    mode: Mode = "blend",
    prompts: Prompts = "off",
    category: str | Iterable[str] = (),
    any_category: str | Iterable[str] = (),
    without_category: str | Iterable[str] = (),
    crowd: bool | None = None,
    words: str | Iterable[str] = (),
    license: str | int | Iterable[str | int] = (),
    orientation: Orientation | Iterable[Orientation] = (),
    size: str | Iterable[str] = (),
    annotated: bool | None = None,
    only_ids: Iterable[int] | None = None,
    without_ids: Iterable[int] = (),
    top_k: int | None = None,
    threshold: float | None = None,
    percentile: float | None = None,
    hide_duplicates: float | None = None,
    diversity: float = 0.0,
) -> Query:
    """Return the query that these keywords ask for; what repeats may be one or several.

    Args:
        texts: what the pictures should show. A `Part` gives anything a weight of its own:
            `Part("text", "a beach", 0.5)`.
        not_: texts for what they should not show.
        like, not_like: ids of pictures of the dataset.
        uploads, not_uploads: sha256 of pictures kept by `core.uploads`.
        mode: how the parts become one score: `blend`, `any` or `all`.
        prompts: `off`, `simple` or `full`: templates that texts are put into.
        category, any_category, without_category: such as `"small:dog>=2"` or
            `"super:animal"`, see `core.query.terms.read_category`; all, one at least, none.
        crowd: with a crowd instance, or without.
        words: of the captions: `'dog "red ball" -cat'`.
        license: `commercial`, `modifications`, or ids of licences.
        orientation: `landscape`, `portrait` or `square`.
        size: bounds in pixels such as `"width>=640"`.
        annotated: with annotations, or without.
        only_ids, without_ids: ids of the pictures that may, or may not, be found.
        top_k, threshold, percentile: where the ranked pictures end, one of the three; 24
            pictures if none is given.
        hide_duplicates: a cosine up to 1; of pictures so similar only the best is shown.
        diversity: 0 to 1.

    Raises:
        QueryError: a value that cannot be, or two kinds of cut.
    """
    parts = [
        *(part if isinstance(part, Part) else Part("text", part) for part in texts),
        *_parts("text", not_, -1),
        *_parts("image", like, 1),
        *_parts("image", not_like, -1),
        *_parts("upload", uploads, 1),
        *_parts("upload", not_uploads, -1),
    ]
    filters = Filters(
        must=tuple(map(read_category, _several(category))),
        any_of=tuple(map(read_category, _several(any_category))),
        without=tuple(map(read_category, _several(without_category))),
        crowd=crowd,
        words=tuple(one for text in _several(words) for one in read_words(text)),
        licenses=tuple(map(str, _several(license))),
        orientations=tuple(_several(orientation)),
        sides=tuple(map(read_side, _several(size))),
        annotated=annotated,
        only=None if only_ids is None else tuple(only_ids),
        excluded=tuple(without_ids),
    )
    cut = _cut(top_k, threshold, percentile)
    return Query(tuple(parts), mode, prompts, filters, cut, hide_duplicates, diversity)


def to_arguments(query: Query) -> list[str]:
    """Return what comes after `python -m core search` to ask for an equal query."""
    return list(_arguments(query))


def read_ids(text: str) -> tuple[int, ...] | None:
    """Return the ids that an argument lists, `1,2,300` or `packed:AQGqAg`; None for a file's name.

    Raises:
        QueryError: packed ids that cannot be read, or an id that is too large.
    """
    if text.startswith(PACKED):
        return unpack_ids(text.removeprefix(PACKED))
    numbers = text.replace(",", " ").split()
    if not numbers or not all(one.isascii() and one.isdecimal() for one in numbers):
        return None
    if max(map(len, numbers)) > 19:
        raise QueryError(f"Expected image ids below 2^63, found {max(numbers, key=len):.40}.")
    return Filters(only=tuple(map(int, numbers))).only


def _arguments(query: Query) -> Iterator[str]:
    for part in query.parts:
        yield _part_argument(part)
        if abs(part.weight) != 1:
            yield from ("--weight", number_text(abs(part.weight)))
    if query.mode != "blend":
        yield from ("--mode", query.mode)
    if query.prompts != "off":
        yield from ("--prompts", query.prompts)
    yield from _filter_arguments(query.filters)
    cut = {"top": "--top-k", "score": "--threshold", "percentile": "--percentile"}
    yield f"{cut[query.cut.kind]}={number_text(query.cut.value)}"
    if query.hide_duplicates is not None:
        yield from ("--hide-duplicates", number_text(query.hide_duplicates))
    if query.diversity:
        yield from ("--diversity", number_text(query.diversity))


def _part_argument(part: Part) -> str:
    option = _OPTIONS_OF_PARTS.get((part.kind, part.is_negative))
    if option:
        # One argument, so that a value that begins with a dash stays a value.
        return f"{option}={part.value}"
    text = str(part.value)
    return f" {text}" if text.startswith("-") else text


def _filter_arguments(filters: Filters) -> Iterator[str]:
    for name, terms in (
        ("category", filters.must),
        ("any-category", filters.any_of),
        ("without-category", filters.without),
    ):
        for term in terms:
            yield f"--{name}={category_text(term)}"
    if filters.crowd is not None:
        yield "--crowd" if filters.crowd else "--no-crowd"
    if filters.words:
        yield f"--words={words_text(filters.words)}"
    for license_ in filters.licenses:
        yield from ("--license", license_)
    for orientation in filters.orientations:
        yield from ("--orientation", orientation)
    for bound in filters.sides:
        yield from ("--size", side_text(bound))
    if filters.annotated is not None:
        yield "--annotated" if filters.annotated else "--unannotated"
    if filters.only is not None:
        yield from ("--only-ids", _ids_argument(filters.only))
    if filters.excluded:
        yield from ("--without-ids", _ids_argument(filters.excluded))


def _ids_argument(ids: tuple[int, ...]) -> str:
    if 0 < len(ids) <= _MOST_LISTED:
        return ",".join(map(str, ids))
    return f"{PACKED}{pack_ids(ids)}"


def _parts(kind: PartKind, values: Any, weight: float) -> list[Part]:
    return [Part(kind, value, weight) for value in _several(values)]


def _several(values: Any) -> Iterable[Any]:
    return (values,) if isinstance(values, str) or not isinstance(values, Iterable) else values


def _cut(top_k: int | None, threshold: float | None, percentile: float | None) -> Cut:
    given = [
        Cut(kind, value)  # type: ignore[arg-type]
        for kind, value in (("top", top_k), ("score", threshold), ("percentile", percentile))
        if value is not None
    ]
    if len(given) > 1:
        raise QueryError("Expected one of top-k, threshold and percentile, found several.")
    return given[0] if given else Cut("top", DEFAULT_TOP_K)
