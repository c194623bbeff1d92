"""The makeup of pictures, drawn: the share that has each category, beside the whole dataset."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from core.analytics.lift import Lift
from core.analytics.makeup import Makeup
from core.charts.chart import Chart
from core.charts.colours import ACCENT, MUTED
from core.charts.wording import counted, percent

ROW = 20
# Each row is named, at its middle.
ROW_LABELS = alt.Axis(labelOverlap=False, labelBound=False, labelFlush=False)
HERE = "these pictures"
ALL = "whole dataset"

_ABOUT = (
    "Of the pictures looked at, how many have at least one instance of it. The grey bar is the "
    "same of the whole dataset. A crowd counts as one instance. Click a row to see its pictures."
)


def makeup_chart(made: Makeup, places: Sequence[int] | npt.NDArray[np.int64]) -> Chart:
    """Draw the share of the pictures that have each category.

    Args:
        made: one picture and one category at least.
        places: which categories, in the order of the rows.
    """
    table = _table(made).iloc[list(places)].reset_index(drop=True)
    first = int(np.argmax(made.images))
    here, all_ = made.share[first], made.all_share[first]
    return Chart(
        name=f"makeup-{made.by}",
        title=f"{percent(here)} of these pictures have {made.names[first]}, "
        f"{percent(all_)} of the whole dataset",
        spec=share_rows(table, made.by, is_whole=made.n_images == made.total),
        data=table,
        n=f"n = {counted(made.n_images, 'picture')} with "
        f"{counted(int(made.instances.sum()), 'instance')}, of {made.total:,}",
        about=_ABOUT,
    )


def makeup_table(made: Makeup, lift: Lift) -> pd.DataFrame:
    """Return all figures of a makeup, a row a category, ordered by what stands out."""
    table = _table(made)
    table["lift"], table["low"], table["high"] = lift.lift, lift.low, lift.high
    table["p"], table["q"] = lift.p, lift.q
    return table.iloc[lift.order].reset_index(drop=True)


def share_rows(table: pd.DataFrame, label: str, *, is_whole: bool = False) -> alt.TopLevelMixin:
    """Draw a row for each row of `table`: a bar of `share`, and a thin one of `all share`.

    Args:
        table: with `label`, "share", "all share", "images" and "all images".
        label: the column that names the rows, in their order from the top.
        is_whole: there is nothing to compare with.
    """
    ends = float(max(table["share"].max(), table["all share"].max(), 1e-9))
    x = alt.X(
        "share:Q",
        axis=alt.Axis(format="~%", title="share of pictures"),
        scale=alt.Scale(domain=[0, ends], nice=True),
    )
    tooltip = [
        alt.Tooltip(f"{label}:N"),
        alt.Tooltip("images:Q", format=",", title="pictures"),
        alt.Tooltip("share:Q", format=".1%", title="share"),
        alt.Tooltip("all images:Q", format=",", title="in the dataset"),
        alt.Tooltip("all share:Q", format=".1%", title="share in the dataset"),
    ]
    if "instances" in table:
        tooltip.insert(3, alt.Tooltip("instances:Q", format=","))
    base = alt.Chart(table).encode(
        alt.Y(f"{label}:N", sort=None, title=None, axis=ROW_LABELS),
        tooltip=tooltip,
    )
    return bars_beside(base, x, is_whole=is_whole).properties(height=alt.Step(ROW))


def bars_beside(base: alt.Chart, x: alt.X, *, is_whole: bool = False) -> alt.LayerChart:
    """Draw in each row a bar of `x`, and below it a thin one of the whole dataset's "all share".

    Args:
        base: with the rows as `y`.
        x: the share of these pictures.
        is_whole: they are the whole dataset, and there is nothing to compare with.
    """
    # The whole row is a door, also where the bar is short or none.
    layers = [base.mark_rect(opacity=0)]
    if is_whole:
        layers.append(base.mark_bar(height={"band": 0.75}).encode(x))
    else:
        layers += [
            beside(base.mark_bar(height={"band": 0.5}, yOffset=-3).encode(x), HERE),
            beside(base.mark_bar(height={"band": 0.2}, yOffset=5).encode(x="all share:Q"), ALL),
        ]
    return alt.LayerChart(layer=layers)


def beside(marks: alt.Chart, what: str) -> alt.Chart:
    """Colour marks as those of `HERE` or `ALL`, with a legend that says so."""
    scale = alt.Scale(domain=[HERE, ALL], range=[ACCENT, MUTED])
    color = alt.Color("whose:N", scale=scale, legend=alt.Legend(title=None))
    return marks.transform_calculate(whose=f"'{what}'").encode(color)


def _table(made: Makeup) -> pd.DataFrame:
    return pd.DataFrame(
        {
            made.by: list(made.names),
            **({"supercategory": list(made.supercategories)} if made.by == "category" else {}),
            "images": made.images,
            "instances": made.instances,
            "share": made.share,
            "all images": made.all_images,
            "all instances": made.all_instances,
            "all share": made.all_share,
        }
    )
