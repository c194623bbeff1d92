"""Search: words in, pictures seen, a subset out."""

import streamlit as st

from core.search import DEFAULT_TOP_K
from core.subset import Subset
from pages.shared import address, resources, widgets
from pages.shared.results import show_results

library = resources.library()
with st.sidebar:
    dataset = widgets.choose_dataset(library)
    model = widgets.choose_model(library, dataset)
    top_k = widgets.choose_top_k(DEFAULT_TOP_K)

text = widgets.query_box()
address.keep(q=text, k=top_k, dataset=dataset, model=model)
searchable = library.dataset(dataset, model)
with st.spinner("Reading the dataset's annotations…"):
    examples = searchable.coco.examples
if text:
    found = Subset.found(searchable.search(text, top_k))
else:
    widgets.offer(examples)
    found = Subset.first(searchable, top_k)
widgets.notes(searchable, found)
show_results(found)
widgets.focus_query_box()
