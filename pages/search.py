"""Search: words and pictures in, pictures seen, a subset out."""

import streamlit as st

from core.errors import CocoSiftError
from pages.shared import address, person, query_state, resources, widgets
from pages.shared.cut import show_cut
from pages.shared.filters_panel import show_chips, show_filters, show_nothing_passes
from pages.shared.problems import show_problem
from pages.shared.query_bar import focus_query_box, offer, show_query
from pages.shared.results import show_results

library = resources.library()
view = address.arrive(library)
with st.sidebar:
    widgets.choose_dataset(library, view)
    widgets.choose_model(library, view)

searchable = library.dataset(view.dataset, view.model)
found = problem = None
with st.spinner("Reading the dataset's annotations…"):
    coco = searchable.coco
try:
    with st.spinner("Looking through the dataset…"):
        found = searchable.find(query_state.fit(searchable))
except CocoSiftError as error:
    problem = error
view = query_state.view()

show_query(view)
with st.sidebar:
    show_cut(view.query, found)
    show_filters(coco, view.query)
    widgets.show_variety(view.query)
if not view.query.parts:
    offer(coco.examples)
widgets.notes(searchable, found)
if found is None:
    show_problem(problem)
else:
    show_chips(found.counts.filters)
    if found.counts.filters and not found.counts.passing:
        show_nothing_passes(found.counts.filters)
    elif not len(found):
        widgets.show_nothing_reaches(found)
    else:
        show_results(found)
focus_query_box()
person.keep_cookie()
address.keep()
