"""Charts of several subsets side by side, of how two differ, and of a suggested balance."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from core.analytics.balance import Suggestion
from core.analytics.comparison import Difference, Ints, SideBySide
from core.charts.chart import Chart
from core.charts.colours import ACCENT, MUTED, SERIES, series_colors

MOST_ROWS = 25
"""Categories of one chart; those that differ less are left to the tables."""
MOST_SUBSETS = len(SERIES)
_STEP = 21
_LETTERS_SIDE_BY_SIDE = 36
_SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
_NOT_CERTAIN = "may be chance"

_ABOUT_SHARES = (
    "Each mark is the share of a subset's pictures that have at least one instance of the "
    "category, crowds included. The line spans the subsets. On top is where they lie farthest "
    "apart. Click a mark to see those pictures."
)
_ABOUT_DIFFERENCE = (
    "The mark is the difference in percentage points, the line its 95% interval (Newcombe 1998, "
    "method 10). Coloured are differences that hold by Fisher's exact test, corrected for the "
    "number of categories (Benjamini and Hochberg 1995, at most one in twenty of them by "
    "chance). The subsets were chosen, not drawn at random: read it as what other pictures "
    "chosen in the same way would show."
)
_ABOUT_DISTANCE = (
    "The Jensen-Shannon distance of the shares of instances, to base 2: 0 is the same makeup, "
    "1 no category in common (Lin 1991; Endres and Schindelin 2003)."
)
_ABOUT_BALANCE = (
    "The share of each category among all instances: as the subset is, as it would be, and as "
    "it is wanted (the bar). Categories are ordered by how far they are from what is wanted. "
    "The distance is Jensen-Shannon's, to base 2: 0 is what is wanted, 1 nothing in common."
)


def shares_chart(made: SideBySide, most: int = MOST_ROWS) -> Chart:
    """Draw the share of each category in each subset, where they differ most on top.

    Args:
        made: of 1 to `MOST_SUBSETS` subsets with different names, and of some category.
    """
    order = [int(at) for at in made.by_spread() if made.images[:, at].any()][:most]
    shares = made.shares
    data = pd.DataFrame(
        [
            {
                "category": made.names[at],
                "subset": subset,
                "share": shares[row, at],
                "images": int(made.images[row, at]),
                "of": int(made.n_images[row]),
            }
            for at in order
            for row, subset in enumerate(made.subsets)
        ]
    )
    y = _rows([made.names[at] for at in order])
    span = (
        alt.Chart(data)
        .mark_rule(color=MUTED, opacity=0.5)
        .encode(y=y, x=alt.X("min(share):Q"), x2=alt.X2("max(share):Q"), tooltip=alt.value(None))
    )
    colours = series_colors(made.subsets)
    shapes = _SHAPES[: len(made.subsets)]
    legend = _legend(made.subsets) if len(made.subsets) > 1 else None
    dots = (
        alt.Chart(data)
        .mark_point(size=75, opacity=1)
        .encode(
            y=y,
            x=alt.X(
                "share:Q",
                axis=alt.Axis(format="%", grid=True),
                title="share of the subset's pictures",
                scale=alt.Scale(zero=True),
            ),
            color=alt.Color(
                "subset:N",
                scale=alt.Scale(domain=list(made.subsets), range=list(colours)),
                legend=legend,
            ),
            shape=alt.Shape(
                "subset:N",
                scale=alt.Scale(domain=list(made.subsets), range=list(shapes)),
                legend=legend,
            ),
            tooltip=[
                alt.Tooltip("category:N"),
                alt.Tooltip("subset:N"),
                alt.Tooltip("share:Q", format=".1%"),
                alt.Tooltip("images:Q", title="pictures", format=","),
                alt.Tooltip("of:Q", format=","),
            ],
        )
    )
    return Chart(
        name="subsets-side-by-side",
        title=_shares_title(made, order),
        spec=alt.layer(span, dots).properties(height=alt.Step(_STEP)),
        data=data,
        n=_n_of(made),
        about=_ABOUT_SHARES,
    )


def difference_chart(found: Difference, first: str, second: str, most: int = MOST_ROWS) -> Chart:
    """Draw in which categories two groups of pictures differ, with intervals.

    Args:
        found: of two groups that differ in some picture.
        first, second: what they are called.
    """
    order = found.by_size()[:most]
    more = [_more_in(found, int(at), first, second) for at in order]
    data = pd.DataFrame(
        {
            "category": [found.names[at] for at in order],
            "difference": 100 * found.difference[order],
            "low": 100 * found.low[order],
            "high": 100 * found.high[order],
            "more": more,
            "images in first": found.images[0, order],
            "images in second": found.images[1, order],
            "p": found.p_values[order],
            "q": found.q_values[order],
        }
    )
    names = [f"more in {first}", f"more in {second}", _NOT_CERTAIN]
    y = _rows(data["category"].tolist())
    color = alt.Color(
        "more:N",
        scale=alt.Scale(domain=names, range=[ACCENT, SERIES[1], MUTED]),
        legend=_legend(names),
    )
    tooltip = [
        alt.Tooltip("category:N"),
        alt.Tooltip("difference:Q", format="+.1f", title="difference, points"),
        alt.Tooltip("low:Q", format="+.1f", title="from"),
        alt.Tooltip("high:Q", format="+.1f", title="to"),
        alt.Tooltip("q:Q", format=".2g", title="q (corrected p)"),
    ]
    base = alt.Chart(data)
    spec = alt.layer(
        base.mark_rule(color=MUTED, strokeDash=[3, 3]).encode(
            x=alt.datum(0), tooltip=alt.value(None)
        ),
        base.mark_rule(strokeWidth=2).encode(
            y=y,
            x=alt.X("low:Q", title="difference in percentage points", axis=alt.Axis(grid=True)),
            x2="high:Q",
            color=color,
            tooltip=tooltip,
        ),
        base.mark_point(size=75, opacity=1).encode(
            y=y, x="difference:Q", color=color, tooltip=tooltip
        ),
    ).properties(height=alt.Step(_STEP))
    return Chart(
        name="difference-of-subsets",
        title=_difference_title(found, first, second),
        spec=spec,
        data=data,
        n=f"n = {_pictures(found.n[0])} of {first}, {_pictures(found.n[1])} of {second}",
        about=_ABOUT_DIFFERENCE,
    )


def distance_chart(made: SideBySide) -> Chart:
    """Draw how far each two makeups lie apart.

    Args:
        made: of two subsets at least that have instances.
    """
    n = len(made.subsets)
    data = pd.DataFrame(
        [
            {
                "subset": made.subsets[one],
                "other": made.subsets[other],
                "distance": float(made.distances[one, other]),
            }
            for one in range(n)
            for other in range(n)
            if np.isfinite(made.distances[one, other])
        ]
    )
    axes = {
        "x": alt.X("other:N", sort=list(made.subsets), title=None, axis=alt.Axis(labelAngle=0)),
        "y": alt.Y("subset:N", sort=list(made.subsets), title=None),
        "tooltip": [
            alt.Tooltip("subset:N"),
            alt.Tooltip("other:N"),
            alt.Tooltip("distance:Q", format=".3f"),
        ],
    }
    spec = alt.layer(
        alt.Chart(data)
        .mark_rect(color=ACCENT)
        .encode(
            opacity=alt.Opacity(
                "distance:Q", scale=alt.Scale(domain=[0, 1], range=[0.04, 0.55]), legend=None
            ),
            **axes,
        ),
        alt.Chart(data).mark_text().encode(text=alt.Text("distance:Q", format=".2f"), **axes),
    ).properties(height=alt.Step(36))
    return Chart(
        name="distances-of-subsets",
        title=_distance_title(made),
        spec=spec,
        data=data,
        n="n = "
        + " and ".join(f"{int(count):,}" for count in made.instances.sum(axis=1))
        + " instances",
        about=_ABOUT_DISTANCE,
    )


def balance_chart(suggestion: Suggestion, wanted: str, most: int = MOST_ROWS) -> Chart:
    """Draw how far each category is from its wanted share, before and after.

    Args:
        suggestion: of a subset with instances, before or after.
        wanted: the target in words, such as "an equal makeup".
    """
    order = suggestion.by_gap[:most]
    columns = {
        "now": suggestion.shares_before,
        "suggested": suggestion.shares_after,
        "wanted": suggestion.target.shares,
    }
    names = [suggestion.target.names[at] for at in order]
    data = pd.DataFrame({"category": names, **{k: v[order] for k, v in columns.items()}})
    y = _rows(names)
    axis = alt.Axis(format=".1~%", grid=True)
    tooltip = [alt.Tooltip("category:N")] + [
        alt.Tooltip(f"{name}:Q", format=".2%") for name in columns
    ]
    base = alt.Chart(data).transform_fold(["now", "suggested"], as_=["when", "share"])
    spec = alt.layer(
        base.mark_rule(color=MUTED, opacity=0.5).encode(
            y=y,
            x=alt.X("now:Q", axis=axis, title="share of all instances"),
            x2="suggested:Q",
            tooltip=alt.value(None),
        ),
        base.mark_point(size=75, opacity=1).encode(
            y=y,
            x="share:Q",
            color=alt.Color(
                "when:N",
                scale=alt.Scale(domain=["now", "suggested"], range=[MUTED, ACCENT]),
                legend=alt.Legend(title=None, symbolType="circle"),
            ),
            tooltip=tooltip,
        ),
        base.mark_tick(color=SERIES[1], thickness=3, size=14).encode(
            y=y, x="wanted:Q", tooltip=tooltip
        ),
    ).properties(height=alt.Step(_STEP))
    return Chart(
        name="balance",
        title=_balance_title(suggestion, wanted),
        spec=spec,
        data=data,
        n=f"n = {_instances(suggestion.before)} now, {_instances(suggestion.after)} as suggested; "
        "the orange bar is what is wanted",
        about=_ABOUT_BALANCE,
    )


def _legend(names: Sequence[str]) -> alt.Legend:
    # Side by side they must fit a telephone.
    is_short = sum(map(len, names)) <= _LETTERS_SIDE_BY_SIDE
    return alt.Legend(
        title=None, symbolType="circle", direction="horizontal" if is_short else "vertical"
    )


def _rows(names: list[str]) -> alt.Y:
    # Room for a mark that stands at the axis.
    return alt.Y(
        "category:N", sort=names, title=None, axis=alt.Axis(labelPadding=12, labelOverlap=False)
    )


def _shares_title(made: SideBySide, order: list[int]) -> str:
    if not order:
        return "None of these pictures has an instance"
    top, shares = order[0], made.shares
    name = made.names[top]
    if len(made.subsets) == 1:
        return f"{name} is in {shares[0, top]:.0%} of “{made.subsets[0]}”"
    high, low = int(shares[:, top].argmax()), int(shares[:, top].argmin())
    return (
        f"{name} differs most: {shares[high, top]:.0%} of “{made.subsets[high]}”, "
        f"{shares[low, top]:.0%} of “{made.subsets[low]}”"
    )


def _difference_title(found: Difference, first: str, second: str) -> str:
    n_certain = int(found.is_significant.sum())
    n_there = len(found.by_size())
    if not n_certain:
        return f"No difference of {_categories(n_there)} is more than chance may give"
    top = int(found.by_size()[0])
    more, less = (first, second) if found.difference[top] > 0 else (second, first)
    return (
        f"{found.names[top]} is {abs(100 * found.difference[top]):.0f} points more frequent in "
        f"{more} than in {less}; {n_certain} of {_categories(n_there)} differ"
    )


def _distance_title(made: SideBySide) -> str:
    apart = np.where(np.isfinite(made.distances), made.distances, -1)
    one, other = np.unravel_index(int(apart.argmax()), apart.shape)
    if len(made.subsets) == 2:
        return f"The two makeups lie {apart[one, other]:.2f} apart, of 1 at most"
    return (
        f"“{made.subsets[one]}” and “{made.subsets[other]}” lie farthest apart: "
        f"{apart[one, other]:.2f} of 1 at most"
    )


def _balance_title(suggestion: Suggestion, wanted: str) -> str:
    first, last = suggestion.distances[0], suggestion.distances[-1]
    if not suggestion.n_changes and suggestion.stopped == "reached":
        return f"This is {wanted}: nothing need be changed"
    if not suggestion.n_changes:
        return f"{last:.2f} away from {wanted}, and no picture brings it nearer"
    changes = "1 change" if suggestion.n_changes == 1 else f"{suggestion.n_changes:,} changes"
    if np.isnan(first):
        return f"{last:.2f} away from {wanted} with {changes}"
    return f"From {first:.2f} to {last:.2f} away from {wanted} with {changes}"


def _more_in(found: Difference, at: int, first: str, second: str) -> str:
    if not found.is_significant[at]:
        return _NOT_CERTAIN
    return f"more in {first if found.difference[at] > 0 else second}"


def _n_of(made: SideBySide) -> str:
    parts = [
        f"{_pictures(int(count))} of “{name}”"
        for name, count in zip(made.subsets, made.n_images, strict=True)
    ]
    return "n = " + ", ".join(parts)


def _pictures(n: int) -> str:
    return "1 picture" if n == 1 else f"{n:,} pictures"


def _instances(counts: Ints) -> str:
    n = int(counts.sum())
    return "1 instance" if n == 1 else f"{n:,} instances"


def _categories(n: int) -> str:
    return "1 category" if n == 1 else f"{n:,} categories"
