"""Small choices of a page, each kept in the address as one of its own parameters.

The widget of the parameter `by` on the page Scores has the key `scores-by`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from pages.shared import address, keys
from pages.shared.query_state import follow


def one_of(
    name: str, label: str, options: Mapping[str, str], *, usual: str | None = None, **look: Any
) -> str:
    """Let the person choose one of a few in a row.

    Args:
        name: of the own parameter that has it.
        options: what is shown for each value.
        usual: the value that the address need not say; the first when left out.
        look: passed on to `st.segmented_control`.
    """
    usual, value, key = _state(name, options, usual)
    st.segmented_control(
        label,
        tuple(options),
        format_func=options.get,
        key=key,
        required=True,
        on_change=_take,
        args=(name, key, usual),
        **look,
    )
    return value


def one_of_many(
    name: str, label: str, options: Mapping[str, str], *, usual: str | None = None, **look: Any
) -> str:
    """Let the person choose one from a list that opens; arguments as of `one_of`."""
    usual, value, key = _state(name, options, usual)
    st.selectbox(
        label,
        tuple(options),
        format_func=options.get,
        key=key,
        on_change=_take,
        args=(name, key, usual),
        **look,
    )
    return value


def turned_on(name: str, label: str, *, usual: bool = False, says: str = "") -> bool:
    """Let the person turn something on or off.

    Args:
        name: of the own parameter that has it.
        usual: what the address need not say.
        says: the parameter's value when it is not as usual; yes or no when left out.
    """
    says = says or ("no" if usual else "yes")
    value, key = (address.own(name) == says) != usual, _key(name)
    follow(key, value)
    st.toggle(label, key=key, on_change=_turn, args=(name, key, usual, says))
    return value


def _state(name: str, options: Iterable[str], usual: str | None) -> tuple[str, str, str]:
    """Return what is usual, what is chosen, and the key of the widget, which shows it."""
    options = tuple(options)
    usual = usual if usual in options else options[0]
    asked, key = address.own(name), _key(name)
    value = asked if asked in options else usual
    follow(key, value)
    return usual, value, key


def _key(name: str) -> str:
    return f"{st.session_state[keys.PAGE]}-{name}"


def _take(name: str, key: str, usual: str) -> None:
    value = st.session_state[key]
    address.put(name, *([] if value in (None, usual) else [value]))


def _turn(name: str, key: str, usual: bool, says: str) -> None:
    address.put(name, *([says] if st.session_state[key] != usual else []))
