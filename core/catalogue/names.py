"""Names, notes and tags as people type them: one form, bounded, nothing that hides."""

from collections.abc import Iterable

from core.database.texts import MAX_LINE, key_of, line_of, plain_of
from core.errors import CatalogueError

__all__ = [
    "MAX_NAME",
    "MAX_NOTE",
    "MAX_SEARCH",
    "MAX_TAG",
    "MAX_TAGS",
    "key_of",
    "line_of",
    "name_of",
    "note_of",
    "tags_of",
    "words_of",
]

MAX_NAME = MAX_LINE
MAX_NOTE = 4_000
MAX_TAG = 40
MAX_TAGS = 20
# Of words to search for; a longer text is nobody's search.
MAX_SEARCH = 200


def name_of(noun: str, value: str, most: int = MAX_NAME) -> str:
    """Return `value` on one line, with single spaces, in Unicode's composed form.

    Raises:
        CatalogueError: nothing is left of it, or it is longer than `most` characters.
    """
    text = line_of(value, len(value) * 2)
    if not text:
        raise CatalogueError(f"Expected a {noun}, found nothing. Type one.")
    return _bounded(noun, text, most)


def note_of(value: str) -> str:
    """Return a note: lines are kept, blanks at its ends are not.

    Raises:
        CatalogueError: it is too long.
    """
    text = plain_of(value.replace("\r\n", "\n").replace("\r", "\n"), keep="\n\t").strip()
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


def words_of(search: str) -> tuple[str, ...]:
    """Return the words of a search, in the form that `key_of` gives."""
    return tuple(key_of(plain_of(search, keep="")[:MAX_SEARCH]).split())


def _bounded(noun: str, text: str, most: int) -> str:
    if len(text) > most:
        raise CatalogueError(
            f"Expected a {noun} of at most {most:,} characters, found {len(text):,}. Shorten it."
        )
    return text
