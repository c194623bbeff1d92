"""Sets of image ids as short text, for addresses.

Ascending ids as differences (the first from 0), each difference as a varint: groups of 7
bits, the lowest first, the eighth bit set on all groups but the last (LEB128). The bytes
are base64url without padding. Ids 1, 2, 300 are the bytes 01 01 AA 02: `AQGqAg`.
"""

import base64
import re
from collections.abc import Iterable

import numpy as np

from core.errors import QueryError
from core.query.record import MAX_ID

# As many as the largest dataset that is searched in memory.
MAX_IDS = 5_000_000

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")
_MOST_GROUPS = 9
_MORE = 128
_REASON = "The address was changed or cut off. Ask for it again."


def pack_ids(ids: Iterable[int]) -> str:
    """Return `ids`, each once and ascending, as text; none are "".

    Args:
        ids: 0 to 2^63-1.
    """
    try:
        ordered = np.sort(np.fromiter(ids, dtype=np.int64))
    except OverflowError:
        raise ValueError(f"expected ids from 0 to {MAX_ID}, got a larger one") from None
    if ordered.size and ordered[0] < 0:
        raise ValueError(f"expected ids from 0 to {MAX_ID}, got {ordered[0]}")
    once = np.concatenate([ordered[:1], ordered[1:][ordered[1:] > ordered[:-1]]])
    differences = np.diff(once, prepend=0)
    lengths = np.ones(once.size, dtype=np.int64)
    for group in range(1, _MOST_GROUPS):
        lengths += differences >> 7 * group > 0
    starts = np.cumsum(lengths) - lengths
    packed = np.empty(int(lengths.sum()), dtype=np.uint8)
    for group in range(int(lengths.max(initial=0))):
        has = lengths > group
        more = np.where(lengths[has] > group + 1, _MORE, 0)
        packed[starts[has] + group] = differences[has] >> 7 * group & 127 | more
    return base64.urlsafe_b64encode(packed.tobytes()).rstrip(b"=").decode("ascii")


def unpack_ids(text: str, limit: int = MAX_IDS) -> tuple[int, ...]:
    """Return the ids that `pack_ids` made `text` of, ascending.

    Args:
        limit: how many there may be; the work is bounded by it.

    Raises:
        QueryError: `text` is not of this form, or has more than `limit` ids.
    """
    # A group of 7 bits an id at least, and at most 9: so much text cannot be right.
    if len(text) > 12 * limit:
        raise QueryError(f"Expected at most {limit:,} image ids, found more.")
    if not _ALPHABET.fullmatch(text) or len(text) % 4 == 1:
        raise QueryError(f"Expected packed image ids, found {text!r:.40}. {_REASON}")
    packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    groups = np.frombuffer(packed, dtype=np.uint8)
    if not groups.size:
        return ()
    if groups[-1] & _MORE:
        raise QueryError(f"Expected whole image ids, found part of one at the end. {_REASON}")
    ends = np.flatnonzero(groups < _MORE)
    lengths = np.diff(ends, prepend=-1)
    if lengths.size > limit:
        raise QueryError(f"Expected at most {limit:,} image ids, found more.")
    if lengths.max() > _MOST_GROUPS:
        raise QueryError(f"Expected image ids below 2^63, found a larger one. {_REASON}")
    differences = np.zeros(lengths.size, dtype=np.int64)
    for group in range(int(lengths.max())):
        has = lengths > group
        bits = groups[(ends - lengths + 1)[has] + group].astype(np.int64) & 127
        differences[has] |= bits << 7 * group
    ids = np.cumsum(differences)  # a sum beyond 2^63-1 turns negative
    is_overlong = (lengths > 1) & (groups[ends] == 0)
    if is_overlong.any() or (ids < 0).any() or (differences[1:] == 0).any():
        raise QueryError(f"Expected ascending image ids, found others. {_REASON}")
    return tuple(ids.tolist())
