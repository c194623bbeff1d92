"""Names, notes and tags as people type them: one form, bounded, nothing that hides."""

import re
import unicodedata
from collections.abc import Iterable

from core.errors import CatalogueError

MAX_NAME = 200
MAX_NOTE = 4_000
MAX_TAG = 40
MAX_TAGS = 20
# Of words to search for; a longer text is nobody's search.
MAX_SEARCH = 200

# They turn the direction of all text that follows, and so can make a name read as another.
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def name_of(noun: str, value: str, most: int = MAX_NAME) -> str:
    """Return `value` on one line, with single spaces, in Unicode's composed form.

    Raises:
        CatalogueError: nothing is left of it, or it is longer than `most` characters.
    """
    text = line_of(value, len(value) * 2)
    if not text:
        raise CatalogueError(f"Expected a {noun}, found nothing. Type one.")
    return _bounded(noun, text, most)


def line_of(value: str, most: int = MAX_NAME) -> str:
    """Return `value` as `name_of` would; what is too long is cut, and nothing is nothing."""
    return " ".join(_plain(value, keep="").split())[:most]


def note_of(value: str) -> str:
    """Return a note: lines are kept, blanks at its ends are not.

    Raises:
        CatalogueError: it is too long.
    """
    text = _plain(value.replace("\r\n", "\n").replace("\r", "\n"), keep="\n\t").strip()
    return _bounded("note", text, MAX_NOTE)


def tags_of(values: Iterable[str]) -> tuple[str, ...]:
    """Return tags in their order, each once however it is capitalised.

    Raises:
        CatalogueError: an empty tag, one with a comma, one too long, or too many.
    """
    found: dict[str, str] = {}
    for value in values:
        tag = name_of("tag", value, MAX_TAG)
        if "," in tag:
            raise CatalogueError(f"Expected tags without commas, found {tag!r}. Give two tags.")
        found.setdefault(key_of(tag), tag)
    if len(found) > MAX_TAGS:
        raise CatalogueError(f"Expected at most {MAX_TAGS} tags, found {len(found):,}.")
    return tuple(found.values())


def key_of(text: str) -> str:
    """Return what texts that differ in nothing but case or width share."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def words_of(search: str) -> tuple[str, ...]:
    """Return the words of a search, in the form that `key_of` gives."""
    return tuple(key_of(_plain(search, keep="")[:MAX_SEARCH]).split())


def _plain(value: str, keep: str) -> str:
    text = _DIRECTIONS.sub("", _SURROGATES.sub("\ufffd", value))
    visible = (c if c in keep or unicodedata.category(c) != "Cc" else " " for c in text)
    return unicodedata.normalize("NFC", "".join(visible))


def _bounded(noun: str, text: str, most: int) -> str:
    if len(text) > most:
        raise CatalogueError(
            f"Expected a {noun} of at most {most:,} characters, found {len(text):,}. Shorten it."
        )
    return text
