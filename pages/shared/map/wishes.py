"""What becomes of pictures that were selected on the map: opened, searched with, or saved."""

from dataclasses import replace
from typing import Any

import streamlit as st

from core.errors import CocoSiftError, QueryError
from core.found import Found
from core.http import address_prefix
from core.query import Cut, Filters, Query
from core.query.ids import unpack_ids
from core.subset import Subset
from pages.shared import query_state
from pages.shared.current import Current
from pages.shared.doors import SEARCH, open_on_search
from pages.shared.export_options import ExportOptions, save
from pages.shared.map import sent

KEY = "map"
_SAID = "what became of a wish on the map"


def said() -> dict[str, Any] | None:
    """Return what the component should say of the last wish."""
    return st.session_state.get(_SAID)


def take_wish(current: Current) -> None:
    """As a callback: do what was wished on the map, or say what hinders it."""
    wish = sent(KEY)
    answer = {"request": wish.get("request")}
    try:
        ids = _ids(wish, current)
        if wish.get("action") == "open":
            query = only_these(current.view.query, ids)
        elif wish.get("action") == "save":
            entry = save(_subset(current, ids), ExportOptions(name=str(wish.get("name", ""))))
            prefix = address_prefix(st.get_option("server.baseUrlPath"))
            st.session_state[_SAID] = answer | {
                "text": f"Saved as “{entry.name}”.",
                "href": f"{prefix}/subsets?entry={entry.id}",
            }
            return
        else:
            query_state.ask("replace", ids)
            st.switch_page(SEARCH)
    except CocoSiftError as problem:
        st.session_state[_SAID] = answer | {"error": str(problem)}
        return
    st.session_state.pop(_SAID, None)
    open_on_search(query)


def only_these(query: Query, ids: list[int]) -> Query:
    """Return the query that shows exactly these pictures, ranked as `query` ranks them."""
    return replace(
        query, filters=Filters(only=tuple(ids)), cut=Cut("top", len(ids)), hide_duplicates=None
    )


def _subset(current: Current, ids: list[int]) -> Subset:
    found: Found | None = current.found
    if found is None:
        return Subset.of_ids(current.searchable, ids, "selected on the map")
    return found.choose(ids)


def _ids(wish: dict[str, Any], current: Current) -> list[int]:
    ids = list(unpack_ids(str(wish.get("ids", ""))))
    if not ids:
        raise QueryError("No picture is selected. Draw round some first.")
    if wish.get("action") not in ("open", "save", "like"):
        raise QueryError("Expected a wish of the map, found something else. Reload the page.")
    Subset.of_ids(current.searchable, ids)  # ids that the dataset does not have are named
    return ids
