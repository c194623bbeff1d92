"""Taking stock: a look at each dataset, model and pair that costs little, however large they are.

What a look has found is remembered by the version of the files, so the next one is quick
and sees what has changed meanwhile.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from core import checkpoint
from core.checkpoint import ModelManifest
from core.coco import (
    CocoDataset,
    DatasetManifest,
    find_datasets,
    manifest_at,
    needs_index,
)
from core.embed_run import UnfinishedRun, unfinished_runs
from core.embeddings import EmbeddingsFiles, find_embeddings
from core.errors import CocoSiftError
from core.inventory.counting import count
from core.inventory.pairs import (
    pair_with_embeddings,
    pair_without_embeddings,
    with_unfinished,
)
from core.inventory.records import (
    AnnotationFile,
    Counts,
    DatasetEntry,
    DatasetState,
    Inventory,
    ModelEntry,
    PairEntry,
    PairState,
)
from core.recent import Recent

if TYPE_CHECKING:
    from core.library import Library

READ_AT_ONCE = 8 * 2**20
"""Annotation files of so many bytes together are read by the look itself: a second's work."""

COUNT_AT_ONCE = 5_000
"""The pictures of so small a dataset are counted by the look itself."""

ADD = "python -m core add --help"


def take_inventory(
    library: "Library", *, read_at_once: int = READ_AT_ONCE, count_at_once: int = COUNT_AT_ONCE
) -> Inventory:
    """Return what is there, what fits together, what is wrong, and what mends it.

    No model is loaded and no vector read. Nothing that is wrong with one entry raises or
    hides another.

    Args:
        read_at_once: a dataset whose annotation files were not read yet is read now when
            they have so many bytes at most, else it counts as unread.
        count_at_once: the pictures of a dataset of so many at most are counted now, else
            `Counts` are there once somebody has given them to `remember_counts`.
    """
    settings = library.settings
    datasets = {
        name: _dataset(library, name, path, read_at_once, count_at_once)
        for name, path in find_datasets(settings).items()
    }
    models = {
        name: _model(library, name, folder)
        for name, folder in sorted(checkpoint.find_models(settings.models).items())
    }
    embeddings = find_embeddings(settings)
    unfinished = {(run.dataset, run.model): run for run in unfinished_runs(settings)}
    pairs = {(dataset, model): None for dataset in datasets for model in models}
    pairs.update(dict.fromkeys(embeddings))
    return Inventory(
        datasets=tuple(datasets.values()),
        models=tuple(models.values()),
        pairs={
            (dataset, model): _pair(
                library,
                (dataset, model),
                datasets.get(dataset),
                models.get(model),
                embeddings.get((dataset, model)),
                unfinished.get((dataset, model)),
            )
            for dataset, model in pairs
        },
    )


def counts_version(entry: DatasetEntry) -> str:
    """Return a text that changes when the pictures of a dataset must be counted anew."""
    try:
        changed = 0 if entry.pictures_at is None else entry.pictures_at.stat().st_mtime_ns
    except OSError:
        changed = 0
    return f"{entry.version} {changed}"


def remember_counts(version: str, counts: Counts) -> None:
    """Keep what was counted at a `counts_version`, for the looks that follow."""
    with _lock:
        _counts[version] = counts
        while len(_counts) > _MOST:
            del _counts[next(iter(_counts))]


def remember_failure(version: str, problem: str) -> None:
    """Keep why a dataset of that `version` could not be read, for the looks that follow."""
    with _lock:
        _failures[version] = problem
        while len(_failures) > _MOST:
            del _failures[next(iter(_failures))]


def forget_counts() -> None:
    """Have all pictures counted anew."""
    with _lock:
        _counts.clear()


_MOST = 256
_lock = threading.Lock()
_counts: dict[str, Counts] = {}
_failures: dict[str, str] = {}
_read: Recent[DatasetEntry] = Recent(_MOST)
_compared: Recent[PairEntry] = Recent(4 * _MOST)


def _dataset(
    library: "Library", name: str, path: Path, read_at_once: int, count_at_once: int
) -> DatasetEntry:
    entry = DatasetEntry(name, "", path, DatasetState.BROKEN, title=name, command=ADD)
    try:
        entry = replace(entry, version=library.dataset_version(name))
        entry = _described(entry, manifest_at(path))
        if entry.version in _failures:
            return replace(
                entry, state=DatasetState.BROKEN, problem=_failures[entry.version], command=ADD
            )
        if entry.size > read_at_once and needs_index(path, library.settings):
            return entry
        opened = cache(lambda: library.open_dataset(name))
        unread = entry
        entry = _read.get(entry.version, lambda: _with_content(unread, opened()))
        return _counted(entry, opened, count_at_once)
    except (CocoSiftError, OSError) as error:
        return replace(entry, state=DatasetState.BROKEN, problem=str(error), command=ADD)


