"""Charts of how well a model searches a dataset: recall by group, by k, precision by category."""

from collections.abc import Sequence
from typing import Any, cast

import altair as alt
import numpy as np
import pandas as pd

from core.charts.chart import Chart
from core.charts.colours import ACCENT, MUTED, SERIES, category_colors
from core.quality.comparison import Difference
from core.quality.estimates import DRAWS, Estimate
from core.quality.measurement import Direction, Measurement, RecallFigure

_ROW = 24
_MOST_POINTS = 60
_INTERVALS = (
    f"Lines are 95% intervals, from {DRAWS:,} draws of the pictures with all that belongs to them "
    "(bootstrap over pictures, bias-corrected percentiles)."
)
_ASKED = {
    "captions": "captions find their picture",
    "pictures": "pictures find one of their captions",
}
_SHORT = {"captions": "captions → their picture", "pictures": "pictures → a caption"}
_KINDS = {
    "all": "",
    "supercategory": "has: ",
    "size": "largest object: ",
    "length": "caption of ",
}
_PERCENT = alt.Axis(format="%")


def group_chart(
    direction: Direction, k: int, found: Measurement, other: Measurement | None = None
) -> Chart | None:
    """Draw recall at `k` of all and of each group; None when there is no group to compare."""
    figures = [one for one in found.recall if one.direction == direction]
    if len(figures) < 2:
        return None
    data = pd.DataFrame(
        [
            _row(group_name(figure), figure.recall[k], measured.subject.model)
            | {
                "kind": figure.kind,
                "of": figure.group,
                "queries": figure.queries,
                "pictures": figure.pictures,
            }
            for measured in (found, other)
            if measured is not None
            for figure in measured.recall
            if figure.direction == direction
        ]
    )
    names = [group_name(figure) for figure in figures]
    lowest = min(figures[1:], key=lambda figure: figure.recall[k].value)
    of_all = figures[0].recall[k].value
    tooltip = [
        alt.Tooltip("group:N", title="Group"),
        *_figure_tooltips("Recall", ".1%"),
        alt.Tooltip("queries:Q", title="Asked", format=","),
        alt.Tooltip("pictures:Q", title="Pictures", format=","),
    ]
    line = alt.Chart(pd.DataFrame({"all": [of_all]})).mark_rule(color=MUTED, strokeDash=[4, 4])
    return Chart(
        name=f"recall-by-group-{direction}",
        title=f"At {k}, {_ASKED[direction]} in {of_all:.0%} of cases; least with "
        f"“{group_name(lowest)}”: {lowest.recall[k].value:.0%}",
        spec=alt.layer(
            line.encode(x="all:Q"),
            *_forest(data, names, f"Recall at {k}", _models(found, other), tooltip, _PERCENT),
        ).properties(height=_step(other)),
        data=data,
        n=_counted(found),
        about=f"A caption counts as found at {k} when its own picture is among the first {k}; a "
        f"picture when any of its captions is. The dashed line is all of them. {_INTERVALS} A "
        "picture may be in several groups; groups of fewer than 5 pictures are left out. A click "
        "on a supercategory opens its pictures.",
    )


def curve_chart(found: Measurement, other: Measurement | None = None) -> Chart:
    """Draw how many are found among the first k, for every k: the distribution of ranks."""
    data = pd.concat(
        [
            _curve(measured, direction)
            for measured in (found, other)
            if measured is not None
            for direction in ("captions", "pictures")
        ],
        ignore_index=True,
    )
    ranks = found.caption_ranks
    late = int(np.percentile(ranks, 99, method="inverted_cdf"))
    first = float((ranks == 1).mean())
    models = _models(found, other)
    color = alt.Color(
        "asked:N",
        title=None,
        scale=alt.Scale(domain=list(_SHORT.values()), range=[ACCENT, SERIES[1]]),
    )
    line = (
        alt.Chart(data)
        .mark_line(interpolate="step-after")
        .encode(
            x=alt.X("k:Q", title="Among the first", scale=alt.Scale(type="log", nice=False)),
            y=alt.Y("share:Q", title="Found", axis=_PERCENT, scale=alt.Scale(domain=[0, 1])),
            color=color,
            tooltip=[
                alt.Tooltip("asked:N", title="What is asked"),
                alt.Tooltip("model:N", title="Model"),
                alt.Tooltip("k:Q", title="Among the first", format=","),
                alt.Tooltip("share:Q", title="Found", format=".1%"),
            ],
        )
    )
    if len(models) > 1:
        line = line.encode(
            strokeDash=alt.StrokeDash("model:N", title=None, scale=alt.Scale(domain=list(models)))
        )
    return Chart(
        name="rank-distribution",
        title=f"{first:.0%} of the captions find their picture first; one in a hundred only after "
        f"rank {late:,}",
        spec=line.properties(height=260),
        data=data,
        n=_counted(found),
        about="The share of queries whose first right answer has at most this rank. Its height at "
        "1, 5 and 10 is the recall above. The scale of ranks is logarithmic.",
    )


