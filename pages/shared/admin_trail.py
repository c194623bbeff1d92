"""The audit trail: who did what and when, filtered, page by page, and taken away as CSV."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from core.audit import DEEDS, Trail, TrailLine, shared_trail
from core.library import Library
from core.people.acting import acting_as, current
from pages.shared.admin_state import TRAIL
from pages.shared.moments import zone
from pages.shared.subsets_face import plural

PER_PAGE = 50
_WHO, _WHAT, _SINCE, _UNTIL = (f"{TRAIL}-{part}" for part in ("who", "what", "since", "until"))
_PAGE = f"{TRAIL}-page"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are looked at, as `Trail.list` takes them."""

    who: str
    what: str | None
    since: datetime | None
    until: datetime | None

    def arguments(self) -> dict[str, Any]:
        return {"who": self.who, "what": self.what, "since": self.since, "until": self.until}


def show_trail(library: Library) -> None:
    """Draw what the trail is filtered by, the lines that fit, and the way to take them along."""
    trail = shared_trail(library.settings)
    wanted = _choose()
    page = max(1, st.session_state.get(_PAGE, 1))
    found = trail.list(**wanted.arguments(), offset=(page - 1) * PER_PAGE, limit=PER_PAGE)
    with st.container(horizontal=True, vertical_alignment="center", key="admin-trail-head"):
        st.markdown(f"**{plural(found.total, 'line')}**, the newest first")
        st.download_button(
            "Download CSV",
            data=_csv(trail, wanted),
            file_name=f"trail-{datetime.now(UTC):%Y-%m-%d}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            disabled=not found.total,
            help="All lines that fit, the oldest first. Times are in UTC.",
        )
    if not found.total:
        st.info("Nothing of that kind was noted.", icon=":material/search:")
        return
    _show_lines(found.lines)
    pages = -(-found.total // PER_PAGE)
    if pages > 1:
        st.pagination(pages, key=_PAGE)


def _choose() -> Wanted:
    with st.container(horizontal=True, vertical_alignment="bottom", key="admin-trail-filters"):
        who = st.text_input(
            "Who", type="search", placeholder="Part of a name", key=_WHO, on_change=_from_first
        )
        what = st.selectbox(
            "What",
            DEEDS,
            index=None,
            placeholder="Anything",
            format_func=_in_words,
            key=_WHAT,
            width=190,
            on_change=_from_first,
        )
        since = st.date_input("From", None, key=_SINCE, width=150, on_change=_from_first)
        until = st.date_input("Until", None, key=_UNTIL, width=150, on_change=_from_first)
    return Wanted(
        who=who,
        what=what,
        since=_midnight(since) if since else None,
        # The day that is named counts.
        until=_midnight(until + timedelta(days=1)) if until else None,
    )


def _show_lines(lines: tuple[TrailLine, ...]) -> None:
    where = zone()
    table = pd.DataFrame(
        {
            "When": [line.at.astimezone(where).replace(tzinfo=None) for line in lines],
            "Who": [line.who or ("the operator" if line.who_id == 0 else "–") for line in lines],
            "What": [_in_words(line.what) for line in lines],
            "To what": [line.subject for line in lines],
            "More": [_details(line) for line in lines],
            "From": [line.address for line in lines],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        height=38 + 35 * min(len(lines), 16),
        column_config={
            "When": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm:ss"),
            "To what": st.column_config.TextColumn(width="medium"),
            "More": st.column_config.TextColumn(width="medium"),
        },
    )


def _csv(trail: Trail, wanted: Wanted) -> Callable[[], bytes]:
    person = current()

    def made() -> bytes:
        with acting_as(person):
            return "".join(trail.csv(**wanted.arguments())).encode()

    return made


def _in_words(what: str) -> str:
    return what.replace("-", " ")


def _details(line: TrailLine) -> str:
    return ", ".join(f"{name}: {value}" for name, value in line.detail.items())


def _midnight(day: date) -> datetime:
    local = datetime.combine(day, time.min)
    where = zone()
    return (local.replace(tzinfo=where) if where else local.astimezone()).astimezone(UTC)


def _from_first() -> None:
    st.session_state[_PAGE] = 1
