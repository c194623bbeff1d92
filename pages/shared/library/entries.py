"""Datasets, models and embeddings, each with its facts, what is odd, and what can be done."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

import streamlit as st

from core.checkpoint import VerifyReport
from core.coco import KIND_NOUNS
from core.inventory import (
    AnnotationFile,
    Checks,
    DatasetEntry,
    DatasetState,
    Inventory,
    ModelEntry,
    PairEntry,
)
from core.inventory.checks import Subject, reading_of, verification_of
from core.inventory.missing import completing_command
from core.inventory.words import command_here, size_words, without_folders
from core.jobs import State
from core.rights import Right
from core.settings import Settings
from pages.shared import person
from pages.shared.moments import ago
from pages.shared.plain import plain
from pages.shared.problems import split_command
from pages.shared.subsets_face import plural

_SHORT = 12
Facts = list[tuple[str, str]]


def show_datasets(entries: Sequence[DatasetEntry], checks: Checks, settings: Settings) -> None:
    """Draw the datasets under a heading."""
    st.subheader("Datasets", anchor=False)
    if not entries:
        st.info("No datasets yet. Below is how one comes here.")
    for entry in entries:
        with st.container(border=True, key=f"dataset-{entry.name}"):
            st.html(_head(entry.title, entry.name))
            st.html(_listed(_dataset_facts(entry)))
            _show_notes(entry.counts.notes if entry.counts else (), settings)
            _show_problem(entry.problem, entry.command, settings)
            if command := completing_command(entry):
                st.code(command, language=None, wrap_lines=True)
            if entry.state is DatasetState.UNREAD:
                _show_reading(entry, checks)


def show_models(entries: Sequence[ModelEntry], checks: Checks, settings: Settings) -> None:
    """Draw the models under a heading."""
    st.subheader("Models", anchor=False)
    if not entries:
        st.info("No models yet. Below is how one comes here.")
    for entry in entries:
        with st.container(border=True, key=f"model-{entry.name}"):
            _show_head(_head(entry.title, entry.name), entry if entry.is_usable else None, checks)
            st.html(_listed(_model_facts(entry)))
            _show_outcome(verification_of(entry), checks, settings)
            _show_notes(entry.notes, settings)
            _show_problem(entry.problem, entry.command, settings)


def show_embeddings(inventory: Inventory, checks: Checks, settings: Settings) -> None:
    """Draw the embeddings that are here, also those whose dataset or model has gone."""
    st.subheader("Embeddings", anchor=False)
    here = [pair for pair in inventory.pairs.values() if pair.count]
    if not here and not inventory.left_over:
        st.info("No embeddings yet.")
    for pair in here:
        with st.container(border=True, key=f"vectors-{pair.dataset}-{pair.model}"):
            head = _head(f"{pair.dataset} by {pair.model}")
            _show_head(head, pair if pair.is_searchable else None, checks)
            st.html(_listed(_pair_facts(pair)))
            _show_outcome(verification_of(pair), checks, settings)
    for pair in inventory.left_over:
        said = f"{pair.dataset} by {pair.model} is left over. {pair.reason}"
        st.caption(plain(said))


def _dataset_facts(entry: DatasetEntry) -> Facts:
    facts: Facts = []
    if entry.pictures is not None:
        noun = "drawing" if entry.drawn else "picture"
        facts.append(("Pictures", plural(entry.pictures, noun)))
        facts.append(("Annotations", _annotations(entry)))
        facts.append(("Picture files", _picture_files(entry)))
    else:
        facts.append(("State", escape(entry.state.value)))
    if entry.files:
        facts.append(("On disk", _dataset_size(entry)))
    facts += [(file.kind.capitalize(), _file(file)) for file in entry.files]
    if entry.annotation_hash:
        facts.append(("Annotations’ hash", _hash(entry.annotation_hash)))
    return facts


def _file(file: AnnotationFile) -> str:
    return f"{escape(file.name)}, {size_words(file.size)}{_hash(file.sha256, ' · sha256 ')}"


def _annotations(entry: DatasetEntry) -> str:
    if entry.counts is None:
        return "being counted"
    counted = [
        plural(number, KIND_NOUNS[kind]) for kind, number in entry.counts.annotations.items()
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
    st.code(command_here(named or command, settings), language=None, wrap_lines=True)


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
    if not person.may(Right.RUN):
        st.caption("An editor or admin can have them read.")
        return
    st.button(
        "Read the annotations",
        type="primary",
        key=f"read-{entry.name}",
        on_click=checks.start,
        args=(subject,),
    )


def _show_head(head: str, entry: ModelEntry | PairEntry | None, checks: Checks) -> None:
    """Draw the name of an entry and, where it can be verified, the button beside it."""
    if entry is None or not person.may(Right.RUN):
        st.html(head)
        return
    subject = verification_of(entry)
    check = checks.get(subject)
    is_model = isinstance(entry, ModelEntry)
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        st.html(head)
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


def _show_outcome(subject: Subject, checks: Checks, settings: Settings) -> None:
    """Say what verifying has found, once it has."""
    check = checks.get(subject)
    if check is None or check.is_under_way:
        return
    when = ago(datetime.fromtimestamp(check.finished or 0, UTC), datetime.now(UTC))
    if check.state is State.STOPPED:
        said, icon = "The check was stopped.", ":material/info:"
    elif check.state is State.FAILED:
        said, icon = split_command(check.error)[0], ":material/build:"
    else:
        said, icon = verdict(check.value)
    shown = plain(without_folders(said, settings))
    st.markdown(f"{icon} {shown} :small[{when}]")


def verdict(found: VerifyReport | tuple[str, ...]) -> tuple[str, str]:
    """Say what was found by verifying a checkpoint or vectors, and the icon for it."""
    right, odd = ":material/check:", ":material/build:"
    if not isinstance(found, VerifyReport):
        return (" ".join(found), odd) if found else ("Every vector is as it should be.", right)
    if found.problems:
        return " ".join(found.problems), odd
    parts = f"{plural(len(found.parts), 'part')}, sha256 {found.sha256[:_SHORT]}"
    if found.stated:
        return f"All of it is right: {parts}.", right
    return f"{parts}. Nothing here states what it should be.", ":material/info:"
