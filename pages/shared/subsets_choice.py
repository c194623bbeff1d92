"""What can be done with several subsets: combined into a new one, or two of them compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from core.catalogue import Entry, Operation
from core.errors import CocoSiftError, RecipeError
from core.recipe import combine_recipes
from core.rights import Right
from pages.shared import person, resources, subsets_state, subsets_verbs
from pages.shared.plain import plain
from pages.shared.problems import show_problem
from pages.shared.results import show_list
from pages.shared.subsets_cards import base, known_of
from pages.shared.subsets_face import plural
from pages.shared.subsets_verbs import saying

_OPERATIONS: dict[Operation, str] = {
    "union": "Union: pictures that any of them has",
    "intersection": "Intersection: pictures that all of them have",
    "difference": "Difference: pictures that one has and the others do not",
}
_NAME = "combine-name"
_OPERATION = "combine-operation"
_FIRST = "combine-first"
_PICTURES = "compare-pictures"


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
        is_unfit = len(entries) < 2 or several
        if person.may(Right.SAVE) and st.button(
            "Combine", disabled=is_unfit, key="combine-subsets"
        ):
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


def show_comparison(a: int, b: int, pictures: str) -> None:
    """Draw, as a gallery, the pictures that only one of two has, or those that both have.

    Args:
        a, b: ids of entries.
        pictures: of `subsets_state.PICTURES`.
    """
    found = resources.catalogue().compare(a, b)
    lists = {
        "first": _List(f"Only “{found.a.name}”", found.only_a, "difference", (a, b)),
        "both": _List(
            f"Both “{found.a.name}” and “{found.b.name}”", found.both, "intersection", (a, b)
        ),
        "second": _List(f"Only “{found.b.name}”", found.only_b, "difference", (b, a)),
    }
    here = known_of(found.a)
    with st.container(horizontal=True, vertical_alignment="center", key="compare-head"):
        st.button(
            "Back to the list", icon=":material/arrow_back:", on_click=_back, key="compare-back"
        )
        if here.base:
            link = side_by_side_address(found.a.dataset, (a, b), base())
            words = "Side by side on Categories"
            st.html(f'<a class="go" href="{escape(link)}">{words}</a>', width="content")
    subsets_state.show_as(_PICTURES, pictures)
    st.segmented_control(
        "Pictures",
        list(lists),
        format_func=lambda key: f"{plain(lists[key].words)} · {len(lists[key].image_ids):,}",
        key=_PICTURES,
        required=True,
        label_visibility="collapsed",
        on_change=_show_pictures,
    )
    _show_list(found.a, here.base, lists[pictures])


@dataclass(frozen=True, slots=True)
class _List:
    """Pictures of two subsets, what they are in words, and what gives them."""

    words: str
    image_ids: tuple[int, ...]
    operation: Operation
    of: tuple[int, int]


def _show_list(entry: Entry, address: str, shown: _List) -> None:
    if not shown.image_ids:
        st.markdown(f"{plain(shown.words)}: there is no such picture.")
        return
    with st.container(horizontal=True, vertical_alignment="center", key="compare-doings"):
        if address:
            link = subsets_verbs.ids_address(entry.dataset, shown.image_ids, base())
            st.html(f'<a class="go" href="{escape(link)}">Open on Search</a>', width="content")
        if person.may(Right.SAVE):
            st.button(
                "Save as a new subset",
                key="compare-save",
                on_click=saying,
                args=(subsets_verbs.combine, shown.operation, list(shown.of), shown.words[:200]),
            )
    if not address:
        st.caption(
            plain(f"The dataset {entry.dataset} is not here, so its pictures are not shown.")
        )
        return
    library = resources.library()
    models = library.models_for(entry.dataset) or library.models()
    model = entry.model if entry.model in models else models[0]
    dataset = library.dataset(entry.dataset, model)
    ids = np.array(shown.image_ids, dtype=np.int64)
    known = ids[dataset.coco.images.find(ids) >= 0]
    if len(known) < len(ids):
        gone = plural(len(ids) - len(known), "picture")
        st.caption(plain(f"{gone} of these are not in the dataset any more."))
    if len(known):
        show_list(dataset, known, shown.words)


def side_by_side_address(dataset: str, entry_ids: Sequence[int], prefix: str) -> str:
    """Return where the page Categories shows these entries side by side."""
    params = {"dataset": dataset, "view": "compare", "subset": list(map(str, entry_ids))}
    return f"{prefix}/categories?{urlencode(params, doseq=True)}"


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
    subsets_state.go(compare=tuple(entry.id for entry in entries), pictures=None, entry=None)


def _back() -> None:
    subsets_state.go(compare=None, pictures=None)


def _show_pictures() -> None:
    subsets_state.go(pictures=st.session_state[_PICTURES])
