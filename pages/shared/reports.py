"""Buttons that save a report: of an entry of the catalogue, or of the present result."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core.catalogue import Entry
from core.errors import WorkerError
from core.found import Found
from core.replay import recipe_of
from core.report import About, draw_here, report_of, to_html
from core.report.sources import Source, source_of_entry
from core.subset import Subset
from core.workers import run_apart
from pages.shared import person, resources

_HELP = (
    "One file for those who never saw the app: query, pictures, scores, makeup, lift, licences, "
    "and the recipe. It opens without a network and can be printed."
)


def show_entry_report(entry: Entry) -> None:
    """Draw the button that saves a report of an entry of the catalogue."""
    _show(lambda: source_of_entry(resources.catalogue(), entry), entry.name, f"subset-{entry.id}")


def show_result_report(found: Found) -> None:
    """Draw the button that saves a report of the present result, without what a hand chose."""

    def source() -> Source:
        return Source(recipe_of(Subset.found(found)), About(where="a result on Search"))

    _show(source, found.title, "result")


def _show(source: Callable[[], Source], title: str, key: str) -> None:
    library = resources.library()  # here: a download is made where there is no session

    def make() -> bytes:
        asked = source()
        report = report_of(library, asked.recipe, asked.about, is_package=asked.is_package)
        return to_html(report, _draw).encode("utf-8")

    st.download_button(
        "Report",
        person.later(make),
        file_name=f"{_stem(title)}.html",
        mime="text/html",
        key=f"report-{key}",
        icon=":material/description:",
        on_click="ignore",
        help=_HELP,
    )


def _draw(specifications: Sequence[dict[str, Any]]) -> Sequence[str]:
    settings, arguments = resources.library().settings, {"specs": list(specifications)}
    try:
        return list(run_apart("core.charts.drawing:draw_all", arguments, settings=settings))
    except WorkerError:  # slower for others, but a report
        return draw_here(specifications)


def _stem(title: str) -> str:
    words = re.sub(r"[^\w]+", "-", title).strip("-_")
    return words[:60].strip("-_") or "report"
