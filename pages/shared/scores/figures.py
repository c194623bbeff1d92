"""The figures and charts of the page, each made once for all who ask the same of the same files.

They are records that nobody changes, so they are shared and not copied.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.analytics.by_label import (
    InstanceScores,
    LabelledPictures,
    LabelScores,
    caption_word_labels,
    category_labels,
    scores_by_instances,
    scores_by_label,
)
from core.analytics.ranks import RankCurve, Standing, rank_curve, standing
from core.analytics.scores import (
    Density,
    Histogram,
    density,
    score_densities,
    score_histogram,
)
from core.analytics.stability import Stability, stability_of
from core.charts import Chart
from core.coco import CocoDataset
from core.found import Found
from core.query import Query, canonical
from pages.shared.current import Current

Key = tuple[str, str]
MOST_WORDS = 60
_KEPT = 64


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """How the scores of a query spread; `cut` is where the subset ends, None if it is empty."""

    histogram: Histogram
    densities: tuple[Density, ...]
    curve: RankCurve
    cut: Standing | None


def spread(current: Current, found: Found) -> Spread:
    """Return how the scores of `found` spread."""
    return _spread(_key(current, found.query), found)


def query_density(current: Current, name: str, found: Found) -> Density:
    """Return the density of the whole dataset's scores by the query of `found`."""
    return _query_density(_key(current, found.query.ranking()), name, found)


def by_category(current: Current, found: Found) -> LabelScores:
    """Return the scores by category, the best-told first."""
    return _by_category(_key(current, found.query.ranking()), found)


def by_word(current: Current, found: Found) -> LabelScores:
    """Return the scores by the caption words that are told best, `MOST_WORDS` of them."""
    return _by_word(_key(current, found.query.ranking()), found)


def by_instances(current: Current, found: Found) -> InstanceScores | None:
    """Return the scores by the number of instances; None without instances."""
    return _by_instances(_key(current, found.query.ranking()), found)


def stability(current: Current, found: Found) -> Stability:
    """Return how the subset fares when its text is said otherwise.

    Raises:
        CocoSiftError: as of `core.analytics.stability.stability_of`.
    """
    return _stability(_key(current, found.query), current, found)


def drawn(current: Current, what: Hashable, make: Callable[[], Chart]) -> Chart:
    """Return a chart of the query's figures, which is made once: Altair takes its time.

    Args:
        what: which chart, and all that it depends on beside dataset, model and query.
        make: makes it.
    """
    return _drawn(_key(current, current.found.query), what, make)


def _key(current: Current, query: Query) -> Key:
    return current.searchable.fingerprint, canonical(query)


@st.cache_resource(max_entries=4 * _KEPT, show_spinner=False)
def _drawn(key: Key, what: Hashable, _make: Callable[[], Chart]) -> Chart:
    return _make()


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def _spread(key: Key, _found: Found) -> Spread:
    histogram = score_histogram(_found)
    scores = _found.all_scores
    cut = None if histogram.cut is None else standing(scores, histogram.cut)
    curve = rank_curve(scores, cut.n_at_least if cut else None)
    return Spread(histogram, score_densities(_found), curve, cut)


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def _query_density(key: Key, name: str, _found: Found) -> Density:
    return density(name, _found.all_scores)


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def _by_category(key: Key, _found: Found) -> LabelScores:
    coco = _found.dataset.coco
    return scores_by_label(_scores_by_row(_found), _categories(coco.annotation_hash, coco))


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def _by_word(key: Key, _found: Found) -> LabelScores:
    coco = _found.dataset.coco
    return scores_by_label(
        _scores_by_row(_found),
        _words(coco.annotation_hash, coco),
        most=MOST_WORDS,
        by_lower_bound=True,
    )


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def _by_instances(key: Key, _found: Found) -> InstanceScores | None:
    return scores_by_instances(_scores_by_row(_found), _found.dataset.coco)


@st.cache_resource(max_entries=_KEPT, show_spinner="Asking in other words…")
def _stability(key: Key, _current: Current, _found: Found) -> Stability:
    return stability_of(_current.searchable, _found)


@st.cache_resource(max_entries=8, show_spinner=False)
def _categories(annotation_hash: str, _coco: CocoDataset) -> LabelledPictures:
    return category_labels(_coco)


@st.cache_resource(max_entries=4, show_spinner="Reading the words of the captions…")
def _words(annotation_hash: str, _coco: CocoDataset) -> LabelledPictures:
    return caption_word_labels(_coco)


def _scores_by_row(found: Found) -> np.ndarray:
    return found.ranking.scores_by_row(len(found.dataset.coco.images))
