"""Short texts as people type them: one form, bounded, nothing that hides."""

import re
import unicodedata

MAX_LINE = 200

# They turn the direction of all text that follows, and so can make a name read as another.
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def line_of(value: str, most: int = MAX_LINE) -> str:
    """Return `value` on one line, with single spaces, in Unicode's composed form.

    What is too long is cut, and nothing is nothing.
    """
    return " ".join(plain_of(value, keep="").split())[:most]


def key_of(text: str) -> str:
    """Return what texts that differ in nothing but case or width share."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def plain_of(value: str, keep: str) -> str:
    """Return `value` composed, with a blank for each control character that is not in `keep`."""
    text = _DIRECTIONS.sub("", _SURROGATES.sub("\ufffd", value))
    visible = (c if c in keep or unicodedata.category(c) != "Cc" else " " for c in text)
    return unicodedata.normalize("NFC", "".join(visible))
