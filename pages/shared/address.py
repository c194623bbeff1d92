"""The address of a page: what it says when a person opens it, and what it then keeps saying.

Streamlit's own binding leaves out what equals a default, so a link would show whatever is
the default where and when it is opened. Here the address always says all of it.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

Value = TypeVar("Value")

_COMPLAINTS = "address_complaints"


def start(key: str, default: Value, read: Callable[[str], Value]) -> None:
    """Give the widget `key` its first value: what the address says, else `default`.

    Args:
        read: turns the address's text into a value; raises ValueError, with words for the
            person, if it cannot be used.
    """
    if key in st.session_state:
        return
    text = st.query_params.get(key)
    st.session_state[key] = default
    if text is not None:
        try:
            st.session_state[key] = read(text)
        except ValueError as problem:
            _complaints().append(str(problem))


def start_choice(key: str, noun: str, choices: Sequence[str], default: str) -> None:
    """As `start`, for a widget that offers `choices`; what is not among them becomes `default`."""

    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"There is no {noun} {text!r} here; this is {default!r}.")
        return text

    start(key, default, read)
    if st.session_state[key] not in choices:
        st.session_state[key] = default


def keep(**values: object) -> None:
    """Make the address say `values`; those that are empty are left out."""
    wanted = {key: str(value) for key, value in values.items() if value != ""}
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def complaints() -> list[str]:
    """Return what could not be taken from the address, once."""
    found = list(_complaints())
    _complaints().clear()
    return found


def _complaints() -> list[str]:
    return st.session_state.setdefault(_COMPLAINTS, [])
