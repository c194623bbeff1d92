"""What is looked at: the pictures of the present result, or subsets of the catalogue.

The address says it by `subset`: `result`, or the number of an entry, any number of times.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

from core.analytics.narrowing import narrowed, of_pictures
from core.catalogue import Entry
from core.coco import CocoDataset
from core.errors import CocoSiftError
from core.found import Found
from core.query import Query
from pages.shared import address, resources
from pages.shared.current import Current
from pages.shared.plain import plain
from pages.shared.query_state import follow

OWN = ("subset",)
RESULT = "result"

_KEY = "subset-choice"
_MOST_LISTED = 200


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Pictures that are looked at.

    Attributes:
        name: in words: that of the entry, or "this result".
        image_ids: int64, (n,), each once, all of them of the dataset.
        entry: the entry of the catalogue; None for the present result.
        found: the present result; None for an entry.
        gone: pictures of the entry that the dataset has no more.
    """

    name: str
    image_ids: npt.NDArray[np.int64]
    entry: Entry | None = None
    found: Found | None = None
    gone: int = 0

    @property
    def key(self) -> str:
        """As the address says it."""
        return RESULT if self.entry is None else str(self.entry.id)

    def query(self, **conditions: Any) -> Query:
        """Return the query that finds those of its pictures that meet conditions, too.

        Args:
            conditions: as of `core.analytics.narrowing.narrowed`.

        Raises:
            QueryError: more filters than a query can have.
        """
        if self.found is not None:
            return narrowed(self.found, **conditions)
        return of_pictures(self.image_ids.tolist(), **conditions)


def choose_subsets(current: Current) -> tuple[Chosen, ...]:
    """Let the person choose in the sidebar what is looked at, and return that.

    Empty when nothing is chosen that can be looked at: the query cannot be answered, and no
    subset is chosen instead. `address.arrive` must know `OWN`.
    """
    entries = _entries(current.view.dataset)
    options = [RESULT, *map(str, entries)]
    asked = address.own_values("subset") or [RESULT]
    keys = [key for key in dict.fromkeys(asked) if key in options]
    gone = [key for key in asked if key not in options]
    with st.sidebar:
        follow(_KEY, keys)
        st.multiselect(
            "Look at",
            options,
            format_func=lambda key: _label(key, entries, current.found),
            placeholder="This result, or saved subsets",
            key=_KEY,
            help="The pictures of the present result, or subsets that the team has saved.",
            on_change=_take,
        )
        if gone:
            named = ", ".join(gone)[:60]
            st.caption(plain(f"There is no subset {named} of this dataset in the catalogue."))
    coco = current.searchable.coco
    chosen = [_chosen(key, entries, current, coco) for key in keys or [RESULT]]
    return tuple(one for one in chosen if one is not None)


def _entries(dataset: str) -> dict[int, Entry]:
    """Return the newest entries of a dataset, and those that the address asks for, by id."""
    try:
        page = resources.catalogue().list(dataset=dataset, limit=_MOST_LISTED)
    except CocoSiftError:  # the catalogue's own page says what is wrong with it
        return {}
    entries = {entry.id: entry for entry in page.entries}
    for key in address.own_values("subset"):
        if key.isdecimal() and len(key) < 10 and int(key) not in entries:
            entry = _entry(int(key))
            if entry is not None and entry.dataset == dataset and entry.deleted_at is None:
                entries[entry.id] = entry
    return entries


def _entry(entry_id: int) -> Entry | None:
    try:
        return resources.catalogue().get(entry_id)
    except CocoSiftError:
        return None


def _label(key: str, entries: dict[int, Entry], found: Found | None) -> str:
    if key == RESULT:
        return "This result" if found is None else f"This result · {len(found):,}"
    entry = entries.get(int(key))
    return key if entry is None else f"{entry.name} · {entry.count:,}"


def _take() -> None:
    keys = st.session_state[_KEY]
    address.put("subset", *([] if keys == [RESULT] else keys))


def _chosen(
    key: str, entries: dict[int, Entry], current: Current, coco: CocoDataset
) -> Chosen | None:
    if key == RESULT:
        found = current.found
        return None if found is None else Chosen("this result", found.image_ids, found=found)
    entry = entries[int(key)]
    ids = _ids(resources.catalogue().where, entry.id)
    here = ids[coco.images.find(ids) >= 0]
    return Chosen(entry.name, here, entry, gone=len(ids) - len(here))


@st.cache_resource(max_entries=64, show_spinner=False)
def _ids(where: str, entry_id: int) -> npt.NDArray[np.int64]:
    """Return the ids of an entry; its recipe never changes, so they are read once."""
    ids = np.array(resources.catalogue().recipe(entry_id).image_ids, dtype=np.int64)
    ids.setflags(write=False)
    return ids
