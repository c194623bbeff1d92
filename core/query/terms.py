"""Single conditions as text and back: `small:dog>=2`, `-"hot dog"`, `width>=640`.

One way of writing them serves the command line, the address and the JSON form. Whatever a
record holds comes back from its text as it was.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from core.errors import QueryError
from core.query.record import MAX_TERMS, CategoryTerm, SideBound, Words

_COUNT = re.compile(r" ?(>=|<=|=|≥|≤|>|<) ?([0-9]+)$")
_SIZE = re.compile(r"(small|medium|large): ?")
_SUPER = re.compile(r"super: ?")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_SIDE = re.compile(r"(width|height) ?(>=|<=|=|≥|≤) ?([0-9]+)")
_ASCII = {"≥": ">=", "≤": "<="}
_FEWEST_DIGITS_TOO_MANY = 12


def read_category(text: str) -> CategoryTerm:
    """Return what `[small:|medium:|large:][super:]NAME[>=N|<=N|=N]` says.

    Without a number at least one instance is meant. A name in double quotes, as a JSON
    string, is taken as it is: `"a>=2"`, `"super:x"`.

    Raises:
        QueryError: no name, a quote that is not closed, or a number that cannot be.
    """
    rest = " ".join(text.split())
    values: dict[str, Any] = {}
    if size := _SIZE.match(rest):
        values["size"] = size[1]
        rest = rest[size.end() :]
    if of_super := _SUPER.match(rest):
        values["is_supercategory"] = True
        rest = rest[of_super.end() :]
    if rest.startswith('"'):
        name, rest = _quoted(rest)
        count = _COUNT.fullmatch(rest)
        if rest and not count:
            raise QueryError(f"Expected >=N, <=N or =N after {name!r:.60}, found {rest!r:.40}.")
    else:
        count = _COUNT.search(rest)
        name = rest[: count.start()] if count else rest
    if count:
        values["comparison"], values["count"] = _bound(count[1], count[2], name)
    return CategoryTerm(name, **values)


def category_text(term: CategoryTerm) -> str:
    """Return `term` as `read_category` reads it; the name is quoted only if it must be."""
    before = (f"{term.size}:" if term.size else "") + ("super:" if term.is_supercategory else "")
    is_default = (term.comparison, term.count) == (">=", 1)
    after = "" if is_default else f"{term.comparison}{term.count}"
    bare = f"{before}{term.name}{after}"
    try:
        if read_category(bare) == term:
            return bare
    except QueryError:
        pass
    return f"{before}{_quote(term.name)}{after}"


def read_words(text: str) -> tuple[Words, ...]:
    """Return the words of a search box: `dog "red ball" -cat -"hot dog"`.

    What is in double quotes, a JSON string, is one phrase; a dash says that no caption has
    it. A blank text has none.

    Raises:
        QueryError: a quote that is not closed or has nothing in it, or more than 64 words.
    """
    found: list[Words] = []
    rest = " ".join(text.split())
    while rest:
        if len(found) == MAX_TERMS:
            raise QueryError(f"Expected at most {MAX_TERMS} words of captions, found more.")
        is_negative = rest.startswith("-") and rest[1:2] not in ("", " ")
        rest = rest[is_negative:]
        if rest.startswith('"'):
            words, rest = _quoted(rest)
        else:
            words, _, rest = rest.partition(" ")
        found.append(Words(words, is_negative))
        rest = rest.lstrip(" ")
    return tuple(found)


def words_text(words: Iterable[Words]) -> str:
    """Return `words` as `read_words` reads them."""
    return " ".join(("-" if one.is_negative else "") + _words_text(one.text) for one in words)


def read_side(text: str) -> SideBound:
    """Return what `width>=640`, `height<=480` or `width=640` says, in pixels.

    Raises:
        QueryError: it says something else.
    """
    bound = _SIDE.fullmatch(" ".join(text.split()))
    if not bound:
        raise QueryError(
            f"Expected a size as width>=640, height<=480 or width=640, found {text!r:.60}."
        )
    comparison, pixels = _bound(bound[2], bound[3], bound[1])
    return SideBound(bound[1], comparison, pixels)  # type: ignore[arg-type]


def side_text(bound: SideBound) -> str:
    """Return `bound` as `read_side` reads it."""
    return f"{bound.side}{bound.comparison}{bound.pixels}"


def number_text(value: float) -> str:
    """Return the shortest text that is this number, without a `.0` at its end."""
    return repr(value).removesuffix(".0")


def _bound(comparison: str, digits: str, name: str) -> tuple[Any, int]:
    if comparison in "<>":
        other = int(digits[:_FEWEST_DIGITS_TOO_MANY]) + (1 if comparison == ">" else -1)
        raise QueryError(
            f"Expected >=, <= or = before a number, found {comparison}. "
            f"Write: {name:.60}{comparison}={max(other, 0)}"
        )
    if len(digits) >= _FEWEST_DIGITS_TOO_MANY:
        raise QueryError(f"Expected a smaller number after {name!r:.60}, found {digits:.40}.")
    return _ASCII.get(comparison, comparison), int(digits)


def _quoted(text: str) -> tuple[str, str]:
    """Return the string at the start of `text` without its quotes, and what follows it."""
    quoted = _QUOTED.match(text)
    if not quoted:
        raise QueryError(f'Expected a closing " after {text!r:.60}.')
    try:
        return str(json.loads(quoted[0])), text[quoted.end() :]
    except ValueError:
        raise QueryError(
            f'Expected \\" or \\\\ after a backslash in quotes, found {quoted[0]:.60}.'
        ) from None


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _words_text(text: str) -> str:
    return _quote(text) if " " in text or text.startswith(("-", '"')) else text
