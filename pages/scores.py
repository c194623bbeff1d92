"""Scores: what the similarity of a query says, from its spread to how firm the result is."""

from pages.shared import address
from pages.shared.asked import show_asked
from pages.shared.current import current
from pages.shared.scores import by_label, queries, sections, spread
from pages.shared.scores.by_label import show_by_label
from pages.shared.scores.queries import show_queries
from pages.shared.scores.sections import Section, show_section
from pages.shared.scores.spread import show_spread
from pages.shared.scores.stability import show_stability

SECTIONS = {
    "distribution": Section("Distribution", show_spread),
    "categories": Section("By category", show_by_label),
    "queries": Section("Several queries", show_queries),
    "stability": Section("Stability", show_stability),
}

now = current("scores", own=(*sections.OWN, *spread.OWN, *by_label.OWN, *queries.OWN))
show_asked(now)
if now.problem is None:
    show_section(now, SECTIONS)
address.keep()
