"""What is measured: how many pictures compete, and which second model stands beside the first."""

import streamlit as st

from core.coco import CocoDataset
from core.embeddings import embed_command
from core.library import Library
from core.quality.subject import PICTURES
from pages.shared import address, choices
from pages.shared.plain import plain
from pages.shared.query_state import View

OWN = ("other", "sample", "way", "at", "rows")
ALL = "all"
_NONE = ""
_SIZES = {"1000": 1_000, str(PICTURES): PICTURES, ALL: None}


def choose_other(library: Library, view: View) -> str:
    """Draw the choice of a second model and return its name, "" for none."""
    here = [name for name in library.models_for(view.dataset) if name != view.model]
    asked = address.own("other")
    if asked and asked not in (*library.models(), view.model):
        st.caption(f"There is no model {plain(asked[:60])} here.")
    if not here:
        st.caption("No other model has embeddings of this dataset, so none stands beside it.")
        return _NONE
    return choices.one_of_many(
        "other",
        "Beside it",
        {_NONE: "no other model", **{name: name for name in here}},
        help="A second model on the same pictures, with the interval of the difference.",
    )


def choose_sample(coco: CocoDataset) -> int | None:
    """Draw the choice of how many pictures compete and return it; None for all.

    There is none where fewer pictures have captions than the smallest choice.
    """
    captioned = (coco.annotation_counts("captions") > 0).sum() if "captions" in coco.kinds else 0
    if captioned <= min(filter(None, _SIZES.values())):
        return None
    chosen = choices.one_of(
        "sample",
        "Pictures that compete",
        {name: "all" if size is None else f"{size:,}" for name, size in _SIZES.items()},
        usual=str(PICTURES),
        help="Recall falls when more pictures compete, so figures are compared at the same "
        "number. Published tables on COCO have 5,000 pictures. Which ones is drawn once, by a "
        "fixed seed, so that all models are measured on the same. Encoding the captions is what "
        "takes time.",
    )
    return _SIZES[chosen]


def show_missing(library: Library, view: View) -> None:
    """Name the models that have no embeddings of the dataset, with the command for each."""
    there = library.models_for(view.dataset)
    for name in library.models():
        if name not in there and name != view.model:
            st.caption(f"{plain(name)} has no embeddings of {plain(view.dataset)}. To make them:")
            st.code(embed_command(view.dataset, name), language="bash", wrap_lines=True)
