"""Charts inside a document: SVG that takes the document's inks, with ids of its own."""

import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from core.charts import Chart, colours
from core.charts.drawing import draw_specification
from core.charts.theme import document_specification

Draw = Callable[[Sequence[dict[str, Any]]], Sequence[str]]
"""Draws specifications as SVG documents, such as `draw_here`."""

_VARIABLES = {
    colours.INKS["light"]: "var(--ink)",
    colours.QUIET_INKS["light"]: "var(--quiet)",
    colours.GRIDS["light"]: "var(--grid)",
}
_INKS = re.compile("|".join(f'"{color}"' for color in _VARIABLES))
_OPENING = re.compile(r'<svg\b[^>]*?\bviewBox="([\d. -]+)"[^>]*>')
_IDS = re.compile(r'(\bid="|url\(#|href="#)')


def draw_here(specifications: Sequence[dict[str, Any]]) -> list[str]:
    """Draw in this process, which cannot do anything else meanwhile."""
    return [draw_specification(one, "svg").decode("utf-8") for one in specifications]


def drawn(charts: Sequence[Chart], draw: Draw) -> list[str]:
    """Return each chart as an `<svg>` element that can stand in HTML."""
    svgs = draw([document_specification(chart) for chart in charts])
    return [
        _element(svg, chart, number)
        for number, (svg, chart) in enumerate(zip(svgs, charts, strict=True))
    ]


def _element(svg: str, chart: Chart, number: int) -> str:
    opening = _OPENING.search(svg)
    if opening is None:
        raise ValueError(f"expected an SVG document, got {svg[:80]!r}")
    width = float(opening[1].split()[2])
    # The same ids in two charts of a document would be one.
    body = _IDS.sub(rf"\g<1>chart{number}-", svg[opening.end() :])
    body = _INKS.sub(lambda ink: f'"{_VARIABLES[ink[0][1:-1]]}"', body)
    label = escape(f"{chart.title}. {chart.n}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{opening[1]}" width="{width:g}" '
        f'role="img" aria-label="{label}">{body}'
    )