def category_chart(
    found: Measurement, other: Measurement | None = None, most: int | None = None
) -> Chart | None:
    """Draw the average precision of the categories, the weakest first.

    Args:
        most: draw so many of the weakest; None draws all.
    """
    weakest = found.weakest(most or len(found.categories))
    mean = found.mean_average_precision
    if not weakest or mean is None:
        return None
    names = [one.name for one in weakest]
    data = pd.DataFrame(
        [
            _row(one.name, one.average_precision, measured.subject.model)
            | {"supercategory": one.supercategory, "pictures": one.pictures}
            for measured in (found, other)
            if measured is not None
            for one in measured.categories
            if one.average_precision is not None and one.name in names
        ]
    )
    tooltip = [
        alt.Tooltip("group:N", title="Category"),
        *_figure_tooltips("Average precision", ".3f"),
        alt.Tooltip("pictures:Q", title="Pictures with it", format=","),
    ]
    line = alt.Chart(pd.DataFrame({"mean": [mean.value]})).mark_rule(color=MUTED, strokeDash=[4, 4])
    models = _models(found, other)
    colors = dict(zip(names, category_colors([one.id for one in weakest]), strict=True))
    layers = _forest(
        data, names, "Average precision", models, tooltip, alt.Axis(format=".1f"), colors
    )
    return Chart(
        name="precision-by-category",
        title=f"Mean average precision {mean.value:.2f}; weakest is “{names[0]}” "
        f"with {_value(weakest[0].average_precision):.2f}",
        spec=alt.layer(line.encode(x="mean:Q"), *layers).properties(height=_step(other)),
        data=data,
        n=f"n = {_noun(len(found.labelled_ids), 'picture')}; "
        f"{_noun(found.measured_categories, 'category', 'categories')} with 5 pictures or more"
        + (f", the {len(names)} weakest drawn" if len(names) < found.measured_categories else ""),
        about="“A photo of a dog” is searched for each category; right is a picture with an "
        "instance of it. The average precision is the mean of the precision at the rank of each "
        "right picture; the dashed line is the mean of all categories. An instance that nobody "
        f"marked counts as wrong. {_INTERVALS} A click opens the category on Search.",
    )


def size_chart(found: Measurement, other: Measurement | None = None) -> Chart | None:
    """Draw the mean average precision by the size of the category's object; None without."""
    if not found.mean_by_size:
        return None
    names = list(found.mean_by_size)
    data = pd.DataFrame(
        [
            _row(size, figure, measured.subject.model)
            for measured in (found, other)
            if measured is not None
            for size, figure in measured.mean_by_size.items()
        ]
    )
    tooltip = [
        alt.Tooltip("group:N", title="Largest object"),
        *_figure_tooltips("Mean average precision", ".3f"),
    ]
    said = ", ".join(f"{size} {figure.value:.2f}" for size, figure in found.mean_by_size.items())
    return Chart(
        name="precision-by-size",
        title=f"Mean average precision by the size of the object: {said}",
        spec=alt.layer(
            *_forest(data, names, "Mean average precision", _models(found, other), tooltip)
        ).properties(height=_step(other)),
        data=data,
        n=f"n = {_noun(len(found.labelled_ids), 'picture')}",
        about="A picture is of the size of its largest single object of the category, by COCO's "
        "area classes: small below 32², large from 96² square pixels on. Right pictures of other "
        f"sizes are left out of the ranking, as COCO's evaluation ignores them. {_INTERVALS}",
    )


def difference_chart(
    changes: Sequence[Difference], one: str, other: str, most: int = 20
) -> Chart | None:
    """Draw by how much the first of two models is better at each category.

    Args:
        changes: of categories; those that are not paired are left out.
        one, other: names of the models.
    """
    paired = [change for change in changes if change.of and change.change is not None]
    drawn = sorted(paired[:most], key=lambda change: change.one.value - change.other.value)
    if not drawn:
        return None
    names = [change.of for change in drawn]
    data = pd.DataFrame([_row(change.of, change.change, "") for change in drawn])
    clear = sum(change.is_clear for change in paired)
    tooltip = [
        alt.Tooltip("group:N", title="Category"),
        *_figure_tooltips("Difference", "+.3f", with_model=False),
    ]
    zero = alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color=MUTED)
    layers = _forest(
        data, names, "Difference", ("",), tooltip, alt.Axis(format="+.1f"), zero_based=False
    )
    return Chart(
        name="precision-difference",
        title=f"“{one}” and “{other}” differ clearly at {clear} of {len(paired)} categories",
        spec=alt.layer(zero.encode(x="zero:Q"), *layers).properties(height=alt.Step(_ROW)),
        data=data,
        n=f"{_noun(len(paired), 'category', 'categories')}, "
        f"{'all' if len(drawn) == len(paired) else f'the {len(drawn)} greatest differences'} drawn",
        about=f"Average precision of “{one}” less that of “{other}”: to the right of zero “{one}” "
        f"is better. {_INTERVALS} Both models have the same draws, so the interval is of the "
        "difference itself; clear is one that leaves out zero. Of many categories some stand "
        "out by chance.",
    )


