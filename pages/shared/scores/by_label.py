"""Section By category: which categories, caption words and crowds of instances score high."""

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from core.analytics.by_label import LEAST_PICTURES, LabelScores
from core.charts.by_label import auc_chart, instances_chart, label_strips_chart
from core.query import CategoryTerm, Query, Words
from pages.shared import address, choices
from pages.shared.charts import show_chart
from pages.shared.current import Current
from pages.shared.doors import open_on_search
from pages.shared.query_state import view
from pages.shared.scores import figures

OWN = ("by", "rows")
_BY = {"category": "Categories", "word": "Caption words", "instances": "Number of instances"}
_FIRST = 15


def show_by_label(current: Current) -> None:
    """Draw how high pictures with and without each label score."""
    by = choices.one_of("by", "By", _BY, label_visibility="collapsed")
    if by == "category":
        _show_categories(current)
    elif by == "word":
        _show_words(current)
    else:
        _show_instances(current)


def _show_categories(current: Current) -> None:
    if not len(current.searchable.coco.instances):
        st.info("This dataset has no instances, so its pictures have no categories.")
        return
    scores = figures.by_category(current, current.found)
    if not len(scores):
        st.info("No picture with a score has an instance, so there is no category to compare.")
        return
    _show_labels(current, scores, "category", _with_category)


def _show_words(current: Current) -> None:
    if "captions" not in current.searchable.coco.kinds:
        st.info("This dataset has no captions.")
        return
    scores = figures.by_word(current, current.found)
    if not len(scores):
        st.info(f"No word is in the captions of {LEAST_PICTURES} pictures or more.")
        return
    _show_labels(current, scores, "word", _with_word)
    st.caption(
        f"Words of {LEAST_PICTURES} pictures or more, ordered by the lower end of their interval, "
        "so that a rare word does not come first by chance."
    )


def _show_instances(current: Current) -> None:
    scores = figures.by_instances(current, current.found)
    if scores is None:
        st.info("This dataset has no instances.")
        return
    show_chart(figures.drawn(current, "instances", lambda: instances_chart(scores)))


def _show_labels(
    current: Current, scores: LabelScores, noun: str, narrowed: Callable[[Query, str], Query]
) -> None:
    """Draw the strips and areas of the first labels, or of all."""
    shown = scores if address.own("rows") == "all" else scores.first(_FIRST)

    def opened(datum: dict) -> None:
        if "label" in datum:
            open_on_search(narrowed(view().query, str(datum["label"])))

    left, right = st.columns(2, gap="large")
    for column, chart in ((left, label_strips_chart), (right, auc_chart)):
        what = (chart.__name__, noun, len(shown))
        with column:
            show_chart(
                figures.drawn(
                    current, what, lambda chart=chart: chart(shown, f"score-{noun}", noun)
                ),
                on_click=opened,
            )
    if len(scores) > _FIRST:
        choices.turned_on("rows", f"All {len(scores):,} rows", says="all")


def _with_category(query: Query, name: str) -> Query:
    filters = query.filters
    return replace(query, filters=replace(filters, must=(*filters.must, CategoryTerm(name))))


def _with_word(query: Query, word: str) -> Query:
    filters = query.filters
    return replace(query, filters=replace(filters, words=(*filters.words, Words(word))))
