"""A measurement that is not there yet: what it would be, the button, and how it comes on."""

import streamlit as st

from core.quality.runs import Run, Runs, State, shared_runs
from core.quality.subject import Subject
from core.rights import Right
from pages.shared import person, resources
from pages.shared.plain import plain

_EVERY_S = 1.0


def runs() -> Runs:
    """Return the measurements that this process makes."""
    return shared_runs(resources.library().settings)


def show_making(subject: Subject) -> None:
    """Draw what becomes of a measurement that is not there: nothing yet, under way, or failed.

    While it is under way this part of the page alone looks again; the whole page does when
    it is done.
    """
    with st.container(border=True, key=f"making-{subject.model}"):
        run = runs().get(subject.key)
        if run is not None and run.is_under_way:
            _show_under_way(subject)
        else:
            _show_offer(subject, run)


def _show_offer(subject: Subject, run: Run | None) -> None:
    st.markdown(
        f"**The model {plain(subject.model)} has not been measured on {_what(subject)} yet.**"
    )
    if run is not None and run.state is State.FAILED:
        st.error(plain(run.error), icon=":material/error:")
    if run is not None and run.state is State.STOPPED:
        st.caption("It was stopped. What was encoded is kept: it goes on from there.")
    else:
        st.caption(
            "It goes on in the background at low priority, whether this page is open or not, and "
            "is kept. Encoding the captions takes most of the time: seconds for a small model, "
            "minutes for a large one."
        )
    if not person.may(Right.RUN):
        st.caption("An editor or admin can measure it.")
        return
    st.button(
        "Measure",
        type="primary",
        key=f"measure-{subject.model}",
        on_click=runs().start,
        args=(subject,),
    )


@st.fragment(run_every=_EVERY_S)
def _show_under_way(subject: Subject) -> None:
    run = runs().get(subject.key)
    if run is None or not run.is_under_way:
        st.rerun()
    st.progress(run.share, f"**{plain(subject.model)}** on {_what(subject)}: {_stand(run)}")
    if not person.may(Right.RUN):
        return
    st.button(
        "Stop",
        key=f"stop-{subject.model}",
        help="It stops for everybody who waits for it. What was encoded is kept.",
        on_click=runs().stop,
        args=(subject.key,),
    )


def _stand(run: Run) -> str:
    if run.state is State.RUNNING and not run.share:
        return "the model is loaded"
    if run.state is State.WAITING:
        return f"waits for {run.ahead} before it" if run.ahead else "begins"
    left = "" if run.left_s is None else f", about {_time(run.left_s)} left"
    return f"{run.share:.0%}{left}"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60):,} minutes"


def _what(subject: Subject) -> str:
    dataset = f"the dataset {plain(subject.dataset)}"
    if not subject.pictures:
        return f"the categories of {dataset}"
    if subject.pictures == subject.available:
        return f"all {subject.pictures:,} captioned pictures of {dataset}"
    return f"{subject.pictures:,} pictures of {dataset}"
