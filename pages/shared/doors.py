"""Doors: from a mark of a chart to the pictures it stands for, on Search."""

from dataclasses import replace

import streamlit as st

from core.query import Query
from pages.shared import query_state

SEARCH = "search.py"


def open_on_search(query: Query) -> None:
    """As a callback or on a page: ask `query` of the dataset that is looked at, on Search."""
    query_state.look_at(replace(query_state.view(), query=query))
    st.switch_page(SEARCH)
