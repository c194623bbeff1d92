"""Doors: from a mark of a chart to the pictures it stands for, on Search."""

from dataclasses import replace

import streamlit as st

from core.query import Query
from pages.shared import keys, query_state

SEARCH = "search.py"


def open_on_search(query: Query) -> None:
    """As a callback or on a page: ask `query` of the dataset that is looked at, on Search."""
    query_state.look_at(replace(query_state.view(), query=query))
    # With other parameters, or none, Streamlit would add them to the history of the page that
    # is left, and going back would lead to the new query there. Search puts its own in place.
    st.session_state.pop(keys.ADDRESSES, None)
    params = {name: st.query_params.get_all(name) for name in st.query_params}
    st.switch_page(SEARCH, query_params=params)
