"""Links that somebody shares on purpose: signed, and good for a while.

    /api/downloads/TOKEN/dogs.zip?until=1780000000&by=3&signature=…

A download is its asker's alone. With such a query others have it, too, who have signed in:
the link says until when (seconds since 1970), and by whom it was shared. The signature is
HMAC-SHA256, with the instance's secret, over the path below the base path, `until` and `by`.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

MAX_HOURS = 168
_PURPOSE = "cocosift shared link 1"


@dataclass(frozen=True, slots=True)
class Share:
    """What a valid signature says.

    Attributes:
        until: when the link ends, in UTC.
        by: the id of who shared it.
    """

    until: datetime
    by: int


def signed(path: str, until: datetime, by: int, secret: bytes) -> str:
    """Return `path` with the query that shares it.

    Args:
        path: below the base path, as in the address, without a query.
        until: when the link ends; an aware time.
        by: the id of who shares it.
        secret: the instance's.
    """
    end = int(until.timestamp())
    query = {"until": end, "by": by, "signature": _signature(path, end, by, secret)}
    return f"{path}?{urlencode(query)}"


def check(path: str, query: Mapping[str, str], secret: bytes, now: datetime) -> Share | None:
    """Return what the query of an address shares; None: nothing, or not any more.

    Args:
        path: as `signed` got it.
        now: an aware time.
    """
    end, by = _number(query.get("until", "")), _number(query.get("by", ""))
    if end is None or by is None:
        return None
    expected = _signature(path, end, by, secret)
    if not hmac.compare_digest(expected.encode(), query.get("signature", "").encode()):
        return None
    until = datetime.fromtimestamp(end, UTC)
    return Share(until, by) if now < until else None


def _signature(path: str, end: int, by: int, secret: bytes) -> str:
    text = f"{_PURPOSE}\n{path}\n{end}\n{by}"
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def _number(text: str) -> int | None:
    is_one = text.isascii() and text.isdecimal() and len(text) < 12
    return int(text) if is_one else None
