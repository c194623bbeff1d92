"""The words that mark captions, drawn."""

from typing import Literal

import altair as alt
import numpy as np
import pandas as pd

from core.analytics.caption_terms import CaptionTerms
from core.charts.chart import Chart
from core.charts.colours import ACCENT, MUTED
from core.charts.makeup import ROW, ROW_LABELS
from core.charts.wording import counted, percent

_ABOUT = (
    "Words of the captions here against those of all other pictures: the log-odds-ratio with the "
    "dataset's own vocabulary as prior, over its standard deviation (z; Monroe, Colaresi and "
    "Quinn, 2008). A word counts once a picture. Shown is what stands out among all words "
    "(Benjamini and Hochberg, 1995). Click a word to see its pictures."
)


def marking_chart(terms: CaptionTerms, side: Literal["here", "elsewhere"] = "here") -> Chart | None:
    """Draw the words that stand out here, or elsewhere; None when none does."""
    places = terms.marking() if side == "here" else terms.lacking()
    if not places.size:
        return None
    table = pd.DataFrame(
        {
            "word": terms.vocabulary.take(places),
            "z": terms.z[places],
            "log odds": terms.log_odds[places],
            "q": terms.q[places],
            "images": terms.images[places],
            "share": terms.images[places] / max(1, terms.n_images),
            "all images": terms.all_images[places],
            "all share": terms.all_images[places] / max(1, terms.total),
        }
    )
    word, first = table["word"][0], table.iloc[0]
    title = (
        f"“{word}” marks these captions: {percent(first['share'])} of the pictures have it, "
        f"{percent(first['all share'])} of the whole dataset"
        if side == "here"
        else f"“{word}” is missing most: {percent(first['share'])} of the pictures have it, "
        f"{percent(first['all share'])} of the whole dataset"
    )
    return Chart(
        name=f"words-{side}",
        title=title,
        spec=_rows(table, ACCENT if side == "here" else MUTED),
        data=table,
        n=f"n = {counted(terms.n_images, 'picture')} with captions, of {terms.total:,}; "
        f"{counted(int(np.count_nonzero(terms.all_images)), 'word')}",
        about=_ABOUT,
    )


def _rows(table: pd.DataFrame, color: str) -> alt.TopLevelMixin:
    base = alt.Chart(table).encode(
        alt.Y("word:N", sort=None, title=None, axis=ROW_LABELS),
        tooltip=[
            alt.Tooltip("word:N"),
            alt.Tooltip("images:Q", format=",", title="pictures"),
            alt.Tooltip("share:Q", format=".1%"),
            alt.Tooltip("all share:Q", format=".1%", title="share in the dataset"),
            alt.Tooltip("z:Q", format=".1f"),
            alt.Tooltip("q:Q", format=".2g", title="adjusted p"),
        ],
    )
    bars = base.mark_bar(color=color, height={"band": 0.75}).encode(
        alt.X("z:Q", title="how much it stands out (z, standard deviations)")
    )
    return alt.layer(base.mark_rect(opacity=0), bars).properties(height=alt.Step(ROW))
