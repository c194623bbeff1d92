"""Objects, pictures and captions in numbers, drawn beside the whole dataset."""

from collections.abc import Callable

import altair as alt
import numpy as np
import pandas as pd

from core.analytics.shapes import UNKNOWN, Coverage, Distribution
from core.charts.chart import Chart
from core.charts.colours import RAMP
from core.charts.makeup import ALL, HERE, ROW, ROW_LABELS, bars_beside, beside
from core.charts.wording import at_most, counted, percent

_STATED = "not stated"
_CLICK = " Click a bar to see its pictures."


def kinds_chart(
    spread: Distribution,
    name: str,
    say: Callable[[str, str], str],
    *,
    label: str,
    about: str = "",
) -> Chart:
    """Draw a list of kinds, a row each: their share here, and in the whole dataset.

    Args:
        spread: with one thing at least.
        name, about: as of `Chart`.
        say: makes the title of the most frequent kind and its share in words.
        label: what the kinds are.
    """
    table = _table(spread, label)
    if spread.unknown or spread.all_unknown:
        n, total = spread.n + spread.unknown, spread.total + spread.all_unknown
        table[["share", "all share"]] *= [spread.n / max(1, n), spread.total / max(1, total)]
        table.loc[len(table)] = _unknown_row(spread, label, n, total)
    seen = table.reset_index(drop=True)
    first = seen.loc[seen["count"].idxmax()]
    return Chart(
        name=name,
        title=say(str(first[label]), percent(first["share"])),
        spec=_kind_rows(seen, label, spread.noun),
        data=seen,
        n=_n(spread),
        about=(about + _CLICK).strip(),
    )


def scale_chart(
    spread: Distribution,
    name: str,
    title: str,
    *,
    label: str,
    marks: tuple[float, ...] = (),
    about: str = "",
) -> Chart:
    """Draw a continuous scale in bins: shares here as bars, of the whole dataset as a line.

    Args:
        spread: with edges and one thing at least.
        name, title, about: as of `Chart`.
        label: of the axis, with its unit.
        marks: values at which lines stand.
    """
    if spread.edges is None:
        raise ValueError("expected a distribution with edges")
    table = _table(spread, "bin").assign(low=spread.edges[:-1], high=spread.edges[1:])
    used = np.flatnonzero((table["count"] > 0) | (table["all count"] > 0))
    table = table.iloc[used[0] : used[-1] + 1]
    return Chart(
        name=name,
        title=title,
        spec=_scale_bars(table, label, spread.noun, marks),
        data=table,
        n=_n(spread),
        about=(about + _CLICK).strip(),
    )


def counts_chart(
    spread: Distribution, name: str, title: str, *, label: str, about: str = ""
) -> Chart:
    """Draw a count (0, 1, 2, … or more): shares here as bars, of the whole dataset as a line.

    Args:
        spread: with one thing at least.
        name, title, about: as of `Chart`.
        label: of the axis.
    """
    table = _table(spread, "bin")
    last = int(np.flatnonzero((table["count"] > 0) | (table["all count"] > 0))[-1])
    table = table.iloc[: last + 1]
    return Chart(
        name=name,
        title=title,
        spec=_count_bars(table, label, spread.noun),
        data=table,
        n=_n(spread),
        about=(about + _CLICK).strip(),
    )


def counts_title(spread: Distribution, category: str | None = None) -> str:
    """Say how many instances pictures have; of one category, how many pictures have any."""
    if category is not None:
        here, all_ = 1 - spread.share[0], 1 - spread.all_share[0]
        return f"{percent(here)} of these pictures have {category}, {percent(all_)} of the dataset"
    if spread.median < 1:
        return f"{percent(spread.share[0])} of these pictures have no instance"
    return (
        f"Half of the pictures have {at_most(spread.median)} instances or fewer; in the whole "
        f"dataset {at_most(spread.all_median)}"
    )


def coverage_map(found: Coverage, what: str = "objects") -> Chart:
    """Draw where in the picture boxes lie.

    Args:
        found: of one box at least.
        what: of what, in words.
    """
    side = found.share.shape[0]
    rows, columns = np.divmod(np.arange(side * side), side)
    table = pd.DataFrame(
        {
            "row": rows,
            "column": columns,
            "share": found.share.ravel(),
            "all share": found.all_share.ravel(),
        }
    )
    hidden = alt.Axis(labels=False, grid=False, title=None)
    spec = (
        alt.Chart(table)
        .mark_rect()
        .encode(
            x=alt.X("column:O", axis=hidden),
            y=alt.Y("row:O", axis=hidden),
            color=alt.Color(
                "share:Q",
                scale=alt.Scale(range=list(RAMP), domainMin=0),
                legend=alt.Legend(title="share of the boxes", format="~%"),
            ),
            tooltip=[
                alt.Tooltip("share:Q", format=".1%", title="of the boxes lie here"),
                alt.Tooltip("all share:Q", format=".1%", title="in the whole dataset"),
            ],
        )
        .properties(height=260)
    )
    top = int(np.argmax(found.share))
    return Chart(
        name="positions",
        title=f"The fullest spot is {_place(top, side)}: {percent(found.share.max())} of the boxes "
        f"of {what} lie over it",
        spec=spec,
        data=table,
        n=f"n = {counted(found.n, 'box', 'boxes')}, {found.total:,} in the whole dataset",
        about="Every picture is laid under one frame, stretched to it; a cell tells which part of "
        "the boxes lies over it. Click a cell to see the pictures with a box there.",
    )


