"""Audit lists: pictures whose annotations of a category are likely wrong, as a gallery."""

import streamlit as st

from core.analytics.audit import FEWEST, MOST_LISTED, Audit, Suspects, audit, auditable
from core.analytics.balance import query_of_ids
from core.analytics.makeup import presence
from core.errors import QueryError
from core.query import Query
from core.recent import Recent
from pages.shared import choices
from pages.shared.current import Current
from pages.shared.doors import open_on_search
from pages.shared.plain import plain
from pages.shared.results import show_list

OWN = ("audit", "suspects")

_KINDS = {"missed": "Likely missed", "mislabelled": "Likely mislabelled"}
_ABOUT_KINDS = (
    "Missed: the picture looks as if it shows the category, and no instance of it is annotated. "
    "Mislabelled: an instance is annotated, and the picture does not look like it."
)
# So many of a list that is not thought to be wrong are shown all the same.
_AT_LEAST = 24
_audits: Recent[Audit] = Recent(64)


def show_audit(current: Current) -> None:
    """Draw the pictures of the whole dataset whose label of one category is likely wrong."""
    searchable = current.searchable
    table = presence(searchable.coco)
    if not table.instances.any():
        st.info("This dataset has no instances, so there are no labels to look over.")
        return
    names = auditable(searchable.coco)
    if not names:
        st.info(
            f"No category is in {FEWEST} pictures and absent from {FEWEST}: that is too few to "
            "tell what it looks like."
        )
        return
    images = dict(zip(table.names, table.images.tolist(), strict=True))
    most = max(names, key=lambda name: images[name])
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        category = choices.one_of_many(
            "audit",
            "Category",
            {name: f"{name} · {images[name]:,}" for name in names},
            usual=most,
            width=260,
        )
        kind = choices.one_of("suspects", "Annotations that look wrong", _KINDS, help=_ABOUT_KINDS)
    try:
        with st.spinner("Looking over the labels…"):
            looked = _audits.get(
                (searchable.name, searchable.model, searchable.fingerprint, category),
                lambda: audit(searchable, category),
            )
    except QueryError as problem:
        st.info(plain(str(problem)))
        return
    _show_suspects(current, looked, kind)


def _show_suspects(current: Current, looked: Audit, kind: str) -> None:
    suspects = looked.missed if kind == "missed" else looked.mislabelled
    shown = min(len(suspects), max(_AT_LEAST, min(suspects.n_likely, MOST_LISTED)))
    ids = suspects.image_ids[:shown]
    st.markdown(f"**{plain(_title(looked, suspects, kind))}**", help=_about(looked))
    st.caption(plain(_caption(looked, suspects, kind, shown)))
    with st.container(horizontal=True):
        st.button(
            f"Open these {shown:,} on Search",
            key="audit-open",
            icon=":material/search:",
            on_click=lambda: open_on_search(query_of_ids(Query(), ids)),
        )
    show_list(current.searchable, ids, f"{_KINDS[kind]}: {looked.category}")


def _title(looked: Audit, suspects: Suspects, kind: str) -> str:
    n = suspects.n_likely
    pictures = "1 picture" if n == 1 else f"{n:,} pictures"
    of = looked.n_without if kind == "missed" else looked.n_with
    if kind == "missed":
        looks = "looks" if n == 1 else "look"
        return (
            f"{pictures} of {of:,} without “{looked.category}” {looks} as those with it do"
            if n
            else f"No picture without “{looked.category}” looks as those with it do"
        )
    looks = "looks" if n == 1 else "look"
    return (
        f"{pictures} of {of:,} with “{looked.category}” {looks} as those without it do"
        if n
        else f"No picture with “{looked.category}” looks as those without it do"
    )


def _caption(looked: Audit, suspects: Suspects, kind: str, shown: int) -> str:
    first = suspects.percentiles[0]
    passed = (
        f"The first scores higher than {first:.0f}% of those with it"
        if kind == "missed"
        else f"The first scores lower than {first:.0f}% of those without it"
    )
    beyond = shown - min(suspects.n_likely, shown)
    rest = f" The last {beyond:,} are the nearest to doubt, not in doubt." if beyond else ""
    return f"The most suspect first. {passed}.{rest}"


def _about(looked: Audit) -> str:
    return plain(
        "Looked over are all pictures of the dataset, whatever the query. Two things are known "
        "of a picture without its own label: how well the text fits it, and what a linear probe "
        "says that has learned the category from all other pictures. Each counts by how well it "
        "tells the labels apart: a picture with the label scores higher than one without in "
        f"{looked.text_auc:.0%} of pairs by the text, in {looked.probe_auc:.0%} by the probe. "
        "Likely wrong is what reaches the mean confidence of the other group (confident "
        "learning, Northcutt, Jiang and Chuang 2021). Look before you change anything."
    )
