"""Vectors that are there already, kept when only skipped pictures are tried again."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset
from core.embed_run.record import RunRecord
from core.embeddings import EmbeddingsFiles, Manifest, read_manifest
from core.errors import EmbeddingsError


@dataclass(frozen=True, slots=True, eq=False)
class Reused:
    """Vectors of some rows of a dataset.

    Attributes:
        rows: int64, shape (n,), increasing.
        vectors: float32 or float16, shape (n, dim), in the order of `rows`.
        fingerprint: of the files they are in; "" when there are none.
    """

    rows: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.floating]
    fingerprint: str = ""

    @classmethod
    def nothing(cls, dim: int) -> Self:
        return cls(np.empty(0, np.int64), np.empty((0, dim), np.float32))

    def merged(
        self,
        start: int,
        stop: int,
        rows: npt.NDArray[np.int64],
        vectors: npt.NDArray[np.float32],
    ) -> npt.NDArray[np.float32]:
        """Return the vectors of the rows from `start` up to `stop`: these and new ones, in order.

        Args:
            start, stop: of the rows that are taken from here.
            rows: int64, shape (k,): where the new ones belong.
            vectors: float32, shape (k, dim).
        """
        first, last = np.searchsorted(self.rows, [start, stop])
        if first == last:
            return vectors
        order = np.argsort(np.concatenate([self.rows[first:last], rows]))
        kept = np.asarray(self.vectors[first:last], dtype=np.float32)
        return np.ascontiguousarray(np.concatenate([kept, vectors])[order])


def reused(files: EmbeddingsFiles, dataset: CocoDataset, record: RunRecord) -> Reused:
    """Open the vectors in `files`, when what `record` says would make them again.

    Raises:
        EmbeddingsError: there are none, or they were made of something else.
    """
    manifest = read_manifest(files)
    if manifest is None:
        raise EmbeddingsError(
            f"Expected embeddings in {files.folder} whose skipped pictures can be tried again, "
            f"found none. Run: {files.command}"
        )
    if differences := _differences(manifest, record):
        raise EmbeddingsError(
            f"The embeddings in {files.folder} were made otherwise, so no picture can be added to "
            f"them: {'; '.join(differences)}. Make all of them anew: {files.command}"
        )
    rows = dataset.images.rows_of(np.load(files.image_ids, allow_pickle=False))
    vectors = np.load(files.vectors, mmap_mode="r", allow_pickle=False)
    if vectors.shape != (len(rows), record.dim) or np.any(np.diff(rows) <= 0):
        raise EmbeddingsError(
            f"Expected {len(rows):,} vectors of {record.dim} numbers in the dataset's order in "
            f"{files.vectors}, found shape {vectors.shape}. Run: {files.command}"
        )
    return Reused(rows, vectors, files.fingerprint)


def _differences(manifest: Manifest, record: RunRecord) -> list[str]:
    return [
        f"{name.replace('_', ' ')} {found!s:.40}, now {wanted!s:.40}"
        for name, found, wanted in (
            ("annotation_hash", manifest.annotation_hash, record.annotation_hash),
            ("checkpoint_sha256", manifest.checkpoint_sha256, record.checkpoint_sha256),
            ("activation", manifest.activation, record.activation),
            ("preprocessing", dict(manifest.preprocessing), dict(record.preprocessing)),
            ("precision", manifest.precision, record.precision),
            ("dtype", manifest.dtype, record.dtype),
            ("runtime", manifest.runtime, record.runtime),
        )
        if found != wanted
    ]
