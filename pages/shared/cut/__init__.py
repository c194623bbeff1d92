"""The cut: where the ranked pictures end, on a histogram of all scores with a line to drag.

The sorted scores go to the browser once a query, so the count under the line is exact while
it moves. Let go, the line sends one wish; the scores are cached by then and nothing is
encoded again.
"""

import base64
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import streamlit as st

from core.found import Found
from core.query import Cut, Query
from core.query.record import MAX_TOP_K
from pages.shared import keys
from pages.shared.query_state import change, follow

_FOLDER = Path(__file__).parent
_KINDS = {"top": "Top", "score": "Score", "percentile": "Percentile"}
_KINDS_HELP = """Where the result ends.

- **Top**: so many of the best pictures that pass the filters
- **Score**: all that score at least so much
- **Percentile**: all that score at least as much as so many percent of the whole dataset;
  99 is its best hundredth

In the histogram grey is the whole dataset and teal is what passes the filters. Its heights
are square roots, so that the few best can be seen. Drag the line, or move it with the
arrow keys."""

_scores = st.components.v2.component(
    "cocosift_scores", js=(_FOLDER / "scores.js").read_text("utf-8")
)
_line = st.components.v2.component(
    "cocosift_cut",
    html='<div class="cut"></div>',
    css=(_FOLDER / "cut.css").read_text("utf-8"),
    js=(_FOLDER / "cut.js").read_text("utf-8"),
)


def show_cut(query: Query, found: Found | None) -> None:
    """Draw what says where the result ends; the histogram only when something is ranked."""
    if query.is_ranked or query.cut.kind != "top":
        follow(keys.CUT_KIND, query.cut.kind)
        st.segmented_control(
            "Show the pictures by",
            tuple(_KINDS),
            format_func=_KINDS.get,
            key=keys.CUT_KIND,
            required=True,
            help=_KINDS_HELP,
            width="stretch",
            on_change=change,
            args=(_with_kind,),
        )
    _show_value(query.cut)
    if found is not None and found.all_scores is not None and len(found.all_scores):
        st.session_state[keys.SAME_CUTS] = _same_cuts(found)
        _show_line(found)


def _show_value(cut: Cut) -> None:
    if cut.kind == "top":
        follow(keys.TOP_K, int(cut.value))
        st.number_input(
            "Pictures to show",
            min_value=1,
            max_value=MAX_TOP_K,
            step=12,
            key=keys.TOP_K,
            help="The best-scoring pictures that pass the filters, best first.",
            on_change=change,
            args=(_with_value, "top", keys.TOP_K),
        )
    elif cut.kind == "score":
        follow(keys.SCORE, cut.value)
        st.number_input(
            "Score at least",
            step=0.005,
            format="%g",
            key=keys.SCORE,
            on_change=change,
            args=(_with_value, "score", keys.SCORE),
        )
    else:
        follow(keys.PERCENTILE, cut.value)
        st.number_input(
            "Percentile at least",
            min_value=0.0,
            max_value=100.0,
            step=0.5,
            format="%g",
            key=keys.PERCENTILE,
            on_change=change,
            args=(_with_value, "percentile", keys.PERCENTILE),
        )


def _show_line(found: Found) -> None:
    scores = found.all_scores.astype("<f4").tobytes()
    passing = b""
    if found.counts.filters:
        passing = found.passing_scores.astype("<f4").tobytes()
    digest = hashlib.sha256(scores + passing).hexdigest()[:16]
    # An element of its own: it is the same at every cut, and so is sent once.
    _scores(
        data={
            "key": digest,
            "all": base64.b64encode(scores).decode(),
            "passing": base64.b64encode(passing).decode() if found.counts.filters else None,
        },
        key="scores",
    )
    cut = found.query.cut
    shown = found.scores if found.scores is not None and len(found.scores) else None
    _line(
        data={
            "key": digest,
            "kind": cut.kind,
            "value": cut.value,
            "lowest": None if cut.kind != "top" or shown is None else float(shown.min()),
            "total": found.counts.total,
        },
        key=keys.CUT_LINE,
        on_cut_change=_let_go,
    )


def _let_go() -> None:
    wish = st.session_state[keys.CUT_LINE]["cut"]
    change(_with_cut, str(wish["kind"]), wish["value"])


def _same_cuts(found: Found) -> dict[str, Cut]:
    """Return the cut of each kind that lets through what is shown now, or hardly more."""
    scores = found.all_scores
    n = max(1, len(found))
    lowest = found.scores.min() if len(found) else scores[0]
    below = 100 * float(np.count_nonzero(scores < lowest)) / len(scores)
    return {
        "top": Cut("top", n),
        "score": Cut("score", np.floor(float(lowest) * 1e4) / 1e4),
        "percentile": Cut("percentile", np.floor(below * 100) / 100),
    }


def _with_kind(query: Query) -> Query:
    kind = st.session_state[keys.CUT_KIND]
    same = st.session_state.get(keys.SAME_CUTS, {})
    return replace(query, cut=same.get(kind) or Cut())


def _with_value(query: Query, kind: str, key: str) -> Query:
    value = st.session_state[key]
    return query if value is None else replace(query, cut=Cut(kind, value))


def _with_cut(query: Query, kind: str, value: float) -> Query:
    return replace(query, cut=Cut(kind, value))