def _described(entry: DatasetEntry, manifest: DatasetManifest) -> DatasetEntry:
    """What dataset.toml says, before any annotation is read."""
    files = tuple(
        AnnotationFile(kind, path.name, path.stat().st_size if path.is_file() else 0)
        for kind, path in manifest.annotations.items()
    )
    return replace(
        entry,
        state=DatasetState.UNREAD,
        title=manifest.title,
        split=manifest.split,
        files=files,
        drawn=manifest.drawn,
        pictures_at=manifest.pictures,
        url=manifest.url or "",
        command="",
    )


def _with_content(entry: DatasetEntry, coco: CocoDataset) -> DatasetEntry:
    hashes = coco.file_hashes
    return replace(
        entry,
        state=DatasetState.READY,
        files=tuple(replace(file, sha256=hashes.get(file.kind, "")) for file in entry.files),
        pictures=len(coco.images),
        categories=len(coco.categories),
        annotation_hash=coco.annotation_hash,
    )


def _counted(
    entry: DatasetEntry, opened: Callable[[], CocoDataset], count_at_once: int
) -> DatasetEntry:
    version = counts_version(entry)
    if version not in _counts:
        if (entry.pictures or 0) > count_at_once:
            return entry
        remember_counts(version, count(opened()))
    return replace(entry, counts=_counts.get(version))


def _model(library: "Library", name: str, folder: Path) -> ModelEntry:
    entry = ModelEntry(name, "", folder, title=name)
    try:
        entry = replace(entry, version=library.model_version(name))
        manifest = checkpoint.read_manifest(folder)
        entry = _of_manifest(entry, manifest)
        parts = checkpoint.find_parts(folder)
    except (CocoSiftError, OSError) as error:
        return replace(
            entry, problem=str(error), command=f"python -m core checkpoint verify {folder}"
        )
    return replace(
        entry,
        size=sum(part.size for part in parts),
        parts=len(parts),
        notes=checkpoint.ignored_notes(folder),
    )


def _of_manifest(entry: ModelEntry, manifest: ModelManifest) -> ModelEntry:
    return replace(
        entry,
        title=manifest.title,
        architecture=manifest.architecture,
        activation=manifest.activation,
        precision=manifest.precision,
        dim=manifest.dim,
        image_size=manifest.preprocessing.image_size,
        drawn=manifest.drawn,
        sha256=manifest.sha256 or "",
    )


def _pair(
    library: "Library",
    names: tuple[str, str],
    dataset: DatasetEntry | None,
    model: ModelEntry | None,
    files: EmbeddingsFiles | None,
    unfinished: UnfinishedRun | None,
) -> PairEntry:
    reason = _hindrance(names, dataset, model)
    if reason or dataset is None or model is None:
        return PairEntry(*names, PairState.NO_FIT, reason=reason)
    if files is None:
        return pair_without_embeddings(*names, unfinished)
    try:
        version = library.embeddings_version(*names)
        manifest = checkpoint.read_manifest(model.folder)
        entry = _compared.get(
            f"{version} {dataset.state}",
            lambda: pair_with_embeddings(
                files, version, dataset, manifest, lambda: library.open_dataset(dataset.name)
            ),
        )
    except (CocoSiftError, OSError) as error:
        entry = PairEntry(
            *names, PairState.NO_FIT, reason=_without_command(error), command=files.command
        )
    return with_unfinished(entry, unfinished)


def _hindrance(
    names: tuple[str, str], dataset: DatasetEntry | None, model: ModelEntry | None
) -> str:
    """Say what is wrong with the dataset or the model itself; "" when nothing is."""
    if dataset is None:
        return f"There is no dataset {names[0]!r} here."
    if model is None:
        return f"There is no model {names[1]!r} here."
    if dataset.state is DatasetState.BROKEN:
        return "The dataset cannot be used."
    return "" if model.is_usable else "The model cannot be used."


def _without_command(error: Exception) -> str:
    """An error's words; its command stands in the entry's own field."""
    return str(error).partition(" Run: ")[0]
