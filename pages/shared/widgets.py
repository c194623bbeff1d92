"""Widgets of the search page that are neither the query bar, nor a filter, nor the cut."""

from dataclasses import replace

import streamlit as st

from core.errors import CocoSiftError
from core.found import Found
from core.library import Library, SearchableDataset
from core.query import Cut, Query
from pages.shared import keys, query_state, resources
from pages.shared.plain import plain
from pages.shared.query_state import View, change, follow

_PROMPTS = {"off": "off", "simple": "7", "full": "80"}
_USUAL_SIMILARITY = 0.95


def choose_dataset(library: Library, view: View) -> None:
    """Let the person choose a dataset; the query goes along as far as it can."""
    follow(keys.DATASET, view.dataset)
    st.selectbox("Dataset", library.datasets(), key=keys.DATASET, on_change=_look_at_chosen_dataset)


def choose_model(library: Library, view: View) -> None:
    """Let the person choose among the models whose embeddings of the dataset are there."""
    names = library.models_for(view.dataset) or library.models()
    follow(keys.MODEL, view.model)
    st.selectbox("Model", names, key=keys.MODEL, on_change=_look_with_chosen_model)


def show_variety(query: Query) -> None:
    """Draw how near-duplicates are hidden, how unlike one another pictures should be, and
    what becomes of a text that is a noun."""
    active = (query.hide_duplicates is not None) + bool(query.diversity)
    label = f"Look-alikes and variety :primary[· {active}]" if active else "Look-alikes and variety"
    with st.expander(label, key="fold-variety", type="compact"):
        follow(keys.HIDE_DUPLICATES, query.hide_duplicates is not None)
        st.toggle(
            "Hide near-duplicates",
            key=keys.HIDE_DUPLICATES,
            help="Of pictures that look the same only the best-ranked is shown; its tile says "
            "how many are behind it.",
            on_change=change,
            args=(_with_hiding,),
        )
        if query.hide_duplicates is not None:
            follow(keys.DUPLICATES, query.hide_duplicates)
            st.number_input(
                "Near-duplicate from a cosine of",
                min_value=0.0,
                max_value=1.0,
                step=0.01,
                format="%g",
                key=keys.DUPLICATES,
                on_change=change,
                args=(_with_similarity,),
            )
        follow(keys.DIVERSITY, query.diversity)
        st.slider(
            "Variety",
            0.0,
            1.0,
            step=0.05,
            format="%.2f",
            key=keys.DIVERSITY,
            help="Each next picture is the one with the highest λ · score − (1 − λ) · its "
            "greatest likeness to those before it: maximal marginal relevance (Carbonell and "
            "Goldstein, SIGIR 1998). Variety is 1 − λ; at 0 the score alone decides.",
            on_change=change,
            args=(_with_diversity,),
        )
        st.caption(f"λ = {1 - query.diversity:.2f}")
    label = "Text as a noun" + (" :primary[· on]" if query.prompts != "off" else "")
    with st.expander(label, key="fold-prompts", type="compact"):
        follow(keys.PROMPTS, query.prompts)
        st.segmented_control(
            "Sentences to put it into",
            tuple(_PROMPTS),
            format_func=_PROMPTS.get,
            key=keys.PROMPTS,
            required=True,
            help='For a bare noun such as "dog". It is put into the sentences that CLIP was '
            'tested with on ImageNet ("a photo of a dog", "a drawing of a dog", …), and their '
            "vectors are averaged (Radford et al., 2021). Off takes the text as it is.",
            on_change=change,
            args=(_with_prompts,),
        )


def notes(searchable: SearchableDataset, found: Found | None) -> None:
    """Say what a person should know of this address, dataset, model and query."""
    if sentences := query_state.said():
        st.warning("  \n".join(map(plain, sentences)), icon=":material/info:")
    try:
        if searchable.coco.drawn:
            knows = " The model knows drawings only." if searchable.encoder.drawn else ""
            st.caption(f"These pictures are drawings.{knows}")
        warnings = searchable.warnings
    except CocoSiftError:  # it is said where the pictures would be
        warnings = ()
    lines = [*warnings, *(found.notes if found else ())]
    if lines:
        st.markdown(
            "  \n".join(f":small[:orange[:material/info: {plain(line)}]]" for line in lines)
        )


def show_nothing_reaches(found: Found) -> None:
    """Say that pictures pass the filters but none reaches the cut, and offer a way out."""
    best = found.passing_scores
    with st.container(border=True, key="nothing-reaches"):
        if best is None or not len(best):
            st.markdown("**No picture here has an embedding, so none can be ranked.**")
            return
        st.markdown(
            f"**No picture scores that high.** The best of the {found.counts.passing:,} that "
            f"pass scores {best[0]:.3f}."
        )
        st.button("Show the best 24", type="primary", on_click=change, args=(_with_best,))


def _look_at_chosen_dataset() -> None:
    query_state.look_at_dataset(resources.library(), st.session_state[keys.DATASET])


def _look_with_chosen_model() -> None:
    query_state.look_at(replace(query_state.view(), model=st.session_state[keys.MODEL]))


def _with_hiding(query: Query) -> Query:
    similarity = _USUAL_SIMILARITY if st.session_state[keys.HIDE_DUPLICATES] else None
    return replace(query, hide_duplicates=similarity)


def _with_similarity(query: Query) -> Query:
    return replace(query, hide_duplicates=st.session_state[keys.DUPLICATES])


def _with_diversity(query: Query) -> Query:
    return replace(query, diversity=st.session_state[keys.DIVERSITY])


def _with_prompts(query: Query) -> Query:
    return replace(query, prompts=st.session_state[keys.PROMPTS])


def _with_best(query: Query) -> Query:
    return replace(query, cut=Cut())
