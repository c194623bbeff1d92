"""The charts of the page: recall by group, ranks, and precision by category."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import streamlit as st

from core.charts import quality as charts
from core.errors import CocoSiftError
from core.evaluation import RECALL_AT
from core.quality.comparison import category_differences
from core.quality.measurement import Direction, Measurement
from core.query import CategoryTerm, Cut, Filters, Part, Query
from pages.shared import address, choices, query_state
from pages.shared.charts import Datum, show_chart
from pages.shared.doors import open_on_search

FEW_CATEGORIES = 20

_WAYS: dict[str, str] = {
    "captions": "captions → their picture",
    "pictures": "pictures → a caption",
}


def show_recall(found: Measurement, other: Measurement | None) -> None:
    """Draw recall by group and the distribution of ranks."""
    if found.overall("captions") is None:
        st.info("This dataset has no captions, so recall cannot be measured on it.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        way = choices.one_of("way", "What is asked", _WAYS)
        at = choices.one_of("at", "Found among the first", {str(k): str(k) for k in RECALL_AT})
    chart = charts.group_chart(cast(Direction, way), int(at), found, other)
    if chart is not None:
        show_chart(chart, on_click=lambda datum: _open_group(found, datum))
    show_chart(charts.curve_chart(found, other))


def show_categories(found: Measurement, other: Measurement | None) -> None:
    """Draw average precision by category and by size, and where two models differ."""
    if not found.categories:
        st.info("This dataset has no instances, so no precision of categories can be measured.")
        return
    if found.mean_average_precision is None:
        st.info("No category has five pictures or more, so no precision of categories is measured.")
        return
    few = found.measured_categories > FEW_CATEGORIES and address.own("rows") != "all"
    chart = charts.category_chart(found, other, FEW_CATEGORIES if few else None)
    if chart is not None:
        show_chart(chart, on_click=lambda datum: _open_category(found, str(datum.get("group"))))
    if found.measured_categories > FEW_CATEGORIES:
        choices.turned_on("rows", f"All {found.measured_categories} categories", says="all")
    chart = charts.size_chart(found, other)
    if chart is not None:
        show_chart(chart)
    if other is not None:
        changes = category_differences(found, other)
        chart = charts.difference_chart(changes, found.subject.model, other.subject.model)
        if chart is not None:
            show_chart(chart, on_click=lambda datum: _open_category(found, str(datum.get("group"))))


def _open_category(found: Measurement, name: str) -> None:
    """Search for a category among all pictures, as it was measured."""
    query = next((one.query for one in found.categories if one.name == name), None)
    if query is not None:
        _open(lambda: Query((Part("text", query),)))


def _open_group(found: Measurement, datum: Datum) -> None:
    """Show the pictures of a supercategory, or of a size; other groups have no filter."""
    of = str(datum.get("of", ""))
    if datum.get("kind") == "supercategory":
        _open(lambda: Query(filters=Filters(must=(CategoryTerm(of, is_supercategory=True),))))


def _open(make: Callable[[], Query]) -> None:
    try:
        query = make()
    except CocoSiftError as problem:
        query_state.say(str(problem))
    else:
        open_on_search(replace(query, cut=Cut()))
