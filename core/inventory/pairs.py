"""How embeddings stand beside a dataset and a model: a glance that reads no vector.

`core.embeddings.load_embeddings` is the judge when a pair is opened. This look says the
same of all that manifests and the heads of files tell, for many pairs at once.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from core.checkpoint import ModelManifest
from core.coco import CocoDataset
from core.embed_run import UnfinishedRun
from core.embeddings import (
    EmbeddingsFiles,
    Manifest,
    embed_command,
    preprocessing_record,
    read_array,
    read_manifest,
)
from core.errors import EmbeddingsError
from core.inventory.records import DatasetEntry, DatasetState, PairEntry, PairState

_SHORT = 12


def pair_without_embeddings(
    dataset: str, model: str, unfinished: UnfinishedRun | None
) -> PairEntry:
    """Return the entry of a pair that has no embeddings: not begun, under way, or stopped."""
    command = embed_command(dataset, model)
    if unfinished is None:
        return PairEntry(dataset, model, PairState.NOT_EMBEDDED, command=command)
    done = f"{unfinished.done:,} of {unfinished.total:,} pictures are embedded."
    share = min(1.0, unfinished.done / max(1, unfinished.total))
    if unfinished.is_running:
        return PairEntry(
            dataset, model, PairState.UNDER_WAY, reason=done, share=share, is_running=True
        )
    return PairEntry(
        dataset,
        model,
        PairState.STOPPED,
        reason=f"{done} The same command goes on from there.",
        share=share,
        command=unfinished.command,
    )


def with_unfinished(entry: PairEntry, unfinished: UnfinishedRun | None) -> PairEntry:
    """Return the entry of a pair whose embeddings are made anew, when they are."""
    if unfinished is None:
        return entry
    run = pair_without_embeddings(entry.dataset, entry.model, unfinished)
    if not entry.is_searchable:
        return run
    return replace(
        entry,
        share=run.share,
        is_running=run.is_running,
        reason=f"{entry.reason} Being made anew: {run.reason}".lstrip(),
        command=run.command,
    )


def pair_with_embeddings(
    files: EmbeddingsFiles,
    version: str,
    dataset: DatasetEntry,
    model: ModelManifest,
    opened: Callable[[], CocoDataset],
) -> PairEntry:
    """Return the entry of a pair whose embeddings lie in `files`.

    Args:
        version: of the embeddings.
        opened: gives the dataset, when its pictures must be compared one by one.

    Raises:
        EmbeddingsError: the files cannot be read; says why and the command.
    """
    manifest = read_manifest(files)
    shape, dtype = _head(files)
    here = PairEntry(
        files.dataset,
        files.model,
        PairState.READY,
        version=version,
        count=shape[0],
        dim=shape[1],
        dtype=dtype,
        size=_size(files),
        annotation_hash=manifest.annotation_hash if manifest else "",
        checkpoint_sha256=manifest.checkpoint_sha256 if manifest else "",
        made_by=manifest.made_by if manifest else "",
    )
    reason = _other_model(manifest, shape, model) or _other_count(files, manifest, shape)
    if reason:
        return _unfit(here, reason, files)
    if dataset.state is DatasetState.UNREAD:
        return replace(here, state=PairState.UNREAD)
    if dataset.state is DatasetState.BROKEN:
        return replace(here, state=PairState.NO_FIT, reason="The dataset cannot be used.")
    if manifest is not None and manifest.annotation_hash == dataset.annotation_hash:
        return _of_these_annotations(here, manifest, dataset, files)
    strangers = _strangers(files, shape[0], opened())
    if strangers:
        said = f"{strangers:,} of {shape[0]:,} vectors are of pictures that the dataset lacks."
        return _unfit(here, said, files)
    lacking = _lacking(dataset, shape[0])
    if manifest is None:
        return replace(here, reason=lacking, command=files.command if lacking else "")
    said = "The annotations have changed since. All these pictures are still there."
    return replace(
        here,
        state=PairState.OTHER_ANNOTATIONS,
        reason=f"{said} {lacking}".rstrip(),
        command=files.command,
    )


def _of_these_annotations(
    here: PairEntry, manifest: Manifest, dataset: DatasetEntry, files: EmbeddingsFiles
) -> PairEntry:
    if manifest.count + manifest.skipped != dataset.pictures:
        said = (
            f"The dataset has {dataset.pictures:,} pictures, but the manifest counts "
            f"{manifest.count:,} embedded and {manifest.skipped:,} skipped."
        )
        return _unfit(here, said, files)
    if manifest.skipped:
        what = "picture" if manifest.skipped == 1 else "pictures"
        said = f"{manifest.skipped:,} {what} could not be embedded; {files.skipped.name} says why."
        return replace(here, reason=said)
    return here


def _unfit(here: PairEntry, reason: str, files: EmbeddingsFiles) -> PairEntry:
    return replace(here, state=PairState.NO_FIT, reason=reason, command=files.command)


def _other_model(manifest: Manifest | None, shape: tuple[int, int], model: ModelManifest) -> str:
    """Say why the vectors are not the model's, as far as that is stated; "" when they are."""
    if shape[1] != model.dim:
        return f"Vectors of {shape[1]:,} numbers; the model gives {model.dim:,}."
    if manifest is None:
        return ""
    if model.sha256 and manifest.checkpoint_sha256 != model.sha256:
        return (
            f"Computed by another checkpoint: {manifest.checkpoint_sha256[:_SHORT]}, not "
            f"{model.sha256[:_SHORT]}."
        )
    if manifest.activation != model.activation:
        return f"Computed with {manifest.activation}; the model has {model.activation}."
    for key, value in preprocessing_record(model).items():
        found = manifest.preprocessing.get(key)
        if found != value:
            return f"Pictures were prepared otherwise: {key} was {found}, the model has {value}."
    return ""


