"""Finds the records in a piece of a JSON list by its quotes and braces, many at once.

After Langdale and Lemire, "Parsing gigabytes of JSON per second" (2019), section 3: what a
string holds is told from structure by the number of quotes before it. Nothing is checked
here; a JSON reader must find as many objects in the piece.
"""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

_QUOTE, _BACKSLASH, _OPEN, _CLOSE = b'"\\{}'
_SPACE = b" \t\n\r"


def find_records(block: bytes) -> tuple[Ints, Ints]:
    """Find the whole records with which `block` begins, up to what is none.

    Args:
        block: begins with a record of a JSON list, and may end anywhere.

    Returns:
        Where each record begins and where it ends, int64, both of shape (records,). There is
        nothing but a comma and space between two of them; none where `block` begins otherwise.
    """
    text = np.frombuffer(block, np.uint8)
    # Braces are { and }, which differ from | by one bit each.
    braces = np.flatnonzero((text == _OPEN) | (text == _CLOSE))
    quotes = _unescaped(np.flatnonzero(text == _QUOTE), block, text)
    braces = braces[np.searchsorted(quotes, braces) % 2 == 0]
    opens = text[braces] == _OPEN
    depth = np.cumsum(np.where(opens, 1, -1))
    starts = braces[opens & (depth == 1)]
    ends = braces[~opens & (depth == 0)] + 1
    below = np.flatnonzero(depth < 0)
    if below.size:  # the object that holds the list ends
        starts = starts[starts < braces[below[0]]]
    n = min(starts.size, ends.size)
    return _joined_by_commas(block, starts[:n], ends[:n])


def _unescaped(quotes: Ints, block: bytes, text: npt.NDArray[np.uint8]) -> Ints:
    """Return the quotes before which there is an even number of backslashes."""
    if b"\\" not in block:
        return quotes
    slashes = np.flatnonzero(text == _BACKSLASH)
    at = np.searchsorted(slashes, quotes) - 1  # the last backslash before each quote
    follows = (at >= 0) & (slashes[at] == quotes - 1)
    runs = slashes - np.arange(slashes.size)  # the same within a row of backslashes
    lengths = at - np.searchsorted(runs, runs[at]) + 1
    unescaped: Ints = quotes[~(follows & (lengths % 2 == 1))]
    return unescaped


def _joined_by_commas(block: bytes, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    if not starts.size or starts[0] != 0:
        return starts[:0], ends[:0]
    gaps = [
        block[end:start] for end, start in zip(ends.tolist(), starts[1:].tolist(), strict=False)
    ]
    odd = {gap for gap in set(gaps) if gap.strip(_SPACE) != b","}
    n = next((n for n, gap in enumerate(gaps, 1) if gap in odd), starts.size) if odd else None
    return starts[:n], ends[:n]
