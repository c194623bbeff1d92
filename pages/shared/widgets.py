"""Widgets of the sidebar and the query bar; their keys are the names in the URL."""

import streamlit as st

from core.coco import CocoDataset
from core.library import Library, SearchableDataset
from core.subset import Subset

DATASET, MODEL, TOP_K, QUERY = "dataset", "model", "k", "q"
MAX_TOP_K = 1_000
QUERY_LABEL = "What should the pictures show?"

_DRAWN_EXAMPLES = (
    "a dog on a beach",
    "cars at night",
    "something to eat",
    "animals in the snow",
    "furniture",
)
_PHOTO_EXAMPLES = (
    "a dog catching a frisbee",
    "people skiing down a slope",
    "a kitchen with a window",
    "a red bus in a city",
    "a plate of food",
)

# The cursor waits in the query box when the page opens, but calls up no keyboard on a telephone.
_focus = st.components.v2.component(
    "cocosift_focus",
    js="""
    const done = new WeakSet();
    export default function ({ data, parentElement }) {
      if (done.has(parentElement) || matchMedia("(hover: none)").matches) return;
      done.add(parentElement);
      document.querySelector(`input[aria-label="${data}"]`)?.focus({ preventScroll: true });
    }
    """,
)


def choose_dataset(library: Library) -> str:
    """Let the person choose a dataset; return its name."""
    names = library.datasets()
    default, _ = library.default_pair()
    return st.selectbox(
        "Dataset", names, index=names.index(default), key=DATASET, bind="query-params"
    )


def choose_model(library: Library, dataset: str) -> str:
    """Let the person choose among the models whose embeddings of `dataset` are there."""
    names = library.models_for(dataset) or library.models()
    return st.selectbox("Model", names, key=MODEL, bind="query-params")


def choose_top_k(default: int) -> int:
    """Let the person choose how many pictures to show."""
    return st.number_input(
        "Pictures to show",
        min_value=1,
        max_value=MAX_TOP_K,
        value=default,
        step=12,
        key=TOP_K,
        bind="query-params",
        help="The best-scoring pictures of the dataset, best first.",
    )


def query_box() -> str:
    """Draw the query box; return the text without the blanks around it."""
    text = st.text_input(
        QUERY_LABEL,
        key=QUERY,
        type="search",
        placeholder="Say what the pictures should show, then press Enter",
        label_visibility="collapsed",
        icon=":material/search:",
        bind="query-params",
    )
    return (text or "").strip()


def focus_query_box() -> None:
    """Put the cursor into the query box when the page opens. Takes no room if it comes last."""
    _focus(data=QUERY_LABEL, key="focus")


def examples(coco: CocoDataset) -> None:
    """Offer queries to click."""
    texts = coco.examples or (_DRAWN_EXAMPLES if coco.drawn else _PHOTO_EXAMPLES)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("Try", width="content")
        for text in texts:
            st.button(text, key=f"example: {text}", on_click=_ask, args=(text,))


def notes(searchable: SearchableDataset, found: Subset) -> None:
    """Say what a person should know of this dataset, this model and this query."""
    if searchable.coco.drawn:
        st.caption("These pictures are drawings, and the demo model knows drawings only.")
    for note in (*searchable.warnings, *found.notes):
        st.caption(f":orange[:material/info: {note}]")


def _ask(text: str) -> None:
    st.session_state[QUERY] = text
