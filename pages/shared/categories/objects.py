"""Objects: how large instances are, where they lie, what shape, and how many in a picture."""

from functools import partial
from typing import Any

import streamlit as st

from core.analytics import shapes
from core.analytics.makeup import nothing_to_count, pictures_in, presence
from core.analytics.shapes import Distribution, Sorting, distribution
from core.charts.shapes import counts_chart, counts_title, coverage_map, kinds_chart, scale_chart
from core.charts.wording import counted, percent
from core.coco import CocoDataset
from core.filters.conditions import LARGE_FROM, SMALL_BELOW
from core.query import CategoryTerm
from pages.shared import choices
from pages.shared.categories.doors import of_size, open_ids, open_pictures
from pages.shared.charts import show_chart
from pages.shared.current import Current
from pages.shared.plain import plain
from pages.shared.subset_choice import Chosen

_CLASSES = (
    "COCO's classes by the area of the record: small below 32², large from 96² square pixels on."
)
_SIDE = "The side of a square of the same area; the lines at 32 and 96 part COCO's classes."


def show_objects(current: Current, chosen: Chosen) -> None:
    """Draw sizes, positions and aspects of instances, and how crowded pictures are."""
    coco = current.searchable.coco
    if reason := nothing_to_count(coco, len(chosen.image_ids)):
        st.info(plain(reason), icon=":material/info:")
        return
    names = {name: name for name in presence(coco).names}
    of_all = {"": "All categories", **names}
    category = choices.one_of_many("of", "Of which category", of_all, width=260) or None
    is_in = pictures_in(coco, chosen.image_ids)
    sizes = shapes.object_sizes(coco, category)
    spread = distribution(sizes, is_in)
    what = f"instances of {category}" if category else "instances"
    if not spread.n + spread.unknown:
        st.info(plain(f"There are no {what} in these pictures."), icon=":material/info:")
    else:
        _show_sizes(coco, chosen, category, spread, what)
        _show_places(coco, chosen, category)
    _show_crowding(coco, chosen, category)


def _show_sizes(
    coco: CocoDataset, chosen: Chosen, category: str | None, spread: Distribution, what: str
) -> None:
    is_in = pictures_in(coco, chosen.image_ids)
    if not spread.n:
        st.info(plain(f"The records of these {what} have no area."), icon=":material/info:")
        return
    left, right = st.columns(2, gap="medium")
    with left:
        chart = kinds_chart(
            spread,
            "size-classes",
            lambda size, share: f"{size} is the most frequent size: {share} of the {what} here",
            label="size",
            about=_CLASSES,
        )
        show_chart(chart, on_click=partial(_open_size, coco, chosen, category))
    with right:
        sides = shapes.object_sides(coco, category)
        lengths = distribution(sides, is_in)
        if lengths.n:
            chart = scale_chart(
                lengths,
                "object-sides",
                f"Half of the {what} here are below {lengths.median:.3g} pixels a side; in the "
                f"whole dataset {lengths.all_median:.3g}",
                label="side in pixels",
                marks=(SMALL_BELOW**0.5, LARGE_FROM**0.5),
                about=_SIDE,
            )
            show_chart(chart, on_click=partial(_open_bin, coco, chosen, sides))


def _show_places(coco: CocoDataset, chosen: Chosen, category: str | None) -> None:
    is_in = pictures_in(coco, chosen.image_ids)
    left, right = st.columns(2, gap="medium")
    covered = shapes.coverage(coco, chosen.image_ids, category)
    with left:
        if covered.n:
            show_chart(
                coverage_map(covered, category or "all instances"),
                on_click=partial(_open_cell, coco, chosen, category),
            )
        else:
            st.info("No box here has a place in a picture of known size.", icon=":material/info:")
    with right:
        aspects = shapes.object_aspects(coco, category)
        spread = distribution(aspects, is_in)
        if spread.n:
            wide, all_wide = spread.share_from(1.0)
            chart = scale_chart(
                spread,
                "object-aspects",
                f"{percent(wide)} of the boxes are wider than high, {percent(all_wide)} in the "
                "whole dataset",
                label="width of the box by its height",
                marks=(1.0,),
                about="Right of the line is wider than high.",
            )
            show_chart(chart, on_click=partial(_open_bin, coco, chosen, aspects))


def _show_crowding(coco: CocoDataset, chosen: Chosen, category: str | None) -> None:
    is_in = pictures_in(coco, chosen.image_ids)
    left, right = st.columns(2, gap="medium")
    counts = shapes.crowding(coco, category)
    spread = distribution(counts, is_in)
    of = f" of {category}" if category else ""
    with left:
        chart = counts_chart(
            spread,
            "instances-a-picture",
            counts_title(spread, category),
            label=f"instances{of} in a picture",
            about="A crowd is one record, and counts as one instance.",
        )
        show_chart(chart, on_click=partial(_open_count, coco, chosen, category, counts))
    with right:
        crowds = distribution(shapes.crowds(coco), is_in)
        chart = kinds_chart(
            crowds,
            "crowds",
            lambda *_: (
                f"{counted(int(crowds.counts[1]), 'picture')} with a crowd: "
                f"{percent(crowds.share[1])}, {percent(crowds.all_share[1])} in the whole dataset"
            ),
            label="crowd",
            about="A crowd is a record that stands for many objects (iscrowd).",
        )
        show_chart(chart, on_click=partial(_open_crowd, chosen))


def _open_size(
    coco: CocoDataset, chosen: Chosen, category: str | None, datum: dict[str, Any]
) -> None:
    size = datum["size"]
    is_free = chosen.found is None or not chosen.found.query.filters.any_of
    conditions = of_size(coco, size, category) if size in shapes.SIZE_CLASSES else None
    if conditions is None or ("any_of" in conditions and not is_free):
        _open_bin(coco, chosen, shapes.object_sizes(coco, category), datum)
    else:
        open_pictures(chosen, **conditions)


def _open_bin(coco: CocoDataset, chosen: Chosen, sorting: Sorting, datum: dict[str, Any]) -> None:
    is_in = pictures_in(coco, chosen.image_ids)
    open_ids(chosen, shapes.pictures_of(coco, sorting, int(datum["place"]), is_in))


def _open_cell(
    coco: CocoDataset, chosen: Chosen, category: str | None, datum: dict[str, Any]
) -> None:
    is_in = pictures_in(coco, chosen.image_ids)
    row, column = int(datum["row"]), int(datum["column"])
    open_ids(chosen, shapes.pictures_over(coco, row, column, is_in, category))


def _open_count(
    coco: CocoDataset,
    chosen: Chosen,
    category: str | None,
    counts: Sorting,
    datum: dict[str, Any],
) -> None:
    place = int(datum["place"])
    if category is None:
        _open_bin(coco, chosen, counts, datum)
        return
    comparison = ">=" if place == shapes.MOST_INSTANCES else "="
    term = CategoryTerm(category, comparison=comparison, count=place)
    open_pictures(chosen, must=(term,))


def _open_crowd(chosen: Chosen, datum: dict[str, Any]) -> None:
    open_pictures(chosen, crowd=datum["place"] == 1)
