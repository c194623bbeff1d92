"""Library: what datasets, models and embeddings are here, what fits, and what is missing."""

from pathlib import Path

import streamlit as st

from pages.shared import resources
from pages.shared.library.page import show_library

st.html(Path(__file__).parent / "shared" / "library" / "library.css")
show_library(resources.library())
