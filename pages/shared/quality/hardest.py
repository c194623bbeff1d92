"""Galleries of what the model finds hardest: captions, and categories with their pictures."""

from collections.abc import Callable, Sequence
from html import escape
from urllib.parse import quote

import streamlit as st

from core.errors import QueryError
from core.library import SearchableDataset
from core.quality.estimates import Estimate
from core.quality.measurement import HardCaption, Measurement
from core.quality.precision import CategoryFigure
from core.query import CategoryTerm, Cut, Filters, Part, Query
from core.query.address import link
from pages.shared import resources
from pages.shared.subsets_cards import base
from pages.shared.subsets_face import Here, thumbnail

CAPTIONS = 12
CATEGORIES = 6
PICTURES = 8


def show_hard_captions(searchable: SearchableDataset, found: Measurement) -> None:
    """Draw the captions whose own picture comes latest, each beside what came first instead."""
    st.markdown("#### Hardest captions")
    if not found.hardest:
        st.caption("Every caption finds its own picture first.")
        return
    st.caption(
        "Their own picture, on the left, comes latest; on the right is what came first. Some are "
        "true of both, and some say little of the picture. Each picture is here once, with its "
        "hardest caption. A click on a caption searches for it."
    )
    here = _here(searchable)
    cards = "".join(
        _hard_caption(one, len(found.image_ids), searchable, here)
        for one in found.hardest_of_pictures(CAPTIONS)
    )
    st.html(f'<div class="hard-captions">{cards}</div>')


def show_weak_categories(searchable: SearchableDataset, found: Measurement) -> None:
    """Draw the categories of lowest average precision, with what was missed and what came first."""
    weakest = found.weakest(CATEGORIES)
    if not weakest:
        return
    st.markdown("#### Weakest categories")
    st.caption(
        "Missed: pictures that have the category and rank lowest. Instead: pictures that rank "
        "highest without it; in some of these the annotation may lack what is there."
    )
    here = _here(searchable)
    cards = "".join(_weak_category(one, searchable, here) for one in weakest)
    st.html(f'<div class="weak-categories">{cards}</div>')


def _here(searchable: SearchableDataset) -> Here:
    prefix = f"{base()}/api/datasets/{quote(searchable.name)}"
    return Here(prefix, searchable.coco.annotation_hash[:8])


def _hard_caption(
    one: HardCaption, competing: int, searchable: SearchableDataset, here: Here
) -> str:
    words = one.text.strip()
    own = _picture(searchable, one.image_id, "Its own picture", here)
    first = _picture(searchable, one.first_id, "What came first", here)
    link = _link(searchable, words or "(an empty caption)", lambda: Query((Part("text", words),)))
    return (
        f'<article><div class="pair">{own}{first}</div><p>{link}</p>'
        f'<p class="quiet">rank {one.rank:,} of {competing:,}</p></article>'
    )


def _weak_category(one: CategoryFigure, searchable: SearchableDataset, here: Here) -> str:
    def part() -> Part:
        return Part("text", one.query)

    searches = (
        (f"Search “{one.query}”", lambda: Query((part(),))),
        (
            f"Rank the {one.pictures:,} that have it",
            lambda: Query(
                (part(),),
                filters=Filters(must=(CategoryTerm(one.name),)),
                cut=Cut("top", one.pictures),
            ),
        ),
    )
    links = " ".join(_link(searchable, words, make) for words, make in searches)
    return (
        f"<article><h5>{escape(one.name)} <span>{_words(one.average_precision)} · "
        f"{one.pictures:,} pictures</span></h5>"
        f"{_strip(searchable, one, one.missed, 'missed', here)}"
        f"{_strip(searchable, one, one.false, 'instead', here)}"
        f'<p class="links">{links}</p></article>'
    )


def _strip(
    searchable: SearchableDataset,
    category: CategoryFigure,
    ids: Sequence[int],
    words: str,
    here: Here,
) -> str:
    """A row of pictures behind a link to all of them, ranked for the category."""
    if not ids:
        return ""

    def of_all() -> Query:
        part = Part("text", category.query)
        return Query((part,), filters=Filters(only=tuple(ids)), cut=Cut("top", len(ids)))

    thumbs = "".join(
        _picture(searchable, image_id, f"Picture {image_id}, {words}", here)
        for image_id in ids[:PICTURES]
    )
    label = _link(searchable, words, of_all)
    return f'<div class="row">{label}<div class="few">{thumbs}</div></div>'


def _picture(searchable: SearchableDataset, image_id: int, words: str, here: Here) -> str:
    query = Query(filters=Filters(only=(image_id,)), cut=Cut("top", 1))
    image = thumbnail(image_id, here, words)
    return f'<a href="{escape(_address(searchable, query))}" target="_self">{image}</a>'


def _link(searchable: SearchableDataset, words: str, make: Callable[[], Query]) -> str:
    """A link to a query; words alone where they are none that can be searched for."""
    try:
        address = _address(searchable, make())
    except QueryError:
        return escape(words)
    return f'<a href="{escape(address)}" target="_self">{escape(words)}</a>'


def _address(searchable: SearchableDataset, query: Query) -> str:
    return link(
        base(), query, dataset=searchable.name, model=searchable.model, lists=resources.views()
    )


def _words(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    interval = estimate.interval()
    return f"AP {estimate.value:.2f} ({interval.low:.2f} to {interval.high:.2f})"
