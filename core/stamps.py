"""Stamps: what the model and the vectors that are here are, as recipes name them."""

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from core import checkpoint
from core.embeddings import Embeddings
from core.recent import Recent
from core.recipe import EmbeddingsStamp, ModelStamp

if TYPE_CHECKING:
    from core.searchable import SearchableDataset

_ROWS_AT_ONCE = 8_192

_known: Recent[EmbeddingsStamp] = Recent(32)


def model_stamp(dataset: "SearchableDataset") -> ModelStamp:
    """Return what names the model that searches `dataset`; it is not loaded.

    Raises:
        ModelError, CheckpointError: there is none, or its files cannot be read.
    """
    library, name = dataset.library, dataset.model
    library.model_version(name)  # says what to do when there is no such model
    folder = checkpoint.find_models(library.settings.models)[name]
    return ModelStamp(
        name=name,
        checkpoint_sha256=checkpoint.fingerprint(folder),
        activation=checkpoint.read_manifest(folder).activation,
    )


def embeddings_stamp(dataset: "SearchableDataset") -> EmbeddingsStamp:
    """Return what names the vectors of `dataset`: made once for each state of the files.

    Raises:
        EmbeddingsError: there are none, or they do not belong together.
    """
    library, name, model = dataset.library, dataset.name, dataset.model
    key = (library.settings.home, name, model, library.embeddings_version(name, model))
    return _known.get(key, lambda: EmbeddingsStamp(vectors_sha256(dataset.embeddings)))


def vectors_sha256(embeddings: Embeddings) -> str:
    """Return the hex sha256 of ids and vectors, ascending by id, whatever their order on disk.

    Of each block of 8,192 pictures the ids (int64) and then the vectors (float32), both
    little-endian.
    """
    digest = hashlib.sha256()
    order = np.argsort(embeddings.image_ids, kind="stable")
    for start in range(0, len(order), _ROWS_AT_ONCE):
        rows = order[start : start + _ROWS_AT_ONCE]
        digest.update(embeddings.image_ids[rows].astype("<i8").tobytes())
        digest.update(np.ascontiguousarray(embeddings.vectors[rows], dtype="<f4").data)
    return digest.hexdigest()
