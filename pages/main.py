"""The frame: name, navigation, and the one place where problems become words."""

import sys
from pathlib import Path

import streamlit as st

# Streamlit puts this script's folder on the path, not the project's.
ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from core.errors import CocoSiftError  # noqa: E402
from core.observe import metrics  # noqa: E402
from core.rights import Right  # noqa: E402
from pages.shared import person  # noqa: E402
from pages.shared.account import show_account  # noqa: E402
from pages.shared.problems import show_problem  # noqa: E402
from pages.shared.work import show_work  # noqa: E402

ASSETS = ROOT / "pages" / "shared" / "assets"

st.set_page_config(page_title="CocoSift", page_icon=str(ASSETS / "favicon.svg"), layout="wide")
st.logo(str(ASSETS / "logo.svg"), size="medium")
st.html(ASSETS / "frame.css")
screens = [
    st.Page("search.py", title="Search", icon=":material/search:", default=True),
    st.Page("scores.py", title="Scores", icon=":material/bar_chart:"),
    st.Page("categories.py", title="Categories", icon=":material/category:"),
    st.Page("subsets.py", title="Subsets", icon=":material/photo_library:"),
    st.Page("map.py", title="Map", icon=":material/scatter_plot:"),
    st.Page("quality.py", title="Quality", icon=":material/speed:"),
    st.Page("library.py", title="Library", icon=":material/inventory_2:"),
]
if person.may(Right.MANAGE):
    screens.append(st.Page("admin.py", title="Admin", icon=":material/admin_panel_settings:"))
page = st.navigation(screens, position="top")
with st.container(key="frame-corner", horizontal=True, width="content"):
    show_work()
    show_account()
try:
    with metrics.reruns(page.url_path or "search"):
        page.run()
except CocoSiftError as problem:
    show_problem(problem)
