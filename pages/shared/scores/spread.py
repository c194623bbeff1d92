"""Section Distribution: the dataset's scores beside the subset's, and where a score stands."""

import math
from dataclasses import replace

import streamlit as st

from core.analytics.ranks import Standing, standing
from core.charts.scores import density_chart, histogram_chart, rank_chart
from core.found import Found
from core.query import Cut, Query
from core.query.record import MAX_PARTS, MAX_WEIGHT
from pages.shared import address
from pages.shared.charts import show_chart
from pages.shared.current import Current
from pages.shared.query_state import change, follow
from pages.shared.scores import figures

OWN = ("at_score",)
_KEY = "scores-at"
_HIGHEST = MAX_WEIGHT * MAX_PARTS


def show_spread(current: Current) -> None:
    """Draw how the scores of the query spread."""
    found = current.found
    spread = figures.spread(current, found)
    every = spread.histogram.groups[0]
    if spread.histogram.is_constant:
        st.info(
            f"All scores are the same, {every.mean:.3f}, so nothing is more like the query than "
            f"the rest. It is of {_pictures(every.n)}."
        )
        return
    asked = _asked()
    at_least = spread.cut.n_at_least if spread.cut else 0
    show_chart(
        figures.drawn(
            current,
            ("histogram", asked),
            lambda: histogram_chart(spread.histogram, at_least, asked),
        ),
        on_click=_look_at_bin,
    )
    _show_standings(found, spread.cut, asked)
    left, right = st.columns(2, gap="large")
    with left:
        show_chart(figures.drawn(current, "ranks", lambda: rank_chart(spread.curve, spread.cut)))
    with right:
        show_chart(
            figures.drawn(
                current, "density", lambda: density_chart(spread.densities, spread.histogram)
            )
        )


def _show_standings(found: Found, cut: Standing | None, asked: float | None) -> None:
    scores = found.all_scores
    best = standing(scores, float(scores[0]))
    shown = cut or best
    if asked is not None:
        shown = standing(scores, asked)
    follow(_KEY, shown.score)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.number_input(
            "Where does a score stand?",
            step=0.005,
            format="%.4f",
            key=_KEY,
            width=190,
            help="Type a score, or click a bar of the histogram.",
            on_change=_look_at_typed,
        )
        st.button(
            "Move the cut here",
            help="Show all that score at least so much, here and on Search.",
            disabled=asked is None,
            on_click=change,
            args=(_with_cut, shown.score),
        )
        if asked is not None:
            st.button("Clear", type="tertiary", on_click=address.put, args=("at_score",))
    rows = [("Best picture", best)]
    rows += [] if cut is None else [("The cut", cut)]
    rows += [] if asked is None else [("The score asked for", shown)]
    lines = ["| | Score | Rank | Percentile | z-score |", "|:--|--:|--:|--:|--:|"]
    lines += [_row(name, one) for name, one in rows]
    st.markdown("\n".join(lines))
    st.caption(
        f"Among {_pictures(best.n)} of the whole dataset. Percentile: how many percent score at "
        "most as high. z-score: standard deviations above the mean."
    )


def _row(name: str, one: Standing) -> str:
    z = "–" if one.z is None else f"{one.z:+.2f}"
    return f"| {name} | {one.score:.4f} | {one.rank:,} | {one.percentile:.2f} | {z} |"


def _asked() -> float | None:
    """Return the score that the address asks about; None if it asks about none."""
    try:
        value = float(address.own("at_score"))
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) <= _HIGHEST else None


def _look_at_typed() -> None:
    value = st.session_state[_KEY]
    address.put("at_score", *([] if value is None else [f"{value:.4f}"]))


def _look_at_bin(datum: dict) -> None:
    if "from" in datum:
        address.put("at_score", f"{datum['from']:.4f}")


def _with_cut(query: Query, score: float) -> Query:
    return replace(query, cut=Cut("score", score))


def _pictures(n: int) -> str:
    return "1 picture" if n == 1 else f"{n:,} pictures"
