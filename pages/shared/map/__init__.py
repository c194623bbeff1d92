"""The map component: points drawn with WebGL 2, and what a hand selects among them.

The scripts beside this file are joined in order, after the few of the gallery that make
elements and pack ids, so nothing has to be built. What Python sends is drawn; what comes back
are wishes: pictures to be opened, saved or searched with.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_FOLDER = Path(__file__).parent
_SCRIPTS = (
    "../gallery/elements.js",
    "../gallery/ids.js",
    "arrays.js",
    "points.js",
    "camera.js",
    "colours.js",
    "renderer.js",
    "labels.js",
    "lasso.js",
    "legend.js",
    "preview.js",
    "toolbar.js",
    "bar.js",
    "list.js",
    "pointer.js",
    "main.js",
)

_component = st.components.v2.component(
    "cocosift_map",
    html='<div class="map"></div>',
    css=(_FOLDER / "map.css").read_text("utf-8"),
    js="\n".join((_FOLDER / name).read_text("utf-8") for name in _SCRIPTS),
)


def show_points(data: dict[str, Any], key: str, on_ask: Callable[[], None]) -> None:
    """Draw the map.

    Args:
        data: see `pages.shared.map.drawn.map_data`.
        key: of the element.
        on_ask: called when something is wished: `sent(key)` has an "action" (`open`, `save`
            or `like`), packed "ids", the "request" to be answered, and of `save` a "name".
    """
    _component(key=key, data=data, on_ask_change=on_ask)


def sent(key: str) -> dict[str, Any]:
    """Return, inside a callback, what is wished."""
    value = st.session_state[key]["ask"]
    return dict(value) if isinstance(value, dict) else {}
