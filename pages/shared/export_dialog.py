"""The dialog before a download: what it is called, what leaves, and what its licences allow."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from core.catalogue.names import MAX_NAME, MAX_NOTE, MAX_TAGS
from core.errors import CocoSiftError
from core.export import FORMATS, ExportChoices, Splits, Use, read_fractions
from core.export.choices import LARGEST_SIDE, SMALLEST_SIDE
from core.export.work import Outlook, look_apart
from core.licences import short_name
from core.rights import Right
from core.subset import Subset
from pages.shared import keys, person, resources
from pages.shared.export_options import ExportOptions
from pages.shared.plain import plain
from pages.shared.problems import show_problem
from pages.shared.subsets_face import plural, readable

Take = Callable[[Mapping[str, Any]], None]

_USES: dict[Use, str] = {
    "commercial": "For commercial use",
    "modifications": "To be modified",
}
_NOT_ALLOWED = {
    "commercial": "commercial use",
    "modifications": "passing on changed pictures",
}
_PARTS = "train=0.8, val=0.1, test=0.1"
_USUAL_SIDE = 640
# Each pair is compared, which takes seconds beyond.
MOST_TOGETHER = 10_000


@st.dialog("What leaves", width="medium")
def show_export_dialog(subset: Subset, take: Take) -> None:
    """Let the person choose; `take` is told what they wish, then the dialog closes.

    Args:
        subset: what would leave.
        take: gets "options", and "save" when no ZIP is wanted.
    """
    name, note, tags = _show_names(subset)
    try:
        choices = _show_choices(subset)
        outlook = look_apart(subset.request(choices), subset.dataset.library.settings)
    except CocoSiftError as problem:
        show_problem(problem)
        _show_buttons(None, None, take)
        return
    _show_outlook(outlook)
    _show_buttons(outlook, ExportOptions(name, note, tuple(tags), choices), take)


def _show_names(subset: Subset) -> tuple[str, str, list[str]]:
    with st.container(horizontal=True):
        name = st.text_input(
            "Name",
            placeholder=(subset.query or subset.dataset.name)[:MAX_NAME],
            max_chars=MAX_NAME,
            key=f"{keys.EXPORT}name",
        )
        if not person.has_signed_in():
            person_key = f"{keys.EXPORT}who"
            st.session_state.setdefault(person_key, person.who())
            st.text_input(
                "Your name",
                max_chars=person.MOST,
                key=person_key,
                width=200,
                help="For the team, in Subsets and in the recipe. This browser remembers it.",
                on_change=lambda: person.remember(st.session_state[person_key]),
            )
    note = st.text_area("Note", max_chars=MAX_NOTE, height=68, key=f"{keys.EXPORT}note")
    tags = st.multiselect(
        "Tags",
        _known_tags(),
        accept_new_options=True,
        max_selections=MAX_TAGS,
        placeholder="Choose, or type a new one",
        key=f"{keys.EXPORT}tags",
    )
    return name, note, tags


def _known_tags() -> Sequence[str]:
    try:
        return [one.tag for one in resources.catalogue().tags()]
    except CocoSiftError:  # the export works without it, and then says why it is not remembered
        return []


def _show_choices(subset: Subset) -> ExportChoices:
    """Draw the choices of the package.

    Raises:
        CocoSiftError: one that cannot be.
    """
    shape = "coco"
    if len(FORMATS) > 1:
        shape = st.selectbox(
            "Format",
            list(FORMATS),
            format_func=lambda one: FORMATS[one].title,
            key=f"{keys.EXPORT}format",
        )
        if FORMATS[shape].limits:
            st.caption(plain(FORMATS[shape].limits))
    with st.container(horizontal=True):
        with_pictures = st.checkbox("With the picture files", True, key=f"{keys.EXPORT}pictures")
        only_annotated = st.checkbox(
            "Only pictures with annotations", key=f"{keys.EXPORT}only-annotated"
        )
        renumber = st.checkbox(
            "Count ids from 1",
            key=f"{keys.EXPORT}renumber",
            help="Ids are kept otherwise. ids.csv then says which was which.",
        )
    return ExportChoices(
        format=shape,
        only_annotated=only_annotated,
        renumber=renumber,
        without_pictures=not with_pictures,
        longest_side=_show_side(),
        splits=_show_splits(subset),
        uses=_show_uses(subset),
    )


def _show_uses(subset: Subset) -> tuple[Use, ...]:
    """Draw what the pictures are wanted for; at first what their dataset says."""
    wanted = subset.dataset.coco.uses
    with st.container(horizontal=True):
        return tuple(
            use
            for use, label in _USES.items()
            if st.checkbox(
                label,
                use in wanted,
                key=f"{keys.EXPORT}{use}",
                help="You are told how many pictures have licences that do not allow it.",
            )
        )


def _show_side() -> int | None:
    with st.container(horizontal=True, vertical_alignment="center"):
        smaller = st.checkbox(
            "Make large pictures smaller",
            key=f"{keys.EXPORT}smaller",
            help="Boxes, polygons, masks, keypoints and areas are scaled with them.",
        )
        if not smaller:
            return None
        return st.number_input(
            "Longest side, pixels",
            SMALLEST_SIDE,
            LARGEST_SIDE,
            _USUAL_SIDE,
            step=64,
            key=f"{keys.EXPORT}side",
            width=180,
        )


def _show_splits(subset: Subset) -> Splits | None:
    with st.container(horizontal=True, vertical_alignment="center"):
        divided = st.checkbox(
            "In parts",
            key=f"{keys.EXPORT}divided",
            help="Such as train, val and test. Each category keeps its share as far as possible.",
        )
        if not divided:
            return None
        parts = st.text_input("Parts", _PARTS, key=f"{keys.EXPORT}parts")
        seed = st.number_input("Seed", 0, 2**31 - 1, 0, step=1, key=f"{keys.EXPORT}seed", width=120)
    fractions = read_fractions(parts)
    together = len(subset) <= MOST_TOGETHER and st.checkbox(
        "Keep near-duplicates in one part",
        key=f"{keys.EXPORT}together",
        help="Pictures that look the same then never stand in train and in test.",
    )
    groups = _near_duplicates(subset.dataset.fingerprint, subset) if together else ()
    return Splits(fractions, seed=int(seed), groups=groups)


@st.cache_data(
    max_entries=16,
    show_spinner="Comparing the pictures…",
    hash_funcs={Subset: lambda subset: subset.image_ids.tobytes()},
)
def _near_duplicates(fingerprint: str, subset: Subset) -> tuple[tuple[int, ...], ...]:
    """Return the groups, kept under the state of the files and the pictures."""
    return subset.dataset.near_duplicates(subset.image_ids.tolist())


def _show_outlook(outlook: Outlook) -> None:
    """Say what would leave, under which licences, and what would not."""
    licences = [
        f"{short_name(one.name, one.url) or 'no licence stated'} {one.n_images:,}"
        for one in outlook.licences
    ]
    st.caption(plain(f"Licences: {' · '.join(licences)}"))
    warnings = [
        f"{_unfit(one.n_forbidden, one.n_unknown)} {_NOT_ALLOWED[one.use]}."
        for one in outlook.forbidden
    ]
    warnings += [f"{loss.count:,} {loss.what}" for loss in outlook.losses]
    if outlook.missing:
        warnings.append(f"{plural(len(outlook.missing), 'picture')} cannot be had.")
    if warnings:
        st.warning("  \n".join(map(plain, warnings)), icon=":material/warning:")
    for note in outlook.notes:
        st.caption(plain(note))


def _show_buttons(outlook: Outlook | None, options: ExportOptions | None, take: Take) -> None:
    with st.container(horizontal=True, horizontal_alignment="right"):
        saves = person.may(Right.SAVE) and st.button(
            "Save without a download", disabled=outlook is None, key=f"{keys.EXPORT}save"
        )
        size = (
            ""
            if outlook is None
            else f", {'' if outlook.is_exact else 'about '}{readable(outlook.n_bytes)}"
        )
        leaves = st.button(
            f"Download ZIP{size}",
            type="primary",
            disabled=outlook is None,
            key=f"{keys.EXPORT}download",
        )
    if (saves or leaves) and options is not None:
        take({"options": options.described(), "save": saves})
        st.rerun()


def _unfit(forbidden: int, unknown: int) -> str:
    said = []
    if forbidden:
        said.append(f"The licences of {plural(forbidden, 'picture')} do not allow")
    if unknown:
        before = "of " if said else "Of "
        said.append(f"{before}{unknown:,} it is not known whether they allow")
    return ", and ".join(said)
