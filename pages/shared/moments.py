"""Times as people say them."""

from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

_STEPS = ((60, "minute"), (3600, "hour"), (86_400, "day"))
_WEEK = 7 * 86_400


def zone() -> tzinfo | None:
    """Return the person's time zone; None, the server's own, when their browser names none."""
    name = st.context.timezone
    try:
        return ZoneInfo(name) if isinstance(name, str) else None
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return None


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago: "just now", "5 minutes ago"; a date when it is more than a week."""
    seconds = (now - moment).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds >= _WEEK:
        return f"on {moment.day} {moment:%b %Y}"
    size, unit = max((step for step in _STEPS if step[0] <= seconds), key=lambda step: step[0])
    count = int(seconds // size)
    return f"{count} {unit}{'' if count == 1 else 's'} ago"


def exact(moment: datetime, where: tzinfo | None) -> str:
    """Return a time to the minute, with its zone."""
    local = moment.astimezone(where)
    return f"{local.day} {local:%B %Y, %H:%M %Z}".rstrip()
