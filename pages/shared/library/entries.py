"""Datasets, models and embeddings, each with its facts, what is odd, and what can be done."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

import streamlit as st

from core.checkpoint import VerifyReport
from core.inventory import (
    Check,
    Checks,
    DatasetEntry,
    DatasetState,
    Inventory,
    ModelEntry,
    PairEntry,
)
from core.inventory.checks import State, reading_of, verification_of
from core.inventory.words import command_here, size_words, without_folders
from core.settings import Settings
from pages.shared.moments import ago
from pages.shared.plain import plain
from pages.shared.problems import split_command
from pages.shared.subsets_face import plural

_SHORT = 12
_NOUNS = {
    "captions": "caption",
    "instances": "instance",
    "keypoints": "keypoint annotation",
    "stuff": "stuff annotation",
    "panoptic": "panoptic annotation",
}
Facts = list[tuple[str, str]]


def show_datasets(entries: Sequence[DatasetEntry], checks: Checks, settings: Settings) -> None:
    """Draw the datasets under a heading."""
    st.subheader("Datasets", anchor=False)
    if not entries:
        st.info("No datasets yet. Below is how one comes here.")
    for entry in entries:
        with st.container(border=True, key=f"dataset-{entry.name}"):
            st.html(_head(entry.title, entry.name) + _listed(_dataset_facts(entry)))
            _show_notes(entry.counts.notes if entry.counts else (), settings)
            _show_problem(entry.problem, entry.command, settings)
            if entry.state is DatasetState.UNREAD:
                _show_reading(entry, checks)


def show_models(entries: Sequence[ModelEntry], checks: Checks, settings: Settings) -> None:
    """Draw the models under a heading."""
    st.subheader("Models", anchor=False)
    if not entries:
        st.info("No models yet. Below is how one comes here.")
    for entry in entries:
        with st.container(border=True, key=f"model-{entry.name}"):
            st.html(_head(entry.title, entry.name) + _listed(_model_facts(entry)))
            _show_notes(entry.notes, settings)
            _show_problem(entry.problem, entry.command, settings)
            if entry.is_usable:
                _show_verification(entry, checks, settings)


def show_embeddings(inventory: Inventory, checks: Checks, settings: Settings) -> None:
    """Draw the embeddings that are here, also those whose dataset or model has gone."""
    st.subheader("Embeddings", anchor=False)
    here = [pair for pair in inventory.pairs.values() if pair.count]
    if not here and not inventory.left_over:
        st.info("No embeddings yet.")
    for pair in here:
        with st.container(border=True, key=f"vectors-{pair.dataset}-{pair.model}"):
            st.html(_head(f"{pair.dataset} by {pair.model}") + _listed(_pair_facts(pair)))
            if pair.is_searchable:
                _show_verification(pair, checks, settings)
    for pair in inventory.left_over:
        name = f"{pair.dataset} by {pair.model}"
        _show_notes((f"{name}: {pair.reason} Its embeddings are of no use without.",), settings)


def _dataset_facts(entry: DatasetEntry) -> Facts:
    facts: Facts = []
    if entry.pictures is not None:
        noun = "drawing" if entry.drawn else "picture"
        facts.append(("Pictures", plural(entry.pictures, noun)))
        facts.append(("Annotations", _annotations(entry)))
        facts.append(("Picture files", _picture_files(entry)))
    else:
        facts.append(("State", escape(entry.state.value)))
    facts.append(("On disk", _dataset_size(entry)))
    facts += [
        (
            file.kind.capitalize(),
            f"{escape(file.name)}, {size_words(file.size)}{_hash(file.sha256, ' · sha256 ')}",
        )
        for file in entry.files
    ]
    if entry.annotation_hash:
        facts.append(("Annotations’ hash", _hash(entry.annotation_hash)))
    return facts


def _annotations(entry: DatasetEntry) -> str:
    if entry.counts is None:
        return "being counted"
    counted = [
        plural(number, _NOUNS.get(kind, kind)) for kind, number in entry.counts.annotations.items()
    ]
    if entry.categories:
        noun = "category" if entry.categories == 1 else "categories"
        counted.append(f"{entry.categories:,} {noun}")
    if entry.counts.without_annotations:
        counted.append(f"{plural(entry.counts.without_annotations, 'picture')} without any")
    return ", ".join(counted)


def _picture_files(entry: DatasetEntry) -> str:
    if entry.pictures_at is None:
        return "none here; they come from their addresses"
    folder = f"folder {escape(entry.pictures_at.name)}"
    if entry.counts is None:
        return f"{folder}, being counted"
    missing = entry.counts.missing_files
    if not missing:
        return f"{folder}, all are there"
    return f'{folder}, <b class="warn">{missing:,} are missing</b>'


def _dataset_size(entry: DatasetEntry) -> str:
    annotations = sum(file.size for file in entry.files)
    said = f"{size_words(annotations)} annotations"
    if entry.counts is not None and entry.counts.picture_bytes:
        said += f", {size_words(entry.counts.picture_bytes)} pictures"
    return said


def _model_facts(entry: ModelEntry) -> Facts:
    facts: Facts = []
    if entry.architecture:
        facts.append(("Architecture", escape(entry.architecture)))
        facts.append(("Activation", escape(entry.activation)))
        facts.append(("Weights", escape(entry.precision)))
        facts.append(("Vectors", f"{entry.dim:,} numbers"))
        facts.append(("Sees", f"{entry.image_size:,} × {entry.image_size:,} pixels"))
    if entry.drawn:
        facts.append(("Knows", "drawings only"))
    if entry.size:
        facts.append(("On disk", f"{size_words(entry.size)} in {plural(entry.parts, 'part')}"))
    if entry.architecture:
        facts.append(("sha256", _hash(entry.sha256) or "not stated"))
    return facts


def _pair_facts(pair: PairEntry) -> Facts:
    facts = [
        ("Vectors", f"{pair.count:,} of {pair.dim:,} numbers, {escape(pair.dtype)}"),
        ("On disk", size_words(pair.size)),
    ]
    if pair.made_by:
        facts.append(("Made by", escape(pair.made_by)))
    if pair.checkpoint_sha256:
        facts.append(("With the checkpoint", _hash(pair.checkpoint_sha256)))
    if pair.annotation_hash:
        facts.append(("Of annotations", _hash(pair.annotation_hash)))
    return facts


def _head(title: str, name: str = "") -> str:
    beside = f" <code>{escape(name)}</code>" if name and name != title else ""
    return f'<h4 class="entry">{escape(title)}{beside}</h4>'


def _listed(facts: Iterable[tuple[str, str]]) -> str:
    """A description list; the values are markup."""
    items = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return f'<dl class="entry-facts">{items}</dl>'


def _hash(digest: str, before: str = "") -> str:
    """A hash that shows its beginning, all of it when pointed at, and is copied whole."""
    if not digest:
        return ""
    return f'{before}<code class="hash" title="{escape(digest)}">{escape(digest)}</code>'


def _show_notes(notes: Iterable[str], settings: Settings) -> None:
    for note in notes:
        st.caption(plain(without_folders(note, settings)))


def _show_problem(problem: str, command: str, settings: Settings) -> None:
    if not problem:
        return
    sentence, named = split_command(problem)
    st.warning(plain(without_folders(sentence, settings)), icon=":material/build:")
    st.code(command_here(named or command, settings), language="bash", wrap_lines=True)


def _show_reading(entry: DatasetEntry, checks: Checks) -> None:
    subject = reading_of(entry)
    check = checks.get(subject)
    if check is not None and check.is_under_way:
        return  # its bar stands above
    st.caption(
        "Its annotation files are new or have changed. They are read once, in the background; "
        "it opens at once from then on."
    )
    if check is not None and check.error:
        st.error(plain(check.error), icon=":material/error:")
    st.button(
        "Read the annotations",
        type="primary",
        key=f"read-{entry.name}",
        on_click=checks.start,
        args=(subject,),
    )


def _show_verification(entry: ModelEntry | PairEntry, checks: Checks, settings: Settings) -> None:
    subject = verification_of(entry)
    check = checks.get(subject)
    with st.container(horizontal=True, vertical_alignment="center"):
        is_model = isinstance(entry, ModelEntry)
        st.button(
            "Verify",
            key=f"verify-{subject.dataset}-{subject.model}",
            help="Read every byte and compare it with the stated sha256."
            if is_model
            else "Open the files as a search does, and look at every vector.",
            disabled=check is not None and check.is_under_way,
            on_click=checks.start,
            args=(subject,),
        )
        if check is not None and not check.is_under_way:
            _show_outcome(check, settings)


def _show_outcome(check: Check, settings: Settings) -> None:
    if check.state is State.STOPPED:
        st.caption("Stopped.")
        return
    when = ago(datetime.fromtimestamp(check.finished or 0, UTC), datetime.now(UTC))
    if check.state is State.FAILED:
        sentence, _ = split_command(check.error)
        st.markdown(f":orange[{plain(without_folders(sentence, settings))}] ({when})")
    elif isinstance(check.value, VerifyReport):
        st.markdown(f"{_verdict(check.value, settings)} ({when})")
    else:
        said = " ".join(map(str, check.value or ())) or "Every vector is as it should be."
        st.markdown(f"{plain(without_folders(said, settings))} ({when})")


def _verdict(report: VerifyReport, settings: Settings) -> str:
    if report.problems:
        return f":orange[{plain(without_folders(' '.join(report.problems), settings))}]"
    parts = plural(len(report.parts), "part")
    if report.stated:
        return f"All of it is right: {parts}, sha256 {report.sha256[:_SHORT]}"
    return plain(f"{parts}, sha256 {report.sha256[:_SHORT]}. Nothing states what it should be.")
