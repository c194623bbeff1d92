"""The page from top to bottom, drawn again every few seconds while something is under way."""

import streamlit as st

from core.inventory import (
    Checks,
    DatasetState,
    Inventory,
    next_steps,
    shared_checks,
    take_inventory,
)
from core.inventory.checks import CACHES, Kind, counting_of, reading_of
from core.inventory.taking import forget_counts
from core.library import Library
from pages.shared.library.entries import show_datasets, show_embeddings, show_models
from pages.shared.library.instance import show_instance
from pages.shared.library.matrix import matrix
from pages.shared.library.steps import show_known, show_steps
from pages.shared.library.under_way import show_under_way
from pages.shared.subsets_face import plural

EVERY_S = 2.0
_CACHES_STAY_S = 60.0


def show_library(library: Library) -> None:
    """Draw what is here; it looks again by itself as long as something is under way."""
    checks = shared_checks(library.settings)
    is_busy = _begin_looks(take_inventory(library), checks)
    st.fragment(_show, run_every=EVERY_S if is_busy else None)(library, checks, is_busy)


def _show(library: Library, checks: Checks, was_busy: bool) -> None:
    inventory = take_inventory(library)
    if _begin_looks(inventory, checks) != was_busy:
        st.rerun()
    _show_head(inventory, checks)
    show_under_way(inventory, checks)
    if inventory.datasets and inventory.models:
        st.subheader("What fits together", anchor=False)
        st.html(matrix(inventory, library.settings))
    show_steps(next_steps(inventory, library.settings))
    show_datasets(inventory.datasets, checks, library.settings)
    show_models(inventory.models, checks, library.settings)
    show_embeddings(inventory, checks, library.settings)
    show_known(inventory)
    show_instance(library, checks)


def _begin_looks(inventory: Inventory, checks: Checks) -> bool:
    """Have counted and measured what was not; return whether anything is under way."""
    for entry in inventory.datasets:
        subject = counting_of(entry)
        if entry.pictures is not None and entry.counts is None and checks.get(subject) is None:
            checks.start(subject)
        if entry.state is DatasetState.READY:  # another has read it meanwhile
            checks.call_off(reading_of(entry))
    if not checks.is_fresh(CACHES, _CACHES_STAY_S):
        checks.start(CACHES)
    return bool(checks.under_way()) or any(pair.is_running for pair in inventory.pairs.values())


def _show_head(inventory: Inventory, checks: Checks) -> None:
    ready = sum(pair.is_searchable for pair in inventory.pairs.values())
    said = [
        plural(len(inventory.datasets), "dataset"),
        plural(len(inventory.models), "model"),
        f"{plural(ready, 'pair')} ready to search",
    ]
    with st.container(horizontal=True, vertical_alignment="center", key="library-head"):
        st.markdown(f"**{' · '.join(said)}**")
        st.button(
            "Refresh",
            icon=":material/refresh:",
            help="Look again. While something is under way the page does so by itself.",
            on_click=_look_again,
            args=(checks,),
        )


def _look_again(checks: Checks) -> None:
    forget_counts()
    for kind in (Kind.COUNT, Kind.CACHES):
        checks.forget(kind)
