"""Cells of a CSV file that a spreadsheet takes as they are, never for a formula.

What OWASP calls CSV injection: a cell that begins with =, +, - or @, also behind blanks or in
full width, is worked out when the file is opened. An apostrophe before it makes it text.
"""

import unicodedata

_FORMULA = ("=", "+", "-", "@", "|", "%")


def safe_cell(text: str) -> str:
    """Return `text`, with an apostrophe before it if a spreadsheet would work it out."""
    seen = unicodedata.normalize("NFKC", text).lstrip()
    begins_odd = text[:1] in ("\t", "\r", "\n")
    return f"'{text}" if begins_odd or seen.startswith(_FORMULA) else text
