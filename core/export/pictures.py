"""How the pictures of a subset stand: here, to be fetched, or not to be had, and why."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from core.coco import CocoDataset
from core.errors import ExportError, PictureError
from core.export.contents import Ids, MissingPicture
from core.export.stored import version_of
from core.images import Availability, PictureStore, open_picture, read_header
from core.images.jpeg import jpeg_size
from core.settings import Settings

# What a JPEG of COCO takes, about; stands in for pictures that are not fetched yet.
BYTES_PER_PIXEL = 0.52
USUAL_PIXELS = 640 * 480
CHUNK_BYTES = 2**20

# The version of a picture that does not leave.
NOT_LOOKED_AT = "-"
_REMOTE = "remote"
# How the two most frequent formats end, and how far from the end of a file that is whole.
_ENDS = {"image/jpeg": b"\xff\xd9", "image/png": b"IEND\xaeB`\x82"}
_HEAD_BYTES, _TAIL_BYTES = 2048, 64


@dataclass(frozen=True, slots=True)
class Picture:
    """How one picture of the subset stands.

    Attributes:
        file_name: as its record has it.
        name: within the folder of pictures of the package.
        source: what it is a copy of: a file of the picture folder, or an address.
        path: its file; None when it is remote or cannot be had.
        n_bytes: of the file, guessed when it is remote.
        version: changes when the file does.
        reason: why it cannot be had, else "".
    """

    image_id: int
    file_name: str
    name: str
    source: str = ""
    path: Path | None = None
    n_bytes: int = 0
    version: str = ""
    reason: str = ""

    @property
    def is_remote(self) -> bool:
        return self.path is None and not self.reason

    @property
    def is_local(self) -> bool:
        """It is a file of the picture folder, which others may change."""
        return self.path is not None and self.version not in (_REMOTE, NOT_LOOKED_AT)


def look(
    dataset: CocoDataset,
    pictures: PictureStore,
    image_ids: Ids,
    names: Sequence[str],
    failed: Mapping[int, PictureError] | None = None,
    known: Mapping[int, Availability] | None = None,
) -> list[Picture]:
    """Find out how each picture stands, fetching none.

    Args:
        dataset, pictures, image_ids: what to look at.
        names: of the pictures in the package, (n,).
        failed: those that could not be fetched.
        known: what is available, when that was just found out.
    """
    images = dataset.images
    rows = images.rows_of(image_ids)
    available = pictures.availability(image_ids.tolist()) if known is None else known
    sides = zip(images.widths[rows].tolist(), images.heights[rows].tolist(), strict=True)
    urls = dataset.coco_urls_of(image_ids)
    found = []
    for image_id, file_name, name, side, url in zip(
        image_ids.tolist(), images.file_names.take(rows), names, sides, urls, strict=True
    ):
        picture = Picture(image_id, file_name, name, url or "")
        try:
            if failed and image_id in failed:
                raise failed[image_id]
            folder = dataset.picture_folder
            found.append(_examined(pictures, picture, side, available[image_id], folder))
        except PictureError as error:
            found.append(_without(picture, str(error)))
        except OSError as error:  # without where it lies: that is not for those who read it
            reason = f"{file_name} cannot be read: {error.strerror or type(error).__name__}."
            found.append(_without(picture, reason))
    return found


def sources(dataset: CocoDataset, image_ids: Ids, known: Mapping[int, Availability]) -> list[str]:
    """What each picture is a copy of, as far as it tells pictures of one file name apart."""
    urls = dataset.coco_urls_of(image_ids)
    return [
        "" if known[image_id].state == "local" else url or ""
        for image_id, url in zip(image_ids.tolist(), urls, strict=True)
    ]


def missing(found: Iterable[Picture]) -> tuple[MissingPicture, ...]:
    return tuple(
        MissingPicture(picture.image_id, picture.file_name, picture.reason)
        for picture in found
        if picture.reason
    )


def is_as_it_was(picture: Picture) -> bool:
    """Tell whether the file of a picture of the picture folder is the one that was looked at."""
    if not picture.is_local or picture.path is None:
        return False
    try:
        return version_of(picture.path.stat()) == picture.version
    except OSError:
        return False


def file_of(pictures: PictureStore, picture: Picture) -> Path:
    """The file of a picture that was found; fetched again if the cache has just dropped it.

    Raises:
        PictureError: it cannot be had any more.
    """
    path = picture.path
    return path if path is not None and path.exists() else _present(pictures, picture.image_id)


def file_chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file.

    Raises:
        ExportError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error.strerror}. Export again.") from error


def file_sizes(dataset: CocoDataset, pictures: PictureStore, image_ids: Ids) -> Ids:
    """Size of each picture file, guessed when it is remote, 0 when it is missing; int64, (n,)."""
    rows = dataset.images.rows_of(image_ids)
    pixels = dataset.images.widths[rows] * dataset.images.heights[rows]
    guesses = (np.where(pixels > 0, pixels, USUAL_PIXELS) * BYTES_PER_PIXEL).astype(np.int64)
    known = pictures.availability(image_ids.tolist())
    for place, image_id in enumerate(image_ids.tolist()):
        if known[image_id].state != "remote":
            guesses[place] = known[image_id].n_bytes or 0
    return guesses


def states_digest(found: Iterable[Picture]) -> str:
    """Hex sha256 that changes when any picture, its name or why it is missing does."""
    digest = hashlib.sha256()
    for picture in found:
        state = picture.reason or f"{picture.version} {picture.source}"
        digest.update(f"\n{picture.name} {state}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _examined(
    pictures: PictureStore,
    picture: Picture,
    sides: tuple[int, int],
    known: Availability,
    folder: Path | None,
) -> Picture:
    if known.state == "missing":
        raise PictureError(known.reason)
    if known.state == "remote":
        n_bytes = int((sides[0] * sides[1] or USUAL_PIXELS) * BYTES_PER_PIXEL)
        return _standing(picture, picture.source, None, n_bytes, _REMOTE)
    if known.state == "local" and folder is not None:
        path = Path(f"{folder}/{picture.file_name}")  # its name was found to be safe
    else:
        path = _present(pictures, picture.image_id)
    status = path.stat()
    _check_raster(path, status, *sides)
    if known.state == "cached":
        # A plan made before the fetch and one made after it give the same ZIP.
        return _standing(picture, picture.source, path, status.st_size, _REMOTE)
    return _standing(picture, str(path), path, status.st_size, version_of(status))


def _present(pictures: PictureStore, image_id: int) -> Path:
    path = pictures.path(image_id)
    # The cache may just have dropped it, for pictures that others fetch: fetch it again.
    return path if path.exists() else pictures.path(image_id)


def _standing(
    picture: Picture, source: str, path: Path | None, n_bytes: int, version: str
) -> Picture:
    return Picture(
        picture.image_id, picture.file_name, picture.name, source, path, n_bytes, version
    )


def _without(picture: Picture, reason: str) -> Picture:
    return Picture(picture.image_id, picture.file_name, picture.name, reason=reason)


def _check_raster(path: Path, status: os.stat_result, width: int, height: int) -> None:
    """Raise PictureError when the file is no whole picture, or has other sides than its record."""
    size = _raster_size(str(path), status.st_size, status.st_mtime_ns)
    if width and height and size != (width, height):
        raise PictureError(
            f"{path.name} is {size[0]} x {size[1]} pixels, but its record says {width} x {height}."
        )


@lru_cache(maxsize=100_000)
def _raster_size(file: str, n_bytes: int, mtime_ns: int) -> tuple[int, int]:
    """Width and height of a picture, remembered until the file changes.

    It is decoded only when it does not end as its format does: an interrupted copy has a
    header, too.
    """
    head, tail = _both_ends(file, n_bytes)
    size = jpeg_size(head)
    if size is not None and _ENDS["image/jpeg"] in tail:
        return size
    path = Path(file)  # the text is what is remembered: it is hashed at once, a path by its parts
    header = read_header(path)
    end = _ENDS.get(header.media_type)
    if end is None or end not in tail:
        open_picture(path, Settings()).close()
    return header.width, header.height


def _both_ends(file: str, n_bytes: int) -> tuple[bytes, bytes]:
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        tail = os.pread(descriptor, _TAIL_BYTES, max(0, n_bytes - _TAIL_BYTES))
        return os.pread(descriptor, _HEAD_BYTES, 0), tail
    finally:
        os.close(descriptor)
