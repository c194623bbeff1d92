"""Groups of pictures and captions that are measured apart."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset
from core.coco.caption_words import searched_words
from core.filters.conditions import LARGE_FROM, SMALL_BELOW
from core.quality.sample import Sample

Kind = Literal["all", "supercategory", "size", "length"]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
SIZES = ("small", "medium", "large")
NO_OBJECT = "no object"
# Words a caption: COCO's captions have ten in the mean.
LENGTHS = ((1, 8), (9, 10), (11, 13), (14, None))


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Some of the captions, and the pictures for which they were written.

    Attributes:
        kind: what it goes by; "all" is the one group of all.
        name: as people read it.
        captions: bool, shape (captions,).
        pictures: bool, shape (pictures,), or None where captions of one picture may belong to
            different groups, so that pictures cannot be told apart by it.
    """

    kind: Kind
    name: str
    captions: Bools
    pictures: Bools | None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"expected a kind of {get_args(Kind)}, got {self.kind!r}")


def groups_of(coco: CocoDataset, sample: Sample) -> list[Group]:
    """Return all captions, then those by supercategory, size and length; empty ones are left out.

    A supercategory has the pictures with an instance of it, so a picture may be in several.
    Size is that of the picture's largest single object (crowds are none), by COCO's area
    classes: small below 32² square pixels, large from 96² on. Length is in words.
    """
    n_pictures = len(sample.image_ids)
    everything = Group("all", "all", np.ones(len(sample.own), bool), np.ones(n_pictures, bool))
    tables: tuple[tuple[Kind, dict[str, Bools]], ...] = (
        ("supercategory", _supercategories(coco, sample)),
        ("size", _sizes(coco, sample)),
    )
    by_picture = [
        Group(kind, name, pictures[sample.own], pictures)
        for kind, table in tables
        for name, pictures in table.items()
    ]
    groups = [everything, *by_picture, *_lengths(sample)]
    return [group for group in groups if group.captions.any()]


def rows_among(coco: CocoDataset, image_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return for each instance the row of its picture in `image_ids`, -1 when it is not there.

    Args:
        image_ids: int64, shape (pictures,), pictures of the dataset.
    """
    place = np.full(len(coco.images), -1, np.int64)
    place[coco.images.rows_of(image_ids)] = np.arange(len(image_ids))
    return np.asarray(place[coco.instances.image_rows], np.int64)


def largest_areas(
    coco: CocoDataset,
    rows: npt.NDArray[np.int64],
    keys: npt.NDArray[np.int64],
    shape: tuple[int, int],
) -> Floats:
    """Return the area of the largest single object of each key in each picture.

    Args:
        rows, keys: int64, one an instance: its place in the table; -1 leaves it out.
        shape: of the table: keys, pictures.

    Returns:
        float64 square pixels, NaN where there is none of a known area.
    """
    areas = coco.instances.area
    counted = (rows >= 0) & (keys >= 0) & ~coco.instances.iscrowd & np.isfinite(areas)
    largest = np.full(shape, -np.inf)
    np.maximum.at(largest, (keys[counted], rows[counted]), areas[counted])
    return np.where(np.isfinite(largest), largest, np.nan)


def of_size(areas: Floats, size: str) -> Bools:
    """Tell which areas in square pixels are of COCO's class `size`; NaN is of none."""
    bounds = {
        "small": (-np.inf, SMALL_BELOW),
        "medium": (SMALL_BELOW, LARGE_FROM),
        "large": (LARGE_FROM, np.inf),
    }
    low, high = bounds[size]
    return np.asarray((areas >= low) & (areas < high))


def length_name(low: int, high: int | None) -> str:
    """Say how many words: "up to 8 words", "9 to 10 words", "14 words and more"."""
    if high is None:
        return f"{low} words and more"
    return f"up to {high} words" if low <= 1 else f"{low} to {high} words"


def _supercategories(coco: CocoDataset, sample: Sample) -> dict[str, Bools]:
    rows = rows_among(coco, sample.image_ids)
    found: dict[str, Bools] = {}
    names = {category.id: category.supercategory for category in coco.categories}
    for name in dict.fromkeys(filter(None, names.values())):
        ids = [number for number, other in names.items() if other == name]
        has = np.zeros(len(sample.image_ids), bool)
        has[rows[(rows >= 0) & np.isin(coco.instances.category_ids, ids)]] = True
        found[name] = has
    return found


def _sizes(coco: CocoDataset, sample: Sample) -> dict[str, Bools]:
    if not coco.categories:
        return {}
    rows = rows_among(coco, sample.image_ids)
    keys = np.zeros(len(rows), np.int64)
    areas = largest_areas(coco, rows, keys, (1, len(sample.image_ids)))[0]
    found = {size: of_size(areas, size) for size in SIZES}
    has = np.zeros(len(sample.image_ids), bool)
    has[rows[rows >= 0]] = True
    return {**found, NO_OBJECT: ~has}


def _lengths(sample: Sample) -> list[Group]:
    words = np.array([len(searched_words(text)) for text in sample.texts], np.int64)
    return [
        Group(
            "length",
            length_name(low, high),
            (words >= (low if low > 1 else 0)) & (words <= (high if high else np.inf)),
            None,
        )
        for low, high in LENGTHS
    ]
