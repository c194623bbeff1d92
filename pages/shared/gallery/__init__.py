"""The gallery component: tiles, one picture large, and the bar that offers the download.

The scripts beside this file are joined in order, so nothing has to be built. What
Python sends is drawn; what comes back are wishes: for a download, and for pictures to be
used as the query.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_FOLDER = Path(__file__).parent
_SCRIPTS = (
    "elements.js",
    "ids.js",
    "order.js",
    "layout.js",
    "selection.js",
    "state.js",
    "records.js",
    "overlay.js",
    "zoom.js",
    "instances.js",
    "similar.js",
    "detail.js",
    "help.js",
    "tile.js",
    "drag_box.js",
    "tiles.js",
    "toolbar.js",
    "bar.js",
    "main.js",
)
_STYLES = ("gallery.css", "toolbar.css", "bar.css", "detail.css")


def _joined(names: tuple[str, ...]) -> str:
    return "\n".join((_FOLDER / name).read_text("utf-8") for name in names)


_component = st.components.v2.component(
    "cocosift_gallery",
    html='<div class="gallery"></div>',
    css=_joined(_STYLES),
    js=_joined(_SCRIPTS),
)


def gallery(
    data: dict[str, Any],
    key: str,
    on_download: Callable[[], None],
    on_ask: Callable[[], None],
    on_choose: Callable[[], None],
) -> None:
    """Draw the gallery.

    Args:
        data: see `pages.shared.results.gallery_data`.
        key: of the element.
        on_download: called when the person wants a ZIP: `sent(key, "download")` has "id",
            "request", "go_on" and "ids", or "all" and "except"; "save" when the subset shall
            be remembered without a ZIP; "options" when those were chosen before.
        on_ask: called when pictures shall be used as the query: `sent(key, "ask")` has an
            "action" (`like`, `unlike` or `replace`) and "ids".
        on_choose: called when the person wants to choose what leaves and how:
            `sent(key, "choose")` is as for a download.
    """
    _component(
        key=key,
        data=data,
        on_download_change=on_download,
        on_ask_change=on_ask,
        on_choose_change=on_choose,
    )


def sent(key: str, name: str) -> dict[str, Any]:
    """Return, inside a callback, what the gallery has sent with the trigger `name`."""
    value = st.session_state[key][name]
    return dict(value) if isinstance(value, dict) else {}
