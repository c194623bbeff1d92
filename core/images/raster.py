"""Picture files decoded within bounds, to RGB, and made small.

The pictures of a dataset are not rotated by EXIF: COCO's boxes and masks are in the
coordinates of the stored raster. What a person gives as a query is: `read_upright`.
"""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, UnidentifiedImageError

from core.atomic import atomic_path
from core.errors import PictureError
from core.settings import Settings

# Formats that decode pixels and nothing else; PostScript and its like run programs.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF")
_WHITE = (255, 255, 255)
_QUALITY = 80
# Effort of the WebP encoder, 0 to 6: 2 takes half the time of 4 for 3% more bytes.
_EFFORT = 2
# Pictures of more pixels than this are decoded two at a time: a hundred megapixels take some
# hundred megabytes while they are, and a server has many threads.
LARGE_PIXELS = 16_000_000
_large = threading.BoundedSemaphore(2)
# What turns a raster upright, by its EXIF orientation.
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What the beginning of a picture file says.

    Attributes:
        width, height: pixels of the stored raster.
        media_type: by the content, such as `image/jpeg`.
    """

    width: int
    height: int
    media_type: str


def read_header(path: Path) -> PictureHeader:
    """Read the header of the picture at `path`; its pixels are not decoded.

    Raises:
        PictureError: no such file, or not a picture of a format that `open_picture` reads.
    """
    with _recognised(path) as image:
        media_type = Image.MIME.get(image.format or "", "application/octet-stream")
        return PictureHeader(image.width, image.height, media_type)


def open_picture(path: Path, settings: Settings, shortest: int | None = None) -> Image.Image:
    """Decode the picture at `path` to RGB, 8 bits a channel.

    Greyscale, palette, CMYK and 16-bit pictures keep their look; transparency is laid on
    white; of an animation the first frame is taken.

    Args:
        path: of the file.
        settings: their bounds hold.
        shortest: pixels of the shorter side that are enough: a JPEG is decoded at the smallest
            scale (1/8, 1/4, 1/2 or whole) that has them, which is faster. Other formats are
            decoded whole.

    Raises:
        PictureError: no such file, not a picture, cut short, or beyond the settings'
            bounds in bytes or pixels.
    """
    with _opened(path, settings) as image, _turn(image):
        if shortest is not None:
            with _damage_named(path):
                image.draft("RGB", (shortest, shortest))
        return _decoded(image, path)


def write_thumbnail(source: Path, target: Path, size: int, settings: Settings) -> None:
    """Write the picture at `source` as WebP whose longest side is at most `size` pixels.

    Raises:
        PictureError: as `open_picture`.
    """
    with _opened(source, settings) as image, _turn(image):
        # A JPEG is decoded at the smallest scale that still has twice the pixels needed.
        with _damage_named(source):
            image.draft("RGB", (2 * size, 2 * size))
        small = _decoded(image, source)
        small.thumbnail((size, size), Image.Resampling.LANCZOS)
    with atomic_path(target) as temporary:
        small.save(temporary, format="WEBP", quality=_QUALITY, method=_EFFORT)


def read_upright(data: bytes, name: str, longest: int, settings: Settings) -> Image.Image:
    """Decode the bytes of a picture file to RGB as `open_picture`, upright and made small.

    Args:
        data: the file, of any size: who calls bounds it.
        name: what errors call the picture.
        longest: pixels of its longest side at most; it is not made larger.

    Returns:
        The picture as EXIF says it is to be seen, without any metadata.

    Raises:
        PictureError: not a picture, cut short, or beyond the settings' bound in pixels.
    """
    path = Path(name)
    with _bounded(_recognised(path, io.BytesIO(data)), path, settings) as image, _turn(image):
        with _damage_named(path):
            image.draft("RGB", (2 * longest, 2 * longest))
        picture = _decoded(image, path)
        turn = _TURNS.get(_orientation(image))
        picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
        upright = picture if turn is None else picture.transpose(turn)
        return Image.fromarray(np.asarray(upright))


def _opened(path: Path, settings: Settings) -> Image.Image:
    try:
        size = path.stat().st_size
        if size > settings.max_picture_bytes:
            raise PictureError(
                f"{path.name} has {size:,} bytes; at most {settings.max_picture_bytes:,} are read."
            )
    except OSError as error:
        raise PictureError(_unreadable(path, error)) from None
    return _bounded(_recognised(path), path, settings)


def _bounded(image: Image.Image, path: Path, settings: Settings) -> Image.Image:
    if image.width * image.height > settings.max_picture_pixels:
        image.close()
        raise PictureError(_too_many_pixels(path, settings))
    return image


def _recognised(path: Path, file: IO[bytes] | None = None) -> Image.Image:
    with _damage_named(path):
        return Image.open(file or path, formats=_FORMATS)


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation of a decoded picture, 1 to 8; 0 when that cannot be read."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # the pixels are good, whatever the reader of tags stumbled on
        return 0


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Turn whatever Pillow raises into a PictureError: its plugins raise what they like."""
    try:
        yield
    except UnidentifiedImageError:
        raise PictureError(f"{path.name} is not a picture that can be read.") from None
    except Image.DecompressionBombError:
        raise PictureError(
            f"{path.name} has more pixels than any that is decoded. Make it smaller."
        ) from None
    except OSError as error:
        raise PictureError(_unreadable(path, error)) from error
    except Exception as error:
        raise PictureError(f"{path.name} is damaged or cut short: {error}.") from error


def _unreadable(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"There is no picture file {path}."
    # Pillow reports damage as an OSError that the system knows nothing of.
    if error.errno is None:
        return f"{path.name} is damaged or cut short: {error}."
    return f"{path} cannot be read: {error.strerror}."


@contextmanager
def _turn(image: Image.Image) -> Iterator[None]:
    """Wait until `image` may be decoded, when it is a large one."""
    if image.width * image.height <= LARGE_PIXELS:
        yield
        return
    with _large:
        yield


def _too_many_pixels(path: Path, settings: Settings) -> str:
    return f"{path.name} has more than the {settings.max_picture_pixels:,} pixels that are decoded."


def _decoded(image: Image.Image, path: Path) -> Image.Image:
    with _damage_named(path):
        image.load()
        return _rgb(image)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bits(image).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (*_WHITE, 255))
        flat = Image.alpha_composite(ground, layer).convert("RGB")
        flat.info = {key: value for key, value in image.info.items() if key != "transparency"}
        return flat
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale a 16-bit, 32-bit or float greyscale picture to 8 bits.

    Values are taken as 16-bit when they need it, as 0 to 1 when they are fractions, else
    as 8-bit already.
    """
    values = np.array(image, dtype=np.float64)
    np.nan_to_num(values, copy=False)
    top = float(values.max(initial=0))
    if image.mode.startswith("I;16") or top > 255:
        values /= 257
    elif image.mode == "F" and top <= 1:
        values *= 255
    np.rint(values, out=values)
    np.clip(values, 0, 255, out=values)
    grey = Image.fromarray(values.astype(np.uint8))
    grey.info = dict(image.info)
    return grey
