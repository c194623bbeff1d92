"""Who makes a package on the command line, and when."""

import getpass
from datetime import UTC, datetime
from typing import TypedDict


class Signature(TypedDict):
    who: str | None
    when: str | None


def signature(*, reproducible: bool = False) -> Signature:
    """Return the user's login name and the time now, or neither when it is to be reproducible."""
    if reproducible:
        return {"who": None, "when": None}
    try:
        who = getpass.getuser()[:200] or None
    except (OSError, KeyError):
        who = None
    return {"who": who, "when": datetime.now(UTC).isoformat(timespec="seconds")}
