"""Widgets of the sidebar and the query bar; their keys are the names in the URL."""

import streamlit as st

from core.library import Library, SearchableDataset
from core.subset import Subset
from pages.shared import address
from pages.shared.plain import plain

DATASET, MODEL, TOP_K, QUERY = "dataset", "model", "k", "q"
MAX_TOP_K = 1_000
QUERY_LABEL = "What should the pictures show?"

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
    address.start_choice(DATASET, "dataset", names, library.default_pair()[0])
    return st.selectbox("Dataset", names, key=DATASET, persist_state="session")


def choose_model(library: Library, dataset: str) -> str:
    """Let the person choose among the models whose embeddings of `dataset` are there."""
    names = library.models_for(dataset) or library.models()
    address.start_choice(MODEL, "model", names, library.default_model(dataset))
    return st.selectbox("Model", names, key=MODEL, persist_state="session")


def choose_top_k(default: int) -> int:
    """Let the person choose how many pictures to show."""
    address.start(TOP_K, default, _read_top_k)
    return st.number_input(
        "Pictures to show",
        min_value=1,
        max_value=MAX_TOP_K,
        step=12,
        key=TOP_K,
        persist_state="session",
        help="The best-scoring pictures of the dataset, best first.",
    )


def query_box() -> str:
    """Draw the query box; return the text without the blanks around it."""
    address.start(QUERY, "", str)
    text = st.text_input(
        QUERY_LABEL,
        key=QUERY,
        type="search",
        placeholder="Say what the pictures should show, then press Enter",
        label_visibility="collapsed",
        icon=":material/search:",
        persist_state="session",
    )
    return (text or "").strip()


def focus_query_box() -> None:
    """Put the cursor into the query box when the page opens. Takes no room if it comes last."""
    _focus(data=QUERY_LABEL, key="focus")


def offer(examples: tuple[str, ...]) -> None:
    """Offer example queries to click."""
    if not examples:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("Try", width="content")
        for text in examples:
            st.button(plain(text), key=f"example: {text}", on_click=_ask, args=(text,))


def notes(searchable: SearchableDataset, found: Subset) -> None:
    """Say what a person should know of this address, dataset, model and query."""
    for complaint in address.complaints():
        st.warning(plain(complaint))
    if searchable.coco.drawn:
        knows = " The model knows drawings only." if searchable.encoder.drawn else ""
        st.caption(f"These pictures are drawings.{knows}")
    for note in (*searchable.warnings, *found.notes):
        st.markdown(f":small[:orange[:material/info: {plain(note)}]]")


def _ask(text: str) -> None:
    st.session_state[QUERY] = text


def _read_top_k(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_TOP_K:
        raise ValueError(
            f"The address asks for {text!r:.20} pictures; it can be 1 to {MAX_TOP_K:,}."
        )
    return int(text)
