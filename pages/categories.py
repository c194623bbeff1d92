"""Categories: what the present result, or a saved subset, is made of."""

from pages.shared import address, widgets
from pages.shared.asked import show_asked
from pages.shared.categories import frame
from pages.shared.current import current
from pages.shared.subset_choice import choose_subsets

now = current("categories", frame.OWN)
chosen = choose_subsets(now)
if any(one.found is not None for one in chosen) or not chosen:
    show_asked(now)
else:
    widgets.notes(now.searchable, None)
section = frame.choose_section()
if chosen:
    frame.show_section(section, now, chosen)
address.keep()
