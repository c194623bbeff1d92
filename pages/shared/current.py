"""What pages beside Search look at: the same query of the same dataset, and what it has found."""

from collections.abc import Iterable
from dataclasses import dataclass

import streamlit as st

from core.errors import CocoSiftError
from core.found import Found
from core.library import SearchableDataset
from pages.shared import address, query_state, resources, widgets
from pages.shared.query_state import View


@dataclass(frozen=True, slots=True)
class Current:
    """The session's view, the dataset it opens, and what its query finds there.

    Attributes:
        found: None when the query cannot be answered, and `problem` says why.
    """

    view: View
    searchable: SearchableDataset
    found: Found | None
    problem: CocoSiftError | None = None


def current(page: str, own: Iterable[str] = ()) -> Current:
    """Read the address of `page`, draw the choice of dataset and model, and search.

    The page ends with `address.keep()`.

    Args:
        page, own: as of `address.arrive`.

    Raises:
        CocoSiftError: there is nothing to look at, or the dataset cannot be opened.
    """
    library = resources.library()
    view = address.arrive(library, page, own)
    with st.sidebar:
        widgets.choose_dataset(library, view)
        widgets.choose_model(library, view)
    searchable = library.dataset(view.dataset, view.model)
    with st.spinner("Reading the dataset's annotations…"):
        _ = searchable.coco
    found = problem = None
    try:
        with st.spinner("Looking through the dataset…"):
            found = searchable.find(query_state.fit(searchable))
    except CocoSiftError as error:
        problem = error
    return Current(query_state.view(), searchable, found, problem)
