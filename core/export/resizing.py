"""Pictures and masks made smaller, in their own format."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from core.errors import PictureError
from core.export.geometry import Scaling, resampled
from core.images import open_picture
from core.settings import Settings

# Of what is saved again; high, because it was compressed once already.
_QUALITY = 95
_LOSSY = ("JPEG", "WEBP", "AVIF")
_KEPT = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM")


def scaled_bytes(n_bytes: int, scaling: Scaling) -> int:
    """About what a picture of `n_bytes` takes at the new size.

    More than its share of the pixels: small details stay, and the quality is high.
    """
    return int(n_bytes * (scaling.x * scaling.y) ** 0.3)


def resized(path: Path, scaling: Scaling) -> bytes:
    """Return the picture at `path` at the new size, in the format it has.

    It is in RGB, 8 bits a channel, with its colour profile and without EXIF: annotations
    are in the coordinates of the stored raster, and so is what a reader then shows.

    Raises:
        PictureError: it cannot be read, or its format cannot be written.
    """
    with Image.open(path) as image:
        kind = image.format or ""
    if kind not in _KEPT:
        raise PictureError(f"{path.name} is {kind or 'unknown'}, which cannot be made smaller.")
    picture = open_picture(path, Settings())
    profile = picture.info.get("icc_profile")
    small = picture.resize((scaling.new_width, scaling.new_height), Image.Resampling.LANCZOS)
    options: dict[str, object] = {"quality": _QUALITY} if kind in _LOSSY else {}
    if profile and kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        options["icc_profile"] = profile
    return _saved(small, kind, options)


def resized_mask(path: Path, scaling: Scaling) -> bytes:
    """Return the panoptic PNG at `path` at the new size; every pixel keeps a segment's colour.

    Raises:
        PictureError: it cannot be read.
    """
    try:
        with Image.open(path, formats=("PNG",)) as image:
            pixels = np.array(image.convert("RGB"))
    except (OSError, ValueError) as error:
        raise PictureError(f"{path.name} cannot be read as a PNG: {error}.") from error
    return _saved(Image.fromarray(resampled(pixels, scaling)), "PNG", {})


def _saved(picture: Image.Image, kind: str, options: dict[str, object]) -> bytes:
    target = io.BytesIO()
    picture.save(target, format=kind, **options)
    return target.getvalue()
