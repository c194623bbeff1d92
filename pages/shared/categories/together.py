"""Together: which categories stand in one picture."""

from functools import partial
from typing import Any

import streamlit as st

from core.analytics.cooccurrence import cooccurrence
from core.analytics.makeup import nothing_to_count
from core.charts.cooccurrence import pairs_chart, together_map
from core.query import CategoryTerm
from pages.shared import choices
from pages.shared.categories.doors import open_pictures
from pages.shared.charts import show_chart
from pages.shared.current import Current
from pages.shared.plain import plain
from pages.shared.subset_choice import Chosen

_BY = {"category": "Categories", "supercategory": "Supercategories"}
_MEASURES = {"lift": "Against chance", "images": "Pictures"}


def show_together(current: Current, chosen: Chosen) -> None:
    """Draw the pairs of categories in one picture, and the pairs that stand out."""
    coco = current.searchable.coco
    if reason := nothing_to_count(coco, len(chosen.image_ids)):
        st.info(plain(reason), icon=":material/info:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="together-choices"):
        by = choices.one_of("by", "Count", _BY, width="content")
        measure = choices.one_of("measure", "Colour", _MEASURES, width="content")
    is_super = by == "supercategory"
    pairs = cooccurrence(coco, chosen.image_ids, "supercategory" if is_super else "category")
    if len(pairs.names) < 2:
        only = f"only {pairs.names[0]}" if pairs.names else "no category"
        st.info(
            plain(f"These pictures have {only}, so there is no pair to look at."),
            icon=":material/info:",
        )
        return
    door = partial(_open, chosen, is_super)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        show_chart(together_map(pairs, "images" if measure == "images" else "lift"), on_click=door)
    with right:
        show_chart(pairs_chart(pairs), on_click=door)


def _open(chosen: Chosen, is_super: bool, datum: dict[str, Any]) -> None:
    names = dict.fromkeys((datum["first"], datum["second"]))
    open_pictures(chosen, must=tuple(CategoryTerm(name, is_super) for name in names))
