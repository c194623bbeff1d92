"""Charts of several queries over one another: their scores, and the pictures that they share."""

import json
from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from core.analytics.overlap import Intersection, Overlap
from core.analytics.scores import Density
from core.charts.chart import Chart
from core.charts.colours import ACCENT, MUTED, series_colors
from core.charts.scores import SCORE

MOST_BARS = 16
MOST_NAMED = 3
_BARS_HEIGHT = 170
_ROW = 24
_HEAD_ROOM = 1.12


def query_densities_chart(densities: Sequence[Density], cuts: Sequence[float | None]) -> Chart:
    """Draw the density of each query's scores over the whole dataset, with its cut.

    Args:
        densities: one a query, by its name.
        cuts: the lowest score of each query's result; None of an empty one.
    """
    names = [one.name for one in densities]
    data = pd.concat(
        [
            pd.DataFrame(
                {"query": one.name, "score": one.grid.round(6), "percent": one.values.round(6)}
            )
            for one in densities
        ],
        ignore_index=True,
    )
    color = alt.Color(
        "query:N", title=None, scale=alt.Scale(domain=names, range=list(series_colors(names)))
    )
    lines = (
        alt.Chart(data)
        .mark_line()
        .encode(
            x=alt.X("score:Q", title=SCORE, axis=alt.Axis(format=".2f")),
            y=alt.Y("percent:Q", title="% of pictures in 0.01"),
            color=color,
            tooltip=[
                alt.Tooltip("query:N", title="Query"),
                alt.Tooltip("score:Q", title="Score", format=".4f"),
                alt.Tooltip("percent:Q", title="Percent in 0.01", format=".2f"),
            ],
        )
    )
    marked = pd.DataFrame(
        [(name, cut) for name, cut in zip(names, cuts, strict=True) if cut is not None],
        columns=["query", "cut"],
    )
    rules = (
        alt.Chart(marked)
        .mark_rule(strokeDash=[5, 4])
        .encode(
            x="cut:Q",
            color=color,
            tooltip=[
                alt.Tooltip("query:N", title="Query"),
                alt.Tooltip("cut:Q", title="Cut", format=".4f"),
            ],
        )
    )
    return Chart(
        name="queries-density",
        title=_cuts_title(marked),
        spec=alt.layer(lines, rules).properties(height=240),
        data=data,
        n=f"n = {densities[0].n:,} pictures, each scored by {len(names):,} queries",
        about="The scores of the whole dataset by each query; a dashed line is where its result "
        "ends. Scores of different texts have no common scale: compare shapes and overlaps "
        "rather than heights of score. Gaussian kernels, Silverman's rule of thumb (1986).",
    )


def jaccard_chart(overlap: Overlap) -> Chart:
    """Draw for each two queries how much of what either finds both do."""
    k = len(overlap.names)
    rows = [
        {
            "one": overlap.names[i],
            "other": overlap.names[j],
            "jaccard": None if np.isnan(overlap.jaccard[i, j]) else float(overlap.jaccard[i, j]),
            "shared": int(overlap.shared[i, j]),
            "either": int(overlap.sizes[i] + overlap.sizes[j] - overlap.shared[i, j]),
        }
        for i in range(k)
        for j in range(k)
        if i < j
    ]
    data = pd.DataFrame(rows)
    data["pair"] = data["one"] + " & " + data["other"]
    bars = (
        alt.Chart(data)
        .mark_bar(height={"band": 0.6})
        .encode(
            x=alt.X("jaccard:Q", title="Jaccard index", scale=alt.Scale(domain=[0, 1])),
            y=alt.Y(
                "pair:N",
                title=None,
                sort=alt.EncodingSortField("jaccard", order="descending"),
                axis=alt.Axis(labelLimit=230),
            ),
            tooltip=[
                alt.Tooltip("one:N", title="Query"),
                alt.Tooltip("other:N", title="and"),
                alt.Tooltip("shared:Q", title="Shared pictures", format=","),
                alt.Tooltip("either:Q", title="Pictures of either", format=","),
                alt.Tooltip("jaccard:Q", title="Jaccard index", format=".3f"),
            ],
        )
    )
    return Chart(
        name="queries-jaccard",
        title=_jaccard_title(overlap),
        spec=bars.properties(height=alt.Step(26)),
        data=data,
        n=f"n = {overlap.n:,} pictures found by any of {k:,} queries",
        about="Pictures that both find, as a part of those that either finds: 0 is nothing in "
        "common, 1 the same pictures (Jaccard 1901). Click a bar to see the shared pictures.",
    )


