"""The instance at one glance: who is connected, what is under way, what is left."""

import streamlit as st

from core.inventory.instance import disks, memory
from core.inventory.words import size_words
from core.jobs import shared_jobs
from core.library import Library
from core.observe import metrics

_WIDTH = 172


def show_overview(library: Library) -> None:
    """Draw the figures that say whether all is well."""
    settings = library.settings
    found = memory()
    room = min(disks(settings), key=lambda disk: disk.free, default=None)
    with st.container(horizontal=True, key="admin-figures"):
        _figure(
            "Connected now",
            f"{metrics.connected():,}",
            "Browsers with a page of this server open.",
        )
        _figure(
            "Jobs under way",
            f"{len(shared_jobs(settings).list()):,}",
            "Exports, measurements and checks that wait or run, on all replicas.",
        )
        if found is not None:
            _figure(
                "Server’s memory", size_words(found.server), "Resident in the server's process."
            )
        if room is not None:
            _figure("Free on disk", size_words(room.free), "On the fullest disk that is used.")
    if room is not None and room.free < settings.min_free_disk_bytes:
        st.warning(
            f"Less than {size_words(settings.min_free_disk_bytes)} are free, so this server says "
            "that it is not ready and begins no exports. Make room, or lower "
            "COCOSIFT\\_MIN\\_FREE\\_DISK\\_MB.",
            icon=":material/hard_drive:",
        )


def _figure(label: str, value: str, meaning: str) -> None:
    st.metric(label, value, help=meaning, width=_WIDTH)
