"""A ZIP in the making, and the link to it: how far it is, cancel, save.

The server is asked by the download's token, so that a long one costs no rerun of the page.
"""

from pathlib import Path

import streamlit as st

from core.downloads import URL_PREFIX, Download
from core.http import address_prefix

_FOLDER = Path(__file__).parent
_saving = st.components.v2.component(
    "cocosift_saving",
    html='<div class="saving"></div>',
    css=(_FOLDER / "saving.css").read_text("utf-8"),
    js=(_FOLDER / "saving.js").read_text("utf-8"),
)


def show_saving(download: Download, key: str) -> None:
    """Draw how the download stands; once it is ready the browser saves it by itself."""
    _saving(data={"status": status_url(download)}, key=key)


def status_url(download: Download) -> str:
    """Return where the browser asks how a download stands."""
    prefix = address_prefix(st.get_option("server.baseUrlPath"))
    return f"{prefix}{URL_PREFIX}/{download.token}"
