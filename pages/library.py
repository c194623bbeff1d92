"""Library: what datasets, models and embeddings are here, what fits, and what is missing."""

import pandas as pd
import streamlit as st

from pages.shared import resources

STATES = {True: "✓ ready", False: "needs attention"}

library = resources.library()
inventory = library.inventory()

st.subheader("What is here", anchor=False)
st.caption(f"Read from {library.settings.home}")
for title, entries in (
    ("Datasets", inventory.datasets),
    ("Models", inventory.models),
    ("Embeddings", inventory.embeddings),
):
    st.markdown(f"**{title}**")
    if not entries:
        st.info(f"No {title.lower()} yet.")
    else:
        st.dataframe(
            pd.DataFrame(
                {
                    "Name": [entry.name for entry in entries],
                    "What": [entry.description for entry in entries],
                    "State": [STATES[not entry.problem] for entry in entries],
                }
            ),
            hide_index=True,
        )
    for entry in entries:
        if entry.problem:
            st.warning(f"**{entry.name}**: {entry.problem}", icon=":material/build:")
            if entry.command:
                st.code(entry.command, language="bash")
