"""Admin: who may come in, what is under way, what the instance takes, and what was done."""

from pathlib import Path

import streamlit as st

from core.rights import Right, require
from pages.shared import resources
from pages.shared.admin_disk import show_disk
from pages.shared.admin_jobs import show_jobs
from pages.shared.admin_overview import show_overview
from pages.shared.admin_people import show_people
from pages.shared.admin_settings import show_settings
from pages.shared.admin_state import SECTION, show_said
from pages.shared.admin_trail import show_trail

SECTIONS = {
    "People": show_people,
    "Jobs": show_jobs,
    "Disk and memory": show_disk,
    "Settings": show_settings,
    "Audit trail": show_trail,
}

require(Right.MANAGE)
library = resources.library()
st.html(Path(__file__).parent / "shared" / "assets" / "admin.css")
st.html(Path(__file__).parent / "shared" / "library" / "library.css")
show_overview(library)
tabs = st.tabs(list(SECTIONS), key=SECTION, on_change="rerun", bind="query-params")
for tab, show in zip(tabs, SECTIONS.values(), strict=True):
    if tab.open:
        with tab:
            show_said()
            show(library)
