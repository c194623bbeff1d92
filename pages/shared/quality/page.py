"""The page from top to bottom: what is measured, the figures, the charts, the hardest."""

import streamlit as st

from core import checkpoint
from core.errors import CocoSiftError
from core.library import SearchableDataset
from core.quality.measurement import Measurement
from core.quality.store import find_measurement
from core.quality.subject import Subject, subject_of
from pages.shared import query_state
from pages.shared.plain import plain
from pages.shared.problems import show_problem
from pages.shared.quality.charts import show_categories, show_recall
from pages.shared.quality.hardest import show_hard_captions, show_weak_categories
from pages.shared.quality.making import show_making
from pages.shared.quality.tiles import tiles

_READ = """
- **Recall at k, captions.** Each caption is searched for; it counts when the one picture that it
  was written for is among the first k. A caption may be true of other pictures too, so even a
  perfect model does not reach 100%.
- **Recall at k, pictures.** Each picture is compared with all captions; it counts when any of its
  own is among the first k. Both are the definitions of CLIP_benchmark's zero-shot retrieval, so
  the figures compare with published tables at the same number of pictures.
- **Median rank.** Half of the queries find the first right answer at this rank or before.
- **Average precision.** “A photo of a dog” is searched for each category; right is a picture with
  an instance of it. It is the mean of the precision at the rank of each right picture.
- **Intervals.** All have 95%, from 1,000 draws of as many pictures, each with all of its captions
  and instances (bootstrap over pictures, bias-corrected percentiles). They speak of other pictures
  of this kind, among the same competitors. Two models have the same draws.
"""


def show_quality(searchable: SearchableDataset, other: str, pictures: int | None) -> None:
    """Draw what was measured of a dataset with its model, or how to measure it.

    Args:
        other: a second model, "" for none.
        pictures: how many compete; None for all.

    Raises:
        CocoSiftError: the dataset, the model or the embeddings cannot be opened, or there is
            nothing to measure by.
    """
    for sentence in query_state.said():
        st.warning(plain(sentence), icon=":material/info:")
    with st.spinner("Looking for what was measured…"):
        subject = subject_of(searchable, pictures)
        found = find_measurement(searchable.library.settings, subject.key)
    _show_notes(searchable, subject)
    if found is None:
        show_making(subject)
    beside = _beside(searchable, other, pictures) if other else None
    if found is None:
        _show_reading(expanded=True)
        return
    st.html(tiles(found, beside))
    _show_reading()
    show_recall(found, beside)
    show_categories(found, beside)
    if found.overall("captions") is not None:
        show_hard_captions(searchable, found)
    show_weak_categories(searchable, found)


def _beside(searchable: SearchableDataset, other: str, pictures: int | None) -> Measurement | None:
    """Return the measurement of the second model; draws how to make it when it is not there."""
    try:
        subject = subject_of(searchable.library.dataset(searchable.name, other), pictures)
    except CocoSiftError as problem:
        show_problem(problem)
        return None
    found = find_measurement(searchable.library.settings, subject.key)
    if found is None:
        show_making(subject)
    return found


def _show_notes(searchable: SearchableDataset, subject: Subject) -> None:
    coco, embeddings = searchable.coco, searchable.embeddings
    lines = [_counted(subject, len(coco.images), len(embeddings))]
    folder = checkpoint.find_models(searchable.library.settings.models)[searchable.model]
    knows_drawings = checkpoint.read_manifest(folder).drawn
    if coco.drawn:
        lines.append(
            "These pictures are drawings"
            + (", and the model knows drawings only." if knows_drawings else ".")
        )
    elif knows_drawings:
        lines.append("The model knows drawings only: on photographs its ranking means little.")
    st.caption(plain(" ".join([*lines, *embeddings.warnings])))


def _counted(subject: Subject, pictures: int, with_vector: int) -> str:
    said = f"{subject.model} on {subject.dataset}, {pictures:,} pictures."
    if with_vector < pictures:
        said += f" {pictures - with_vector:,} have no vector and are left out."
    if not subject.pictures:
        return said
    if subject.pictures < subject.available:
        return f"{said} For recall {subject.pictures:,} of them compete, drawn by a fixed seed."
    if subject.available < with_vector:
        return f"{said} For recall the {subject.available:,} with a caption compete."
    return f"{said} All compete."


def _show_reading(expanded: bool = False) -> None:
    with st.expander("How to read this", expanded=expanded):
        st.markdown(_READ)
