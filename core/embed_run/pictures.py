"""The pictures of a run: where their files are, and why some have none."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset, safe_file_name
from core.errors import PictureError
from core.images import PictureStore
from core.progress import NoProgress
from core.sheets import csv_text

# Pictures that are looked for, and fetched, together.
_AT_ONCE = 64

Pixels = npt.NDArray[Any]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class SkippedPicture:
    """A picture without a vector, and why."""

    image_id: int
    file_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Located:
    """A picture of the dataset and where its file is, or why there is none."""

    image_id: int
    file_name: str
    path: Path | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture as the model's input, or the reason why it is none.

    Attributes:
        pixels: what the preprocessing gives; None when the picture is skipped.
    """

    picture: Located
    pixels: Pixels | None
    reason: str = ""


def skipped_csv(skipped: Iterable[SkippedPicture]) -> str:
    """Return the content of `skipped.csv`."""
    rows = ((skip.image_id, skip.file_name, skip.reason) for skip in skipped)
    return csv_text(("image_id", "file_name", "reason"), rows)


def locate(
    dataset: CocoDataset,
    rows: Iterable[int],
    images: Path | None,
    pictures_from_net: PictureStore | None,
) -> Iterator[Located]:
    """Yield the pictures of `rows`, in their order, each with its file or why there is none.

    Args:
        dataset: whose pictures they are.
        rows: places in `dataset.images`.
        images: a folder to take the files from, instead of the dataset's own.
        pictures_from_net: fetches those that have no local file; None fetches nothing.
    """
    ids = dataset.images.ids
    for some in chunks(rows, _AT_ONCE):
        block = np.array(some, dtype=np.int64)
        names = dataset.images.file_names.take(block)
        located = [
            _locate_one(dataset, images, image_id, name)
            for image_id, name in zip(ids[block].tolist(), names, strict=True)
        ]
        if pictures_from_net is not None:
            located = _fetch(located, pictures_from_net)
        yield from located


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield `items` in lists of `size`, the last one shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _locate_one(dataset: CocoDataset, images: Path | None, image_id: int, name: str) -> Located:
    try:
        path = _path_below(images, name) if images else dataset.picture_path(image_id)
    except PictureError as error:
        return Located(image_id, name, None, str(error))
    return Located(image_id, name, path, "" if path else _no_file(dataset, images, name))


def _fetch(located: list[Located], pictures: PictureStore) -> list[Located]:
    absent = [picture.image_id for picture in located if picture.path is None]
    failures = pictures.fetch_many(absent, NoProgress()) if absent else {}
    found = []
    for picture in located:
        if picture.path is None and picture.image_id in failures:
            picture = replace(picture, reason=str(failures[picture.image_id]))
        elif picture.path is None:
            picture = _fetched(picture, pictures)
        found.append(picture)
    return found


def _fetched(picture: Located, pictures: PictureStore) -> Located:
    try:
        return replace(picture, path=pictures.path(picture.image_id), reason="")
    except PictureError as error:
        # The cache is full of later ones, and this one could not be had again.
        return replace(picture, reason=str(error))


def _no_file(dataset: CocoDataset, images: Path | None, name: str) -> str:
    folder = images or dataset.picture_folder
    where = f"in {folder}" if folder else "on this machine; --fetch gets it by its URL"
    return f"no file {name!r} {where}"


def _path_below(folder: Path, name: str) -> Path | None:
    """Return the file `name` in `folder`, with or without its own folders; None if absent."""
    safe = safe_file_name(name)
    candidates = (folder / safe, folder / safe.name)
    return next((path for path in candidates if path.is_file()), None)
