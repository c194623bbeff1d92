"""The line on top of pages beside Search: what is asked, how much was found, and the way back."""

import streamlit as st

from pages.shared import widgets
from pages.shared.current import Current
from pages.shared.plain import plain
from pages.shared.problems import show_problem


def show_asked(current: Current) -> None:
    """Draw what the query says and what it has found, with the way to Search to change it.

    What a person should know of the dataset, the model and the query stands below it, and
    the problem of a query that cannot be answered.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="asked"):
        st.markdown(_line(current), width="content")
        st.page_link("search.py", label="Change on Search", icon=":material/search:")
    widgets.notes(current.searchable, current.found)
    if current.problem is not None:
        show_problem(current.problem)


def _line(current: Current) -> str:
    found = current.found
    if found is None:
        return "This query cannot be answered."
    number = f"{len(found):,} of {_pictures(found.counts.total)}"
    if found.counts.filters:
        number += f", {found.counts.passing:,} pass the filters"
    if found.words:
        return f"**{plain(found.words)}** · {number}"
    return f"Nothing is asked yet. This is the dataset's own order: {number}"


def _pictures(n: int) -> str:
    return "1 picture" if n == 1 else f"{n:,} pictures"
