"""Picture files decoded within bounds, to RGB, and made small.

Nothing is rotated by EXIF: COCO's boxes and masks are in the coordinates of the stored
raster. Who wants a picture upright applies `PIL.ImageOps.exif_transpose` to the result.
"""

from pathlib import Path

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


def open_picture(path: Path, settings: Settings) -> Image.Image:
    """Decode the picture at `path` to RGB, 8 bits a channel.

    Greyscale, palette, CMYK and 16-bit pictures keep their look; transparency is laid on
    white; of an animation the first frame is taken.

    Raises:
        PictureError: no such file, not a picture, cut short, or beyond the settings'
            bounds in bytes or pixels.
    """
    with _opened(path, settings) as image:
        return _decoded(image, path)


def write_thumbnail(source: Path, target: Path, size: int, settings: Settings) -> None:
    """Write the picture at `source` as WebP whose longest side is at most `size` pixels.

    Raises:
        PictureError: as `open_picture`.
    """
    with _opened(source, settings) as image:
        # A JPEG is decoded at the smallest scale that still has twice the pixels needed.
        image.draft("RGB", (2 * size, 2 * size))
        small = _decoded(image, source)
    small.thumbnail((size, size), Image.Resampling.LANCZOS)
    with atomic_path(target) as temporary:
        small.save(temporary, format="WEBP", quality=_QUALITY, method=_EFFORT)


def _opened(path: Path, settings: Settings) -> Image.Image:
    try:
        size = path.stat().st_size
        if size > settings.max_picture_bytes:
            raise PictureError(
                f"{path.name} has {size:,} bytes; at most {settings.max_picture_bytes:,} are read."
            )
        image = Image.open(path, formats=_FORMATS)
    except FileNotFoundError:
        raise PictureError(f"There is no picture file {path}.") from None
    except UnidentifiedImageError:
        raise PictureError(f"{path.name} is not a picture that can be read.") from None
    except Image.DecompressionBombError:
        raise PictureError(_too_many_pixels(path, settings)) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise PictureError(f"{path.name} is damaged or cut short: {error}.") from error
    if image.width * image.height > settings.max_picture_pixels:
        image.close()
        raise PictureError(_too_many_pixels(path, settings))
    return image


def _too_many_pixels(path: Path, settings: Settings) -> str:
    return f"{path.name} has more than the {settings.max_picture_pixels:,} pixels that are decoded."


def _decoded(image: Image.Image, path: Path) -> Image.Image:
    try:
        image.load()
        return _rgb(image)
    # Decoders raise what they like on damaged data; each means the same here.
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, MemoryError) as error:
        raise PictureError(f"{path.name} is damaged or cut short: {error}.") from error
    except Image.DecompressionBombError as error:
        raise PictureError(f"{path.name} is refused: {error}.") from error


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
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    top = float(values.max(initial=0))
    if image.mode.startswith("I;16") or top > 255:
        values = values / 257
    elif image.mode == "F" and top <= 1:
        values = values * 255
    grey = Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))
    grey.info = dict(image.info)
    return grey