def _table(spread: Distribution, label: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            label: list(spread.labels),
            "place": np.arange(len(spread.labels)),
            "count": spread.counts,
            "share": spread.share,
            "images": spread.images,
            "all count": spread.all_counts,
            "all share": spread.all_share,
        }
    )


def _unknown_row(spread: Distribution, label: str, n: int, total: int) -> dict[str, object]:
    return {
        label: _STATED,
        "place": UNKNOWN,
        "count": spread.unknown,
        "share": spread.unknown / max(1, n),
        "images": spread.unknown,
        "all count": spread.all_unknown,
        "all share": spread.all_unknown / max(1, total),
    }


def _n(spread: Distribution) -> str:
    n, total = spread.n + spread.unknown, spread.total + spread.all_unknown
    return f"n = {counted(n, spread.noun)}, {total:,} in the whole dataset"


def _tooltip(label: str, noun: str) -> list[alt.Tooltip]:
    pictures = [alt.Tooltip("images:Q", format=",", title="in pictures")]
    return [
        alt.Tooltip(f"{label}:N"),
        alt.Tooltip("count:Q", format=",", title=f"{noun}s"),
        *(pictures if noun != "picture" else []),
        alt.Tooltip("share:Q", format=".1%"),
        alt.Tooltip("all share:Q", format=".1%", title="share in the dataset"),
    ]


def _kind_rows(table: pd.DataFrame, label: str, noun: str) -> alt.TopLevelMixin:
    base = alt.Chart(table).encode(
        alt.Y(f"{label}:N", sort=None, title=None, axis=ROW_LABELS), tooltip=_tooltip(label, noun)
    )
    x = alt.X("share:Q", axis=alt.Axis(format="~%", title=f"share of {noun}s"))
    return bars_beside(base, x).properties(height=alt.Step(ROW + 6))


def _scale_bars(
    table: pd.DataFrame, label: str, noun: str, marks: tuple[float, ...]
) -> alt.TopLevelMixin:
    edges = [float(table["low"].iloc[0]), float(table["high"].iloc[-1])]
    scale = alt.Scale(type="log", base=2, domain=edges, nice=False)
    x = alt.X("low:Q", scale=scale, axis=alt.Axis(format="~r", title=label, grid=False))
    y = alt.Y("share:Q", axis=alt.Axis(format="~%", title=f"share of {noun}s"))
    # In each bin two bars side by side, parted where the eye takes it for two thirds.
    table = table.assign(part=table["low"] ** 0.4 * table["high"] ** 0.6)
    base = alt.Chart(table).encode(tooltip=_tooltip("bin", noun))
    floor = alt.datum(0)
    bar = base.mark_bar(binSpacing=1)
    layers: list[alt.Chart] = [
        base.mark_rect(opacity=0).encode(x, x2="high:Q"),
        beside(bar.encode(x, y, x2="part:Q", y2=floor), HERE),
        beside(bar.encode(alt.X("part:Q"), alt.Y("all share:Q"), x2="high:Q", y2=floor), ALL),
    ]
    if marks:
        lines = alt.Chart(pd.DataFrame({"at": list(marks)}))
        layers.append(lines.mark_rule(strokeDash=[3, 3], strokeWidth=1).encode(x="at:Q"))
    return alt.layer(*layers).properties(height=220)


def _count_bars(table: pd.DataFrame, label: str, noun: str) -> alt.TopLevelMixin:
    base = alt.Chart(table).encode(
        alt.X(
            "bin:N",
            sort=None,
            axis=alt.Axis(title=label, labelAngle=0),
            scale=alt.Scale(paddingInner=0.25),
        ),
        tooltip=_tooltip("bin", noun),
    )
    y = alt.Y("share:Q", axis=alt.Axis(format="~%", title=f"share of {noun}s"))
    side = alt.XOffset("whose:N", sort=[HERE, ALL])
    here, all_ = base.mark_bar().encode(y, side), base.mark_bar().encode(side, y="all share:Q")
    return alt.LayerChart(
        layer=[base.mark_rect(opacity=0), beside(here, HERE), beside(all_, ALL)]
    ).properties(height=220)


def _place(cell: int, side: int) -> str:
    """Name the third of the picture in which a cell lies."""
    row, column = divmod(cell, side)
    rows, columns = ("top", "middle", "bottom"), ("left", "centre", "right")
    vertical, horizontal = rows[row * 3 // side], columns[column * 3 // side]
    if (vertical, horizontal) == ("middle", "centre"):
        return "in the middle"
    return f"at the {vertical} {horizontal}"
