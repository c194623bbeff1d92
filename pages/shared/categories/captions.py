"""Captions: the words that mark them, and how long they are."""

from functools import partial
from typing import Any

import streamlit as st

from core.analytics import shapes
from core.analytics.caption_terms import caption_terms, no_words
from core.analytics.makeup import pictures_in
from core.analytics.shapes import distribution, pictures_of
from core.charts.caption_terms import marking_chart
from core.charts.shapes import counts_chart
from core.charts.wording import at_most
from core.coco import CocoDataset
from core.query import Words
from pages.shared.categories.doors import open_ids, open_pictures
from pages.shared.charts import show_chart
from pages.shared.current import Current
from pages.shared.plain import plain
from pages.shared.subset_choice import Chosen


def show_captions(current: Current, chosen: Chosen) -> None:
    """Draw the words that mark the captions, those that are missing, and caption lengths."""
    coco = current.searchable.coco
    with st.spinner("Reading the dataset's captions…"):
        reason = no_words(coco, chosen.image_ids)
    if reason:
        st.info(plain(reason), icon=":material/info:")
        return
    left, right = st.columns(2, gap="medium")
    with left:
        _show_words(coco, chosen)
    with right:
        _show_lengths(coco, chosen)


def _show_words(coco: CocoDataset, chosen: Chosen) -> None:
    terms = caption_terms(coco, chosen.image_ids)
    if terms.n_images == terms.total:
        st.info(
            "These are all captions of the dataset: there is nothing to compare them with.",
            icon=":material/info:",
        )
        return
    door = partial(_open_word, chosen)
    here, elsewhere = marking_chart(terms, "here"), marking_chart(terms, "elsewhere")
    if here is None and elsewhere is None:
        st.info(
            "No word stands out: the captions here read like those of the whole dataset, or "
            "there are too few to tell.",
            icon=":material/info:",
        )
    for chart in (here, elsewhere):
        if chart is not None:
            show_chart(chart, on_click=door)


def _show_lengths(coco: CocoDataset, chosen: Chosen) -> None:
    lengths = shapes.caption_lengths(coco)
    spread = distribution(lengths, pictures_in(coco, chosen.image_ids))
    chart = counts_chart(
        spread,
        "caption-lengths",
        f"Half of the captions have {at_most(spread.median)} words or fewer; in the whole "
        f"dataset {at_most(spread.all_median)}",
        label="words in a caption",
        about="Words as filters count them: hyphens and full stops part words.",
    )
    show_chart(chart, on_click=partial(_open_length, coco, chosen, lengths))


def _open_word(chosen: Chosen, datum: dict[str, Any]) -> None:
    open_pictures(chosen, words=(Words(datum["word"]),))


def _open_length(
    coco: CocoDataset, chosen: Chosen, lengths: shapes.Sorting, datum: dict[str, Any]
) -> None:
    is_in = pictures_in(coco, chosen.image_ids)
    open_ids(chosen, pictures_of(coco, lengths, int(datum["place"]), is_in))
