"""Section Calibration: what a score means, by labels that the person chooses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import streamlit as st

from core.analytics.calibration import Calibration, Point, Wish, calibration_of
from core.analytics.labels import Labels, label_words, labelled, listed, suggestions
from core.catalogue import Entry
from core.charts import Chart
from core.charts.calibration import recall_chart, reliability_chart, threshold_chart
from core.coco import CocoDataset
from core.errors import CocoSiftError, QueryError
from core.filters import pictures_by_category
from core.found import Found
from core.query import Cut, Query, Words, canonical
from core.query.terms import read_category, read_words, words_text
from core.recent import Recent
from pages.shared import address, resources
from pages.shared.charts import show_chart
from pages.shared.current import Current
from pages.shared.plain import plain
from pages.shared.problems import show_problem
from pages.shared.query_state import change, follow
from pages.shared.scores.figures import drawn

OWN = ("label", "label_words", "label_subset", "label_join", "wish", "at_least")
_FROM, _LABELS, _WORDS, _JOIN = "label-from", "labels", "label-words", "label-join"
_SUBSET, _WISH, _AT_LEAST = "label-subset", "wish", "at-least"
_JOINS = {"all": "all of them", "any": "any of them"}
_SOURCES = {"labels": "Categories and words", "subset": "A saved subset"}
_WISHES: dict[Wish, str] = {"precision": "Precision", "recall": "Recall", "f1": "Best F1"}
_USUAL = 80
_FEW = 10
_MOST_SUBSETS = 200
_KEPT, _KEPT_BYTES = 64, 128 * 2**20
_LABELS_HELP = (
    "A picture is right if it has these, and wrong if it has not, also where annotators left "
    "something out. Type a condition to say how many: `dog>=2`, `small:person`, `super:animal`."
)


@dataclass(frozen=True, slots=True)
class Truth:
    """What counts as right: labels, or the pictures of a saved subset.

    Attributes:
        words: it in words.
        entry: of the catalogue; None for labels.
    """

    words: str
    labels: Labels = field(default_factory=Labels)
    entry: int | None = None


def show_calibration(current: Current) -> None:
    """Draw what scores mean under the labels that the person has chosen."""
    found = current.found
    coco = current.searchable.coco
    try:
        truth = _choose(coco, found)
    except CocoSiftError as problem:
        show_problem(problem)
        return
    if truth is None:
        return
    try:
        calibration = _measured(found, truth)
    except QueryError as problem:
        st.info(plain(str(problem)))
        return
    cut = _cut(found)

    def draw(what: str, make: Callable[[], Chart]) -> None:
        show_chart(drawn(current, (what, truth), make))

    draw("thresholds", lambda: threshold_chart(calibration, cut, truth.words))
    _show_suggestion(calibration)
    left, right = st.columns(2, gap="large")
    with left:
        draw("reliability", lambda: reliability_chart(calibration, cut))
    with right:
        draw("recall", lambda: recall_chart(calibration, cut))


def _choose(coco: CocoDataset, found: Found) -> Truth | None:
    """Draw what may count as right; return what does, None when nothing is chosen yet."""
    entries = _saved(coco)
    can_label = bool(len(coco.instances)) or "captions" in coco.kinds
    if not can_label and not entries:
        st.info(
            "No label fits: this dataset has no instances and no captions, and no subset of it is "
            "saved. Save one on Search, of pictures chosen by hand: it can serve as the truth."
        )
        return None
    is_subset = bool(address.own_values("label_subset")) or not can_label
    if entries and can_label:
        follow(_FROM, "subset" if is_subset else "labels")
        st.segmented_control(
            "What counts as right?",
            tuple(_SOURCES),
            format_func=_SOURCES.get,
            key=_FROM,
            required=True,
            on_change=_change_source,
            args=(entries[0].id,),
        )
    return _choose_subset(coco, found, entries) if is_subset else _choose_labels(coco, found)


def _choose_labels(coco: CocoDataset, found: Found) -> Truth | None:
    asked = address.own_values("label")
    has_categories, has_captions = bool(len(coco.instances)), "captions" in coco.kinds
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if has_categories:
            follow(_LABELS, asked)
            st.multiselect(
                "Right if it shows",
                list(dict.fromkeys([*pictures_by_category(coco), *asked])),
                key=_LABELS,
                accept_new_options=True,
                placeholder="Choose one or more",
                help=_LABELS_HELP,
                on_change=_change_categories,
            )
        if has_captions:
            follow(_WORDS, address.own("label_words"))
            st.text_input(
                "Right if a caption has",
                key=_WORDS,
                placeholder='beach "hot dog"',
                help="Whole words; words in double quotes follow one another.",
                on_change=_change_words,
            )
        labels = _asked()
        if len(labels.categories) + len(labels.words) > 1:
            follow(_JOIN, labels.join)
            st.segmented_control(
                "A picture needs",
                tuple(_JOINS),
                format_func=_JOINS.get,
                key=_JOIN,
                required=True,
                width="content",
                on_change=_change_join,
            )
    if labels:
        return Truth(label_words(labels), labels)
    _suggest(coco, found.query)
    return None


def _suggest(coco: CocoDataset, query: Query) -> None:
    """Offer the labels that the query's words name."""
    offered = suggestions(coco, query)
    if not offered:
        st.info(
            "Say what makes a picture right, and the scores are measured by it. The words of the "
            "query name no category here."
        )
        return
    st.markdown("Say what makes a picture right, and the scores are measured by it. To begin with:")
    with st.container(horizontal=True, gap="small"):
        for place, labels in enumerate(offered):
            st.button(
                plain(label_words(labels)),
                key=f"label-offer-{place}",
                icon=":material/label:",
                on_click=_take,
                args=(labels,),
            )


