"""Quality: does this model search this dataset well?"""

from pathlib import Path

import streamlit as st

from pages.shared import address, resources, widgets
from pages.shared.quality.choice import OWN, choose_other, choose_sample, show_missing
from pages.shared.quality.page import show_quality

library = resources.library()
view = address.arrive(library, "quality", OWN)
with st.sidebar:
    widgets.choose_dataset(library, view)
    widgets.choose_model(library, view)
searchable = library.dataset(view.dataset, view.model)
with st.spinner("Reading the dataset's annotations…"):
    coco = searchable.coco
with st.sidebar:
    other = choose_other(library, view)
    pictures = choose_sample(coco)
    show_missing(library, view)

st.html(Path(__file__).parent / "shared" / "quality" / "quality.css")
show_quality(searchable, other, pictures)
address.keep()
