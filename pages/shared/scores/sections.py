"""Which section of the page is open: a choice on top, kept in the address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st

from pages.shared import choices, query_bar
from pages.shared.current import Current

OWN = ("view",)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: what it is called, and what draws it for a query that ranks."""

    title: str
    show: Callable[[Current], None]


def show_section(current: Current, sections: Mapping[str, Section]) -> None:
    """Draw the choice of sections and the one that is open; no other is computed.

    Args:
        current: what is looked at; its query has been answered.
        sections: by their names in the address; the first is open at first.
    """
    titles = {name: section.title for name, section in sections.items()}
    opened = choices.one_of("view", "Section", titles, label_visibility="collapsed")
    if current.found is None or current.found.ranking is None:
        _show_nothing_asked(current)
    elif not len(current.found.ranking):
        st.info("No picture here has a vector, so none has a score.")
    else:
        sections[opened].show(current)


def _show_nothing_asked(current: Current) -> None:
    st.info(
        "Nothing ranks the pictures yet, so there are no scores. Ask for something on Search, "
        "or try one of these."
    )
    query_bar.offer(current.searchable.coco.examples)
