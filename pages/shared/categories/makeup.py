"""Makeup: the categories of some pictures, their shares, and what stands out."""

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core.analytics.lift import Lift, lift_of
from core.analytics.makeup import Ints, Makeup, makeup, nothing_to_count
from core.charts.lift import lift_chart
from core.charts.makeup import makeup_chart, makeup_table
from core.charts.wording import counted, listed
from core.query import CategoryTerm
from pages.shared import choices
from pages.shared.categories.doors import open_pictures
from pages.shared.charts import show_chart
from pages.shared.current import Current
from pages.shared.doors import open_on_search
from pages.shared.plain import plain
from pages.shared.subset_choice import Chosen

MOST = 25
MOST_OF_ALL = 250
_NAMED = 40
_BY = {"category": "Categories", "supercategory": "Supercategories"}
_ORDERS = {"lift": "What stands out", "share": "Most pictures", "name": "Name"}


def show_makeup(current: Current, chosen: Chosen) -> None:
    """Draw how many of the pictures have each category, beside the whole dataset."""
    coco = current.searchable.coco
    if reason := nothing_to_count(coco, len(chosen.image_ids)):
        st.info(plain(reason), icon=":material/info:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="makeup-choices"):
        by = choices.one_of("by", "Count", _BY, width="content")
        order = choices.one_of("order", "Order", _ORDERS, width="content")
        is_all = choices.turned_on("all", "All of them")
    made = makeup(coco, chosen.image_ids, "supercategory" if by == "supercategory" else "category")
    lift = lift_of(made.images, made.n_images, made.all_images, made.total)
    rows = _rows(made, lift, order)
    shown = rows[: MOST_OF_ALL if is_all else MOST]
    _show_charts(made, lift, shown, partial(_open, chosen, current, made))
    if len(shown) < len(rows):
        more = "The table below has all." if is_all else "Turn on “All of them” to see the others."
        st.caption(f"The first {len(shown)} of {len(rows):,}. {more}")
    _show_words(made)
    with st.expander("All figures as a table", type="compact"):
        _show_table(made, lift)


def _rows(made: Makeup, lift: Lift, order: str) -> Ints:
    """Return the places of what the dataset has, in the order wanted."""
    if order == "share":
        places = np.lexsort((-made.all_images, -made.images))
    elif order == "name":
        places = np.array(sorted(range(len(made)), key=lambda place: made.names[place].casefold()))
    else:
        places = lift.order
    return places[made.all_images[places] > 0]


def _show_charts(made: Makeup, lift: Lift, rows: Ints, door: Any) -> None:
    left, right = st.columns(2, gap="medium")
    is_whole = made.n_images == made.total
    with left:
        show_chart(makeup_chart(made, rows), on_click=door)
    with right:
        if is_whole:
            st.info(
                "This is the whole dataset: there is nothing to compare it with. Ask for "
                "something, or choose a saved subset.",
                icon=":material/info:",
            )
        else:
            n = f"n = {counted(made.n_images, 'picture')} of {made.total:,}"
            show_chart(
                lift_chart(made.names, lift, rows, label=made.by, name=f"lift-{made.by}", n=n),
                on_click=door,
            )


def _show_words(made: Makeup) -> None:
    noun, nouns = made.by, f"{made.by[:-1]}ies"
    known = int(np.count_nonzero(made.all_images))
    if made.absent:
        number = counted(len(made.absent), noun, nouns)
        st.markdown(
            f"**Not in these pictures:** {number} of {known:,}: "
            f"{plain(listed(made.absent, _NAMED))}."
        )
    else:
        st.markdown(f"Each of the {counted(known, noun, nouns)} of the dataset is in them.")
    if made.never:
        st.caption(plain(f"In no picture of the dataset: {listed(made.never, _NAMED)}."))
    if made.unnamed:
        what = "is" if made.unnamed == 1 else "are"
        st.caption(
            f"{counted(made.unnamed, 'instance')} here {what} of no {noun} that the dataset names."
        )


def _show_table(made: Makeup, lift: Lift) -> None:
    share = st.column_config.NumberColumn(format="percent")
    number = st.column_config.NumberColumn(format="localized")
    st.dataframe(
        makeup_table(made, lift),
        hide_index=True,
        column_config={
            "images": number,
            "instances": number,
            "all images": number,
            "all instances": number,
            "share": share,
            "all share": share,
            **{
                name: st.column_config.NumberColumn(format="%.2f")
                for name in ("lift", "low", "high")
            },
            "p": st.column_config.NumberColumn(format="%.2g"),
            "q": st.column_config.NumberColumn(
                "adjusted p", format="%.2g", help="Benjamini and Hochberg, 1995"
            ),
        },
    )


def _open(chosen: Chosen, current: Current, made: Makeup, datum: dict[str, Any]) -> None:
    """Open the pictures with a category; of one that none here has, those of the dataset."""
    term = CategoryTerm(datum[made.by], is_supercategory=made.by == "supercategory")
    if made.images[made.names.index(datum[made.by])]:
        open_pictures(chosen, must=(term,))
    else:
        open_on_search(current.view.query.with_filters(must=(term,), only=None))
