"""Charts of stability: what of a subset stays when its query is said in other words."""

import altair as alt
import numpy as np
import pandas as pd

from core.analytics.stability import WARN_BELOW, Stability
from core.charts.chart import Chart
from core.charts.colours import ACCENT, MUTED, WARNING


def kept_chart(stability: Stability) -> Chart:
    """Draw how much of the subset each phrasing finds, too."""
    data = pd.DataFrame(
        {
            "phrasing": [one.phrasing.kind for one in stability.results],
            "text": [one.phrasing.words for one in stability.results],
            "kept": [one.kept for one in stability.results],
            "pictures": [one.n_kept for one in stability.results],
            "found": [one.n_found for one in stability.results],
            "kendall": [_number(one.tau) for one in stability.results],
            "rbo": [_number(one.rbo) for one in stability.results],
        }
    )
    tooltip = [
        alt.Tooltip("text:N", title="Text"),
        alt.Tooltip("pictures:Q", title="Pictures kept", format=","),
        alt.Tooltip("kept:Q", title="Part kept", format=".0%"),
        alt.Tooltip("found:Q", title="Pictures found", format=","),
        alt.Tooltip("kendall:Q", title="Kendall's tau", format=".3f"),
        alt.Tooltip("rbo:Q", title="Rank-biased overlap", format=".3f"),
    ]
    y = alt.Y("phrasing:N", title=None, sort=list(data["phrasing"]))
    base = alt.Chart(data).encode(y=y, tooltip=tooltip)
    x = alt.X(
        "kept:Q",
        title="Part of the subset kept",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format=".0%"),
    )
    color = alt.condition(f"datum.kept < {WARN_BELOW!r}", alt.value(WARNING), alt.value(ACCENT))
    line = alt.Chart(pd.DataFrame({"line": [WARN_BELOW]})).encode(x="line:Q")
    layers = [
        base.mark_bar(height={"band": 0.6}).encode(x=x, color=color),
        line.mark_rule(color=MUTED, strokeDash=[4, 4]),
    ]
    return Chart(
        name="stability-kept",
        title=_title(stability),
        spec=alt.layer(*layers).properties(height=alt.Step(28)),
        data=data,
        n=f"n = {stability.n:,} pictures of the subset, {len(stability.results):,} phrasings, "
        f"{stability.n_ranked:,} pictures ranked",
        about="The same cut and filters, the text in other words. The dashed line is at two "
        "thirds; amber bars keep less. Kendall's tau compares the order of the whole dataset, "
        f"rank-biased overlap mostly its first {_depth(stability):,} ranks (Webber et al. 2010).",
    )


def _title(stability: Stability) -> str:
    kept = np.median([one.n_kept for one in stability.results])
    least = min(stability.results, key=lambda one: one.kept)
    if least.n_kept == stability.n:
        return f"Said in other words, the query always keeps all {stability.n:,} pictures"
    return (
        f"Said in other words, the query keeps {kept:,.0f} of {stability.n:,} pictures; "
        f"at worst {least.n_kept:,}, as “{least.phrasing.words}”"
    )


def _depth(stability: Stability) -> int:
    return round(1 / (1 - stability.p))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 6)
