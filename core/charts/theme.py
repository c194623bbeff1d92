"""How charts look: quiet grid, readable axes, numbers with thousands separators.

On a page the ground, the ink and the font are the page's own, so `page_specification` says
nothing of them and light and dark need one specification. A picture that is taken away is
complete by itself: `themed` gives it a ground, its title and its n.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, cast
from weakref import WeakKeyDictionary

import altair as alt

from core.charts import colours
from core.charts.chart import Chart

DOOR = "door"
"""The selection that tells which mark was clicked."""

_FONT = "sans-serif"
_WIDTH = 640
_HEIGHT = 280
_LETTERS_A_LINE = 84


def themed(chart: Chart, dark: bool = False) -> alt.TopLevelMixin:
    """Return the chart complete by itself: ground, ink, title and n."""
    ground = "dark" if dark else "light"
    spec = _sized(chart.spec).properties(
        title=alt.Title(
            textwrap.wrap(chart.title, _LETTERS_A_LINE),
            subtitle=textwrap.wrap(chart.n, _LETTERS_A_LINE) or [""],
        ),
        background=colours.GROUNDS[ground],
        padding=12,
    )
    return cast(alt.TopLevelMixin, spec.configure(**_merged(_shape(), _ink(ground))))


def specification(chart: Chart, dark: bool = False) -> dict[str, Any]:
    """Return `themed` as Vega-Lite, with its data.

    Raises:
        altair.MaxRowsError: it has more rows than a browser should be sent (5,000).
    """
    return themed(chart, dark).to_dict()


def document_specification(chart: Chart) -> dict[str, Any]:
    """Return the chart as Vega-Lite for a document that gives it ground, title and n.

    Its words and lines have the light theme's `INKS`, `QUIET_INKS` and `GRIDS`, which a document
    may replace by its own.

    Raises:
        altair.MaxRowsError: as of `specification`.
    """
    spec = _sized(chart.spec).properties(padding=4, background="transparent")
    config = _merged(_shape(), _ink("light"))
    config["aria"] = config["mark"]["aria"] = False  # the document says what it shows
    return cast(dict[str, Any], spec.configure(**config).to_dict())


def page_specification(chart: Chart, door: Sequence[str] = ()) -> Mapping[str, Any]:
    """Return the chart as Vega-Lite for a page that gives it ground, ink, font and title.

    It is made once for a chart and kept as long as the chart is; not to be changed.

    Args:
        door: fields of a mark's datum that a click selects, as `DOOR`; none, no selection.

    Raises:
        altair.MaxRowsError: as of `specification`.
    """
    made = _pages.setdefault(chart, {})
    key = tuple(door)
    if key not in made:
        made[key] = _page_specification(chart, key)
    return made[key]


_pages: WeakKeyDictionary[Chart, dict[tuple[str, ...], dict[str, Any]]] = WeakKeyDictionary()


def _page_specification(chart: Chart, door: Sequence[str]) -> dict[str, Any]:
    spec = cast(Any, chart.spec)
    config = _page_config()
    if door:
        spec = spec.add_params(alt.selection_point(name=DOOR, fields=list(door), toggle=False))
        config["mark"]["cursor"] = "pointer"
    spec = spec.properties(padding={"left": 0, "right": 4, "top": 4, "bottom": 4})
    # To check it against Vega-Lite's schema would take longer than all else; `specification`
    # of the same chart does.
    return cast(dict[str, Any], spec.configure(**config).to_dict(validate=False))


def _page_config() -> dict[str, Any]:
    config = _shape()
    # One sentence says the chart to who hears it; its numbers are in its table and its CSV.
    config["mark"]["aria"] = False
    for mark in ("rule", "text"):
        config[mark]["color"] = "currentColor"  # the page's ink, in either theme
    words = {"labelColor": "currentColor", "titleColor": "currentColor"}
    config["header"] |= words
    for guide in ("axis", "legend"):
        config[guide] |= {**words, "labelOpacity": 0.78, "titleOpacity": 0.78}
    return config


def _sized(spec: alt.TopLevelMixin) -> Any:
    """Give one view a size for a picture, where it has none; views side by side have theirs."""
    if not isinstance(spec, alt.Chart | alt.LayerChart):
        return spec
    given = {
        name: value
        for name, value in (("width", _WIDTH), ("height", _HEIGHT))
        if not isinstance(getattr(spec, name, None), int | float | alt.Step)
    }
    return spec.properties(**given)


def _shape() -> dict[str, Any]:
    return {
        "mark": {"color": colours.ACCENT, "tooltip": True},
        "bar": {"color": colours.ACCENT, "binSpacing": 0.5},
        "line": {"color": colours.ACCENT, "strokeWidth": 2, "strokeCap": "round"},
        "area": {"color": colours.ACCENT, "fillOpacity": 0.35, "line": False},
        "point": {"color": colours.ACCENT, "filled": True, "size": 50},
        "rule": {"strokeWidth": 1.5},
        "text": {"fontSize": 12},
        "rect": {"color": colours.ACCENT},
        "range": {
            "category": list(colours.SERIES),
            "ordinal": list(colours.RAMP),
            "ramp": list(colours.RAMP),
            "heatmap": list(colours.RAMP),
            "diverging": list(colours.DIVERGING),
        },
        "numberFormat": ",~f",
        "axis": {
            "labelFontSize": 12,
            "titleFontSize": 12,
            "labelLimit": 160,
            "labelOverlap": "greedy",
            "labelSeparation": 6,
            "labelPadding": 6,
            "titlePadding": 8,
            "ticks": False,
            "domain": False,
            "gridOpacity": 0.6,
            "tickCount": 6,
        },
        "axisXDiscrete": {"labelAngle": 0},
        "legend": {
            "orient": "top",
            "direction": "horizontal",
            "labelFontSize": 12,
            "titleFontSize": 12,
            "labelLimit": 240,
        },
        "header": {"labelFontSize": 12, "titleFontSize": 12},
        "view": {"stroke": None},
    }


def _ink(ground: str) -> dict[str, Any]:
    ink, quiet, grid = (
        shade[ground] for shade in (colours.INKS, colours.QUIET_INKS, colours.GRIDS)
    )
    words = {"labelColor": quiet, "titleColor": quiet, "titleFontWeight": "normal"}
    return {
        "font": _FONT,
        "axis": {**words, "gridColor": grid, "domainColor": grid, "tickColor": grid},
        "legend": words,
        "header": words,
        "text": {"color": ink},
        "rule": {"color": ink},
        "title": {
            "anchor": "start",
            "color": ink,
            "subtitleColor": quiet,
            "fontSize": 15,
            "subtitleFontSize": 12,
            "fontWeight": "bold",
            "offset": 14,
            "subtitlePadding": 4,
        },
    }


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    merged = dict(one)
    for name, value in other.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = {**merged[name], **value} if both else value
    return merged
