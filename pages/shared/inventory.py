"""Entries of the library as a table, with the command for each that needs something."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.library import Entry
from pages.shared.plain import plain


def show_entries(title: str, entries: Sequence[Entry], add_command: str) -> None:
    """Draw the entries under a heading; below them what is wrong, and how to add one."""
    st.subheader(title, anchor=False)
    if entries:
        st.table(
            pd.DataFrame(
                {
                    "Name": [entry.name for entry in entries],
                    "State": ["Needs attention" if entry.problem else "Ready" for entry in entries],
                    "What": [entry.description for entry in entries],
                }
            ),
            border="horizontal",
            hide_index=True,
            alt=title,
        )
    else:
        st.info(f"No {title.lower()} yet.")
    for entry in entries:
        for note in entry.notes:
            st.caption(plain(f"{entry.name}: {note}"))
        if entry.problem:
            st.warning(plain(f"{entry.name}: {entry.problem}"), icon=":material/build:")
        if entry.command:
            st.code(entry.command, language="bash")
    with st.expander(f"Add {title.lower()}", icon=":material/add:"):
        st.code(add_command, language="bash")
