"""Remarks on the annotations of one file, from the columns of its index."""

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from core.coco.annotation_index import AnnotationIndex
from core.coco.check.naming import EXAMPLES, annotations_at, counted, remark
from core.coco.check.report import Level, Remark
from core.coco.dataset import CocoDataset
from core.coco.fields import Odd
from core.coco.manifest import KIND_NOUNS
from core.errors import DatasetError

# Boxes are rounded to a hundredth of a pixel, and some programs count the last pixel twice.
TOLERANCE = 1.0

_BITS_OF_DOUBLES = 53
_SHAPES = ("instances", "keypoints", "stuff")

Rows = npt.NDArray[np.int64]


def annotation_remarks(dataset: CocoDataset, kind: str) -> list[Remark]:
    """Return what there is to say about the annotations of `kind`."""
    file = _File(dataset, kind)
    found = [*file.pictures(), *file.ids()]
    if kind == "captions":
        found += file.captions()
    if kind in _SHAPES:
        found += [*file.categories(), *file.crowds(), *file.boxes(), *file.areas()]
        found += file.segmentations()
    if kind == "keypoints":
        found += file.keypoints()
    return found


class _File:
    def __init__(self, dataset: CocoDataset, kind: str) -> None:
        self.dataset = dataset
        self.kind = kind
        self.index: AnnotationIndex = dataset.indexes[kind]
        self.noun = KIND_NOUNS[kind]
        self.image_rows = dataset.images.find(self.index.annotation_image_ids)

    def pictures(self) -> list[Remark]:
        """Annotations of pictures that nobody lists, and pictures that this file does not."""
        lost = self.index.annotation_image_ids[self.image_rows < 0]
        absent = self.dataset.images.ids[~np.isin(self.dataset.images.ids, self.index.image_ids)]
        return self._told(
            "dangling-annotations",
            Level.MENDED,
            lost.size,
            f"{self._counted(lost.size, 'is')} of "
            f"{'a picture' if lost.size == 1 else 'pictures'} that no file lists: left out",
            [f"picture {one}" for one in np.unique(lost)[:EXAMPLES]],
        ) + self._told(
            "pictures-not-listed",
            Level.FACT,
            absent.size,
            f"{counted(absent.size, 'picture', 'is')} not listed in the {self.kind} file",
            [f"picture {one}" for one in absent[:EXAMPLES]],
        )

    def ids(self) -> list[Remark]:
        """Ids that stand more than once, and those that other programs read wrongly."""
        if self.kind == "panoptic":  # one a picture, named by the picture's id
            return []
        ids = self.index.ids
        values, counts = np.unique(ids, return_counts=True)
        repeated = values[counts > 1]
        zero = np.flatnonzero(ids == 0) if self.kind in _SHAPES else ids[:0]
        big = np.abs(ids.astype(np.float64)) >= 2.0**_BITS_OF_DOUBLES
        over_32 = int(((ids >= 2**31) | (ids < -(2**31))).sum()) - int(big.sum())
        return [
            *self._told(
                "repeated-annotation-ids",
                Level.ODD,
                repeated.size,
                f"{counted(repeated.size, 'annotation id', 'stands')} more than once in the "
                f"{self.kind} file, on {int(counts[counts > 1].sum()):,} annotations. Each "
                f"annotation is kept here; pycocotools keeps the last of an id",
                repeated[:EXAMPLES],
            ),
            *self._told(
                "annotation-id-zero",
                Level.ODD,
                zero.size,
                f"{self._counted(zero.size, 'has')} the id 0. pycocotools does not count a "
                f"match with it, so scores come out too low",
                self._examples(zero),
            ),
            *self._told(
                "annotation-ids-over-53-bits",
                Level.ODD,
                int(big.sum()),
                f"{self._counted(int(big.sum()), 'has')} an id of more than 53 bits. Here they "
                f"are exact; programs that read JSON numbers as floating point confuse them",
                ids[big][:EXAMPLES],
            ),
            *self._told(
                "annotation-ids-over-32-bits",
                Level.FACT,
                over_32,
                f"{self._counted(over_32, 'has')} an id of more than 32 bits, as COCO's crowds "
                f"have. Here they are exact",
            ),
        ]

    def captions(self) -> list[Remark]:
        """Captions without a word."""
        return self._odd_ones(
            Odd.BLANK_CAPTION,
            "blank-captions",
            Level.ODD,
            "is",
            "empty, and found by no word",
        )

    def categories(self) -> list[Remark]:
        """Categories that are not listed, and names that stand for two of them."""
        try:
            listed = self.dataset.category_records(self.kind)
        except DatasetError as error:
            return [remark("categories-unreadable", Level.ODD, self.kind, 1, str(error))]
        known = np.array([category.id for category in listed], dtype=np.int64)
        ids = self.index.category_ids
        unknown = ids[~np.isin(ids, known)]
        names = Counter(category.name for category in listed)
        repeated = [name for name, count in names.items() if count > 1]
        return self._told(
            "unknown-categories",
            Level.ODD,
            unknown.size,
            f"{self._counted(unknown.size, 'is')} of a category that is not listed, so "
            f"{'it has' if unknown.size == 1 else 'they have'} no name to be found by",
            [f"category {one}" for one in np.unique(unknown)[:EXAMPLES]],
        ) + self._told(
            "repeated-category-names",
            Level.ODD,
            len(repeated),
            f"{counted(len(repeated), 'name', 'stands')} for more than one category",
            repeated,
        )

    def crowds(self) -> list[Remark]:
        """`iscrowd` that is not there, or is no flag."""
        missing = self._odd_ones(
            Odd.NO_ISCROWD,
            "iscrowd-missing",
            Level.MENDED,
            "has",
            "no `iscrowd`: read as 0. pycocotools cannot score against such a file",
        )
        return missing + self._odd_ones(
            Odd.ISCROWD_NO_FLAG,
            "iscrowd-no-flag",
            Level.MENDED,
            "has",
            "an `iscrowd` that is neither 0 nor 1: read as 1, or 0 where it is empty",
        )

    def boxes(self) -> list[Remark]:
        """Boxes that are not there, that hold nothing, and that leave the picture."""
        boxes = self.index.boxes
        whole = np.isfinite(boxes).all(axis=1)
        empty = np.flatnonzero(whole & ((boxes[:, 2] <= 0) | (boxes[:, 3] <= 0)))
        excess = self._excess()
        outside = np.flatnonzero(excess > TOLERANCE)
        outside = outside[np.argsort(-excess[outside], kind="stable")]
        places = self._examples(outside)
        widest = f", by {excess[outside[0]]:,.0f} at most" if outside.size else ""
        none = np.flatnonzero(~whole)
        return [
            *self._told(
                "boxes-missing",
                Level.ODD,
                none.size,
                f"{self._counted(none.size, 'has')} no box of four numbers",
                self._examples(none),
            ),
            *self._told(
                "boxes-empty",
                Level.ODD,
                empty.size,
                f"{self._counted(empty.size, 'has')} a box without width or height",
                self._examples(empty),
            ),
            *self._told(
                "boxes-outside",
                Level.ODD,
                outside.size,
                f"{self._counted(outside.size, 'has')} a box that leaves its picture by more "
                f"than one pixel{widest}",
                [
                    f"{place} by {excess[row]:,.1f}"
                    for place, row in zip(places, outside, strict=False)
                ],
            ),
        ]

    def areas(self) -> list[Remark]:
        """Areas that are not there or are not above zero."""
        areas = self.index.areas
        missing = np.flatnonzero(~np.isfinite(areas))
        zero = np.flatnonzero(areas <= 0)
        return self._told(
            "area-missing",
            Level.ODD,
            missing.size,
            f"{self._counted(missing.size, 'has')} no area. Filters and figures by area do without",
            self._examples(missing),
        ) + self._told(
            "area-zero",
            Level.ODD,
            zero.size,
            f"{self._counted(zero.size, 'has')} an area of 0 or less",
            self._examples(zero),
        )

    def segmentations(self) -> list[Remark]:
        """Segmentations that are not there, or of a shape that readers refuse."""
        missing = self._odd_ones(
            Odd.NO_SEGMENTATION,
            "segmentation-missing",
            Level.FACT,
            "has",
            "no segmentation",
        )
        return missing + self._odd_ones(
            Odd.SEGMENTATION_SHAPE,
            "segmentation-shape",
            Level.ODD,
            "has",
            "a segmentation that is no polygons of three points or more, and no counts with a "
            "size. Such a mask cannot be drawn, and pycocotools may stop at it",
        )

    def keypoints(self) -> list[Remark]:
        """Keypoints by other than threes, and people who are elsewhere in the instances."""
        found = self._odd_ones(
            Odd.KEYPOINTS_SHAPE,
            "keypoints-shape",
            Level.ODD,
            "has",
            "keypoints that are not x, y and visibility by turns",
        )
        if "instances" not in self.dataset.kinds:
            return found
        # COCO's people have the same ids in both files.
        other = self.dataset.indexes["instances"]
        _, ours, theirs = np.intersect1d(self.index.ids, other.ids, return_indices=True)
        moved = ours[self.index.annotation_image_ids[ours] != other.annotation_image_ids[theirs]]
        return found + self._told(
            "keypoints-elsewhere",
            Level.ODD,
            moved.size,
            f"{self._counted(moved.size, 'has')} the id of an instance of another picture",
            self._examples(moved),
        )

    def _excess(self) -> npt.NDArray[np.float64]:
        """By how many pixels each box leaves its picture at most; 0 where that is not known."""
        images = self.dataset.images
        if not len(images):
            return np.zeros(len(self.index.ids))
        widths, heights = images.widths[self.image_rows], images.heights[self.image_rows]
        x, y, width, height = self.index.boxes.T
        sides = [-x, -y, x + width - widths, y + height - heights]
        excess = np.maximum.reduce(sides)
        known = (self.image_rows >= 0) & (widths > 0) & (heights > 0) & np.isfinite(excess)
        return np.where(known, excess, 0.0)

    def _odd_ones(self, flag: Odd, code: str, level: Level, verb: str, what: str) -> list[Remark]:
        rows = np.flatnonzero(self.index.odd & flag)
        text = f"{self._counted(rows.size, verb)} {what}"
        return self._told(code, level, rows.size, text, self._examples(rows))

    def _counted(self, count: int, verb: str) -> str:
        return counted(count, self.noun, verb)

    def _examples(self, rows: Rows) -> list[str]:
        first = rows[:EXAMPLES]
        pictures = self.index.annotation_image_ids[first]
        return annotations_at(self.index.ids[first].tolist(), pictures.tolist())

    def _told(
        self, code: str, level: Level, count: int, text: str, examples: Any = ()
    ) -> list[Remark]:
        return [remark(code, level, self.kind, count, f"{text}.", examples)] if count else []
