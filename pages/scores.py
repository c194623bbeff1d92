"""Scores: what the similarity of a query says, from its spread to how firm the result is."""

from pages.shared import address
from pages.shared.asked import show_asked
from pages.shared.current import current
from pages.shared.reports import show_result_report
from pages.shared.scores import by_label, calibration, human_check, queries, sections, spread
from pages.shared.scores.by_label import show_by_label
from pages.shared.scores.calibration import show_calibration
from pages.shared.scores.human_check import show_human_check
from pages.shared.scores.queries import show_queries
from pages.shared.scores.sections import Section, show_section
from pages.shared.scores.spread import show_spread
from pages.shared.scores.stability import show_stability

SECTIONS = {
    "distribution": Section("Distribution", show_spread),
    "categories": Section("By category", show_by_label),
    "queries": Section("Several queries", show_queries),
    "calibration": Section("Calibration", show_calibration),
    "check": Section("Human check", show_human_check),
    "stability": Section("Stability", show_stability),
}

OWN = tuple(
    name
    for part in (sections, spread, by_label, queries, calibration, human_check)
    for name in part.OWN
)

now = current("scores", own=OWN)
show_asked(now)
if now.problem is None:
    show_section(now, SECTIONS)
    if len(now.found):
        show_result_report(now.found)
address.keep()
