"""Map: all pictures of the dataset in the plane, the result lit, an outline makes a subset."""

import streamlit as st

from core.map import regions_of
from pages.shared import address, person
from pages.shared.asked import show_asked
from pages.shared.current import current
from pages.shared.map import show_points
from pages.shared.map.choices import OWN, choose_colouring, choose_layout, choose_shown
from pages.shared.map.drawn import map_data
from pages.shared.map.wishes import KEY, said, take_wish

now = current("map", OWN)
show_asked(now)
layout = choose_layout(now)
colouring = choose_colouring(now, layout)
shown = choose_shown()
with st.spinner("Finding words for the regions…"):
    regions = regions_of(now.searchable, layout.method)
data = map_data(
    now.searchable,
    layout,
    colouring,
    regions,
    now.found,
    labels=shown.labels,
    light_up=shown.light_up,
)
show_points(data | {"said": said()}, KEY, lambda: take_wish(now))
person.keep_cookie()
address.keep()
