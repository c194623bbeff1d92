"""Small choices of the page Categories, each kept in the address."""

from collections.abc import Mapping

import streamlit as st

from core.analytics.makeup import presence
from core.coco import CocoDataset
from pages.shared import address
from pages.shared.query_state import follow


def one_of(name: str, label: str, options: Mapping[str, str]) -> str:
    """Let the person choose one of a few; the first is usual.

    Args:
        name: of the own parameter that has it.
        options: what is shown for each value.
    """
    usual = next(iter(options))
    asked = address.own(name, usual)
    value = asked if asked in options else usual
    key = f"categories-{name}"
    follow(key, value)
    st.segmented_control(
        label,
        list(options),
        format_func=options.get,
        key=key,
        required=True,
        width="content",
        on_change=_take,
        args=(name, key, usual),
    )
    return value


def yes_or_no(name: str, label: str) -> bool:
    """Let the person turn something on; off is usual."""
    value = address.own(name) == "yes"
    key = f"categories-{name}"
    follow(key, value)
    st.toggle(label, key=key, on_change=_turn, args=(name, key))
    return value


def category_or_all(coco: CocoDataset) -> str | None:
    """Let the person choose one category; None is all of them."""
    names = presence(coco).names
    asked = address.own("of")
    value = asked if asked in names else None
    follow("categories-of", value)
    st.selectbox(
        "Of which category",
        names,
        index=None,
        placeholder="All categories",
        key="categories-of",
        on_change=_take,
        args=("of", "categories-of", None),
        width=260,
    )
    return value


def _take(name: str, key: str, usual: str | None) -> None:
    value = st.session_state[key]
    address.put(name, *([] if value in (None, usual) else [value]))


def _turn(name: str, key: str) -> None:
    address.put(name, *(["yes"] if st.session_state[key] else []))
