"""What a person asks, kept for the session: the one truth that widgets and address follow.

A widget shows what the query says (`follow`), and its callback makes a new query out of the
present one (`change`). Streamlit runs callbacks before the script, so by then all widgets,
the address and the result are drawn from the same query. A query that comes from elsewhere
(an address, the gallery, another dataset) moves all widgets with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import streamlit as st

from core.errors import CocoSiftError, QueryError
from core.filters import fitting
from core.library import Library, SearchableDataset
from core.query import Filters, Part, Query
from core.query.record import MAX_PARTS
from pages.shared import keys, resources

Action = Literal["like", "unlike", "replace"]


@dataclass(frozen=True, slots=True)
class View:
    """What is looked at, and what is asked of it."""

    dataset: str
    model: str
    query: Query = field(default_factory=Query)


def view() -> View:
    """Return what this session looks at; there is one once the page has read its address."""
    return st.session_state[keys.VIEW]


def look_at(new: View) -> None:
    """Make `new` what this session looks at, by a person's doing on the page."""
    st.session_state[keys.VIEW] = new
    st.session_state[keys.CHANGED_HERE] = True
    st.session_state.pop(keys.REFUSED, None)


def follow(key: str, value: object) -> None:
    """Make the widget `key`, which is drawn next, show `value`.

    A text that was just refused stays, to be mended.
    """
    shown = st.session_state.get(key)
    if shown != value and st.session_state.get(keys.REFUSED) != (key, shown):
        st.session_state[key] = value


def fresh(key: str) -> str:
    """Return a key for a widget that gives something once, and is empty thereafter.

    A browser forgets neither a file nor the text of a widget that it no longer draws, so
    such a widget is not emptied: another one takes its place when `renew` was called.
    """
    return f"{key}-{st.session_state.get(keys.ADDED, 0)}"


def renew() -> None:
    """Have all widgets with a `fresh` key replaced by empty ones."""
    st.session_state[keys.ADDED] = st.session_state.get(keys.ADDED, 0) + 1


def change(make: Callable[..., Query], *args: object) -> None:
    """As a callback: ask what `make` makes of the present query; a refusal is said.

    Args:
        make: takes the query and `args`; raises a CocoSiftError that says what is wrong.
    """
    st.session_state[keys.CHANGED_HERE] = True
    try:
        query = make(view().query, *args)
    except CocoSiftError as problem:
        say(str(problem))
    else:
        look_at(replace(view(), query=query))


def change_by(key: str, make: Callable[..., Query], *args: object) -> None:
    """As `change`, by the text widget `key`, whose text stays when it is refused."""
    st.session_state.pop(keys.REFUSED, None)
    before = view()
    change(make, *args)
    if view() is before:
        st.session_state[keys.REFUSED] = (key, st.session_state.get(key))


def ask(action: Action, ids: Sequence[int]) -> None:
    """Use pictures of the gallery in the query; refused, it says why and changes nothing.

    Args:
        action: `like` adds them as wanted, `unlike` as not wanted, `replace` makes them
            all of the query. One that is in the query already changes sides.
        ids: of pictures of the dataset.
    """
    change(_with_pictures, action, ids)


def say(sentence: str) -> None:
    """Have the page say a sentence, once."""
    sentences = st.session_state.setdefault(keys.SAID, [])
    if sentence not in sentences:
        sentences.append(sentence)


def said() -> list[str]:
    """Return what is to be said, once."""
    return st.session_state.pop(keys.SAID, [])


def look_at_dataset(library: Library, dataset: str) -> None:
    """Look at another dataset with the same query, as far as it means something there.

    A picture in the query stays if the other dataset has the same file under its id. What
    the filters ask for and the other dataset lacks, `fit` takes out.
    """
    old = view()
    models = library.models_for(dataset)
    model = old.model if old.model in models else library.default_model(dataset)
    look_at(View(dataset, model, _carried(library, old, dataset)))
    st.session_state.pop(keys.FITTED, None)


def fit(searchable: SearchableDataset) -> Query:
    """Return the session's query without what this dataset and instance do not have.

    What had to go is said, and the session goes on without it.

    Raises:
        CocoSiftError: the dataset cannot be opened.
    """
    query = view().query
    if st.session_state.get(keys.FITTED) == searchable.fingerprint:
        return query
    filters, sentences = fitting(searchable.coco, query.filters)
    parts = []
    for part in query.parts:
        reason = _reason_against(part, searchable)
        sentences += [reason] if reason else []
        parts += [] if reason else [part]
    for sentence in sentences:
        say(sentence)
    query = replace(query, parts=tuple(parts), filters=filters)
    st.session_state[keys.VIEW] = replace(view(), query=query)
    st.session_state[keys.FITTED] = searchable.fingerprint
    return query


def without_filters(query: Query) -> Query:
    return replace(query, filters=Filters())


def with_filters(query: Query, filters: Filters) -> Query:
    return replace(query, filters=filters)


def _with_pictures(query: Query, action: Action, ids: Sequence[int]) -> Query:
    if not ids:
        raise QueryError("No picture is chosen. Choose one at least.")
    named = {int(image_id) for image_id in ids}
    weight = -1.0 if action == "unlike" else 1.0
    added = tuple(Part("image", image_id, weight) for image_id in dict.fromkeys(map(int, ids)))
    if action == "replace":
        kept: tuple[Part, ...] = ()
    else:
        kept = tuple(p for p in query.parts if p.kind != "image" or p.value not in named)
    if len(kept) + len(added) > MAX_PARTS:
        raise QueryError(
            f"A query has at most {MAX_PARTS} parts, and this one would have "
            f"{len(kept) + len(added)}. Choose fewer pictures, or take parts out first."
        )
    return replace(query, parts=(*kept, *added))


def _carried(library: Library, old: View, dataset: str) -> Query:
    pictures = [int(part.value) for part in old.query.parts if part.kind == "image"]
    if not pictures:
        return old.query
    try:
        same = _same_pictures(library, old.dataset, dataset, pictures)
    except CocoSiftError:  # the page says what is wrong with the dataset
        same = set()
    parts = tuple(p for p in old.query.parts if p.kind != "image" or p.value in same)
    gone = len(old.query.parts) - len(parts)
    if gone:
        noun = "picture" if gone == 1 else "pictures"
        say(f"{gone} {noun} of {old.dataset!r} that {dataset!r} lacks left the query.")
    return replace(old.query, parts=parts)


def _same_pictures(library: Library, one: str, other: str, ids: list[int]) -> set[int]:
    tables = [library.coco(name).images for name in (one, other)]
    rows = [table.find(np.asarray(ids, dtype=np.int64)).tolist() for table in tables]
    return {
        image_id
        for image_id, row, other_row in zip(ids, *rows, strict=True)
        if row >= 0
        and other_row >= 0
        and tables[0].file_names[row] == tables[1].file_names[other_row]
    }


def _reason_against(part: Part, searchable: SearchableDataset) -> str:
    """Say why a part cannot be searched with here; "" when it can."""
    if part.kind == "image" and part.value not in searchable.embeddings.image_ids:
        return (
            f"Picture {part.value} is not among those of {searchable.name!r} that can be "
            "searched with. It is left out of the query."
        )
    if part.kind == "upload":
        try:
            resources.uploads().path(str(part.value))
        except QueryError as problem:
            return f"{problem} The query goes on without it."
    return ""
