"""Library: what datasets, models and embeddings are here, what fits, and what is missing."""

import streamlit as st

from pages.shared import resources
from pages.shared.inventory import show_entries

library = resources.library()
with st.spinner("Looking through the library…"):
    inventory = library.inventory()

st.caption("What can be searched on this instance, and the commands that add to it.")
show_entries(
    "Datasets",
    inventory.datasets,
    "python -m core add NAME --instances FILE --captions FILE --images FOLDER",
)
show_entries(
    "Models",
    inventory.models,
    "python -m core checkpoint split FILE models/NAME",
)
show_entries(
    "Embeddings",
    inventory.embeddings,
    "python -m core embed --dataset DATASET --model MODEL",
)
