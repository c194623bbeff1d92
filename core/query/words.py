"""A query in words, for titles: `a dog, picture 42, not a leash; person >= 3`."""

from collections.abc import Iterator

from core.query.record import CategoryTerm, Filters, Part, Query, SideBound, Words
from core.query.terms import number_text

_LICENSES = {
    "commercial": "commercial use allowed",
    "modifications": "modifications allowed",
}
_MODES = {"blend": ", ", "any": " or ", "all": " and "}


def query_words(query: Query) -> str:
    """Return what `query` asks for, without its cut; "" for one that asks for nothing."""
    wanted = _MODES[query.mode].join(part_words(part) for part in _wanted(query))
    unwanted = [part_words(part) for part in query.parts if part.is_negative]
    looked_for = ", ".join([wanted, *unwanted] if wanted else unwanted)
    return "; ".join(text for text in (looked_for, ", ".join(_filters(query.filters))) if text)


def part_words(part: Part) -> str:
    """Say one part: `a dog`, `not picture 42`, `an uploaded picture (weight 0.5)`."""
    names = {"text": str(part.value), "image": f"picture {part.value}"}
    name = names.get(part.kind, "an uploaded picture")
    weight = abs(part.weight)
    said = name if weight == 1 else f"{name} (weight {number_text(weight)})"
    return f"not {said}" if part.is_negative else said


def term_words(term: CategoryTerm) -> str:
    """Say a term: `dog`, `small dog >= 2`, `animal (supercategory) = 0`."""
    size = f"{term.size} " if term.size else ""
    group = " (supercategory)" if term.is_supercategory else ""
    return f"{size}{term.name}{group}{_count(term)}"


def denial_words(term: CategoryTerm) -> str:
    """Say that a term does not hold: `no dog`, `not person >= 3`."""
    return f"not {term_words(term)}" if _count(term) else f"no {term_words(term)}"


def side_words(bound: SideBound) -> str:
    """Say a bound on a side in pixels: `width >= 640`."""
    return f"{bound.side} {bound.comparison} {bound.pixels:,}"


def caption_words(words: Words) -> str:
    """Say what the captions have: `caption has "red ball"`, `no caption has "cat"`."""
    return f'{"no caption" if words.is_negative else "caption"} has "{words.text}"'


def license_words(license_: str) -> str:
    """Say what a licence allows, or which one it is: `commercial use allowed`, `licence 4`."""
    return _LICENSES.get(license_, f"licence {license_}")


def _wanted(query: Query) -> list[Part]:
    return [part for part in query.parts if not part.is_negative]


def _count(term: CategoryTerm) -> str:
    at_least_one = (term.comparison, term.count) == (">=", 1)
    return "" if at_least_one else f" {term.comparison} {term.count:,}"


def _filters(filters: Filters) -> Iterator[str]:
    yield from map(term_words, filters.must)
    if filters.any_of:
        yield " or ".join(map(term_words, filters.any_of))
    yield from map(denial_words, filters.without)
    if filters.crowd is not None:
        yield "with a crowd" if filters.crowd else "no crowd"
    yield from map(caption_words, filters.words)
    yield from map(license_words, filters.licenses)
    if filters.orientations:
        yield " or ".join(filters.orientations)
    yield from map(side_words, filters.sides)
    if filters.annotated is not None:
        yield "with annotations" if filters.annotated else "without annotations"
    if filters.only is not None:
        yield f"one of {len(filters.only):,} listed"
    if filters.excluded:
        yield f"none of {len(filters.excluded):,} excluded"