def _choose_subset(coco: CocoDataset, found: Found, entries: Sequence[Entry]) -> Truth | None:
    asked = address.own("label_subset")
    known = {str(entry.id): entry for entry in entries}
    names = {number: f"{entry.name} · {entry.count:,}" for number, entry in known.items()}
    if not known:
        st.info(f"No subset of {plain(coco.name)} is saved, so none can serve as the truth.")
        return None
    follow(_SUBSET, asked if asked in known else None)
    st.selectbox(
        "The subset whose pictures are right",
        tuple(known),
        format_func=names.get,
        key=_SUBSET,
        placeholder="Choose one",
        help="All other pictures count as wrong.",
        on_change=_change_subset,
    )
    if asked not in known:
        if asked:
            st.info(f"There is no saved subset {plain(asked[:20])} of this dataset (any more).")
        return None
    entry = known[asked]
    if entry.origin == "query" and entry.query == found.words:
        st.warning(
            "This subset came from the same query, so its own scores chose it. It says little "
            "about them. A subset chosen by hand, or by another query, does.",
            icon=":material/warning:",
        )
    return Truth(f"in “{entry.name}”", entry=entry.id)


def _show_suggestion(calibration: Calibration) -> None:
    """Draw the search for a threshold, what it comes to, and the button that moves the cut."""
    wish, at_least = _wished()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="suggest"):
        follow(_WISH, wish)
        st.segmented_control(
            "Suggest a threshold by",
            tuple(_WISHES),
            format_func=_WISHES.get,
            key=_WISH,
            required=True,
            width="content",
            on_change=_change_wish,
        )
        if wish != "f1":
            follow(_AT_LEAST, at_least)
            st.number_input(
                "At least, %",
                min_value=1,
                max_value=100,
                step=5,
                key=_AT_LEAST,
                width=140,
                on_change=_change_wish,
            )
        point = calibration.threshold_for(wish, at_least / 100)
        if point is not None:
            st.button(
                f"Move the cut to {point.threshold:g}",
                key="move-cut",
                type="primary",
                on_click=change,
                args=(_with_cut, point.threshold),
                help="Search then shows all that score at least so much.",
            )
    if point is None:
        best = calibration.best("precision")
        st.markdown(f"No threshold reaches {at_least}%. The highest is from {_words(best)}.")
    else:
        few = " So few pictures say little." if point.kept < _FEW else ""
        st.markdown(f"From {_words(point)}.{few}")


