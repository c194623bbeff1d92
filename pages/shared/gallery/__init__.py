"""The gallery component: tiles, one picture large, and the bar that offers the download.

The scripts beside this file are joined in order, so nothing has to be built. What
Python sends is `GalleryData`; what comes back is the selection (a state) and the
wish for a download (a trigger).
"""

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


def gallery(data: dict[str, Any], key: str) -> Any:
    """Draw the gallery; return its state: `selection` (image ids) and `download` (a wish).

    The wish is None, or {"request", "ids", "go_on"} once after a click.
    """
    return _component(
        key=key,
        data=data,
        default={"selection": []},
        on_selection_change=lambda: None,
        on_download_change=lambda: None,
    )
