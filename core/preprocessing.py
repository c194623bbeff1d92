"""How a model wants its pictures: size, mean, deviation, and how they are resized.

Needs only Pillow and NumPy, so that worker processes start without PyTorch.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image

from core.errors import ModelError

# OpenAI CLIP's own; every model trained as it was shares them.
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)

_RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
_RESIZE_MODES = ("shortest", "squash", "longest")

# A strip longer than this is cut to its middle before it is enlarged: a picture of
# 1 x 5,000 pixels would otherwise become one of 224 x 1,120,000.
_LONGEST_STRIP = 16


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Turns a picture into the numbers that a model takes; picklable.

    The result equals open_clip's evaluation transform for RGB pictures. Other modes
    are converted to RGB before resizing rather than after, because Pillow resizes
    palette pictures without any filter.

    Attributes:
        image_size: side of the square that the model sees, in pixels.
        mean, std: of each channel, for values from 0 to 1.
        interpolation: "bicubic" or "bilinear".
        resize_mode: "shortest" (shortest side to `image_size`, then the middle square),
            "squash" (both sides, proportions lost) or "longest" (longest side, padded
            with black).
    """

    image_size: int = 224
    mean: tuple[float, float, float] = CLIP_MEAN
    std: tuple[float, float, float] = CLIP_STD
    interpolation: str = "bicubic"
    resize_mode: str = "shortest"

    def __post_init__(self) -> None:
        if self.image_size < 1:
            raise ModelError(f"Expected an image size of at least 1, found {self.image_size}.")
        if self.interpolation not in _RESAMPLING:
            raise ModelError(
                f"Expected the interpolation to be bicubic or bilinear, "
                f"found {self.interpolation!r}."
            )
        if self.resize_mode not in _RESIZE_MODES:
            raise ModelError(
                f"Expected the resize mode to be one of {', '.join(_RESIZE_MODES)}, "
                f"found {self.resize_mode!r}."
            )
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ModelError(
                "Expected three means and three positive deviations, one for each channel, "
                f"found mean {list(self.mean)} and std {list(self.std)}."
            )

    def to_json(self) -> dict[str, Any]:
        """Return the fields as `model.json` states them, tuples as lists."""
        return asdict(self) | {"mean": list(self.mean), "std": list(self.std)}

    def __call__(self, image: Image.Image) -> np.ndarray:
        """Return `image` as float32, shape (3, image_size, image_size), normalised."""
        return self.normalised(self.square(image))

    def square(self, image: Image.Image) -> np.ndarray:
        """Return what the model sees of `image`: uint8, shape (image_size, image_size, 3), RGB.

        A quarter of the bytes of what `__call__` returns, and the same content.
        """
        return np.array(self._fit(image if image.mode == "RGB" else image.convert("RGB")))

    def normalised(self, pixels: np.ndarray) -> np.ndarray:
        """Return squares as the numbers that a model takes.

        Args:
            pixels: uint8, shape (…, image_size, image_size, 3): of one picture or of several.

        Returns:
            float32, shape (…, 3, image_size, image_size): from 0 to 1, less `mean`, by `std`.

        Raises:
            ValueError: `pixels` are of another dtype or shape.
        """
        size = self.image_size
        if pixels.dtype != np.uint8 or pixels.shape[-3:] != (size, size, 3):
            raise ValueError(
                f"expected uint8 (…, {size}, {size}, 3), got {pixels.dtype} {pixels.shape}"
            )
        values = pixels.astype(np.float32)
        values /= np.float32(255)
        values -= np.asarray(self.mean, dtype=np.float32)
        values /= np.asarray(self.std, dtype=np.float32)
        return np.ascontiguousarray(np.moveaxis(values, -1, -3))

    def _fit(self, image: Image.Image) -> Image.Image:
        size, resampling = self.image_size, _RESAMPLING[self.interpolation]
        if self.resize_mode == "squash":
            return image.resize((size, size), resampling)
        if self.resize_mode == "shortest":
            image = _without_far_ends(image)
            short = min(image.size)
            width, height = (int(size * side / short) for side in image.size)
        else:
            long = max(image.size)
            width, height = (max(1, round(side * size / long)) for side in image.size)
        return _middle_square(image.resize((width, height), resampling), size)


def _without_far_ends(image: Image.Image) -> Image.Image:
    width, height = image.size
    short, long = sorted(image.size)
    if long <= _LONGEST_STRIP * short:
        return image
    # Cut the same number of pixels on both sides, so that the middle stays the middle.
    cut = (long - _LONGEST_STRIP * short) // 2
    if width > height:
        return image.crop((cut, 0, width - cut, height))
    return image.crop((0, cut, width, height - cut))


def _middle_square(image: Image.Image, size: int) -> Image.Image:
    """Crop or pad with black to `size`; the middle is rounded as open_clip rounds it."""
    width, height = image.size
    if width < size or height < size:
        left, top = max(0, (size - width) // 2), max(0, (size - height) // 2)
        padded = Image.new("RGB", (max(width, size), max(height, size)))
        padded.paste(image, (left, top))
        image, (width, height) = padded, padded.size
    left, top = round((width - size) / 2), round((height - size) / 2)
    return image.crop((left, top, left + size, top + size))
