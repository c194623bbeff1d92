"""The frame of the page Categories: its sections, and which one is shown."""

from collections.abc import Callable

import streamlit as st

from pages.shared import address, choices, subset_choice
from pages.shared.categories import audit, balance, side_by_side
from pages.shared.categories.captions import show_captions
from pages.shared.categories.makeup import show_makeup
from pages.shared.categories.objects import show_objects
from pages.shared.categories.pictures import show_pictures
from pages.shared.categories.together import show_together
from pages.shared.current import Current
from pages.shared.plain import plain
from pages.shared.query_state import follow
from pages.shared.subset_choice import Chosen
from pages.shared.subsets_face import plural

OWN = (
    *subset_choice.OWN,
    *("view", "focus", "by", "order", "all", "of", "measure"),
    *side_by_side.OWN,
    *balance.OWN,
    *audit.OWN,
)
SECTIONS = {
    "makeup": "Makeup",
    "together": "Together",
    "objects": "Objects",
    "pictures": "Pictures",
    "captions": "Captions",
    "compare": "Side by side",
    "balance": "Balance",
    "audit": "Audit",
}
_OF_ONE: dict[str, Callable[[Current, Chosen], None]] = {
    "makeup": show_makeup,
    "together": show_together,
    "objects": show_objects,
    "pictures": show_pictures,
    "captions": show_captions,
}
_FOCUS = "categories-focus"


def choose_section() -> str:
    """Let the person choose a section, and return it: that of the address, else the first."""
    return choices.one_of("view", "Section", SECTIONS, label_visibility="collapsed")


def show_section(section: str, current: Current, chosen: tuple[Chosen, ...]) -> None:
    """Draw one section; only what it shows is computed."""
    if section == "compare":
        side_by_side.show_comparison(current, [(one.name, one.image_ids) for one in chosen])
    elif section == "audit":
        audit.show_audit(current)
    else:
        one = _focus(chosen)
        if section == "balance":
            balance.show_balance(current, one.name, one.image_ids)
        else:
            _OF_ONE[section](current, one)


def _focus(chosen: tuple[Chosen, ...]) -> Chosen:
    """Let the person choose one of several, and say what is looked at."""
    by_key = {one.key: one for one in chosen}
    key = address.own("focus")
    one = by_key.get(key, chosen[0])
    if len(chosen) > 1:
        follow(_FOCUS, one.key)
        st.pills(
            "Of these",
            list(by_key),
            format_func=lambda key: plain(f"{by_key[key].name} · {len(by_key[key].image_ids):,}"),
            key=_FOCUS,
            required=True,
            label_visibility="collapsed",
            on_change=_take,
            args=("focus", _FOCUS, chosen[0].key),
        )
    if one.entry is not None:
        by = f", saved by {one.entry.who}" if one.entry.who else ""
        st.markdown(f"**{plain(one.name)}** · {plural(len(one.image_ids), 'picture')}{plain(by)}")
        if one.gone:
            st.caption(f"{plural(one.gone, 'picture')} of it left the dataset since it was saved.")
    return one


def _take(name: str, key: str, default: str) -> None:
    value = st.session_state[key]
    address.put(name, *([] if value in (None, default) else [value]))
