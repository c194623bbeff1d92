"""Lift, drawn: how many times as often as in the whole dataset, with its interval."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from core.analytics.lift import RATE, Lift
from core.charts.chart import Chart
from core.charts.colours import ACCENT, MUTED
from core.charts.makeup import ROW, ROW_LABELS
from core.charts.wording import counted, times

CLEAR = "stands out"
UNCLEAR = "may be chance"
NONE = "none here"

_ABOUT = (
    "How many times as often as in the whole dataset; 1 is as often. The line is the 95% interval: "
    "of subset against rest by the log method (Katz et al., 1978), carried over to the lift. "
    f"What stands out is by Fisher's exact test, with at most {RATE:.0%} false ones expected among "
    "all that are tested (Benjamini and Hochberg, 1995). Click a row to see its pictures."
)


def lift_chart(
    names: Sequence[str],
    lift: Lift,
    places: Sequence[int] | npt.NDArray[np.int64],
    *,
    label: str = "category",
    name: str = "lift",
    n: str = "",
    about: str = _ABOUT,
    than: str = "in the whole dataset",
) -> Chart:
    """Draw the lift of some things, a row each, on a log scale.

    Args:
        names: of all things of `lift`.
        places: which of them, in the order of the rows; one at least.
        label: what they are; the name of that column of the table.
        name, n, about: as of `Chart`.
        than: what the lift is against, in words.
    """
    table = pd.DataFrame(
        {
            label: [names[place] for place in places],
            "lift": lift.lift[places],
            "low": lift.low[places],
            "high": lift.high[places],
            "p": lift.p[places],
            "q": lift.q[places],
        }
    )
    table["verdict"] = np.where(lift.stands_out[places], CLEAR, UNCLEAR)
    return Chart(
        name=name,
        title=lift_title(names, lift, than),
        spec=_rows(table, label),
        data=table,
        n=n or f"n = {counted(len(names), label)}".replace("categorys", "categories"),
        about=about,
    )


def lift_title(names: Sequence[str], lift: Lift, than: str = "in the whole dataset") -> str:
    """Say what stands out most, with the figure, or that nothing does."""
    clear = [place for place in lift.order if lift.stands_out[place]]
    if not clear:
        return f"Nothing stands out: what is not as often here as {than} may be chance"
    first = clear[0]
    if lift.lift[first] == 0:
        return f"{names[first]} is not here at all, and stands out by that"
    said = f"{names[first]} stands out: {times(lift.lift[first])} as often as {than}"
    return f"{said} ({lift.low[first]:.2g} to {lift.high[first]:.2g})"


def _rows(table: pd.DataFrame, label: str) -> alt.TopLevelMixin:
    low, high = _ends(table)
    # A log scale has no 0: what is not here at all stands at its end, and is marked so.
    shown = table.assign(
        at=table["lift"].clip(low, high),
        start=table["low"].clip(low, high),
        end=table["high"].clip(low, high),
        shape=np.where(table["lift"] == 0, NONE, "here"),
    )
    scale = alt.Scale(type="log", domain=[low, high], nice=False, clamp=True)
    axis = alt.Axis(
        values=[value for value in _TICKS if low <= value <= high],
        labelExpr="format(datum.value, '~r') + '×'",
        title="times as often as in the whole dataset",
        grid=True,
    )
    tooltip = [
        alt.Tooltip(f"{label}:N"),
        alt.Tooltip("lift:Q", format=".2f"),
        alt.Tooltip("low:Q", format=".2f", title="interval from"),
        alt.Tooltip("high:Q", format=".2f", title="to"),
        alt.Tooltip("q:Q", format=".2g", title="adjusted p"),
        alt.Tooltip("verdict:N"),
    ]
    color = alt.Color(
        "verdict:N",
        scale=alt.Scale(domain=[CLEAR, UNCLEAR], range=[ACCENT, MUTED]),
        legend=alt.Legend(title=None),
    )
    base = alt.Chart(shown).encode(
        alt.Y(f"{label}:N", sort=None, title=None, axis=ROW_LABELS),
        tooltip=tooltip,
    )
    return alt.layer(
        base.mark_rect(opacity=0),
        alt.Chart().mark_rule(strokeDash=[3, 3]).encode(x=alt.XDatum(1.0, scale=scale)),
        base.mark_rule(strokeWidth=2).encode(
            alt.X("start:Q", scale=scale, axis=axis), x2="end:Q", color=color
        ),
        base.mark_point(size=60, opacity=1).encode(
            alt.X("at:Q", scale=scale),
            color=color,
            shape=alt.Shape(
                "shape:N",
                scale=alt.Scale(domain=["here", NONE], range=["circle", "triangle-left"]),
                legend=None,
            ),
        ),
    ).properties(height=alt.Step(ROW))


_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000)


def _ends(table: pd.DataFrame) -> tuple[float, float]:
    """Return the ends of the axis: all lifts, and their intervals as far as is readable."""
    known = table["lift"][table["lift"] > 0].dropna()
    if known.empty:
        return 0.1, 10.0
    lowest, highest = float(known.min()), float(known.max())
    ends = table["high"].dropna()
    low = max(min(lowest / 2, 0.5), lowest / 4)
    high = max(2.0, min(highest * 4, float(ends.max()) * 1.1))
    return low, high
