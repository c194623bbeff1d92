"""Figures as the titles of charts say them."""

import math
from collections.abc import Sequence


def percent(share: float) -> str:
    """Return a share as people say it: 83%, 4.1%, less than 0.1%, 0%."""
    if not math.isfinite(share):
        return "unknown"
    if share == 0:
        return "0%"
    if 0 < share < 0.001:
        return "less than 0.1%"
    if share >= 1:
        return f"{share:.0%}"
    # Nearly all is not all.
    return f"{min(share, 0.999):.1%}" if share < 0.0995 or share > 0.9895 else f"{share:.0%}"


def times(lift: float) -> str:
    """Return a lift as people say it: 2.3 times, 0.41 times."""
    if lift >= 100:
        return f"{lift:,.0f} times"
    return f"{lift:.1f} times" if lift >= 1 else f"{lift:.2f} times"


def at_most(median: float) -> str:
    """Return the whole number that half of all counts do not exceed."""
    return f"{math.floor(median):,}" if math.isfinite(median) else "unknown"


def counted(count: int, noun: str, nouns: str = "") -> str:
    """Return a number of things: 1 picture, 2,000 pictures."""
    return f"{count:,} {noun if count == 1 else nouns or f'{noun}s'}"


def listed(names: Sequence[str], most: int) -> str:
    """Return names in a row, the first `most`, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")
