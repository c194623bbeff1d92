"""Pairs of categories, drawn: a heat map, and the pairs that stand out."""

from typing import Literal

import altair as alt
import numpy as np
import pandas as pd

from core.analytics.cooccurrence import Cooccurrence
from core.analytics.lift import RATE
from core.charts.chart import Chart
from core.charts.colours import DIVERGING, RAMP
from core.charts.lift import CLEAR, UNCLEAR, lift_chart
from core.charts.makeup import ROW_LABELS
from core.charts.wording import counted, percent, times

Measure = Literal["lift", "images"]

_MOST_PAIRS = 15
_CELL = 22
# Beyond four times more or less the colour stays: what matters is which side of 1 it is.
_STRONG = 2.0
_ABOUT = (
    "Of these pictures: how many have both, and how many times as often that is as it would be "
    "if the two had nothing to do with each other (Brin et al., 1997). Click a cell to see the "
    "pictures that have both."
)
_ABOUT_PAIRS = (
    "How many times as often two stand in one picture as they would if neither knew of the other. "
    "The line is the 95% interval (Katz et al., 1978). What stands out is by Fisher's exact test "
    "over all pairs shown above (Benjamini and Hochberg, 1995). Click a row to see its pictures."
)


def together_map(pairs: Cooccurrence, measure: Measure = "lift") -> Chart:
    """Draw how often each pair of categories is in one picture, and how much oftener than chance.

    Args:
        pairs: of two categories at least.
    """
    table = _table(pairs)
    both = table[table["first"] != table["second"]]
    names = list(pairs.names)
    axis = alt.Axis(labelAngle=-45, title=None, labelOverlap=False, orient="bottom")
    base = alt.Chart(table if measure == "images" else both)
    base = base.encode(
        x=alt.X("first:N", sort=names, axis=axis),
        y=alt.Y("second:N", sort=names, title=None, axis=ROW_LABELS),
        tooltip=[
            alt.Tooltip("first:N", title="with"),
            alt.Tooltip("second:N", title="and"),
            alt.Tooltip("images:Q", format=",", title="pictures with both"),
            alt.Tooltip("expected:Q", format=",.1f", title="expected by chance"),
            alt.Tooltip("lift:Q", format=".2f"),
            alt.Tooltip("q:Q", format=".2g", title="adjusted p"),
        ],
    )
    return Chart(
        name=f"together-{measure}",
        title=_title(pairs),
        spec=base.mark_rect()
        .encode(color=_color(measure), opacity=_opacity(measure))
        .properties(height=alt.Step(_CELL)),
        data=both.reset_index(drop=True),
        n=f"n = {counted(pairs.n_images, 'picture')}; the {len(names)} most frequent of "
        f"{counted(pairs.n_categories, 'category', 'categories')}"
        + ("; what may be chance is faint" if measure == "lift" else ""),
        about=_ABOUT,
    )


def pairs_chart(pairs: Cooccurrence) -> Chart:
    """Draw the lift of the pairs that stand out most, also where it may be chance.

    Args:
        pairs: of two categories at least.
    """
    places = pairs.lift.order[:_MOST_PAIRS]
    names = [
        f"{pairs.names[a]} + {pairs.names[b]}"
        for a, b in zip(pairs.first, pairs.second, strict=True)
    ]
    chart = lift_chart(
        names,
        pairs.lift,
        places,
        label="pair",
        name="together-pairs",
        n=f"n = {counted(pairs.n_images, 'picture')}, {counted(len(names), 'pair')} tested",
        about=_ABOUT_PAIRS,
        than="by chance",
    )
    for column, side in (("first", pairs.first), ("second", pairs.second)):
        chart.data[column] = [pairs.names[side[place]] for place in places]
    return chart


def _color(measure: Measure) -> alt.Color:
    if measure == "images":
        return alt.Color(
            "images:Q", scale=alt.Scale(range=list(RAMP)), legend=alt.Legend(title="pictures")
        )
    return alt.Color(
        "strength:Q",
        scale=alt.Scale(domain=[-_STRONG, 0, _STRONG], range=list(DIVERGING), clamp=True),
        legend=alt.Legend(
            title="times as often as by chance",
            values=[-2, -1, 0, 1, 2],
            labelExpr="format(pow(2, datum.value), '~r') + '×'",
        ),
    )


def _opacity(measure: Measure) -> alt.OpacityValue | alt.Opacity:
    """What may be chance is faint, so that the eye goes to what is not."""
    if measure == "images":
        return alt.OpacityValue(1)
    return alt.Opacity(
        "verdict:N",
        scale=alt.Scale(domain=[CLEAR, UNCLEAR], range=[1, 0.35]),
        legend=None,
    )


def _title(pairs: Cooccurrence) -> str:
    order = [place for place in pairs.lift.order if pairs.lift.stands_out[place]]
    if not order:
        most = int(np.argmax(pairs.images))
        a, b = pairs.names[pairs.first[most]], pairs.names[pairs.second[most]]
        share = pairs.images[most] / max(1, pairs.n_images)
        return f"{a} and {b} are together in {percent(share)}; no pair stands out beyond chance"
    first = order[0]
    a, b = pairs.names[pairs.first[first]], pairs.names[pairs.second[first]]
    if pairs.lift.lift[first] == 0:
        return f"{a} and {b} are never together, and by chance they would be"
    return f"{a} and {b} are together {times(pairs.lift.lift[first])} as often as by chance"


def _table(pairs: Cooccurrence) -> pd.DataFrame:
    """Return a row for each ordered pair, so that the map is complete, and the diagonal."""
    k = len(pairs.names)
    lift, q = np.full((k, k), np.nan), np.full((k, k), np.nan)
    for grid, values in ((lift, pairs.lift.lift), (q, pairs.lift.q)):
        grid[pairs.first, pairs.second] = grid[pairs.second, pairs.first] = values
    alone = np.diagonal(pairs.together)
    first, second = np.divmod(np.arange(k * k), max(1, k))
    with np.errstate(divide="ignore"):
        strength = np.clip(np.log2(lift), -_STRONG, _STRONG)
    is_clear = q <= RATE
    # Two that are rare are hardly ever together; without a proof that is no finding.
    strength[~is_clear & (pairs.together == 0)] = 0
    return pd.DataFrame(
        {
            "first": [pairs.names[place] for place in first],
            "second": [pairs.names[place] for place in second],
            "images": pairs.together.ravel(),
            "expected": np.outer(alone, alone).ravel() / max(1, pairs.n_images),
            "lift": lift.ravel(),
            "q": q.ravel(),
            "verdict": np.where(is_clear, CLEAR, UNCLEAR).ravel(),
            "strength": strength.ravel(),
        }
    )
