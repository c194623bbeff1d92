"""Charts of scores by label: how high pictures with and without a category or word score."""

from typing import Any, cast

import altair as alt
import numpy as np
import pandas as pd

from core.analytics.by_label import InstanceScores, LabelScores
from core.charts.chart import Chart
from core.charts.colours import ACCENT, MUTED
from core.charts.scores import SCORE

_ENDS = ("p5", "p25", "p50", "p75", "p95")
_STRIP_ABOUT = "A thin line holds the middle 90% of the scores, a thick one the middle half; the "
_STRIP_ABOUT += "mark between is the median."
_ROW = 26


def label_strips_chart(scores: LabelScores, name: str, noun: str) -> Chart:
    """Draw for each label the scores of the pictures that have it and of those that have not.

    Args:
        name: of the chart.
        noun: what the labels are: "category", "word".
    """
    with_ = _strips(scores.names, scores.strips_with, scores.n_with, f"with the {noun}")
    without = _strips(scores.names, scores.strips_without, scores.n_without, "without it")
    data = pd.concat([with_, without], ignore_index=True)
    data = data[data["pictures"] > 0]
    sides = [f"with the {noun}", "without it"]
    offset = alt.YOffset("side:N", sort=sides, scale=alt.Scale(domain=sides, paddingOuter=0.4))
    color = alt.Color(
        "side:N",
        title=None,
        scale=alt.Scale(domain=sides, range=[ACCENT, MUTED]),
        sort=sides,
        legend=alt.Legend(orient="bottom"),  # so that the rows begin where the areas' do
    )
    return Chart(
        name=f"{name}-strips",
        title=_strips_title(scores),
        spec=_strip_layers(data, list(scores.names), offset, color),
        data=data,
        n=f"n = {scores.n:,} pictures with a score",
        about=f"{_STRIP_ABOUT} The further teal lies to the right of grey, the better the score "
        f"tells the {noun}. Click a row to see its pictures on Search.",
    )


def auc_chart(scores: LabelScores, name: str, noun: str) -> Chart:
    """Draw the area under the curve of each label with its interval, in their order."""
    data = pd.DataFrame(
        {
            "label": scores.names,
            "auc": scores.auc.round(6),
            "low": scores.low.round(6),
            "high": scores.high.round(6),
            "with": scores.n_with,
            "without": scores.n_without,
        }
    )
    y = alt.Y("label:N", title=None, sort=list(scores.names), axis=alt.Axis(labelFlush=False))
    scale = alt.Scale(domain=[float(min(0.4, np.nanmin(scores.low, initial=0.4))), 1.0])
    tooltip = [
        alt.Tooltip("label:N", title=noun.capitalize()),
        alt.Tooltip("auc:Q", title="AUC", format=".3f"),
        alt.Tooltip("low:Q", title="95% from", format=".3f"),
        alt.Tooltip("high:Q", title="to", format=".3f"),
        alt.Tooltip("with:Q", title="Pictures with it", format=","),
        alt.Tooltip("without:Q", title="without it", format=","),
    ]
    base = alt.Chart(data).encode(y=y, tooltip=tooltip)
    chance = alt.Chart(pd.DataFrame({"chance": [0.5]})).mark_rule(color=MUTED, strokeDash=[4, 4])
    layers = [
        base.mark_rule(color=ACCENT, strokeWidth=2).encode(
            x=alt.X("low:Q", title="AUC, with its 95% interval", scale=scale), x2="high:Q"
        ),
        chance.encode(x="chance:Q"),
        base.mark_point(color=ACCENT, opacity=1, size=70).encode(x=alt.X("auc:Q", scale=scale)),
    ]
    return Chart(
        name=f"{name}-auc",
        title=_auc_title(scores, noun),
        spec=alt.layer(*layers).properties(height=alt.Step(_ROW)),
        data=data,
        n=f"n = {scores.n:,} pictures with a score",
        about=f"The chance that a picture with the {noun} scores above one without: 0.5 is a coin "
        "toss, 1 tells all (Hanley and McNeil 1982). Intervals by Newcombe 2006, method 5; they "
        "hold for each row by itself, so of many rows some stand out by chance.",
    )


