"""The list of the catalogue's entries: a card each, with what can be done with it."""

from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from urllib.parse import quote, urlencode

import streamlit as st

from core.catalogue import Entry, Page
from core.errors import CocoSiftError
from core.http import address_prefix
from core.palette import category_color
from core.rights import Right
from pages.shared import keys, person, resources, subsets_state, subsets_verbs
from pages.shared.moments import zone
from pages.shared.plain import plain
from pages.shared.reports import show_entry_report
from pages.shared.saving import show_saving
from pages.shared.subsets_face import Here, face
from pages.shared.subsets_state import Listing
from pages.shared.subsets_verbs import saying

PER_PAGE = 10
_MORE = {"edit": "Rename, note, tags", "replay": "Replay", "delete": "Delete"}
_CHANGES = ("edit", "delete")

Panel = Callable[[Entry, Here], None]


def show_cards(page: Page, listing: Listing, panel: Panel) -> None:
    """Draw the entries of a page; `panel` draws more into the card of the open one."""
    for entry in page.entries:
        show_card(entry, listing, panel)
    pages = -(-page.total // PER_PAGE)
    if pages > 1:
        subsets_state.show_as(keys.SUBSETS_PAGE, min(listing.page, pages))
        st.pagination(
            pages,
            key=keys.SUBSETS_PAGE,
            on_change=_turn,
        )


def show_card(entry: Entry, listing: Listing, panel: Panel) -> None:
    """Draw one entry."""
    here = known_of(entry)
    is_open = listing.entry == entry.id
    link = address_of(entry) if here.base else ""
    with st.container(border=True, key=f"subset-{entry.id}", gap="xsmall"):
        _show_head(entry, is_open, link)
        st.html(face(entry, here, link, datetime.now(UTC), zone()))
        if not entry.deleted_at:
            _show_package(entry)
        if is_open and not entry.deleted_at:
            panel(entry, here)


def known_of(entry: Entry) -> Here:
    """Return what this instance knows of the dataset of an entry."""
    library = resources.library()
    if entry.dataset not in library.datasets():
        return Here()
    try:
        coco = library.coco(entry.dataset)
    except CocoSiftError:  # the page of the dataset says what is wrong with it
        return Here()
    colors = {one.name: category_color(one.id) for one in coco.categories}
    return Here(f"{base()}/api/datasets/{quote(entry.dataset)}", coco.annotation_hash[:8], colors)


def address_of(entry: Entry) -> str:
    """Return where an entry opens on the search page; "" when it cannot."""
    try:
        return subsets_verbs.search_address(resources.catalogue().where, entry.id, base())
    except CocoSiftError:
        return ""


def base() -> str:
    return address_prefix(st.get_option("server.baseUrlPath"))


def _show_head(entry: Entry, is_open: bool, link: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
            if not entry.deleted_at:
                _show_tick(entry)
            st.button(
                plain(entry.name),
                key=f"open-subset-{entry.id}",
                type="tertiary",
                width="stretch",
                disabled=entry.deleted_at is not None,
                on_click=_open,
                args=(None if is_open else entry.id,),
            )
        _show_doings(entry, link)


def _show_tick(entry: Entry) -> None:
    key = f"choose-subset-{entry.id}"
    subsets_state.show_as(key, entry.id in subsets_state.chosen())
    st.checkbox(
        f"Choose {plain(entry.name)}",
        key=key,
        label_visibility="collapsed",
        width="content",
        on_change=subsets_state.toggle,
        args=(entry.id,),
    )


def _show_doings(entry: Entry, link: str) -> None:
    with st.container(horizontal=True, gap="small", width="content"):
        may_change = person.may(Right.SAVE, entry.owner_id)
        if entry.deleted_at:
            if may_change:
                st.button(
                    "Bring back",
                    key=f"restore-subset-{entry.id}",
                    icon=":material/undo:",
                    on_click=saying,
                    args=(subsets_verbs.bring_back, entry.id),
                )
            return
        if link:
            asks = entry.origin in ("query", "hand")
            words = "Open as query" if asks else "Open its pictures"
            st.html(f'<a class="go" href="{escape(link)}">{words}</a>', width="content")
            makeup = escape(_makeup_address(entry))
            st.html(f'<a class="go" href="{makeup}">What is in it</a>', width="content")
        st.button(
            "Download again" if entry.package else "Download",
            key=f"pack-subset-{entry.id}",
            icon=":material/download:",
            on_click=saying,
            args=(subsets_verbs.pack, entry),
        )
        show_entry_report(entry)
        key = f"more-subset-{entry.id}"
        wishes = [wish for wish in _MORE if may_change or wish not in _CHANGES]
        st.menu_button(
            "More", wishes, key=key, format_func=_MORE.get, on_click=_do, args=(entry, key)
        )


def _makeup_address(entry: Entry) -> str:
    return f"{base()}/categories?{urlencode({'subset': entry.id, 'dataset': entry.dataset})}"


def _show_package(entry: Entry) -> None:
    """Draw the package in the making, or what it would lack."""
    lacking = st.session_state.get(keys.LACKING, {}).get(entry.id)
    if lacking:
        named = "\n".join(f"- {plain(one.file_name)}: {plain(one.reason)}" for one in lacking[:5])
        more = f"\n- and {len(lacking) - 5:,} more" if len(lacking) > 5 else ""
        st.warning(
            f"{len(lacking):,} of {entry.count:,} pictures cannot be had:\n{named}{more}",
            icon=":material/hide_image:",
        )
        with st.container(horizontal=True):
            st.button(
                "Stop",
                key=f"stop-subset-{entry.id}",
                on_click=subsets_verbs.never_mind,
                args=(entry.id,),
            )
            st.button(
                f"Go on with {max(0, entry.count - len(lacking)):,}",
                key=f"go-on-subset-{entry.id}",
                disabled=len(lacking) >= entry.count,
                on_click=saying,
                args=(subsets_verbs.pack, entry, True),
            )
    token = st.session_state.get(keys.PACKAGES, {}).get(entry.id)
    if token:
        try:
            show_saving(resources.downloads().get(token), key=f"saving-subset-{entry.id}")
        except CocoSiftError:  # it has expired, and can be asked for again
            st.session_state[keys.PACKAGES].pop(entry.id)


def _open(entry_id: int | None) -> None:
    subsets_state.hush()
    subsets_state.go(entry=entry_id)


def _do(entry: Entry, key: str) -> None:
    wish = st.session_state[key]
    if wish == "delete":
        saying(subsets_verbs.delete, entry)
        return
    _open(entry.id)
    if wish == "replay":
        saying(subsets_verbs.make_again, entry)


def _turn() -> None:
    subsets_state.go(page=st.session_state[keys.SUBSETS_PAGE], entry=None)
