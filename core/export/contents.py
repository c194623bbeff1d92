"""What the files of a package are made from, and what one file of it is."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset
from core.export.changes import RecordChanges
from core.export.choices import ExportChoices
from core.recipe import Recipe

Ids = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]
Percentiles = npt.NDArray[np.float64]

PICTURES = "images"
ANNOTATIONS = "annotations"


@dataclass(frozen=True, slots=True)
class MissingPicture:
    """A picture that cannot go into the ZIP, and why."""

    image_id: int
    file_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a ZIP: `chunks` gives its bytes when it is written.

    Attributes:
        n_bytes: how many they are; about, when not `is_exact`.
        same_as: the name of a member before it with the same bytes, if there is one.
        find: returns the file that it is a copy of; None when it is not.
        version: of that file, as `stored.version_of` has it; "" when any of its length will do.
    """

    name: str
    n_bytes: int
    chunks: Callable[[], Iterable[bytes]]
    is_exact: bool = True
    same_as: str = ""
    find: Callable[[], Path] | None = None
    version: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """What the documents of a package (all that is not a picture) are made from.

    Attributes:
        dataset: where the records come from.
        image_ids: int64, shape (n,): the pictures that are in, in rank order.
        file_names: theirs within the folder of pictures, (n,).
        ranks: theirs in the subset as it was asked for, counted from 1, (n,).
        scores: float32, shape (n,), or None.
        missing: the pictures that are left out, in rank order.
        missing_ranks: their ranks.
        percentiles: float64, shape (n,): how much of the dataset scores at most as high,
            in percent; or None.
        parts: the part of each picture, (n,); None when the package is not divided.
        choices: what was chosen.
        title: the subset in words, or "".
        recipe: how the subset was made, as the caller tells it; None when it does not.
        uploads: the files of the pictures that its query asks with, by hex sha256.
        not_annotated: pictures left out because nothing annotates them.
        changes: how records change before they leave.
        masks: the folder of the panoptic masks; None when they do not leave.
        part: the part that this is, of a package that is divided; "" for all of it.
    """

    dataset: CocoDataset
    image_ids: Ids
    file_names: tuple[str, ...]
    ranks: tuple[int, ...]
    scores: Scores | None
    missing: tuple[MissingPicture, ...]
    missing_ranks: tuple[int, ...]
    percentiles: Percentiles | None = None
    parts: tuple[str, ...] | None = None
    choices: ExportChoices = field(default_factory=ExportChoices)
    title: str = ""
    recipe: Recipe | None = None
    uploads: Mapping[str, Path] = field(default_factory=dict)
    not_annotated: tuple[int, ...] = ()
    changes: RecordChanges = field(default_factory=RecordChanges)
    masks: Path | None = None
    part: str = ""

    @property
    def n_annotations(self) -> int:
        """Annotations in `annotations.json`."""
        counts, _ = self.dataset.record_sizes(self.dataset.primary, self.image_ids)
        return int(counts.sum())

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of annotations that leave, the main one first."""
        dataset = self.dataset
        others = [kind for kind in dataset.kinds if kind != dataset.primary]
        return tuple(
            kind
            for kind in (dataset.primary, *others)
            if kind != "panoptic" or self.masks is not None or kind == dataset.primary
        )

    @property
    def new_ids(self) -> list[int]:
        """The ids under which the pictures leave, (n,)."""
        return [self.changes.image_id(image_id) for image_id in self.image_ids.tolist()]

    @property
    def sizes(self) -> Ids:
        """Width and height of each picture as it leaves, int64 pixels, (n, 2)."""
        images = self.dataset.images
        rows = images.rows_of(self.image_ids)
        sizes = np.stack([images.widths[rows], images.heights[rows]], axis=1)
        for place, image_id in enumerate(self.image_ids.tolist()):
            if (scaling := self.changes.scalings.get(image_id)) is not None:
                sizes[place] = scaling.new_width, scaling.new_height
        return sizes

    @property
    def divided(self) -> Iterator["Contents"]:
        """Each part as contents of its own, in the order of the splits; itself if undivided."""
        if self.parts is None or self.choices.splits is None:
            yield self
            return
        for part in self.choices.splits.fractions:
            yield self.only([place for place, name in enumerate(self.parts) if name == part], part)

    def only(self, places: Sequence[int], part: str = "") -> "Contents":
        """Return those at some places, (m,), in that order."""

        at = np.asarray(places, dtype=np.int64)

        def taken(values: Any) -> Any:
            return None if values is None else tuple(values[place] for place in places)

        return replace(
            self,
            image_ids=self.image_ids[at],
            file_names=taken(self.file_names),
            ranks=taken(self.ranks),
            scores=None if self.scores is None else self.scores[at],
            percentiles=None if self.percentiles is None else self.percentiles[at],
            parts=taken(self.parts),
            part=part,
        )

    @property
    def folder(self) -> str:
        """The folder of the pictures of this part."""
        return f"{PICTURES}/{self.part}" if self.part else PICTURES
