"""How large the body of a request may be, held while it arrives."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import Message, Receive

DEFAULT_BYTES = 8 * 2**20


class BodyTooLargeError(Exception):
    """A body has more bytes than its route takes."""


def most_bytes(route: str, limits: Mapping[str, int]) -> int:
    """Return the limit of the longest prefix in `limits` that `route` begins with."""
    fitting = [prefix for prefix in limits if route.startswith(prefix)]
    return limits[max(fitting, key=len)] if fitting else DEFAULT_BYTES


def is_announced_larger(headers: Headers, most: int) -> bool:
    """Return whether the request itself says that its body is larger."""
    length = headers.get("content-length", "0")
    return not length.isdecimal() or len(length) > 18 or int(length) > most


def bounded(receive: Receive, most: int) -> Receive:
    """Return a `receive` that raises `BodyTooLargeError` once more than `most` bytes came."""
    came = 0

    async def counted() -> Message:
        nonlocal came
        message = await receive()
        if message["type"] == "http.request":
            came += len(message.get("body", b""))
            if came > most:
                raise BodyTooLargeError
        return message

    return counted
