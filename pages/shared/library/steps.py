"""What is missing, and the commands that bring it."""

from collections.abc import Sequence

import streamlit as st

from core.inventory import Inventory, Step
from core.inventory.missing import add_commands, known_elsewhere
from core.inventory.words import size_words
from pages.shared.plain import plain

_FEW = 3


def show_steps(steps: Sequence[Step]) -> None:
    """Draw what would make more of what is here searchable."""
    if not steps:
        return
    what = "1 pair lacks" if len(steps) == 1 else f"{len(steps):,} pairs lack"
    is_short = len(steps) <= _FEW
    with st.expander(f"{what} embeddings that fit", icon=":material/build:", expanded=is_short):
        _show(steps)


def show_known(inventory: Inventory) -> None:
    """Draw what is published and not here, and how anything else is added."""
    st.subheader("Get more", anchor=False)
    st.caption("Type these where CocoSift is installed. What they bring appears here by itself.")
    for noun, steps in known_elsewhere(inventory).items():
        is_first = not getattr(inventory, noun.lower())
        label = f"{noun} that are published"
        with st.expander(label, icon=":material/download:", expanded=is_first):
            _show(steps)
    with st.expander("Your own files", icon=":material/add:"):
        _show(add_commands())


def _show(steps: Sequence[Step]) -> None:
    for step in steps:
        size = f", about {size_words(step.size)}" if step.size else ""
        st.caption(plain(f"{step.title}{size}"))
        st.code(step.command, language=None, wrap_lines=True)
