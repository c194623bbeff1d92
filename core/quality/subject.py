"""What a measurement is of: names, and hashes of all that went in."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core import checkpoint
from core.content import sha256_of
from core.embeddings import EmbeddingsFiles
from core.errors import DatasetError, QueryError
from core.quality.sample import captioned

if TYPE_CHECKING:
    from core.library import SearchableDataset

METHOD = 1
"""Version of the definitions; another one makes kept measurements useless."""

PICTURES = 5_000
"""So many pictures are measured unless more or fewer are asked for: as many as in the published
tables of retrieval on COCO."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured, by names and by what they held.

    Attributes:
        annotation_hash: of the dataset's annotation files.
        embeddings_sha256: of the vectors and their image ids.
        model_sha256: of the checkpoint and of what says how it is used.
        pictures: captions of so many pictures compete; 0 for a dataset without captions.
        available: pictures with a caption and a vector that could compete.
        method: version of the definitions.
    """

    dataset: str
    model: str
    annotation_hash: str
    embeddings_sha256: str
    model_sha256: str
    pictures: int
    available: int
    method: int = METHOD

    @property
    def key(self) -> str:
        """Another text when anything that went in is another."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:32]


def subject_of(dataset: "SearchableDataset", pictures: int | None = PICTURES) -> Subject:
    """Return what a measurement of `dataset` with its model is of.

    The embeddings and the checkpoint are read once to hash them, and again when their files
    change.

    Args:
        pictures: how many pictures compete; None, or more than there are, takes all.

    Raises:
        QueryError: fewer than two pictures are asked for.
        DatasetError: there is nothing to measure by.
        CocoSiftError: the dataset, the model or the embeddings cannot be opened.
    """
    if pictures is not None and pictures < 2:
        raise QueryError(f"Expected at least 2 pictures to measure, found {pictures}.")
    coco, embeddings = dataset.coco, dataset.embeddings
    available = _count_captioned(dataset)
    if not available and not coco.categories:
        raise DatasetError(
            f"{coco.name!r} has neither captions nor instances, so there is nothing to measure a "
            "model by. Register a file of them: "
            f"python -m core add {coco.name} --replace --captions FILE"
        )
    return Subject(
        dataset=coco.name,
        model=dataset.model,
        annotation_hash=coco.annotation_hash,
        embeddings_sha256=_embeddings_hash(embeddings.files, embeddings.files.fingerprint),
        model_sha256=_model_hash(
            dataset.library.settings.models,
            dataset.model,
            dataset.library.model_version(dataset.model),
        ),
        pictures=min(available, pictures or available),
        available=available,
    )


def _count_captioned(dataset: "SearchableDataset") -> int:
    return len(captioned(dataset.coco, dataset.embeddings.image_ids))


@lru_cache(maxsize=64)
def _embeddings_hash(files: EmbeddingsFiles, fingerprint: str) -> str:
    """Hash the content of the files while they have this `fingerprint`."""
    paths = (files.vectors, files.image_ids, files.filenames)
    hashes = [sha256_of(path) for path in paths if path.exists()]
    return hashlib.sha256(" ".join(hashes).encode()).hexdigest()


@lru_cache(maxsize=64)
def _model_hash(models: Path, name: str, version: str) -> str:
    """Hash the model while its files have this `version`."""
    folder = checkpoint.find_models(models)[name]
    manifest = folder / checkpoint.MANIFEST
    stated = sha256_of(manifest) if manifest.exists() else ""
    return hashlib.sha256(f"{checkpoint.fingerprint(folder)} {stated}".encode()).hexdigest()
