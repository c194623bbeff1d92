"""Sets of image ids as short text, for addresses.

Ascending ids as differences (the first from 0), each difference as a varint: groups of 7
bits, the lowest first, the eighth bit set on all groups but the last (LEB128). The bytes
are base64url without padding. Ids 1, 2, 300 are the bytes 01 01 AA 02: `AQGqAg`.
"""

import base64
import re
from collections.abc import Iterable

from core.errors import QueryError
from core.query.record import MAX_ID

MAX_IDS = 5_000_000

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")
_MOST_GROUPS = 9
_REASON = "The address was changed or cut off. Ask for it again."


def pack_ids(ids: Iterable[int]) -> str:
    """Return `ids`, each once and ascending, as text; none are "".

    Args:
        ids: 0 to 2^63-1.
    """
    packed = bytearray()
    previous = 0
    for image_id in sorted(set(ids)):
        if not 0 <= image_id <= MAX_ID:
            raise ValueError(f"expected ids from 0 to {MAX_ID}, got {image_id}")
        difference, previous = image_id - previous, image_id
        while difference > 127:
            packed.append(difference & 127 | 128)
            difference >>= 7
        packed.append(difference)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode("ascii")


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
    ids: list[int] = []
    previous = difference = groups = 0
    for byte in base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)):
        difference |= (byte & 127) << (7 * groups)
        groups += 1
        if byte & 128:
            if groups == _MOST_GROUPS:
                raise QueryError(f"Expected image ids below 2^63, found a larger one. {_REASON}")
            continue
        previous += difference
        if previous > MAX_ID or (ids and difference == 0) or (groups > 1 and byte == 0):
            raise QueryError(f"Expected ascending image ids, found others. {_REASON}")
        if len(ids) == limit:
            raise QueryError(f"Expected at most {limit:,} image ids, found more.")
        ids.append(previous)
        difference = groups = 0
    if groups:
        raise QueryError(f"Expected whole image ids, found part of one at the end. {_REASON}")
    return tuple(ids)
