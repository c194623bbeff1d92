"""Several subsets side by side: the share of each category, how two differ, how far apart."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import streamlit as st

from core.analytics.balance import query_of_ids
from core.analytics.comparison import Difference, SideBySide, difference, side_by_side
from core.charts.comparison import (
    MOST_SUBSETS,
    difference_chart,
    distance_chart,
    shares_chart,
)
from core.query import Query
from core.recent import Recent
from pages.shared import address
from pages.shared.charts import Datum, show_chart
from pages.shared.current import Current
from pages.shared.doors import open_on_search
from pages.shared.plain import plain
from pages.shared.query_state import follow

Ids = npt.NDArray[np.int64]

OWN = ("pair",)

_FIRST, _SECOND = "pair-first", "pair-second"
_WHOLE = "the whole dataset"
# What was worked out lately, for all people of this process.
_compared: Recent[SideBySide] = Recent(32)
_differences: Recent[Difference] = Recent(64)


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """A subset with a name that no other beside it has."""

    name: str
    image_ids: Ids


def show_comparison(current: Current, chosen: Sequence[tuple[str, Ids]]) -> None:
    """Draw the makeup of several subsets of the dataset that is looked at.

    One alone stands beside the whole dataset.

    Args:
        chosen: name and image ids of each.
    """
    coco = current.searchable.coco
    subsets = _drawn(chosen)
    if not subsets:
        st.info("Choose subsets with pictures in them, to see them side by side.")
        return
    if len(subsets) == 1:
        st.caption(
            "One subset is chosen, so it stands beside the whole dataset. Choose more to set "
            "them side by side."
        )
        subsets.append(Named(_WHOLE, coco.images.ids))
    made = _compared.get(
        (current.searchable.name, coco.annotation_hash, *map(_key, subsets)),
        lambda: side_by_side(coco, [(one.name, one.image_ids) for one in subsets]),
    )
    if not made.images.any():
        st.info("None of these pictures has an instance, so there are no categories to compare.")
        return
    show_chart(
        shares_chart(made),
        key="side-by-side",
        on_click=lambda datum: _open(current, subsets, datum),
    )
    _show_difference(current, subsets)
    _show_distances(made)


def _drawn(chosen: Sequence[tuple[str, Ids]]) -> list[Named]:
    """Return the subsets that are drawn; what is left out is said."""
    empty = [name for name, image_ids in chosen if not len(image_ids)]
    if empty:
        named = ", ".join(f"“{name}”" for name in empty)
        st.caption(plain(f"Without a picture, and left out: {named}."))
    there = [(name, image_ids) for name, image_ids in chosen if len(image_ids)]
    if len(there) > MOST_SUBSETS:
        st.caption(f"The first {MOST_SUBSETS} of {len(there)} subsets are drawn.")
    subsets: list[Named] = []
    for name, image_ids in there[:MOST_SUBSETS]:
        taken = {one.name for one in subsets}
        again = (f"{name} ({number})" for number in range(2, MOST_SUBSETS + 2))
        free = next(one for one in (name, *again) if one not in taken)
        subsets.append(Named(free, image_ids))
    return subsets


def _show_difference(current: Current, subsets: Sequence[Named]) -> None:
    first, second = _pair(len(subsets))
    if len(subsets) > 2:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            for label, key, at in (("What", _FIRST, first), ("differs from", _SECOND, second)):
                follow(key, at)
                st.selectbox(
                    label,
                    range(len(subsets)),
                    format_func=lambda at: subsets[at].name,
                    key=key,
                    width=280,
                    on_change=_choose_pair,
                )
    one, other = subsets[first], subsets[second]
    coco = current.searchable.coco
    found = _differences.get(
        (current.searchable.name, coco.annotation_hash, _key(one), _key(other)),
        lambda: difference(coco, one.image_ids, other.image_ids),
    )
    if found.basis == "same":
        st.info(plain(f"“{one.name}” and “{other.name}” hold the same pictures."))
        return
    names = _group_names(found, one.name, other.name)
    if words := _basis_words(found, one.name, other.name):
        st.caption(plain(words))
    show_chart(
        difference_chart(found, *names),
        key="difference",
        on_click=lambda datum: _open_more(current, found, datum),
    )


def _show_distances(made: SideBySide) -> None:
    has_instances = made.instances.any(axis=1)
    if has_instances.sum() < 2:
        return
    chart = distance_chart(made)
    if len(made.subsets) == 2:  # one number needs no table
        st.markdown(f"**{plain(chart.title)}**", help=chart.about)
        return
    show_chart(chart, key="distances")


def _pair(n: int) -> tuple[int, int]:
    """Return which two of `n` are subtracted."""
    pair = _said_pair()
    return pair if max(pair) < n else (0, 1)


def _said_pair() -> tuple[int, int]:
    """Return what the address says; what makes no sense there counts as not said."""
    text = address.own("pair").split(",")
    places = [int(part) for part in text if part.isascii() and part.isdecimal() and len(part) < 3]
    return (places[0], places[1]) if len(set(places)) == len(places) == 2 else (0, 1)


def _choose_pair() -> None:
    first, second = st.session_state[_FIRST], st.session_state[_SECOND]
    if first == second:  # both change places
        second, first = _said_pair()
    address.put("pair", f"{first},{second}")


def _group_names(found: Difference, first: str, second: str) -> tuple[str, str]:
    if found.basis == "apart":
        only = "only " if found.shared else ""
        return f"{only}“{first}”", f"{only}“{second}”"
    if found.basis == "second inside first":
        return f"the rest of “{first}”", f"“{second}”"
    return f"“{first}”", f"the rest of “{second}”"


def _basis_words(found: Difference, first: str, second: str) -> str:
    if found.basis == "second inside first":
        return f"“{second}” lies inside “{first}”, so it is compared with the rest of that."
    if found.basis == "first inside second":
        return f"“{first}” lies inside “{second}”, so it is compared with the rest of that."
    if not found.shared:
        return ""
    have = "1 picture is" if found.shared == 1 else f"{found.shared:,} pictures are"
    return f"{have} in both. They say nothing of a difference, and are left out of this chart."


def _open(current: Current, subsets: Sequence[Named], datum: Datum) -> None:
    """Show on Search the pictures of a subset that have the category of a mark."""
    name = str(datum.get("subset", subsets[0].name))
    ids = next((one.image_ids for one in subsets if one.name == name), subsets[0].image_ids)
    if "category" in datum:
        open_on_search(query_of_ids(ranking_query(current), ids, str(datum["category"])))


def _open_more(current: Current, found: Difference, datum: Datum) -> None:
    """Show on Search what the group with more of a category has of it."""
    if "category" in datum and "difference" in datum:
        ids = found.groups[0 if float(datum["difference"]) > 0 else 1]
        open_on_search(query_of_ids(ranking_query(current), ids, str(datum["category"])))


def ranking_query(current: Current) -> Query:
    """Return what ranks pictures on Search; a query without parts if that would lose one."""
    found = current.found
    ranks_all = (
        found is not None and found.ranking is not None and len(found.ranking) == found.counts.total
    )
    return current.view.query if ranks_all else Query()


def _key(one: Named) -> tuple[str, bytes]:
    return one.name, np.sort(one.image_ids).tobytes()
