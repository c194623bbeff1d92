"""Section Several queries: other texts beside the query, and what their results share."""

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from core.analytics.overlap import overlap_of
from core.analytics.scores import cut_score
from core.charts.overlap import jaccard_chart, query_densities_chart, upset_chart
from core.errors import CocoSiftError
from core.found import Found
from core.query import Cut, Part, Query
from pages.shared import address, query_state
from pages.shared.charts import show_chart
from pages.shared.current import Current
from pages.shared.doors import open_on_search
from pages.shared.plain import plain
from pages.shared.query_state import follow, fresh, renew
from pages.shared.scores import figures

OWN = ("also", "named")
MOST_OTHERS = 5
_LONGEST_NAME = 40
_ADD_KEY = "scores-also"


@dataclass(frozen=True, slots=True)
class Other:
    """A text that is compared with the query, and what it is called."""

    text: str
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """What a query has found, under its name in the charts."""

    name: str
    found: Found


def show_queries(current: Current) -> None:
    """Draw the scores of several queries over one another, and the overlap of their results."""
    others = _others()
    named = _answered(current, others)
    left, right = st.columns([1, 2], gap="large")
    with left:
        _show_list(others)
    with right:
        _show_densities(current, named)
    if len(named) > 1:
        _show_overlap(current, named)


def _show_densities(current: Current, named: list[Named]) -> None:
    densities = [figures.query_density(current, one.name, one.found) for one in named]
    drawn = [
        (density, cut_score(one.found))
        for density, one in zip(densities, named, strict=True)
        if density.bandwidth
    ]
    if drawn:
        show_chart(
            figures.drawn(
                current,
                ("densities", _what(named)),
                lambda: query_densities_chart(*zip(*drawn, strict=True)),
            )
        )
    else:
        st.info("All scores of each query are the same, so there is nothing to draw.")


def _show_list(others: list[Other]) -> None:
    """Draw the other queries, each with its name and the way out, and where one is added."""
    key = fresh(_ADD_KEY)
    if len(others) < MOST_OTHERS:
        st.text_input(
            "Compare with another text",
            key=key,
            placeholder="a cat on a sofa",
            help="It is asked with the same filters and cut.",
            on_change=_add,
            args=(key,),
        )
    for index, other in enumerate(others):
        _show_other(index, other)


def _show_other(index: int, other: Other) -> None:
    key = f"scores-name-{index}"
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"scores-other-{index}"
    ):
        follow(key, other.name)
        st.text_input(
            f"Name of query {index + 2}",
            key=key,
            max_chars=_LONGEST_NAME,
            label_visibility="collapsed",
            on_change=_rename,
            args=(index, key),
        )
        st.button(
            "Remove",
            key=f"scores-remove-{index}",
            icon=":material/close:",
            type="tertiary",
            help=f"Take “{other.text}” out",
            on_click=_remove,
            args=(index,),
        )
    if other.name != _short(other.text):
        st.caption(plain(other.text))


def _show_overlap(current: Current, named: list[Named]) -> None:
    overlap = overlap_of([one.name for one in named], [one.found.image_ids for one in named])
    what = _what(named)
    left, right = st.columns(2, gap="large")

    def open_pair(datum: dict) -> None:
        if "one" in datum and "other" in datum:
            one, other = (overlap.names.index(str(datum[side])) for side in ("one", "other"))
            _open(overlap.shared_ids(one, other))

    def open_group(datum: dict) -> None:
        if "place" in datum:
            _open(overlap.intersections[int(datum["place"])].image_ids)

    with left:
        chart = figures.drawn(current, ("upset", what), lambda: upset_chart(overlap))
        show_chart(chart, on_click=open_group)
    with right:
        chart = figures.drawn(current, ("jaccard", what), lambda: jaccard_chart(overlap))
        show_chart(chart, on_click=open_pair)
        shared = overlap.in_all()
        if len(shared):
            st.button(
                f"See the {len(shared):,} that every query finds", on_click=_open, args=(shared,)
            )


def _what(named: list[Named]) -> tuple[tuple[str, str], ...]:
    """Return what charts of several queries depend on beside the query itself."""
    return tuple((one.name, one.found.words) for one in named)


def _others() -> list[Other]:
    """Return the texts that the address compares with, each with a name of its own."""
    texts = address.own_values("also")[:MOST_OTHERS]
    names = address.own_values("named")
    return [
        Other(text, (names[i] if i < len(names) else "").strip()[:_LONGEST_NAME] or _short(text))
        for i, text in enumerate(texts)
    ]


def _answered(current: Current, others: list[Other]) -> list[Named]:
    """Return what the query and each other text find; a text that cannot be asked is said."""
    query = current.found.query
    named = [Named(_short(current.found.words), current.found)]
    for other in others:
        try:
            found = current.searchable.find(_asked(query, other.text))
        except CocoSiftError as problem:
            st.warning(plain(str(problem)), icon=":material/info:")
            continue
        named.append(Named(_distinct(other.name, [one.name for one in named]), found))
    return named


def _asked(query: Query, text: str) -> Query:
    return replace(query, parts=(Part("text", text),), mode="blend")


def _distinct(name: str, taken: list[str]) -> str:
    number = 2
    unique = name
    while unique in taken:
        unique, number = f"{name} ({number})", number + 1
    return unique


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"


def _add(key: str) -> None:
    text = (st.session_state[key] or "").strip()
    if not text:
        return
    try:
        text = str(Part("text", text).value)
    except CocoSiftError as problem:
        query_state.say(str(problem))
        return
    renew()
    _put([*_others(), Other(text, _short(text))])


def _rename(index: int, key: str) -> None:
    others = _others()
    if index < len(others):
        name = (st.session_state[key] or "").strip()
        others[index] = replace(others[index], name=name or _short(others[index].text))
        _put(others)


def _remove(index: int) -> None:
    _put([other for place, other in enumerate(_others()) if place != index])


def _put(others: list[Other]) -> None:
    address.put("also", *(other.text for other in others))
    named = [other.name for other in others]
    is_plain = all(other.name == _short(other.text) for other in others)
    address.put("named", *([] if is_plain else named))


def _open(ids: np.ndarray) -> None:
    query = query_state.view().query
    filters = replace(query.filters, only=tuple(ids.tolist()))
    open_on_search(replace(query, filters=filters, cut=Cut("top", len(ids))))
