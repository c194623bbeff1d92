"""Pictures: orientation, sizes and licences."""

from functools import partial
from typing import Any

import streamlit as st

from core.analytics import shapes
from core.analytics.makeup import NO_PICTURE, pictures_in
from core.analytics.shapes import distribution, pictures_of
from core.charts.shapes import kinds_chart
from core.coco import CocoDataset
from core.coco.scanner import NO_ID
from core.query import SideBound
from pages.shared.categories.doors import open_ids, open_pictures
from pages.shared.charts import show_chart
from pages.shared.current import Current
from pages.shared.subset_choice import Chosen


def show_pictures(current: Current, chosen: Chosen) -> None:
    """Draw the orientation, the sizes and the licences of pictures."""
    coco = current.searchable.coco
    if not len(chosen.image_ids):
        st.info(NO_PICTURE, icon=":material/info:")
        return
    is_in = pictures_in(coco, chosen.image_ids)
    left, right = st.columns(2, gap="medium")
    with left:
        spread = distribution(shapes.orientations(coco), is_in)
        show_chart(
            kinds_chart(
                spread,
                "orientations",
                lambda kind, share: f"Most are {kind}: {share}",
                label="orientation",
                about="By width and height of the record.",
            ),
            on_click=partial(_open_orientation, coco, chosen),
        )
        spread = distribution(shapes.picture_sizes(coco), is_in)
        show_chart(
            kinds_chart(
                spread,
                "picture-sizes",
                lambda size, share: f"The most frequent size is {size}: {share}",
                label="size",
                about="Width and height in pixels; the ten most frequent of the dataset.",
            ),
            on_click=partial(_open_size, coco, chosen),
        )
    with right:
        spread = distribution(shapes.licences(coco), is_in)
        show_chart(
            kinds_chart(
                spread,
                "licences",
                lambda licence, share: f"The most frequent licence: {licence}, {share}",
                label="licence",
                about="By the licence that each record names.",
            ),
            on_click=partial(_open_licence, coco, chosen),
        )


def _open_orientation(coco: CocoDataset, chosen: Chosen, datum: dict[str, Any]) -> None:
    if datum["place"] < 0:
        _open_bin(coco, chosen, shapes.orientations(coco), datum)
    else:
        open_pictures(chosen, orientations=(datum["orientation"],))


def _open_size(coco: CocoDataset, chosen: Chosen, datum: dict[str, Any]) -> None:
    width, between, height = str(datum["size"]).partition(" × ")
    if not between:
        _open_bin(coco, chosen, shapes.picture_sizes(coco), datum)
        return
    sides = (SideBound("width", "=", int(width)), SideBound("height", "=", int(height)))
    open_pictures(chosen, sides=sides)


def _open_licence(coco: CocoDataset, chosen: Chosen, datum: dict[str, Any]) -> None:
    ids = [licence.id for licence in coco.licenses if licence.id != NO_ID]
    if datum["place"] < 0:
        _open_bin(coco, chosen, shapes.licences(coco), datum)
    else:
        open_pictures(chosen, licenses=(str(ids[int(datum["place"])]),))


def _open_bin(
    coco: CocoDataset, chosen: Chosen, sorting: shapes.Sorting, datum: dict[str, Any]
) -> None:
    is_in = pictures_in(coco, chosen.image_ids)
    open_ids(chosen, pictures_of(coco, sorting, int(datum["place"]), is_in))
