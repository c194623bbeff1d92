"""Charts of what a score means: precision and recall by threshold, and how likely it is right."""

import math
from typing import cast

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from core.analytics.calibration import Calibration, Point
from core.analytics.human_check import precision_of
from core.charts.chart import Chart
from core.charts.colours import ACCENT, MUTED, SERIES, WARNING
from core.recipe import HumanCheck
from core.recipe.check import STRATA

_FIGURES = ("precision", "recall", "F1")
_COLORS = (ACCENT, SERIES[2], MUTED)
_BAND = 0.16
_HEIGHT = 320
_SHARE = alt.Axis(format=".0%", tickCount=5)
_ABOUT_CURVE = (
    "At each threshold: of the pictures that score at least so much, the share that is right "
    "(precision); of all that are right, the share that scores so much (recall); and F1, their "
    "harmonic mean. Right is what the labels say. The bands are 95% intervals: Wilson's (1927) "
    "for precision and recall, percentiles of a bootstrap over pictures (Efron and Tibshirani, "
    "1993) for F1. They say how far other pictures of the same kind may differ; for this dataset "
    "the figures are exact, if the labels are. Measured on the pictures that pass the filters and "
    "have a vector."
)
_ABOUT_RELIABILITY = (
    "Each mark is a range of scores: the share of its pictures that is right, with Wilson's 95% "
    "interval. A larger mark has more pictures. The line is the isotonic regression (Zadrozny "
    "and Elkan, 2002): the best likelihood that does not fall as the score rises."
)
_ABOUT_RECALL = (
    "Going down the ranking, precision against recall. Average precision is the area under it, "
    "each step by its own precision, without interpolation, as scikit-learn has it; the interval "
    "is a bootstrap's."
)
_ABOUT_CHECK = (
    "The share of yes among yes and no, by where pictures lie. The lines are Wilson's 95% "
    "intervals; they shrink to nothing where all pictures were looked at."
)


def threshold_chart(calibration: Calibration, cut: float, labels: str) -> Chart:
    """Draw precision, recall and F1 at each threshold, with the present cut.

    Args:
        cut: the lowest score that is kept now.
        labels: what counts as right, in words.
    """
    curve = calibration.curve
    data = pd.DataFrame(
        {
            "threshold": np.round(curve.thresholds, 5),
            "pictures": curve.kept,
            "right": curve.right,
            "precision": curve.precision,
            "precision low": curve.precision_low,
            "precision high": curve.precision_high,
            "recall": curve.recall,
            "recall low": curve.recall_low,
            "recall high": curve.recall_high,
            "F1": curve.f1,
            "F1 low": curve.f1_low,
            "F1 high": curve.f1_high,
        }
    ).round(5)
    data = data[data["threshold"] >= _from(calibration, cut)]
    tooltip = [
        alt.Tooltip("threshold:Q", format=".3f", title="score at least"),
        alt.Tooltip("pictures:Q", format=","),
        alt.Tooltip("right:Q", format=","),
        *(alt.Tooltip(f"{name}:Q", format=".1%") for name in _FIGURES),
    ]
    x = alt.X("threshold:Q", title="score at least", scale=alt.Scale(nice=False, zero=False))
    y_scale = alt.Scale(domain=[0, 1])
    layers: list[alt.Chart] = []
    for name, color in zip(_FIGURES, _COLORS, strict=True):
        layers.append(
            alt.Chart()
            .mark_area(color=color, fillOpacity=_BAND, tooltip=False)
            .encode(
                x=x,
                y=alt.Y(f"{name} low:Q", title="share", axis=_SHARE, scale=y_scale),
                y2=f"{name} high:Q",
            )
        )
    lines = (
        alt.Chart()
        .transform_fold(list(_FIGURES), as_=["figure", "share"])
        .mark_line()
        .encode(
            x=x,
            y=alt.Y("share:Q", scale=y_scale),
            color=alt.Color(
                "figure:N",
                scale=alt.Scale(domain=list(_FIGURES), range=list(_COLORS)),
                legend=alt.Legend(title=None),
            ),
            tooltip=tooltip,
        )
    )
    return Chart(
        name="calibration",
        title=point_words(calibration.at(cut)),
        spec=alt.layer(*layers, lines, _cut_rule(cut), data=data).properties(height=_HEIGHT),
        data=data,
        n=f"{_n(calibration)} · right: {labels}",
        about=_ABOUT_CURVE,
    )


