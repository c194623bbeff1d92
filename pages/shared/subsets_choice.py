"""What can be done with several subsets: combined into a new one, or two of them compared."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from core.catalogue import Entry, Operation
from core.errors import CocoSiftError, RecipeError
from core.recipe import combine_recipes
from pages.shared import resources, subsets_state, subsets_verbs
from pages.shared.plain import plain
from pages.shared.problems import show_problem
from pages.shared.subsets_cards import base, known_of
from pages.shared.subsets_face import plural, thumbnail
from pages.shared.subsets_verbs import saying

SHOWN = 48
_OPERATIONS: dict[Operation, str] = {
    "union": "Union: pictures that any of them has",
    "intersection": "Intersection: pictures that all of them have",
    "difference": "Difference: pictures that one has and the others do not",
}
_NAME = "combine-name"
_OPERATION = "combine-operation"
_FIRST = "combine-first"


def show_chosen() -> None:
    """Draw the bar that says which subsets are ticked and what can be done with them."""
    entries = _chosen()
    if not entries:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="chosen-subsets"):
        names = ", ".join(plain(entry.name) for entry in entries[:3])
        more = f" and {len(entries) - 3:,} more" if len(entries) > 3 else ""
        st.markdown(f"**{plural(len(entries), 'subset')} chosen:** {names}{more}")
        several = len({entry.dataset for entry in entries}) > 1
        if st.button("Combine", disabled=len(entries) < 2 or several, key="combine-subsets"):
            _combine(entries)
        st.button(
            "Compare",
            disabled=len(entries) != 2 or several,
            key="compare-subsets",
            help="Choose two of one dataset.",
            on_click=_compare,
            args=(entries,),
        )
        st.button("Clear", key="clear-subsets", on_click=subsets_state.chosen().clear)
        if several:
            st.caption("They are of different datasets, so their pictures cannot be told apart.")


@st.dialog("Combine subsets")
def _combine(entries: Sequence[Entry]) -> None:
    operation = st.radio("How", list(_OPERATIONS), format_func=_OPERATIONS.get, key=_OPERATION)
    if operation == "difference":
        names = {entry.id: entry.name for entry in entries}
        first = st.selectbox("Take the others from", list(names), format_func=names.get, key=_FIRST)
        entries = sorted(entries, key=lambda entry: entry.id != first)
    ids = [entry.id for entry in entries]
    try:
        recipes = [resources.catalogue().recipe(entry_id) for entry_id in ids]
        count = len(combine_recipes(operation, recipes))
    except RecipeError as problem:
        show_problem(problem)
        return
    st.caption(plain(f"{plural(count, 'picture')}: {_words(operation, entries)}"))
    name = st.text_input(
        "Name", placeholder=_words(operation, entries)[:200], max_chars=200, key=_NAME
    )
    is_done = st.button(
        "Save as a new subset",
        type="primary",
        key="combine-save",
        on_click=saying,
        args=(subsets_verbs.combine, operation, ids, name or _words(operation, entries)[:200]),
    )
    if is_done:
        st.rerun()


def show_comparison(a: int, b: int) -> None:
    """Draw which pictures only one of two has, and which both have."""
    st.button("Back to the list", icon=":material/arrow_back:", on_click=_back, key="compare-back")
    found = resources.catalogue().compare(a, b)
    here = known_of(found.a)
    lists = (
        ("both", f"Both “{found.a.name}” and “{found.b.name}”", found.both, "intersection", (a, b)),
        ("first", f"Only “{found.a.name}”", found.only_a, "difference", (a, b)),
        ("second", f"Only “{found.b.name}”", found.only_b, "difference", (b, a)),
    )
    for key, words, ids, operation, of in lists:
        with st.container(border=True, key=f"compare-{key}", gap="xsmall"):
            st.markdown(f"**{plain(words)}** · {plural(len(ids), 'picture')}")
            if not ids:
                continue
            if here.base:
                thumbs = "".join(
                    f'<a href="{here.base}/images/{image_id}/picture?v={here.version}">'
                    f"{thumbnail(image_id, here, f'Picture {image_id}')}</a>"
                    for image_id in ids[:SHOWN]
                )
                st.html(f'<div class="thumbs">{thumbs}</div>')
            with st.container(horizontal=True, vertical_alignment="center"):
                if here.base:
                    link = subsets_verbs.ids_address(found.a.dataset, ids, base())
                    shown = (
                        "Open on Search"
                        if len(ids) <= SHOWN
                        else f"Open all {len(ids):,} on Search"
                    )
                    st.html(f'<a class="go" href="{escape(link)}">{shown}</a>', width="content")
                st.button(
                    "Save as a new subset",
                    key=f"compare-save-{key}",
                    on_click=saying,
                    args=(subsets_verbs.combine, operation, list(of), words[:200]),
                )


def _chosen() -> list[Entry]:
    """Return the ticked entries that are still there, in the order of ticking."""
    found = []
    for entry_id in list(subsets_state.chosen()):
        try:
            entry = resources.catalogue().get(entry_id)
        except CocoSiftError:
            entry = None
        if entry is None or entry.deleted_at:
            subsets_state.forget(entry_id)
        else:
            found.append(entry)
    return found


def _words(operation: Operation, entries: Sequence[Entry]) -> str:
    between = {"union": " or ", "intersection": " and ", "difference": " without "}
    first, *others = [entry.name for entry in entries]
    if operation == "difference":
        return f"{first}{between[operation]}{' or '.join(others)}"
    return between[operation].join([first, *others])


def _compare(entries: Sequence[Entry]) -> None:
    subsets_state.hush()
    subsets_state.go(compare=tuple(entry.id for entry in entries), entry=None)


def _back() -> None:
    subsets_state.go(compare=None)
