"""What the library holds, as records: datasets, models, and how each pair stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class DatasetState(StrEnum):
    """Whether a dataset can be worked with."""

    READY = "ready"
    UNREAD = "annotations not read yet"
    BROKEN = "not usable"


class PairState(StrEnum):
    """How the embeddings of a dataset by a model stand."""

    READY = "ready"
    OTHER_ANNOTATIONS = "computed for other annotations"
    UNDER_WAY = "embedding under way"
    STOPPED = "embedding not finished"
    NOT_EMBEDDED = "not embedded"
    UNREAD = "annotations not read yet"
    NO_FIT = "does not fit"


@dataclass(frozen=True, slots=True)
class Counts:
    """What takes a look at every picture of a dataset.

    Attributes:
        annotations: of its pictures, by kind.
        without_annotations: pictures that no file annotates.
        missing_files: pictures without a file; None without a picture folder.
        picture_bytes: of the files that are there.
        notes: what is odd about the files and can still be worked with.
    """

    annotations: Mapping[str, int]
    without_annotations: int
    missing_files: int | None
    picture_bytes: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnnotationFile:
    """One annotation file; `size` in bytes, `sha256` in hex, "" before it was read."""

    kind: str
    name: str
    size: int
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class DatasetEntry:
    """A dataset as the library finds it.

    Attributes:
        name: as used in commands and addresses.
        version: another text when one of its files changes.
        path: a folder with a dataset.toml, or the first annotation file of the flat layout.
        files: its annotation files.
        drawn: its pictures are drawings.
        pictures: how many it has; None before its annotations are read.
        categories: of its instances.
        annotation_hash: hex sha256 of all annotation files; "" before they are read.
        pictures_at: the folder of the pictures; None when they come from their addresses.
        url: template of these addresses; "" for the records' own.
        counts: None before they were counted.
        problem: why it cannot be used; "" when it can.
        command: what mends the problem; "" when there is none.
    """

    name: str
    version: str
    path: Path
    state: DatasetState
    title: str = ""
    split: str = ""
    files: tuple[AnnotationFile, ...] = ()
    drawn: bool = False
    pictures: int | None = None
    categories: int = 0
    annotation_hash: str = ""
    pictures_at: Path | None = None
    url: str = ""
    counts: Counts | None = None
    problem: str = ""
    command: str = ""

    @property
    def size(self) -> int:
        """Bytes of its annotation files, and of its pictures once they were counted."""
        pictures = self.counts.picture_bytes if self.counts else 0
        return sum(file.size for file in self.files) + pictures


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model as the library finds it.

    Attributes:
        version: another text when one of its files changes.
        dim: length of a vector.
        image_size: pixels a side that it sees of a picture.
        drawn: it knows drawings only.
        size: of the checkpoint, in bytes, in `parts` files.
        sha256: of the whole checkpoint as model.json says it, hex; "" when it does not.
        notes: what is odd about it and can still be worked with.
        problem, command: as of a dataset.
    """

    name: str
    version: str
    folder: Path
    title: str = ""
    architecture: str = ""
    activation: str = ""
    precision: str = ""
    dim: int = 0
    image_size: int = 0
    drawn: bool = False
    size: int = 0
    parts: int = 0
    sha256: str = ""
    notes: tuple[str, ...] = ()
    problem: str = ""
    command: str = ""

    @property
    def is_usable(self) -> bool:
        return not self.problem


@dataclass(frozen=True, slots=True)
class PairEntry:
    """A dataset with a model: whether it can be searched, and why not.

    Attributes:
        version: another text when the embeddings, or what they must fit, change; "" when
            there are none.
        reason: in words, why it cannot be searched or what is odd; "" when all is well.
        share: of an unfinished run of `embed` that is done, 0 to 1; None without one.
        is_running: a process is at that run now.
        command: what mends it; "" when nothing is to be done.
        count, dim, dtype: of the vectors; 0 and "" when there are none.
        size: of the embeddings' files, in bytes.
        annotation_hash, checkpoint_sha256: what the vectors were made of and by, hex; ""
            when it is not stated.
        made_by: name and version of the program that made them.
    """

    dataset: str
    model: str
    state: PairState
    version: str = ""
    reason: str = ""
    share: float | None = None
    is_running: bool = False
    command: str = ""
    count: int = 0
    dim: int = 0
    dtype: str = ""
    size: int = 0
    annotation_hash: str = ""
    checkpoint_sha256: str = ""
    made_by: str = ""

    @property
    def is_searchable(self) -> bool:
        return self.state in (PairState.READY, PairState.OTHER_ANNOTATIONS)


@dataclass(frozen=True, slots=True)
class Inventory:
    """All datasets and models of a library, and each pair of them.

    Attributes:
        pairs: by (dataset, model): each dataset with each model, and embeddings of which
            one or the other has gone.
    """

    datasets: tuple[DatasetEntry, ...]
    models: tuple[ModelEntry, ...]
    pairs: Mapping[tuple[str, str], PairEntry]

    @property
    def left_over(self) -> tuple[PairEntry, ...]:
        """Embeddings whose dataset or model is not here."""
        datasets = {entry.name for entry in self.datasets}
        models = {entry.name for entry in self.models}
        return tuple(
            pair
            for (dataset, model), pair in self.pairs.items()
            if dataset not in datasets or model not in models
        )
