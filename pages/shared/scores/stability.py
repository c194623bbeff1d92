"""Section Stability: what stays of the subset when its text is said in other words."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from core.analytics.stability import WARN_BELOW, Stability, can_be_rephrased
from core.charts.stability import kept_chart
from core.query import Cut
from pages.shared.charts import show_chart
from pages.shared.current import Current
from pages.shared.doors import open_on_search
from pages.shared.query_state import view
from pages.shared.scores import figures


def show_stability(current: Current) -> None:
    """Draw what other phrasings of the query keep, with a warning when it is little."""
    found = current.found
    if not can_be_rephrased(found.query):
        st.info("The query has no text, so there is nothing to say in other words.")
        return
    if not len(found):
        st.info("The subset is empty, so nothing can be kept. Lower the cut on Search.")
        return
    stability = figures.stability(current, found)
    if not stability.results:
        st.info("This text cannot be said in other words.")
        return
    if stability.hangs_on_phrasing:
        st.warning(_warning(stability), icon=":material/warning:")
    show_chart(figures.drawn(current, "stability", lambda: kept_chart(stability)))
    _show_doors(stability)
    _show_table(stability)


def _warning(stability: Stability) -> str:
    return (
        "This subset hangs on the phrasing. Of the other phrasings the middle one keeps "
        f"{stability.median_kept:.0%} of it; below {WARN_BELOW:.0%} we warn. Several texts on "
        "Search, or prompt templates, average the wording out."
    )


def _show_doors(stability: Stability) -> None:
    doors = (
        ("every phrasing finds", stability.firm_ids),
        ("fewer than half find", stability.shaky_ids),
    )
    with st.container(horizontal=True, gap="small"):
        for words, ids in doors:
            if len(ids):
                st.button(f"See the {len(ids):,} that {words}", on_click=_open, args=(ids,))


def _show_table(stability: Stability) -> None:
    table = pd.DataFrame(
        {
            "Text": [one.phrasing.words for one in stability.results],
            "Kept": [one.n_kept for one in stability.results],
            "Found": [one.n_found for one in stability.results],
            "Kendall's tau": [one.tau for one in stability.results],
            "Rank-biased overlap": [one.rbo for one in stability.results],
        }
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "Kept": number(help=f"Of the {stability.n:,} pictures of the subset."),
            "Kendall's tau": number(
                format="%.3f", help="Of the scores of all pictures: 1 is the same order."
            ),
            "Rank-biased overlap": number(
                format="%.3f",
                help="Of the two orders, the top weighing most: 1 is the same order.",
            ),
        },
    )


def _open(ids: np.ndarray) -> None:
    query = view().query
    filters = replace(query.filters, only=tuple(ids.tolist()))
    open_on_search(replace(query, filters=filters, cut=Cut("top", len(ids))))
