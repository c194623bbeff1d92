"""What is under way, each with its bar and, where it is ours, a button that stops it."""

import streamlit as st

from core.inventory import Check, Checks, Inventory
from core.inventory.checks import Kind
from core.jobs import State
from core.rights import Right
from pages.shared import person
from pages.shared.plain import plain

_WORDS = {
    Kind.READ: "Reading the annotations of {dataset}",
    Kind.VERIFY_MODEL: "Verifying {model}",
    Kind.VERIFY_PAIR: "Looking at every vector of {dataset} by {model}",
}


def show_under_way(inventory: Inventory, checks: Checks) -> None:
    """Draw the runs of `embed` and the slow looks; those that take a second are not worth it."""
    runs = [pair for pair in inventory.pairs.values() if pair.is_running]
    looks = [check for check in checks.under_way() if check.subject.kind in _WORDS]
    if not runs and not looks:
        return
    with st.container(border=True, key="library-under-way"):
        for pair in runs:
            what = plain(f"{pair.dataset} by {pair.model}")
            st.progress(pair.share or 0.0, f"Embedding **{what}**: {pair.share or 0.0:.0%}")
        for check in looks:
            _show_look(check, checks)


def _show_look(check: Check, checks: Checks) -> None:
    subject = check.subject
    what = _WORDS[subject.kind].format(
        dataset=f"**{plain(subject.dataset)}**", model=f"**{plain(subject.model)}**"
    )
    stand = "waits its turn" if check.state is State.WAITING else f"{check.share:.0%}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.progress(check.share, f"{what}: {stand}")
        if not person.may(Right.RUN):
            return
        st.button(
            "Stop",
            key=f"stop-{subject.kind.name}-{subject.dataset}-{subject.model}",
            help="It stops for everybody who waits for it.",
            on_click=checks.stop,
            args=(subject,),
        )
