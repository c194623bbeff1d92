"""Tables as CSV that a spreadsheet takes for texts and numbers, never for formulas.

Spreadsheets compute a cell that begins with one of `= + - @`, a tab or a carriage return, also
in a CSV, and a formula may ask other hosts or start programs. A text that begins so is written
with an apostrophe before it, which tells them that it is text (OWASP, "CSV Injection").
Numbers stay as they are, also as texts.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_BEGIN_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def safe_cell(value: Any) -> Any:
    """Return `value`, a text that would be a formula with an apostrophe before it."""
    is_formula = isinstance(value, str) and value.startswith(_BEGIN_FORMULAS)
    return f"'{value}" if is_formula and not _is_number(value) else value


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table by RFC 4180, but for its line ends, which are single."""
    return "".join(f"{line}\n" for line in _lines([header, *rows]))


def _lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    text = io.StringIO()
    # Cells are quoted for what ends a line: with a single line end a carriage return in one
    # would stand bare, and end the row for those who read it.
    writer = csv.writer(text, lineterminator="\r\n")
    for row in rows:
        writer.writerow([safe_cell(value) for value in row])
        yield text.getvalue().removesuffix("\r\n")
        text.seek(0)
        text.truncate()


def _is_number(text: str) -> bool:
    """Tell whether a text is a number as JSON spells it, such as a score below 0."""
    return _NUMBER.fullmatch(text) is not None
