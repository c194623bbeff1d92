"""The gallery component: tiles, one picture large, and the bar that offers the download.

The scripts beside this file are joined in order, so nothing has to be built. What
Python sends is drawn; what comes back is the wish for a download, with the chosen ids.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_FOLDER = Path(__file__).parent
_SCRIPTS = ("elements.js", "tiles.js", "overlay.js", "detail.js", "bar.js", "main.js")

_component = st.components.v2.component(
    "cocosift_gallery",
    html='<div class="gallery"></div>',
    css=(_FOLDER / "gallery.css").read_text("utf-8"),
    js="\n".join((_FOLDER / name).read_text("utf-8") for name in _SCRIPTS),
)


def gallery(data: dict[str, Any], key: str, on_download: Callable[[], None]) -> None:
    """Draw the gallery.

    Args:
        data: see `pages.shared.results`.
        key: of the element; `data["key"]` names the selection that the tab remembers.
        on_download: called when the person wants a ZIP; `wish` then returns what.
    """
    _component(key=key, data=data, on_download_change=on_download)


def wish(key: str) -> dict[str, Any]:
    """Return, inside `on_download`, the wish: its "id", "request", "ids" and "go_on"."""
    return dict(st.session_state[key]["download"])
