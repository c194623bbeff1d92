"""Reports: what a subset holds, how it was found and how right it is, in one offline HTML file.

from core.report import report_of, write_report
write_report(report_of(library, recipe), Path("dogs.html"))
"""

from core.report.figures import Draw, draw_here
from core.report.making import report_of
from core.report.page import to_html, write_report
from core.report.record import About, Report

__all__ = ["About", "Draw", "Report", "draw_here", "report_of", "to_html", "write_report"]