def _words(point: Point) -> str:
    """Say what a threshold comes to, with the intervals."""
    right, recall = point.precision, point.recall
    pictures = "1 picture" if point.kept == 1 else f"{point.kept:,} pictures"
    return (
        f"{point.threshold:g} on, {pictures}: {right.value:.0%} right "
        f"({right.low:.0%} to {right.high:.0%}), {recall.value:.0%} found "
        f"({recall.low:.0%} to {recall.high:.0%}), F1 {point.f1:.2f}"
    )


def _measured(found: Found, truth: Truth) -> Calibration:
    """Return the calibration, made once for all who ask the same.

    Raises:
        CocoSiftError: a label that cannot be, or nothing to tell apart.
    """
    query = replace(found.query, cut=Cut(), hide_duplicates=None, diversity=0.0)
    key = (found.dataset.fingerprint, canonical(query), truth)
    return _memory().get(key, lambda: calibration_of(found, _right(found.dataset.coco, truth)))


def _right(coco: CocoDataset, truth: Truth) -> np.ndarray:
    if truth.entry is None:
        return labelled(coco, truth.labels)
    recipe = resources.catalogue().recipe(truth.entry)
    return listed(coco, (*recipe.image_ids, *(one.image_id for one in recipe.left_out)))


@st.cache_resource(show_spinner=False)
def _memory() -> Recent[Calibration]:
    return Recent(_KEPT, _KEPT_BYTES, lambda one: one.n_bytes)


def _saved(coco: CocoDataset) -> Sequence[Entry]:
    """Return the saved subsets of the dataset, the newest first; none without a catalogue."""
    try:
        page = resources.catalogue().list(dataset=coco.name, limit=_MOST_SUBSETS)
    except CocoSiftError:  # the page of the catalogue says what is wrong with it
        return ()
    return page.entries


def _cut(found: Found) -> float:
    """Return the lowest score that is kept: the one asked for, else that of the last picture."""
    if found.lowest is not None:
        return float(str(np.float32(found.lowest)))
    return float(str(found.scores.min() if len(found) else found.all_scores[0]))


def _asked() -> Labels:
    """Return the labels that the address names.

    Raises:
        QueryError: words or a term that cannot be read.
    """
    categories = tuple(address.own_values("label"))
    for text in categories:
        read_category(text)
    words = read_words(address.own("label_words"))
    if any(one.is_negative for one in words):
        raise QueryError("Expected words that a caption has, found one with a dash before it.")
    join = address.own("label_join", "all")
    return Labels(categories, tuple(one.text for one in words), "any" if join == "any" else "all")


def _wished() -> tuple[Wish, int]:
    wish, text = address.own("wish", "precision"), address.own("at_least")
    share = int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else _USUAL
    return wish if wish in _WISHES else "precision", min(max(share, 1), 100)


def _take(labels: Labels) -> None:
    address.put("label", *labels.categories)
    address.put("label_words", *_words_values(labels))
    address.put("label_join", *(["any"] if labels.join == "any" else []))


def _words_values(labels: Labels) -> list[str]:
    text = words_text(Words(one) for one in labels.words)
    return [text] if text else []


def _change_source(first: int) -> None:
    is_subset = st.session_state[_FROM] == "subset"
    address.put("label_subset", *([str(first)] if is_subset else []))


def _change_categories() -> None:
    address.put("label", *st.session_state[_LABELS])


def _change_words() -> None:
    text = st.session_state[_WORDS].strip()
    address.put("label_words", *([text] if text else []))


def _change_join() -> None:
    address.put("label_join", *(["any"] if st.session_state[_JOIN] == "any" else []))


def _change_subset() -> None:
    chosen = st.session_state[_SUBSET]
    address.put("label_subset", *([chosen] if chosen else []))


def _change_wish() -> None:
    wish, share = st.session_state[_WISH], st.session_state.get(_AT_LEAST, _USUAL)
    address.put("wish", *([] if wish == "precision" else [wish]))
    address.put("at_least", *([] if share in (None, _USUAL) else [str(share)]))


def _with_cut(query: Query, threshold: float) -> Query:
    return replace(query, cut=Cut("score", threshold))