def reliability_chart(calibration: Calibration, cut: float) -> Chart:
    """Draw how likely a picture is right by its score."""
    found = calibration.reliability
    bins = pd.DataFrame(
        {
            "score": np.round((found.lows + found.highs) / 2, 5),
            "from": np.round(found.lows, 5),
            "to": np.round(found.highs, 5),
            "pictures": found.pictures,
            "right": found.right,
            "share": found.share,
            "low": found.share_low,
            "high": found.share_high,
            "isotonic": [found.at(middle) for middle in (found.lows + found.highs) / 2],
        }
    ).round(5)
    line = pd.DataFrame({"score": found.scores, "isotonic": found.likely}).round(5)
    x = alt.X("score:Q", title="score", scale=alt.Scale(nice=False, zero=False, padding=12))
    y_scale = alt.Scale(domain=[0, 1])
    tooltip = [
        alt.Tooltip("from:Q", format=".3f"),
        alt.Tooltip("to:Q", format=".3f"),
        alt.Tooltip("pictures:Q", format=","),
        alt.Tooltip("right:Q", format=","),
        alt.Tooltip("share:Q", format=".1%", title="share right"),
        alt.Tooltip("low:Q", format=".1%", title="interval from"),
        alt.Tooltip("high:Q", format=".1%", title="interval to"),
    ]
    spec = alt.layer(
        alt.Chart(line)
        .mark_line(interpolate="linear", color=MUTED)
        .encode(
            x=x,
            y=alt.Y("isotonic:Q", title="share right", axis=_SHARE, scale=y_scale),
            tooltip=[
                alt.Tooltip("score:Q", format=".3f"),
                alt.Tooltip("isotonic:Q", format=".1%", title="likely right"),
            ],
        ),
        alt.Chart(bins)
        .mark_rule(color=ACCENT)
        .encode(x=x, y=alt.Y("low:Q", scale=y_scale), y2="high:Q", tooltip=tooltip),
        alt.Chart(bins)
        .mark_point(color=ACCENT, opacity=1)
        .encode(
            x=x,
            y=alt.Y("share:Q", scale=y_scale),
            size=alt.Size(
                "pictures:Q",
                scale=alt.Scale(type="sqrt", range=[25, 400]),
                legend=alt.Legend(
                    title="pictures",
                    values=_sizes(found.pictures),
                    format=",d",
                    symbolFillColor=ACCENT,
                ),
            ),
            tooltip=tooltip,
        ),
        _cut_rule(cut),
    ).properties(height=_HEIGHT)
    return Chart(
        name="reliability",
        title=f"Of pictures that score {cut:.2f}, about {_percent(found.at(cut))} are right",
        spec=spec,
        data=bins,
        n=f"{_n(calibration)}, in {len(bins)} ranges of scores",
        about=_ABOUT_RELIABILITY,
    )


def recall_chart(calibration: Calibration, cut: float) -> Chart:
    """Draw precision against recall, going down the ranking, with the average precision."""
    curve, average = calibration.curve, calibration.average_precision
    data = pd.DataFrame(
        {
            "recall": curve.recall,
            "precision": curve.precision,
            "threshold": curve.thresholds,
            "pictures": curve.kept,
        }
    ).round(5)
    here = calibration.at(cut)
    point = pd.DataFrame(
        {
            "recall": [here.recall.value],
            "precision": [here.precision.value if here.precision else 0.0],
            "threshold": [cut],
            "pictures": [here.kept],
        }
    ).round(5)
    encoding = {
        "x": alt.X("recall:Q", title="found of all right", axis=_SHARE, scale=_WHOLE),
        "y": alt.Y("precision:Q", title="right of those kept", axis=_SHARE, scale=_WHOLE),
        "order": alt.Order("threshold:Q"),
        "tooltip": [
            alt.Tooltip("threshold:Q", format=".3f", title="score at least"),
            alt.Tooltip("pictures:Q", format=","),
            alt.Tooltip("precision:Q", format=".1%"),
            alt.Tooltip("recall:Q", format=".1%"),
        ],
    }
    base = float(calibration.all_right / calibration.pictures)
    chance = alt.Chart(pd.DataFrame({"chance": [base]}))
    spec = alt.layer(
        chance.mark_rule(color=MUTED, strokeDash=[3, 3]).encode(
            y="chance:Q", tooltip=alt.Tooltip("chance:Q", format=".1%", title="by chance")
        ),
        alt.Chart(data).mark_line().encode(**encoding),
        alt.Chart(point).mark_point(size=110, opacity=1, color=WARNING).encode(**encoding),
    ).properties(height=_HEIGHT)
    return Chart(
        name="precision-recall",
        title=f"Average precision {average.value:.2f} ({average.low:.2f} to {average.high:.2f}), "
        f"by chance {base:.2f}",
        spec=spec,
        data=data,
        n=f"{_n(calibration)} · the mark is the present cut",
        about=_ABOUT_RECALL,
    )


