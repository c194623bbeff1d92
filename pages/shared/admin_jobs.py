"""Jobs: all slow work that is under way for anybody, and how to stop it."""

from datetime import UTC, datetime

import streamlit as st

from core.jobs import Jobs, Seen, State, shared_jobs
from core.library import Library
from pages.shared.admin_state import Said, doing
from pages.shared.moments import ago
from pages.shared.plain import plain

EVERY_S = 2.0


def show_jobs(library: Library) -> None:
    """Draw what waits and what runs; it looks again by itself as long as there is something."""
    jobs = shared_jobs(library.settings)
    settings = library.settings
    st.caption(
        f"Each server makes {settings.jobs_at_once:,} exports at once, and one measurement, "
        f"check or reading of each sort. A person may have {settings.jobs_per_person:,} exports "
        "under way."
    )
    is_busy = bool(jobs.list())
    st.fragment(_show, run_every=EVERY_S if is_busy else None)(jobs, is_busy)


def _show(jobs: Jobs, was_busy: bool) -> None:
    seen = jobs.list()
    if bool(seen) != was_busy:
        st.rerun()
    if not seen:
        st.info("Nothing is under way.", icon=":material/check:")
    for one in seen:
        _show_one(jobs, one)


def _show_one(jobs: Jobs, seen: Seen) -> None:
    what = f"{seen.words} of {seen.subject}" if seen.subject else seen.words
    with (
        st.container(border=True, key=f"admin-job-{seen.id}"),
        st.container(horizontal=True, vertical_alignment="center"),
    ):
        st.progress(seen.share, f"**{plain(what)}** · {_stand(seen)}  \n{plain(_for_whom(seen))}")
        st.button(
            "Stop",
            key=f"admin-stop-{seen.id}",
            help="It stops for everybody who waits for it.",
            on_click=doing,
            args=(_stopped, jobs, seen, what),
        )


def _stand(seen: Seen) -> str:
    if seen.state is State.WAITING:
        return f"waits, {seen.place:,} before it" if seen.place else "waits its turn"
    return f"{seen.share:.0%}"


def _for_whom(seen: Seen) -> str:
    when = ago(datetime.fromtimestamp(seen.made, UTC), datetime.now(UTC))
    words = [f"asked for by {seen.who}" if seen.who else "asked for", when]
    if seen.replica:
        words.append(f"on {seen.replica}")
    return " ".join(words)


def _stopped(jobs: Jobs, seen: Seen, what: str) -> Said:
    jobs.stop(seen.id)
    return Said("success", f"{what} was stopped.")
