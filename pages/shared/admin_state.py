"""What the page Admin keeps for the session: what was just done, and what widgets are called."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from core.errors import CocoSiftError
from pages.shared.plain import plain
from pages.shared.problems import split_command

# In the address, so that a colleague is sent to the same place.
SECTION = "section"
PERSON = "admin-person"
FIND = "admin-find"
ROLE = "admin-role"
NEW = "admin-new"
TRAIL = "admin-trail"
_SAID = "admin said"


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence on what became of something, until the next thing is done.

    Attributes:
        once: what is shown this once, such as a one-time password.
    """

    kind: Literal["success", "error"]
    text: str
    once: str = ""


def doing(act: Callable[..., Said], *args: Any) -> None:
    """As a callback: do `act` and say what came of it, or what stands in its way."""
    try:
        st.session_state[_SAID] = act(*args)
    except CocoSiftError as problem:
        st.session_state[_SAID] = Said("error", str(problem))


def show_said() -> None:
    """Draw what became of the last thing done; what is shown once stays until it is put away."""
    said = st.session_state.get(_SAID)
    if said is None:
        return
    if said.kind == "error":
        sentence, command = split_command(said.text)
        st.error(plain(sentence), icon=":material/error:")
        if command:
            st.code(command, language="bash", wrap_lines=True)
    else:
        st.success(plain(said.text), icon=":material/check:")
    if said.once:
        with st.container(horizontal=True, vertical_alignment="center", key="admin-once"):
            st.code(said.once, language=None)
            st.button("Put away", key="admin-put-away", on_click=_hush)
    else:
        _hush()


def _hush() -> None:
    st.session_state.pop(_SAID, None)
