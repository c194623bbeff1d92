"""Uploads: pictures that people search with, kept for a time on this instance.

A file is judged by its content, decoded within bounds, turned upright and made small; what
is kept is that picture as PNG, without the file's metadata, under its own sha256. So the
same file has the same name and the same scores wherever it is given.
"""

import hashlib
import io
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from core.blobs import BlobStore
from core.errors import PictureError, QueryError
from core.images import read_upright
from core.settings import Settings

MAX_FILE_BYTES = 20 * 2**20
MAX_PIXELS = 100_000_000
LONGEST_SIDE = 1_024
MAX_BYTES = 500 * 2**20
LIFETIME_S = 30 * 24 * 3600.0

# Of the PNG encoder, 0 to 9: half the time of 6, for a tenth more bytes.
_EFFORT = 3
_EXPECTED = "Expected a photograph or drawing as JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF."
_OTHER_KINDS = (
    (re.compile(rb"<svg[\s>]", re.IGNORECASE), "an SVG, which is a program as much as a drawing"),
    (re.compile(rb"<(!doctype html|html|head|body|script)[\s>]", re.IGNORECASE), "a web page"),
    (re.compile(rb"^.{4}ftyp(heic|heix|mif1|msf1)", re.DOTALL), "HEIC, which is not read here"),
    (re.compile(rb"^%PDF-"), "a PDF"),
    (re.compile(rb"^PK\x03\x04"), "a ZIP"),
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture that is kept.

    Attributes:
        sha: hex sha256 of the PNG that is kept; the value of an `upload` part of a query.
        width, height: pixels of the picture that is kept, upright.
    """

    sha: str
    width: int
    height: int


class Uploads:
    """The uploads of one instance. Threads and processes may share them.

    Args:
        settings: `settings.cache` is where they lie.
        max_bytes: of all together; the longest unused go first.
        lifetime_s: how long one is kept after its last use.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        max_bytes: int = MAX_BYTES,
        lifetime_s: float = LIFETIME_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        pixels = min(settings.max_picture_pixels, MAX_PIXELS)
        self._settings = replace(settings, max_picture_pixels=pixels)
        self._lifetime_s = lifetime_s
        self._blobs = BlobStore(settings.cache / "uploads", max_bytes, lifetime_s, clock)

    def keep(self, data: bytes, name: str = "The file") -> Upload:
        """Keep the picture in the file `data`; the same file gives the same sha each time.

        Of an animation or a file of many pages the first is taken, EXIF's rotation is
        applied, and the longest side is made 1,024 pixels at most.

        Args:
            data: the file's bytes, at most 20 MB.
            name: the file's name, for errors alone: the type is told by the content.

        Raises:
            PictureError: not a picture that can be read, cut short, or too large.
            SettingsError: the cache folder cannot be written.
        """
        name = _shown_name(name)
        if not data:
            raise PictureError(f"{name} is empty. {_EXPECTED}")
        if len(data) > MAX_FILE_BYTES:
            raise PictureError(
                f"{name} has {len(data):,} bytes; at most {MAX_FILE_BYTES:,} are read. "
                "Make it smaller: the search looks at some hundred pixels a side."
            )
        picture = self._picture(data, name)
        with io.BytesIO() as file:
            picture.save(file, format="PNG", compress_level=_EFFORT)
            return Upload(self._blobs.put(file.getvalue()), picture.width, picture.height)

    def restore(self, data: bytes, sha: str) -> None:
        """Keep a picture that another instance has kept, under the name that it has there.

        `keep` would write it anew, and other versions of a PNG encoder give other bytes.

        Args:
            data: the PNG as that instance has it.
            sha: hex sha256 that it must have.

        Raises:
            PictureError: other bytes than `sha` names, or not what `keep` writes: a PNG of
                pixels alone, within its bounds, that can be decoded.
            SettingsError: the cache folder cannot be written.
        """
        name = f"The picture {sha[:12]}"
        if hashlib.sha256(data).hexdigest() != sha:
            raise PictureError(f"{name} is damaged: its sha256 is another. Ask for it again.")
        if len(data) > MAX_FILE_BYTES or not _is_bare_png(data):
            raise PictureError(f"{name} is not what this app keeps of an upload. Upload it again.")
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            size, mode = max(image.size), image.mode
        if size > LONGEST_SIDE or mode != "RGB":
            raise PictureError(f"{name} is not what this app keeps of an upload. Upload it again.")
        self._picture(data, name)  # all of it can be decoded
        self._blobs.put(data)

    def open(self, sha: str) -> Image.Image:
        """Return a picture that was kept: upright, RGB.

        Raises:
            QueryError: it has expired, or was never kept on this instance.
        """
        data = self._blobs.get(sha)
        if data is None:
            raise self._expired(sha)
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            image.load()
            return image

    def path(self, sha: str) -> Path:
        """Return the PNG file of a picture that was kept.

        Raises:
            QueryError: it has expired, or was never kept on this instance.
        """
        path = self._blobs.path(sha)
        if path is None:
            raise self._expired(sha)
        return path

    def _picture(self, data: bytes, name: str) -> Image.Image:
        beginning = data[:1024]
        try:
            return read_upright(data, name, LONGEST_SIDE, self._settings)
        except PictureError as error:
            for pattern, kind in _OTHER_KINDS:
                if pattern.search(beginning):
                    raise PictureError(f"{name} is {kind}. {_EXPECTED}") from error
            raise PictureError(f"{error} {_EXPECTED}") from error

    def _expired(self, sha: str) -> QueryError:
        return QueryError(
            f"The uploaded picture {sha[:12]!r} has expired: one is kept for "
            f"{self._lifetime_s / 86_400:.0f} days after its last use, on the instance where it "
            "was uploaded. Upload it again."
        )


_shared: dict[Path, Uploads] = {}
_shared_lock = threading.Lock()


def shared_uploads(settings: Settings) -> Uploads:
    """Return this process's one `Uploads` for `settings.cache`."""
    with _shared_lock:
        if settings.cache not in _shared:
            _shared[settings.cache] = Uploads(settings)
        return _shared[settings.cache]


def _is_bare_png(data: bytes) -> bool:
    """Whether a PNG has its header, pixels and end, and nothing else."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        return False
    kinds, at = [], 8
    while at + 12 <= len(data):
        kinds.append(data[at + 4 : at + 8])
        at += 12 + int.from_bytes(data[at : at + 4])
    return (
        at == len(data)
        and kinds[:1] == [b"IHDR"]
        and kinds[-1:] == [b"IEND"]
        and set(kinds[1:-1]) == {b"IDAT"}
    )


def _shown_name(name: str) -> str:
    """The last part of a file name, short and without control characters."""
    last = re.split(r"[/\\]", name)[-1]
    shown = "".join(character if character.isprintable() else " " for character in last).strip()
    return (shown if len(shown) <= 60 else f"{shown[:45]}…{shown[-12:]}") or "The file"
