"""What a person chooses of the map: the method, and what the points are coloured by."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import streamlit as st

from core.errors import CocoSiftError
from core.map import (
    METHODS,
    MOST_CLUSTERS,
    Colouring,
    Layout,
    MapFiles,
    Method,
    by_category,
    by_cluster,
    by_licence,
    by_score,
    by_subset,
    clusters_of,
    layout_of,
    marking_words,
    usual_method,
)
from core.map.colouring import By
from pages.shared import address, choices, subset_choice
from pages.shared.current import Current
from pages.shared.problems import show_problem
from pages.shared.query_state import follow

OWN = ("map", "colour", "show", "clusters", "labels", "lit", *subset_choice.OWN)

_SHOW, _CLUSTERS = "map-show", "map-clusters"
_TITLES: dict[Method, str] = {"umap": "UMAP", "pca": "PCA"}
_COLOURS: dict[By, str] = {
    "category": "Category",
    "score": "Score",
    "subset": "Subset",
    "licence": "Licence",
    "cluster": "Cluster",
}
_USUAL_CLUSTERS = 8
_MOST_SHOWN = 30
_ABOUT = """Each point is a picture; those near one another look alike to the model.

- **UMAP** (McInnes, Healy, Melville, 2018) keeps neighbours together. How far groups lie apart,
  and how large they are, means little.
- **PCA** shows the two directions in which the vectors differ most. Distances mean more, but
  most of what the vectors hold is not in the picture."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Whether regions are named, and whether the result stands out."""

    labels: bool
    light_up: bool


def choose_layout(current: Current) -> Layout:
    """Let the person choose the method, and return its map; what hinders UMAP is said.

    Raises:
        CocoSiftError: there are no embeddings.
    """
    dataset = current.searchable
    files = MapFiles(dataset.library.embeddings_files(dataset.name, dataset.model), "umap")
    usual = usual_method(dataset)
    with st.sidebar:
        titles = {method: _TITLES[method] for method in METHODS}
        method = cast(Method, choices.one_of("map", "Map", titles, usual=usual, help=_ABOUT))
    try:
        with st.spinner("Laying out the pictures…"):
            layout = layout_of(dataset, method)
    except CocoSiftError as problem:
        if method == "pca":
            raise
        show_problem(problem)
        st.caption("This is the map of principal axes meanwhile.")
        layout = layout_of(dataset, "pca")
    _show_facts(layout, files)
    return layout


def choose_colouring(current: Current, layout: Layout) -> Colouring:
    """Let the person choose what the points are coloured by, and return their classes."""
    possible = _possible(current)
    asked = address.own("colour")
    with st.sidebar:
        titles = {by: _COLOURS[by] for by in possible}
        by = cast(By, choices.one_of_many("colour", "Colour by", titles))
        if asked in _COLOURS and asked not in possible:
            st.caption(_impossible(asked))
    try:
        return _colouring(by, current, layout)
    except CocoSiftError as problem:
        show_problem(problem)
        return by_subset(layout.image_ids, [])


def choose_shown() -> Shown:
    """Let the person choose whether regions are named and the result stands out."""
    with st.sidebar:
        return Shown(
            labels=choices.turned_on("labels", "Name the regions", usual=True),
            light_up=choices.turned_on("lit", "Light up the result", usual=True),
        )


def _show_facts(layout: Layout, files: MapFiles) -> None:
    with st.sidebar:
        if layout.explained is not None:
            first, second = layout.explained
            st.caption(f"The axes hold {first:.0%} and {second:.0%} of how the vectors differ.")
        if not files.exists:
            st.caption("A map by UMAP is made by this command:")
            st.code(files.command, language="bash", wrap_lines=True)


def _possible(current: Current) -> tuple[By, ...]:
    coco, found = current.searchable.coco, current.found
    is_possible = {
        "category": bool(coco.categories),
        "score": found is not None and found.ranking is not None,
        "subset": True,
        "licence": bool(coco.licenses),
        "cluster": True,
    }
    return tuple(by for by in _COLOURS if is_possible[by])


def _impossible(asked: str) -> str:
    reasons = {
        "category": "This dataset has no categories.",
        "score": "Nothing is asked yet, so there are no scores to colour by.",
        "licence": "This dataset names no licences.",
    }
    return reasons[asked]


def _colouring(by: By, current: Current, layout: Layout) -> Colouring:
    coco, ids = current.searchable.coco, layout.image_ids
    if by == "category":
        return by_category(coco, ids, _choose_categories(current))
    if by == "score" and current.found is not None:
        return by_score(current.found, ids)
    if by == "licence":
        return by_licence(coco, ids)
    if by == "cluster":
        return _clusters(current, layout)
    chosen = subset_choice.choose_subsets(current)
    return by_subset(ids, [(one.name, one.image_ids) for one in chosen])


def _choose_categories(current: Current) -> list[str]:
    names = list(dict.fromkeys(category.name for category in current.searchable.coco.categories))
    shown = [name for name in address.own_values("show") if name in names][:_MOST_SHOWN]
    with st.sidebar:
        follow(_SHOW, shown)
        st.multiselect(
            "Categories",
            names,
            key=_SHOW,
            placeholder="The most frequent",
            max_selections=_MOST_SHOWN,
            help="A picture has the colour of the category that takes up most of it. Of those "
            "that you choose, the one that takes up most counts.",
            on_change=_take_all,
            args=("show", _SHOW),
        )
    return shown


def _clusters(current: Current, layout: Layout) -> Colouring:
    text = address.own("clusters", str(_USUAL_CLUSTERS))
    k = int(text) if text.isdecimal() and len(text) < 4 else _USUAL_CLUSTERS
    most = max(2, min(MOST_CLUSTERS, len(layout)))
    k = min(most, max(2, k))
    with st.sidebar:
        follow(_CLUSTERS, k)
        st.slider(
            "Clusters",
            2,
            max(3, most),
            key=_CLUSTERS,
            help="Groups of vectors by k-means. Numbered by size; the words mark the captions "
            "of each against all others.",
            on_change=_take,
            args=("clusters", _CLUSTERS),
        )
    coco = current.searchable.coco
    with st.spinner("Grouping the pictures…"):
        clusters = clusters_of(current.searchable, k)
        of_image = np.full(len(coco.images), -1, dtype=np.int64)
        of_image[coco.images.rows_of(layout.image_ids)] = clusters
        return by_cluster(clusters, marking_words(coco, of_image, k))


def _take(name: str, key: str) -> None:
    address.put(name, str(st.session_state[key]))


def _take_all(name: str, key: str) -> None:
    address.put(name, *st.session_state[key])