def _other_count(files: EmbeddingsFiles, manifest: Manifest | None, shape: tuple[int, int]) -> str:
    n = shape[0]
    if n == 0:
        return "There are no vectors in it."
    if manifest is not None and manifest.count != n:
        return f"{n:,} vectors; the manifest counts {manifest.count:,}."
    for path in (files.image_ids, files.filenames):
        if path.is_file():
            rows = len(read_array(path, files))
            if rows != n:
                return f"{n:,} vectors, but {rows:,} rows in {path.name}."
    return ""


def _strangers(files: EmbeddingsFiles, n: int, coco: CocoDataset) -> int:
    """Count the vectors whose picture the dataset lacks."""
    if files.image_ids.is_file():
        return n - int(np.isin(read_array(files.image_ids, files), coco.images.ids).sum())
    known = set(coco.images.file_names)
    names = [str(name) for name in read_array(files.filenames, files)]
    if not any(name in known for name in names):
        names = [name.replace("\\", "/").rpartition("/")[2] for name in names]
    return sum(name not in known for name in names)


def _lacking(dataset: DatasetEntry, n: int) -> str:
    missing = (dataset.pictures or 0) - n
    return f"{missing:,} pictures have no vector." if missing > 0 else ""


def _head(files: EmbeddingsFiles) -> tuple[tuple[int, int], str]:
    array = read_array(files.vectors, files)
    if array.ndim != 2 or array.dtype.kind != "f":
        raise EmbeddingsError(
            f"Expected vectors of shape (n, dim) in {files.vectors}, found {array.dtype} of shape "
            f"{array.shape}. Run: {files.command}"
        )
    return (array.shape[0], array.shape[1]), array.dtype.name


def _size(files: EmbeddingsFiles) -> int:
    paths = (
        files.vectors,
        files.image_ids,
        files.filenames,
        files.coco_urls,
        files.manifest,
        files.skipped,
    )
    return sum(path.stat().st_size for path in paths if path.is_file())