def check_chart(check: HumanCheck) -> Chart:
    """Draw the share that a person called right, by where pictures lie.

    Args:
        check: with a stratum at least of which some pictures were decided.
    """
    found = [(one, precision_of([one])) for one in check.strata]
    data = pd.DataFrame(
        [
            {
                "where": one.name,
                "share": share.value,
                "low": share.low,
                "high": share.high,
                "yes": len(one.yes),
                "no": len(one.no),
                "unsure": len(one.unsure),
                "pictures": one.pictures,
                "lowest": one.lowest,
                "highest": one.highest,
            }
            for one, share in found
            if share is not None
        ]
    )
    y = alt.Y("where:N", sort=list(STRATA), title=None)
    scores = [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("lowest", "highest")]
    tooltip = [
        alt.Tooltip("where:N"),
        alt.Tooltip("share:Q", format=".1%", title="share of yes"),
        alt.Tooltip("low:Q", format=".1%", title="from"),
        alt.Tooltip("high:Q", format=".1%", title="to"),
        *(alt.Tooltip(f"{name}:Q", format=",") for name in ("yes", "no", "unsure", "pictures")),
        *scores,
    ]
    base = alt.Chart(data)
    spec = alt.layer(
        base.mark_rule(color=ACCENT, strokeWidth=2).encode(
            y=y,
            x=alt.X("low:Q", title="share of yes", axis=_SHARE, scale=_WHOLE),
            x2="high:Q",
            tooltip=tooltip,
        ),
        base.mark_point(color=ACCENT, size=90, opacity=1).encode(
            y=y, x=alt.X("share:Q", scale=_WHOLE), tooltip=tooltip
        ),
    ).properties(height=alt.Step(34))
    return Chart(
        name="human-check",
        title=right_words(check),
        spec=spec,
        data=data,
        n=f"n = {check.answered:,} pictures looked at"
        + (f", {check.unsure:,} of them unsure" if check.unsure else ""),
        about=_ABOUT_CHECK,
    )


def right_words(check: HumanCheck) -> str:
    """Say what came out: `88% of the 24 above the cut are right (71% to 96%)`."""
    above = sum(one.pictures for one in check.strata if one.name != "just below")
    right = check.precision
    if right is None:
        return "Nothing can be told yet of what is above the cut"
    return (
        f"{_percent(right.value)} of the {above:,} above the cut are right "
        f"({_percent(right.low)} to {_percent(right.high)})"
    )


def missed_words(check: HumanCheck) -> str:
    """Say what the next pictures hold: `About 6 of the next 24 are right, too (2 to 11)`; or ""."""
    below = next((one for one in check.strata if one.name == "just below"), None)
    missed = check.missed
    if below is None or missed is None:
        return ""
    low, high = math.ceil(missed.low - 0.5), math.floor(missed.high + 0.5)
    return (
        f"About {missed.value:,.0f} of the next {below.pictures:,} below it are right, too "
        f"({low:,} to {high:,})"
    )


def point_words(point: Point) -> str:
    """Say what a threshold comes to: `Above 0.27: about 81% right, 64% found`."""
    if point.precision is None:
        return f"Above {point.threshold:.2f}: no picture"
    return (
        f"Above {point.threshold:.2f}: about {_percent(point.precision.value)} right, "
        f"{_percent(point.recall.value)} found"
    )


_WHOLE = alt.Scale(domain=[0, 1])


def _sizes(counts: npt.NDArray[np.int64]) -> list[int]:
    """Return two or three round numbers of pictures for a legend."""
    most = int(counts.max())
    step = 10 ** (len(str(most)) - 1)
    return sorted({max(1, step // 10), step, step * (most // step)})


def _cut_rule(cut: float) -> alt.Chart:
    chart = alt.Chart(pd.DataFrame({"cut": [round(cut, 5)]}))
    tooltip = alt.Tooltip("cut:Q", format=".3f", title="the cut")
    return cast(
        alt.Chart,
        chart.mark_rule(color=WARNING, strokeDash=[5, 4]).encode(x="cut:Q", tooltip=tooltip),
    )


def _from(calibration: Calibration, cut: float) -> float:
    """Return where a chart by threshold begins: a little below where all that is right is found.

    Farther down nothing happens but that precision falls.
    """
    scores = calibration.scores
    worst = float(scores[np.argmax(calibration.right == calibration.all_right)])
    return min(worst, cut) - 0.1 * float(scores[0] - scores[-1])


def _n(calibration: Calibration) -> str:
    return f"n = {calibration.pictures:,} pictures, {calibration.all_right:,} of them right"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"
