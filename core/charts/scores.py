"""Charts of how a query's scores spread: histogram, density, rank curve."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from core.analytics.ranks import RankCurve, Standing
from core.analytics.scores import Density, Group, Histogram
from core.charts.chart import Chart
from core.charts.colours import ACCENT, MUTED, SERIES, WARNING

SCORE = "Score (cosine similarity)"
_GROUP_COLORS = {"Whole dataset": MUTED, "Passes the filters": SERIES[1], "Subset": ACCENT}
_HEIGHT = 260


def histogram_chart(histogram: Histogram, at_least: int, asked: float | None = None) -> Chart:
    """Draw the dataset's scores, grey, with the subset's in front, and the cut.

    Args:
        at_least: pictures of the whole dataset that score at least as high as the cut.
        asked: another score that is marked.
    """
    rows = [
        pd.DataFrame(
            {
                "from": histogram.edges[:-1].round(6),
                "to": histogram.edges[1:].round(6),
                "pictures": group.counts,
                "of": group.name,
            }
        )
        for group in histogram.groups
    ]
    data = pd.concat(rows, ignore_index=True)
    names = [group.name for group in histogram.groups]
    bars = (
        alt.Chart(data[data["pictures"] > 0])
        .mark_bar(binSpacing=1)
        .encode(
            x=alt.X("from:Q", title=SCORE, bin="binned", axis=alt.Axis(format=".2f")),
            x2="to:Q",
            y=alt.Y(
                "pictures:Q",
                title="Pictures (√ axis)",
                stack=None,
                scale=alt.Scale(type="sqrt"),
                axis=alt.Axis(format=",d"),
            ),
            color=_color("of", names),
            tooltip=[
                alt.Tooltip("of:N", title="Pictures of"),
                alt.Tooltip("from:Q", title="Score from", format=".4f"),
                alt.Tooltip("to:Q", title="Score to", format=".4f"),
                alt.Tooltip("pictures:Q", title="Pictures", format=","),
            ],
        )
    )
    layers = [bars, *_cut_rule(histogram.cut), *_asked_rule(asked)]
    return Chart(
        name="score-histogram",
        title=_histogram_title(histogram, at_least),
        spec=alt.layer(*layers).properties(height=_HEIGHT),
        data=data,
        n=_numbers(histogram.groups),
        about="How many pictures have which score. The heights are square roots, so that the few "
        "best can be seen beside the many. The dashed line is the cut: the lowest score of the "
        "subset. Click a bar to see where its score stands.",
    )


def density_chart(densities: Sequence[Density], histogram: Histogram) -> Chart:
    """Draw smooth densities, each of area 1, so that a small subset can be compared."""
    rows = [
        pd.DataFrame(
            {
                "score": one.grid.round(6),
                "percent": one.values.round(6),  # per 0.01 of score, in percent
                "of": one.name,
            }
        )
        for one in densities
    ]
    data = pd.concat(rows, ignore_index=True)
    lines = (
        alt.Chart(data)
        .mark_area(line=True, fillOpacity=0.15)
        .encode(
            x=alt.X("score:Q", title=SCORE, axis=alt.Axis(format=".2f")),
            y=alt.Y("percent:Q", title="% of them in 0.01 of score", stack=None),
            color=_color("of", [one.name for one in densities]),
            tooltip=[
                alt.Tooltip("of:N", title="Pictures of"),
                alt.Tooltip("score:Q", title="Score", format=".4f"),
                alt.Tooltip("percent:Q", title="Percent in 0.01", format=".2f"),
            ],
        )
    )
    layers = [lines, *_cut_rule(histogram.cut)]
    return Chart(
        name="score-density",
        title=_density_title(histogram),
        spec=alt.layer(*layers).properties(height=_HEIGHT),
        data=data,
        n=_numbers(densities),
        about="Each curve has the same area, whatever the number of pictures. Gaussian kernels "
        "with Silverman's rule of thumb for the bandwidth, reflected at the cut (Silverman 1986): "
        + ", ".join(f"{one.bandwidth:.4f} for the {one.name.lower()}" for one in densities)
        + ".",
    )


def rank_chart(curve: RankCurve, cut: Standing | None) -> Chart:
    """Draw how the score falls along the ranks, on a logarithmic axis of ranks."""
    data = pd.DataFrame({"rank": curve.ranks, "score": curve.scores.round(6)})
    line = (
        alt.Chart(data)
        .mark_line()
        .encode(
            x=alt.X(
                "rank:Q",
                title="Rank (logarithmic axis)",
                scale=alt.Scale(type="log", domain=[1, max(curve.n, 2)], nice=False),
                axis=alt.Axis(format=",d", grid=False),
            ),
            y=alt.Y(
                "score:Q", title=SCORE, scale=alt.Scale(zero=False), axis=alt.Axis(format=".2f")
            ),
            tooltip=[
                alt.Tooltip("rank:Q", title="Rank", format=","),
                alt.Tooltip("score:Q", title="Score", format=".4f"),
            ],
        )
    )
    layers: list[alt.Chart] = [line]
    if cut is not None and cut.n_at_least >= 1:
        point = pd.DataFrame({"rank": [cut.n_at_least], "score": [cut.score]})
        place = alt.Chart(point).encode(x="rank:Q", y="score:Q")
        layers += [
            place.mark_point(color=WARNING, opacity=1, size=90),
            place.mark_text(color=WARNING, align="left", dx=9, dy=-9).encode(
                text=alt.value(f"cut {cut.score:.3f}")
            ),
        ]
    return Chart(
        name="score-ranks",
        title=_rank_title(curve, cut),
        spec=alt.layer(*layers).properties(height=_HEIGHT),
        data=data,
        n=f"n = {_pictures(curve.n)}, drawn at {len(curve.ranks):,} ranks",
        about="A steep start means that a few pictures stand out; a flat line means that the "
        "ranks there say little.",
    )


def _color(field: str, names: Sequence[str]) -> alt.Color:
    return alt.Color(
        f"{field}:N",
        title=None,
        scale=alt.Scale(domain=list(names), range=[_GROUP_COLORS[name] for name in names]),
    )


def _cut_rule(cut: float | None) -> list[alt.Chart]:
    if cut is None:
        return []
    base = alt.Chart(pd.DataFrame({"cut": [cut]})).encode(x="cut:Q")
    return [
        base.mark_rule(color=WARNING, strokeDash=[5, 4], strokeWidth=1.5).encode(
            tooltip=alt.Tooltip("cut:Q", title="Cut", format=".4f")
        ),
        base.mark_text(color=WARNING, baseline="bottom").encode(
            y=alt.value(-3), text=alt.value(f"cut {cut:.3f}")
        ),
    ]


def _asked_rule(asked: float | None) -> list[alt.Chart]:
    if asked is None:
        return []
    base = alt.Chart(pd.DataFrame({"asked": [asked]})).encode(x="asked:Q")
    return [
        base.mark_rule(strokeWidth=1.5).encode(
            tooltip=alt.Tooltip("asked:Q", title="Score asked for", format=".4f")
        )
    ]


def _numbers(groups: Sequence[Group | Density]) -> str:
    names = {"Whole dataset": "of the whole dataset", "Passes the filters": "that pass the filters"}
    said = [f"{one.n:,} {names.get(one.name, 'of the subset')}" for one in groups]
    return f"n = {said[0]}, {' and '.join(said[1:])}" if said[1:] else f"n = {''.join(said)}"


def _histogram_title(histogram: Histogram, at_least: int) -> str:
    every, subset = histogram.groups[0], histogram.groups[-1]
    best = every.quantiles[-1]
    if not subset.n or histogram.cut is None:
        return f"No picture is in the subset; the best of {every.n:,} scores {best:.3f}"
    share = f"the best {_percent(at_least / every.n)}"
    reach = f"score {histogram.cut:.3f} or more"
    if at_least == subset.n:
        return f"{subset.n:,} of {_pictures(every.n)} {reach}: {share}"
    return (
        f"{at_least:,} of {_pictures(every.n)} {reach}, {share}; {subset.n:,} of them are in "
        "the subset"
    )


def _density_title(histogram: Histogram) -> str:
    every, subset = histogram.groups[0], histogram.groups[-1]
    median = float(every.quantiles[2])
    if not subset.n or not every.sd:
        return f"Half of the dataset scores {median:.3f} or more"
    above = (float(subset.quantiles[2]) - median) / every.sd
    return (
        f"The subset's middle score, {subset.quantiles[2]:.3f}, lies {abs(above):.1f} standard "
        f"deviations {'above' if above >= 0 else 'below'} the dataset's, {median:.3f}"
    )


def _rank_title(curve: RankCurve, cut: Standing | None) -> str:
    first, last = curve.scores[0], curve.scores[-1]
    middle = f" to {cut.score:.3f} at the cut, rank {cut.n_at_least:,}," if cut else ""
    if cut is not None and cut.n_at_least == 0:
        middle = ""
    return f"The score falls from {first:.3f} at rank 1{middle} to {last:.3f} at rank {curve.n:,}"


def _pictures(n: int) -> str:
    return "1 picture" if n == 1 else f"{n:,} pictures"


def _percent(part: float) -> str:
    """Say a part of 1 in percent with two figures at least: 0.059%, 5.5%, 42%."""
    percent = 100 * part
    digits = 0 if percent >= 10 else 1 if percent >= 1 else int(np.ceil(-np.log10(percent))) + 1
    return f"{percent:.{digits}f}%"
