"""What can be done with entries of the catalogue, as callbacks of the page's widgets."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from core.catalogue import Entry, Operation
from core.downloads import compare
from core.errors import CatalogueError, CocoSiftError
from core.export.work import look_apart
from core.recipe import ids_link, search_link, to_json
from core.replay import replay, request_again
from pages.shared import keys, person, resources, subsets_state
from pages.shared.subsets_state import title

MAX_IMPORT_MB = 50


def saying(act: Callable[..., None], *args: Any) -> None:
    """As a callback: do `act`; what stands in its way is said on the page."""
    subsets_state.hush()
    try:
        act(*args)
    except CocoSiftError as problem:
        subsets_state.complain(problem)


def describe(entry: Entry, key: str) -> None:
    """Give the entry the name, note and tags that the form's widgets hold.

    What is changed is the version that the form showed, so nobody's change is lost; the
    form keeps what was typed when somebody was faster.
    """
    wanted = {part: st.session_state[f"{key}-{part}"] for part in ("name", "note", "tags")}
    catalogue, who, edited = resources.catalogue(), person.who(), st.session_state[keys.EDITED]
    version = edited[entry.id]
    subsets_state.hush()
    try:
        if wanted["name"] != entry.name:
            version = catalogue.rename(entry.id, version, wanted["name"], who=who).version
        if (wanted["note"], tuple(wanted["tags"])) != (entry.note, entry.tags):
            catalogue.annotate(entry.id, version, note=wanted["note"], tags=wanted["tags"], who=who)
    except CocoSiftError as problem:
        subsets_state.complain(problem)
    else:
        subsets_state.say(f"Saved {title(catalogue.get(entry.id))}.")
    edited[entry.id] = catalogue.get(entry.id).version


def delete(entry: Entry) -> None:
    """Delete the entry; it can be brought back."""
    resources.catalogue().delete(entry.id, entry.version, who=person.who())
    subsets_state.forget(entry.id)
    subsets_state.say(f"Deleted {title(entry)}. It is kept for 30 days.", undo=entry.id)


def bring_back(entry_id: int) -> None:
    """Bring back an entry that was deleted."""
    entry = resources.catalogue().undo_delete(entry_id, who=person.who())
    subsets_state.say(f"{title(entry)} is back.", open=entry.id)


def pack(entry: Entry, without_missing: bool = False) -> None:
    """Start making the package of the entry, the same as the first if there was one."""
    recipe = resources.catalogue().recipe(entry.id)
    library = resources.library()
    request = request_again(library, recipe)
    missing = look_apart(request, library.settings).missing
    recorded = {one.image_id for one in recipe.left_out}
    lacking = [one for one in missing if one.image_id not in recorded]
    asked = st.session_state.setdefault(keys.LACKING, {})
    if lacking and not without_missing:
        asked[entry.id] = lacking
        return
    asked.pop(entry.id, None)
    download = resources.downloads().start(
        request, entry.name, without_missing=bool(missing), then=compare(entry.id, who=person.who())
    )
    st.session_state.setdefault(keys.PACKAGES, {})[entry.id] = download.token


def never_mind(entry_id: int) -> None:
    """Make no package without the pictures that it would lack."""
    st.session_state.get(keys.LACKING, {}).pop(entry_id, None)


def make_again(entry: Entry) -> None:
    """Make the subset again by its recipe and keep what differs, to be shown."""
    recipe = resources.catalogue().recipe(entry.id)
    made = replay(resources.library(), recipe)
    st.session_state.setdefault(keys.REPLAYS, {})[entry.id] = made


def combine(operation: Operation, entry_ids: list[int], name: str) -> Entry:
    """Save what the entries give together, open it, and take the ticks away."""
    entry = resources.catalogue().combine(operation, entry_ids, name, who=person.who())
    subsets_state.chosen().clear()
    subsets_state.go(entry=entry.id, compare=None, find=None, tag=None, sort=None, page=None)
    subsets_state.say(f"Saved {title(entry)}, {entry.count:,} pictures.")
    return entry


def bring_in(key: str) -> None:
    """Save the recipe, or that of the package, that was uploaded by the widget `key`."""
    upload = st.session_state[key]
    if upload is None:
        return
    name = Path(upload.name).name[-100:] or "package.zip"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(upload.getbuffer())
        try:
            entry = resources.catalogue().import_recipe(path, who="")
        except CocoSiftError as problem:
            # Where it lies on the server is nobody's business.
            raise CatalogueError(str(problem).replace(str(path), name)) from problem
    subsets_state.go(entry=entry.id, compare=None, find=None, tag=None, sort=None, page=None)
    subsets_state.say(f"Imported {title(entry)}, {entry.count:,} pictures of {entry.dataset}.")


@st.cache_data(max_entries=2_000, show_spinner=False)
def search_address(where: str, entry_id: int, prefix: str) -> str:
    """Return where the entry opens on the search page; an entry's recipe never changes."""
    return search_link(prefix, resources.catalogue().recipe(entry_id), resources.views())


@st.cache_data(max_entries=200, show_spinner=False)
def ids_address(dataset: str, image_ids: tuple[int, ...], prefix: str) -> str:
    """Return where these pictures open on the search page."""
    return ids_link(prefix, dataset, image_ids, resources.views())


def recipe_file(entry_id: int) -> bytes:
    """Return the recipe of an entry as a file."""
    return to_json(resources.catalogue().recipe(entry_id))
