"""Disk and memory: what data, caches, models and vectors take, and what may be let go."""

from html import escape

import streamlit as st

from core.inventory import Inventory, shared_checks, take_inventory
from core.inventory.checks import CACHES
from core.inventory.upkeep import let_go
from core.inventory.words import size_words
from core.library import Library, Loaded
from pages.shared.admin_state import Said, doing
from pages.shared.library.instance import show_instance
from pages.shared.plain import plain

EVERY_S = 2.0
_FRESH_S = 60.0


def show_disk(library: Library) -> None:
    """Draw what the instance takes; it looks again by itself until the cache is measured."""
    checks = shared_checks(library.settings)
    if not checks.is_fresh(CACHES, _FRESH_S):
        checks.start(CACHES)
    is_measuring = bool(checks.under_way())
    st.fragment(_show, run_every=EVERY_S if is_measuring else None)(library, is_measuring)
    _show_data(take_inventory(library))
    _show_loaded(library)


def _show(library: Library, was_measuring: bool) -> None:
    checks = shared_checks(library.settings)
    if bool(checks.under_way()) != was_measuring:
        st.rerun()
    show_instance(library, checks)


def _show_data(inventory: Inventory) -> None:
    rows = [
        (
            "Annotations",
            len(inventory.datasets),
            sum(file.size for entry in inventory.datasets for file in entry.files),
        ),
        (
            "Pictures",
            sum(entry.pictures or 0 for entry in inventory.datasets),
            sum(entry.counts.picture_bytes for entry in inventory.datasets if entry.counts),
        ),
        ("Models", len(inventory.models), sum(entry.size for entry in inventory.models)),
        (
            "Embeddings",
            sum(bool(pair.count) for pair in inventory.pairs.values()),
            sum(pair.size for pair in inventory.pairs.values()),
        ),
    ]
    body = "".join(
        f'<tr><th scope="row">{name}</th><td>{count:,}</td><td>{escape(size_words(size))}</td></tr>'
        for name, count, size in rows
    )
    st.subheader("Data", anchor=False)
    st.html(
        '<div class="admin-table narrow"><table><thead><tr><th scope="col"></th>'
        '<th scope="col">how many</th><th scope="col">takes</th></tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _show_loaded(library: Library) -> None:
    loaded = library.loaded()
    if not loaded:
        return
    st.subheader("Let go of what is loaded", anchor=False)
    st.caption(
        "It comes back when somebody asks for it, which takes them a moment. Who uses it now "
        "goes on with it."
    )
    for one in loaded:
        with st.container(
            horizontal=True, vertical_alignment="center", key=f"admin-held-{one.kind}-{one.name}"
        ):
            st.markdown(f"{one.kind} **{plain(one.name)}**, {size_words(one.n_bytes)}")
            st.button(
                "Let go",
                key=f"admin-let-go-{one.kind}-{one.name}",
                on_click=doing,
                args=(_gone, library, one),
            )


def _gone(library: Library, one: Loaded) -> Said:
    let_go(library, one.kind, one.name)
    return Said("success", f"The {one.kind} {one.name} is not in memory any more.")
