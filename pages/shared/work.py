"""Work: the slow work that somebody waits for, at the top of every page, as long as there is any.

People see their own, those who manage the instance all. Nothing is drawn and nobody asks again
while there is none; else this part of the page alone looks again, and what it is told comes from
memory.
"""

import streamlit as st

from core.errors import CocoSiftError, DatabaseError
from core.jobs import Jobs, Seen, State, shared_jobs
from core.rights import Right
from pages.shared import person, resources
from pages.shared.plain import plain

EVERY_S = 5.0
# So many are drawn; the rest is counted.
MOST = 20


def show_work() -> None:
    """Draw a button that opens the list; nothing when nobody waits for anything."""
    if _seen(_jobs()):
        _show()


@st.fragment(run_every=EVERY_S)
def _show() -> None:
    jobs = _jobs()
    seen = _seen(jobs)
    if not seen:
        return  # no run of the page for all who see the last job end; its next one ends the looking
    with (
        st.container(key="work", width="content"),
        st.popover(f"Work {len(seen):,}", icon=":material/hourglass_top:"),
    ):
        for one in seen[:MOST]:
            _show_one(jobs, one)
        if len(seen) > MOST:
            st.caption(f"And {len(seen) - MOST:,} more.")


def _show_one(jobs: Jobs, seen: Seen) -> None:
    what = seen.words if not seen.subject else f"{seen.words}: {seen.subject}"
    someone = person.current()
    for_others = [name for owner, name in seen.owners.items() if name and owner != someone.id]
    with st.container(key=f"work-{seen.id}", gap="small"):
        st.progress(seen.share, f"**{plain(what.strip())}**")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(plain(" · ".join([_stand(seen), *for_others])))
            st.button(
                "Cancel" if not person.may(Right.MANAGE) else "Stop",
                key=f"work-stop-{seen.id}",
                help=_help(seen),
                on_click=_stop,
                args=(jobs, seen.id),
            )


def _stand(seen: Seen) -> str:
    if seen.state is State.RUNNING:
        return f"{seen.share:.0%}"
    return f"Waits, {seen.place:,} before it" if seen.place else "Begins in a moment"


def _help(seen: Seen) -> str:
    if person.may(Right.MANAGE):
        return "It stops for everybody who waits for it."
    others = len(seen.owners) - 1
    return "It goes on for others who wait for it." if others > 0 else "It stops."


def _stop(jobs: Jobs, job_id: int) -> None:
    try:
        jobs.stop(job_id)
    except CocoSiftError as problem:
        st.toast(plain(str(problem)), icon=":material/error:")


def _seen(jobs: Jobs) -> tuple[Seen, ...]:
    """What this person is to see; looks of a second that nobody has asked for are not worth it."""
    owner_id = None if person.may(Right.MANAGE) else person.current().id
    try:
        return tuple(seen for seen in jobs.list(owner_id) if seen.lane != "look-quick")
    except DatabaseError:  # the page says it, where it matters
        return ()


def _jobs() -> Jobs:
    return shared_jobs(resources.library().settings)
