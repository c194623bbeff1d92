"""Charts as files: SVG and PNG by vl-convert, which needs neither network nor browser, and CSV.

vl-convert holds Python's lock while it draws, a second the first time. A server therefore has
`draw` run in a process of its own (`core.workers.run_apart`).
"""

from typing import Any, Literal

from core.charts.chart import Chart
from core.charts.theme import specification
from core.progress import Progress
from core.settings import Settings
from core.sheets import safe_cell

Kind = Literal["svg", "png"]
SCALE = 2.0
"""Pixels of a PNG for each of the chart's."""
_VEGA_LITE = "6.4"  # what this Altair writes


def to_svg(chart: Chart, dark: bool = False) -> str:
    """Return the chart, with title and n, as an SVG document."""
    return draw_specification(specification(chart, dark), "svg").decode("utf-8")


def to_png(chart: Chart, dark: bool = False, scale: float = SCALE) -> bytes:
    """Return the chart, with title and n, as a PNG of `scale` pixels for each of its own."""
    return draw_specification(specification(chart, dark), "png", scale)


def to_csv(chart: Chart) -> str:
    """Return the numbers that are drawn, one row a mark, with a header."""
    table = chart.data.map(safe_cell)
    return str(table.to_csv(index=False, lineterminator="\n"))


def draw_specification(spec: dict[str, Any], kind: Kind, scale: float = SCALE) -> bytes:
    """Return a chart's `specification` drawn; an SVG as UTF-8."""
    import vl_convert

    # Nothing that a chart names is ever fetched: all data is in it.
    if kind == "svg":
        svg: str = vl_convert.vegalite_to_svg(spec, vl_version=_VEGA_LITE, allowed_base_urls=[])
        return svg.encode("utf-8")
    return bytes(
        vl_convert.vegalite_to_png(spec, vl_version=_VEGA_LITE, scale=scale, allowed_base_urls=[])
    )


def draw_all(settings: Settings, arguments: dict[str, Any], progress: Progress) -> list[str]:
    """As a task of `core.workers`: all `arguments` specs, drawn as SVG."""
    return [draw_specification(spec, "svg").decode("utf-8") for spec in arguments["specs"]]


def draw(settings: Settings, arguments: dict[str, Any], progress: Progress) -> bytes:
    """As a task of `core.workers`: `draw_specification` of `arguments` spec and kind."""
    return draw_specification(arguments["spec"], arguments["kind"])