def instances_chart(scores: InstanceScores) -> Chart:
    """Draw the scores of pictures by how many instances they have."""
    data = _strips(scores.names, scores.strips, scores.counts, "pictures")
    color = alt.value(ACCENT)
    return Chart(
        name="score-instances",
        title=_instances_title(scores),
        spec=_strip_layers(data, list(scores.names), None, color, "Instances in the picture"),
        data=data,
        n=f"n = {scores.n:,} pictures with a score",
        about=f"{_STRIP_ABOUT} A crowd counts as one instance. Spearman's rank correlation, 0 is "
        "none and 1 the same order.",
    )


def _strips(
    names: tuple[str, ...], strips: np.ndarray, counts: np.ndarray, side: str
) -> pd.DataFrame:
    columns = {end: strips[:, place].round(6) for place, end in enumerate(_ENDS)}
    return pd.DataFrame({"label": names, "side": side, "pictures": counts, **columns})


def _strip_layers(
    data: pd.DataFrame,
    order: list[str],
    offset: alt.YOffset | None,
    color: Any,
    title: str | None = None,
) -> alt.TopLevelMixin:
    tooltip = [
        alt.Tooltip("label:N", title="Pictures"),
        alt.Tooltip("side:N", title="are those"),
        alt.Tooltip("pictures:Q", title="Number", format=","),
        alt.Tooltip("p50:Q", title="Median score", format=".3f"),
        alt.Tooltip("p25:Q", title="Lower quartile", format=".3f"),
        alt.Tooltip("p75:Q", title="Upper quartile", format=".3f"),
        alt.Tooltip("p5:Q", title="5% score below", format=".3f"),
        alt.Tooltip("p95:Q", title="5% score above", format=".3f"),
    ]
    base = alt.Chart(data).encode(
        y=alt.Y("label:N", title=title, sort=order, axis=alt.Axis(labelFlush=False)),
        color=color,
        tooltip=tooltip,
    )
    if offset is not None:
        base = base.encode(yOffset=offset)
    x = alt.X("p5:Q", title=SCORE, axis=alt.Axis(format=".2f"), scale=alt.Scale(zero=False))
    layers = [
        base.mark_rule(strokeWidth=1.5).encode(x=x, x2="p95:Q"),
        base.mark_rule(strokeWidth=6, strokeCap="butt").encode(x="p25:Q", x2="p75:Q"),
        base.mark_tick(thickness=3, size=14, opacity=1).encode(x="p50:Q"),
    ]
    step = alt.Step(_ROW, **({"for": "position"} if offset is not None else {}))
    return cast(alt.TopLevelMixin, alt.layer(*layers).properties(height=step))


def _strips_title(scores: LabelScores) -> str:
    if not len(scores) or np.isnan(scores.auc[0]):
        return "There is nothing to compare: all pictures, or none, have it"
    first = scores.names[0]
    return (
        f"Pictures with “{first}” have a middle score of {scores.strips_with[0, 2]:.3f}, "
        f"the others {scores.strips_without[0, 2]:.3f}"
    )


def _auc_title(scores: LabelScores, noun: str) -> str:
    if not len(scores) or np.isnan(scores.auc[0]):
        return "There is nothing to compare: all pictures, or none, have it"
    return (
        f"The query tells the {noun} “{scores.names[0]}” best: AUC {scores.auc[0]:.2f} "
        f"({scores.low[0]:.2f} to {scores.high[0]:.2f})"
    )


def _instances_title(scores: InstanceScores) -> str:
    if np.isnan(scores.spearman):
        return f"All {scores.n:,} pictures have as many instances, or the same score"
    if abs(scores.spearman) < 0.1:
        return f"The number of instances hardly matters: rank correlation {scores.spearman:.2f}"
    way = "higher" if scores.spearman > 0 else "lower"
    return f"The more instances, the {way} the score: rank correlation {scores.spearman:.2f}"
