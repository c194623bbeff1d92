"""What the page of the catalogue shows: the address is the one truth, widgets follow it.

    /subsets?find=dogs&tag=training&sort=name&page=2&entry=7
    /subsets?compare=7,9&pictures=both

Which entries are ticked, and what was just said, belong to the session alone.
"""

from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from core.catalogue import Entry, Sort
from core.errors import CocoSiftError
from pages.shared import keys
from pages.shared.query_state import follow

SORTS: dict[Sort, str] = {
    "new": "Newest first",
    "changed": "Last changed first",
    "name": "By name",
    "images": "Most pictures first",
    "old": "Oldest first",
}
PICTURES = ("first", "both", "second")
_DEFAULTS = {"sort": "new", "page": 1, "pictures": "first"}
_NAMES = ("find", "tag", "sort", "page", "entry", "compare", "pictures", "deleted")


@dataclass(frozen=True, slots=True)
class Listing:
    """Which entries are listed, which one is open, and which two are compared.

    Attributes:
        pictures: of two that are compared: those that only the "first" has, that "both"
            have, or that only the "second" has.
    """

    find: str = ""
    tag: str | None = None
    sort: Sort = "new"
    page: int = 1
    entry: int | None = None
    compare: tuple[int, int] | None = None
    pictures: str = "first"
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence on what became of something, until the next thing is done."""

    kind: Literal["success", "error"]
    text: str
    undo: int | None = None
    open: int | None = None


def listing() -> Listing:
    """Return what the address asks for; what makes no sense there counts as not said."""
    params = st.query_params
    sort = params.get("sort", "")
    pair = [_whole(text) for text in params.get("compare", "").split(",")]
    pictures = params.get("pictures", "")
    return Listing(
        find=params.get("find", ""),
        tag=params.get("tag") or None,
        sort=sort if sort in SORTS else "new",
        page=_whole(params.get("page", "")) or 1,
        entry=_whole(params.get("entry", "")),
        compare=(pair[0], pair[1]) if len(pair) == 2 and all(pair) else None,
        pictures=pictures if pictures in PICTURES else "first",
        deleted=params.get("deleted") == "yes",
    )


def go(**changes: Any) -> None:
    """Change what the address asks for; a value that says nothing is left out."""
    kept = {name: st.query_params[name] for name in _NAMES if name in st.query_params}
    kept |= {
        name: "" if value == _DEFAULTS.get(name) else _text(value)
        for name, value in changes.items()
    }
    if not kept.get("compare"):
        kept.pop("pictures", None)
    st.query_params.from_dict({name: value for name, value in kept.items() if value})


def went(name: str, key: str) -> None:
    """As a callback of the widget `key`: ask for its value, from the first page on."""
    value = st.session_state[key]
    go(**{"page": None, "entry": None, name: value})


def show_as(key: str, value: object) -> None:
    """Make the widget `key`, which is drawn next, show what the address says."""
    follow(key, value)


def chosen() -> list[int]:
    """Return the ids that are ticked, in the order of ticking; a list to be changed."""
    return st.session_state.setdefault(keys.CHOSEN, [])


def toggle(entry_id: int) -> None:
    """Tick an entry, or take the tick away."""
    ids = chosen()
    if entry_id in ids:
        ids.remove(entry_id)
    else:
        ids.append(entry_id)


def forget(entry_id: int) -> None:
    """Take an entry that is not there any more out of all that the session knows."""
    if entry_id in chosen():
        toggle(entry_id)
    if listing().entry == entry_id:
        go(entry=None)


def say(text: str, *, undo: int | None = None, open: int | None = None) -> None:
    """Have the page say that something was done."""
    st.session_state[keys.SUBSETS_SAID] = Said("success", text, undo, open)


def complain(problem: CocoSiftError) -> None:
    """Have the page say what stands in the way."""
    st.session_state[keys.SUBSETS_SAID] = Said("error", str(problem))


def said() -> Said | None:
    """Return what is to be said; it stays until something else is done."""
    return st.session_state.get(keys.SUBSETS_SAID)


def hush() -> None:
    st.session_state.pop(keys.SUBSETS_SAID, None)


def title(entry: Entry) -> str:
    """Return an entry's name in quotation marks, as sentences say it."""
    return f"“{entry.name}”"


def _whole(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and 0 < len(text) < 10 else None


def _text(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else ""
    return "" if value is None else str(value)
