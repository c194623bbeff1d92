"""Cursors: where the next page of a list begins, sealed, so that none can be made up."""

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from core.http.api.problems import ProblemError

_SEAL = 16
_MOST = 400


class Cursors:
    """Makes and reads the cursors of one instance.

    Args:
        secret: of the instance.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = hashlib.sha256(b"cocosift cursors" + secret).digest()

    def make(self, question: Any, version: str, place: int | None) -> str | None:
        """Return the cursor that leads on to `place`; None when that is None.

        Args:
            question: what is asked, JSON values; the cursor is of use for nothing else.
            version: of what is listed.
        """
        if place is None:
            return None
        content = json.dumps([_digest(question), _digest(version), place]).encode()
        return _text(self._seal(content) + content)

    def place(self, cursor: str | None, question: Any, version: str) -> int:
        """Return where the page of a cursor begins; 0 without one.

        Raises:
            ProblemError: 422 when it is none of this question; 409 when what is listed is
                another than it was.
        """
        if cursor is None:
            return 0
        sealed = _bytes(cursor)
        seal, content = sealed[:_SEAL], sealed[_SEAL:]
        if not hmac.compare_digest(seal, self._seal(content)):
            raise _strange()
        asked, then, place = json.loads(content)
        if asked != _digest(question):
            raise _strange()
        if then != _digest(version):
            raise ProblemError(
                409,
                "What is listed has changed since the first page. Begin again, without a cursor.",
            )
        return int(place)

    def _seal(self, content: bytes) -> bytes:
        return hmac.new(self._key, content, hashlib.sha256).digest()[:_SEAL]


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode("ascii").rstrip("=")


def _bytes(cursor: str) -> bytes:
    try:
        if len(cursor) > _MOST:
            raise ValueError
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _strange() from None


def _strange() -> ProblemError:
    return ProblemError(
        422, "Expected the `next` of the page before, and the same question; found something else."
    )
