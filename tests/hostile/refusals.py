"""What a refusal must be like, whoever refuses."""

from collections.abc import Callable
from typing import Any

import pytest

from core.errors import CocoSiftError

MOST_WORDS = 2_000


def refused(
    call: Callable[[], Any], kind: type[CocoSiftError] = CocoSiftError, match: str | None = None
) -> str:
    """Check that `call` refuses as it should, and return the words."""
    with pytest.raises(kind, match=match) as raised:
        call()
    words = str(raised.value)
    assert words.strip()
    assert len(words) <= MOST_WORDS
    assert "Traceback" not in words
    assert "\x00" not in words
    return words
