"""The head of the catalogue's page: search, filter, sort, import, and what was just done."""

from pathlib import Path

import streamlit as st

from core.catalogue import Catalogue
from core.rights import Right
from pages.shared import keys, person, subsets_state, subsets_verbs
from pages.shared.plain import plain
from pages.shared.problems import split_command
from pages.shared.query_state import fresh, renew
from pages.shared.subsets_state import SORTS, Listing, went

_STYLE = Path(__file__).parent / "assets" / "subsets.css"


def show_head(catalogue: Catalogue, listing: Listing) -> None:
    """Draw what the list is searched, filtered and sorted by, and what adds to it."""
    st.html(_STYLE)
    with st.container(horizontal=True, vertical_alignment="bottom", key="subsets-head"):
        subsets_state.show_as(keys.SUBSETS_FIND, listing.find)
        st.text_input(
            "Search the subsets",
            type="search",
            placeholder="Name, note, tag, query, person …",
            key=keys.SUBSETS_FIND,
            on_change=went,
            args=("find", keys.SUBSETS_FIND),
        )
        _choose_tag(catalogue, listing)
        subsets_state.show_as(keys.SUBSETS_SORT, listing.sort)
        st.selectbox(
            "Sort",
            list(SORTS),
            format_func=SORTS.get,
            key=keys.SUBSETS_SORT,
            width=190,
            on_change=went,
            args=("sort", keys.SUBSETS_SORT),
        )
        if person.may(Right.SAVE):
            _show_import()
        if not person.has_signed_in():
            _show_who()
        _show_deleted()


def show_said() -> None:
    """Draw what became of the last thing done, with the way back if there is one."""
    said = subsets_state.said()
    if said is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="subsets-said"):
        if said.kind == "error":
            sentence, command = split_command(said.text)
            st.error(plain(sentence), icon=":material/error:")
            if command:
                st.code(command, language="bash", wrap_lines=True)
        else:
            st.success(plain(said.text), icon=":material/check:")
        if said.undo is not None:
            st.button(
                "Undo",
                key="undo-delete",
                on_click=subsets_verbs.saying,
                args=(subsets_verbs.bring_back, said.undo),
            )


def show_empty(listing: Listing) -> None:
    """Say why nothing is listed, and the way out."""
    if listing.deleted:
        st.info("Nothing was deleted in the last 30 days.", icon=":material/info:")
    elif listing.find or listing.tag:
        with st.container(border=True):
            st.markdown("**No subset fits.** Search for fewer words, or for all.")
            st.button("Show all", key="show-all-subsets", on_click=_show_all)
    else:
        with st.container(border=True):
            st.markdown(
                "**No subset is saved yet.** Whatever is downloaded or saved on Search appears "
                "here, for everyone who uses this instance."
            )
            st.page_link("search.py", label="Go to Search", icon=":material/search:")


def _choose_tag(catalogue: Catalogue, listing: Listing) -> None:
    counts = {one.tag: one.entries for one in catalogue.tags()}
    if not counts and listing.tag is None:
        return
    if listing.tag is not None and listing.tag not in counts:
        counts = {listing.tag: 0, **counts}
    subsets_state.show_as(keys.SUBSETS_TAG, listing.tag)
    st.selectbox(
        "Tag",
        list(counts),
        index=None,
        placeholder="All",
        format_func=lambda tag: f"{tag} ({counts[tag]:,})",
        key=keys.SUBSETS_TAG,
        width=170,
        on_change=went,
        args=("tag", keys.SUBSETS_TAG),
    )


def _show_import() -> None:
    with st.popover("Import", icon=":material/upload:"):
        key = fresh(keys.SUBSETS_IMPORT)
        st.file_uploader(
            "A recipe.json, or a package (ZIP) of CocoSift",
            type=["json", "zip"],
            max_upload_size=subsets_verbs.MAX_IMPORT_MB,
            key=key,
            help=f"At most {subsets_verbs.MAX_IMPORT_MB} MB. Of a larger package the recipe.json "
            "in it is enough. A name that there is already does no harm.",
            on_change=_bring_in,
            args=(key,),
        )


def _show_who() -> None:
    name = person.who()
    with st.popover(f"You: {plain(name)}" if name else "Your name", icon=":material/person:"):
        subsets_state.show_as(keys.SUBSETS_WHO, name)
        st.text_input(
            "Your name, for the team",
            max_chars=person.MOST,
            key=keys.SUBSETS_WHO,
            help="It stands beside what you save and change. This browser remembers it.",
            on_change=_take_name,
        )


def _show_deleted() -> None:
    # The list of what was deleted is seldom wanted, so it stands last.
    deleted = subsets_state.listing().deleted
    st.button(
        "Show the list" if deleted else "Deleted",
        key=keys.SUBSETS_DELETED,
        type="tertiary",
        on_click=subsets_state.go,
        kwargs={"deleted": not deleted, "page": None, "entry": None},
    )


def _bring_in(key: str) -> None:
    subsets_verbs.saying(subsets_verbs.bring_in, key)
    renew()


def _take_name() -> None:
    person.remember(st.session_state[keys.SUBSETS_WHO])


def _show_all() -> None:
    subsets_state.go(find=None, tag=None, page=None)