def group_name(figure: RecallFigure) -> str:
    """Say which queries a figure is of."""
    if figure.kind == "all":
        return "all"
    if figure.group == "no object":
        return "no object marked"
    return f"{_KINDS[figure.kind]}{figure.group}"


def _row(group: str, estimate: Estimate | None, model: str) -> dict[str, Any]:
    if estimate is None:
        raise ValueError(f"expected a figure of {group!r}")
    interval = estimate.interval()
    return {
        "group": group,
        "model": model,
        "value": round(estimate.value, 6),
        "low": round(interval.low, 6),
        "high": round(interval.high, 6),
    }


def _forest(
    data: pd.DataFrame,
    names: Sequence[str],
    title: str,
    models: Sequence[str],
    tooltip: list[alt.Tooltip],
    axis: alt.Axis | None = None,
    colors: dict[str, str] | None = None,
    zero_based: bool = True,
) -> list[Any]:
    """Return the layers of a point with its interval a row; of two models, one below the other.

    Args:
        colors: of the points by name, where one model alone is drawn.
    """
    scale = alt.Scale(domain=[0, 1]) if zero_based else alt.Undefined
    base = alt.Chart(data).encode(
        y=alt.Y("group:N", title=None, sort=list(names), axis=alt.Axis(labelFlush=False)),
        tooltip=tooltip,
    )
    if len(models) > 1:
        base = base.encode(
            yOffset=alt.YOffset("model:N", sort=list(models), scale=alt.Scale(paddingOuter=0.4)),
            color=alt.Color(
                "model:N",
                title=None,
                scale=alt.Scale(domain=list(models), range=[ACCENT, SERIES[1]]),
                sort=list(models),
            ),
        )
    points = base
    if colors is not None and len(models) == 1:
        scale_of_colors = alt.Scale(domain=list(colors), range=list(colors.values()))
        points = base.encode(color=alt.Color("group:N", legend=None, scale=scale_of_colors))
    x = alt.X("low:Q", title=title, scale=scale, axis=axis or alt.Axis())
    return [
        base.mark_rule(strokeWidth=2, color=MUTED if len(models) == 1 else alt.Undefined).encode(
            x=x, x2="high:Q"
        ),
        points.mark_point(size=60, opacity=1).encode(x=alt.X("value:Q", scale=scale)),
    ]


def _figure_tooltips(title: str, format: str, with_model: bool = True) -> list[alt.Tooltip]:
    model = [alt.Tooltip("model:N", title="Model")] if with_model else []
    return [
        *model,
        alt.Tooltip("value:Q", title=title, format=format),
        alt.Tooltip("low:Q", title="95% from", format=format),
        alt.Tooltip("high:Q", title="to", format=format),
    ]


def _curve(found: Measurement, direction: Direction) -> pd.DataFrame:
    ranks = found.caption_ranks if direction == "captions" else found.picture_ranks
    most = max(1, int(ranks.max(initial=1)))
    steps = np.unique(np.geomspace(1, most, _MOST_POINTS).round().astype(int))
    shares = np.searchsorted(np.sort(ranks), steps, side="right") / max(1, len(ranks))
    return pd.DataFrame(
        {
            "asked": _SHORT[direction],
            "model": found.subject.model,
            "k": steps,
            "share": shares.round(6),
        }
    )


def _models(found: Measurement, other: Measurement | None) -> tuple[str, ...]:
    models = (found.subject.model,)
    return models if other is None else (*models, other.subject.model)


def _step(other: Measurement | None) -> Any:
    return (
        alt.Step(_ROW)
        if other is None
        else cast(Any, alt.Step(2 * _ROW - 10, **{"for": "position"}))
    )


def _counted(found: Measurement) -> str:
    return (
        f"n = {_noun(len(found.image_ids), 'picture')} and "
        f"{_noun(len(found.caption_ranks), 'caption')}"
    )


def _noun(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _value(estimate: Estimate | None) -> float:
    return estimate.value if estimate is not None else float("nan")