def upset_chart(overlap: Overlap) -> Chart:
    """Draw how many pictures exactly which queries find: bars over a matrix of dots."""
    shown = overlap.intersections[:MOST_BARS]
    names, k = overlap.names, len(overlap.names)
    most = max((len(one.image_ids) for one in shown), default=1)
    row = _ROW * _HEAD_ROOM * most / _BARS_HEIGHT  # a row of dots, in pictures
    data = pd.DataFrame(
        {
            "place": np.arange(len(shown)),
            "queries": [" & ".join(names[i] for i in one.members) for one in shown],
            "pictures": [len(one.image_ids) for one in shown],
        }
    )
    x = alt.X("place:O", axis=None)
    tooltip = [
        alt.Tooltip("queries:N", title="Found by only"),
        alt.Tooltip("pictures:Q", title="Pictures", format=","),
    ]
    scale = alt.Scale(domain=[-row * (k + 0.5), most * _HEAD_ROOM], nice=False)
    axis = _upset_axis(names, row, most)
    y = alt.Y("pictures:Q", title=None, scale=scale, axis=axis)
    at = alt.Y("at:Q", title=None, scale=scale, axis=axis)
    bars = alt.Chart(data).encode(x=x, y=y, tooltip=tooltip)
    dots = alt.Chart(_dots(shown, k, row, data))
    on = dots.transform_filter("datum.member")
    layers = [
        bars.mark_bar(width={"band": 0.6}),
        bars.mark_text(dy=-7).encode(text=alt.Text("pictures:Q", format=",")),
        dots.mark_point(color=MUTED, opacity=0.35, size=70).encode(x=x, y=at, tooltip=tooltip),
        alt.Chart(_links(shown, row))
        .mark_rule(color=ACCENT, strokeWidth=2)
        .encode(x=x, y=alt.Y("top:Q", title=None, scale=scale, axis=axis), y2="bottom:Q"),
        on.mark_point(color=ACCENT, opacity=1, size=90).encode(x=x, y=at, tooltip=tooltip),
    ]
    left_out = len(overlap.intersections) - len(shown)
    return Chart(
        name="queries-upset",
        title=_upset_title(overlap),
        spec=alt.layer(*layers).properties(height=_BARS_HEIGHT + round(_ROW * (k + 0.5))),
        data=data,
        n=f"n = {overlap.n:,} pictures"
        + (f"; {left_out:,} smaller groups are not drawn" if left_out else ""),
        about="Each bar counts the pictures that exactly the dotted queries find, and no other. "
        "Click a bar to see them. UpSet: Lex et al., IEEE TVCG 2014.",
    )


def _upset_axis(names: Sequence[str], row: float, most: int) -> alt.Axis:
    """Return an axis with numbers beside the bars and names beside the rows of dots."""
    ticks = sorted({0, round(most / 2), most})
    rows = [-row * (place + 1) for place in range(len(names))]
    listed = json.dumps([name[:40] for name in names])
    words = f"{listed}[round(-datum.value / {row!r}) - 1]"
    return alt.Axis(
        values=[*rows, *ticks],
        labelExpr=f"datum.value < 0 ? {words} : format(datum.value, ',')",
        labelLimit=150,
        labelOverlap=False,
        tickCount=len(rows) + len(ticks),  # else Vega leaves out each other one
        grid=False,
    )


def _dots(shown: Sequence[Intersection], k: int, row: float, data: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {"place": place, "at": -row * (query + 1), "member": query in one.members}
        for place, one in enumerate(shown)
        for query in range(k)
    ]
    return pd.DataFrame(rows, columns=["place", "at", "member"]).merge(data, on="place")


def _links(shown: Sequence[Intersection], row: float) -> pd.DataFrame:
    rows = [
        {"place": p, "top": -row * (min(one.members) + 1), "bottom": -row * (max(one.members) + 1)}
        for p, one in enumerate(shown)
    ]
    return pd.DataFrame(rows, columns=["place", "top", "bottom"])


def _cuts_title(marked: pd.DataFrame) -> str:
    if marked.empty:
        return "No query finds a picture at this cut"
    if len(marked) > MOST_NAMED:
        low, high = marked["cut"].min(), marked["cut"].max()
        return f"The results of {len(marked):,} queries end between {low:.3f} and {high:.3f}"
    cuts = [f"“{row.query}” at {row.cut:.3f}" for row in marked.itertuples()]
    return f"The results end: {', '.join(cuts)}"


def _jaccard_title(overlap: Overlap) -> str:
    pairs = overlap.jaccard.copy()
    pairs[np.tril_indices(len(pairs))] = np.nan
    if np.isnan(pairs).all():
        return "No query finds a picture at this cut"
    i, j = np.unravel_index(int(np.nanargmax(pairs)), pairs.shape)
    if not overlap.shared[i, j]:
        return "No two queries share a picture"
    either = overlap.sizes[i] + overlap.sizes[j] - overlap.shared[i, j]
    return (
        f"“{overlap.names[i]}” and “{overlap.names[j]}” share {overlap.shared[i, j]:,} of "
        f"{either:,} pictures: Jaccard {pairs[i, j]:.2f}"
    )


def _upset_title(overlap: Overlap) -> str:
    shared = len(overlap.in_all())
    if not overlap.n:
        return "No query finds a picture at this cut"
    if not shared:
        return f"No picture of {overlap.n:,} is found by every query"
    verb = "is" if shared == 1 else "are"
    return f"{shared:,} of {overlap.n:,} pictures {verb} found by every query"
