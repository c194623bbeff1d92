"""Subsets: what the team has saved, and what can be done with it."""

from core.errors import CocoSiftError
from pages.shared import person, resources, subsets_state
from pages.shared.problems import show_problem
from pages.shared.subsets_cards import PER_PAGE, show_card, show_cards
from pages.shared.subsets_choice import show_chosen, show_comparison
from pages.shared.subsets_entry import show_panel
from pages.shared.subsets_head import show_empty, show_head, show_said

catalogue = resources.catalogue()
listing = subsets_state.listing()
show_head(catalogue, listing)
show_said()
if listing.compare:
    try:
        show_comparison(*listing.compare, listing.pictures)
    except CocoSiftError as problem:
        show_problem(problem)
else:
    page = catalogue.list(
        listing.find,
        listing.tag,
        listing.sort,
        (listing.page - 1) * PER_PAGE,
        PER_PAGE,
        deleted=listing.deleted,
    )
    if listing.entry and listing.entry not in {entry.id for entry in page.entries}:
        try:
            show_card(catalogue.get(listing.entry), listing, show_panel)
        except CocoSiftError as problem:
            show_problem(problem)
    if not page.total:
        show_empty(listing)
    show_cards(page, listing, show_panel)
    show_chosen()
person.keep_cookie()
