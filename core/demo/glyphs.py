"""Glyphs: what each category looks like, as trimmed RGBA rasters.

Most are emoji from two sets with a free licence (Noto Emoji, Apache-2.0; Fluent
Emoji, MIT), read as SVG from the npm packages that carry them; the others are our
own, in the folder `drawings` beside this file. The packages are needed only to draw the demo again.
"""

import functools
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from core.errors import CocoSiftError

DRAWINGS = Path(__file__).parent / "drawings"
RASTER = 512  # pixels on the longer side: above any size at which a glyph is drawn

PACKAGES = {
    "noto": "@iconify-json/noto@1.2.9",
    "fluent": "@iconify-json/fluent-emoji@1.2.7",
}

_TONES = ("", "-medium-light-skin-tone", "-medium-dark-skin-tone", "-dark-skin-tone")

# "noto:x" and "fluent:x" name an icon, "own:x" a drawing of ours.
GLYPHS: dict[str, tuple[str, ...]] = {
    "person": tuple(
        f"noto:{who}{tone}"
        for who, tone in zip(
            ("man-standing", "woman-standing", "person-walking", "woman-walking", "man-walking",
             "woman-running", "man-running", "woman-standing", "man-standing"),
            (_TONES[0], _TONES[2], _TONES[1], _TONES[0], _TONES[3],
             _TONES[1], _TONES[2], _TONES[0], _TONES[1]),
            strict=True,
        )
    ),
    "bicycle": ("noto:bicycle", "fluent:bicycle"),
    "car": ("noto:automobile", "noto:sport-utility-vehicle", "fluent:automobile"),
    "motorcycle": ("noto:motorcycle", "noto:motor-scooter", "fluent:motor-scooter"),
    "airplane": ("noto:airplane", "fluent:airplane", "noto:small-airplane"),
    "bus": ("noto:bus", "noto:trolleybus", "fluent:bus"),
    "train": ("noto:locomotive", "fluent:locomotive", "noto:bullet-train"),
    "truck": ("noto:delivery-truck", "noto:articulated-lorry", "noto:fire-engine"),
    "boat": ("noto:sailboat", "noto:speedboat", "noto:ship"),
    "traffic light": ("own:traffic light",),
    "fire hydrant": ("own:fire hydrant",),
    "stop sign": ("own:stop sign",),
    "bench": ("own:bench",),
    "bird": ("noto:parrot", "noto:bird", "noto:eagle"),
    "cat": ("noto:cat", "noto:black-cat"),
    "dog": ("noto:dog", "fluent:dog"),
    "horse": ("noto:horse", "fluent:horse"),
    "sheep": ("noto:ewe", "noto:ram"),
    "cow": ("noto:cow", "fluent:cow"),
    "elephant": ("noto:elephant", "fluent:elephant"),
    "bear": ("own:bear",),
    "zebra": ("noto:zebra", "fluent:zebra"),
    "giraffe": ("noto:giraffe", "fluent:giraffe"),
    "backpack": ("noto:backpack", "fluent:backpack"),
    "umbrella": ("noto:umbrella", "fluent:umbrella"),
    "handbag": ("noto:handbag", "noto:purse"),
    "tie": ("own:tie",),
    "suitcase": ("fluent:luggage",),
    "frisbee": ("noto:flying-disc",),
    "skis": ("own:skis",),
    "snowboard": ("own:snowboard",),
    "sports ball": ("noto:soccer-ball", "noto:basketball", "noto:volleyball"),
    "kite": ("noto:kite", "fluent:kite"),
    "skateboard": ("noto:skateboard", "fluent:skateboard"),
    "surfboard": ("own:surfboard",),
    "tennis racket": ("noto:tennis", "fluent:tennis"),
    "bottle": ("own:bottle", "noto:baby-bottle"),
    "wine glass": ("noto:wine-glass", "fluent:wine-glass"),
    "cup": ("noto:hot-beverage", "fluent:cup-with-straw"),
    "fork": ("own:fork",),
    "knife": ("noto:kitchen-knife", "fluent:kitchen-knife"),
    "bowl": ("own:bowl",),
    "banana": ("noto:banana", "fluent:banana"),
    "apple": ("noto:red-apple", "noto:green-apple"),
    "sandwich": ("noto:sandwich", "fluent:sandwich"),
    "orange": ("noto:tangerine", "fluent:tangerine"),
    "broccoli": ("noto:broccoli", "fluent:broccoli"),
    "carrot": ("noto:carrot", "fluent:carrot"),
    "hot dog": ("noto:hot-dog", "fluent:hot-dog"),
    "pizza": ("noto:pizza", "fluent:pizza"),
    "donut": ("noto:doughnut", "fluent:doughnut"),
    "cake": ("noto:birthday-cake", "noto:shortcake"),
    "chair": ("noto:chair", "fluent:chair"),
    "couch": ("own:couch",),
    "potted plant": ("noto:potted-plant", "fluent:potted-plant"),
    "bed": ("noto:bed",),
    "toilet": ("noto:toilet", "fluent:toilet"),
    "tv": ("noto:television", "fluent:television"),
    "laptop": ("noto:laptop", "fluent:laptop"),
    "mouse": ("noto:computer-mouse",),
    "keyboard": ("noto:keyboard",),
    "cell phone": ("noto:mobile-phone", "fluent:mobile-phone"),
    "microwave": ("own:microwave",),
    "refrigerator": ("own:refrigerator",),
    "book": ("noto:closed-book", "noto:blue-book", "noto:open-book"),
    "clock": ("noto:alarm-clock", "fluent:alarm-clock"),
    "vase": ("noto:amphora", "fluent:amphora"),
    "scissors": ("noto:scissors", "fluent:scissors"),
    "teddy bear": ("noto:teddy-bear", "fluent:teddy-bear"),
    "toothbrush": ("noto:toothbrush", "fluent:toothbrush"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """How one glyph is wanted: which, how large, turned or not, in which light.

    Attributes:
        size: square root of width times height, in pixels.
        hue: shift of the hue, in steps of 1/255 of the circle.
        light: multiplied into the red, green and blue channels.
    """

    category: str
    variant: int
    size: float
    flip: bool
    hue: int
    light: tuple[float, float, float]


class GlyphSet:
    """All glyphs, rasterised when first asked for and kept at several sizes."""

    def __init__(self, icons: dict[str, dict[str, Any]]) -> None:
        self._icons = icons
        self._pyramids: dict[tuple[str, int], list[Image.Image]] = {}
        self.drawn = functools.lru_cache(maxsize=20_000)(self._drawn)

    def raster(self, category: str, variant: int) -> Image.Image:
        """Return the trimmed glyph, RGBA, about `RASTER` pixels on its longer side."""
        return self._pyramid(category, variant)[0]

    def _drawn(self, look: Look) -> Image.Image:
        """Return the glyph as `look` says, RGBA. Cached; do not draw on it."""
        pyramid = self._pyramid(look.category, look.variant)
        width, height = pyramid[0].size
        scale = look.size / (width * height) ** 0.5
        wanted = (max(1, round(width * scale)), max(1, round(height * scale)))
        source = next(
            (level for level in reversed(pyramid) if level.width >= wanted[0]), pyramid[0]
        )
        image = source.resize(wanted, Image.Resampling.BICUBIC)
        if look.flip:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return _lit(_turned_hue(image, look.hue), look.light)

    def _pyramid(self, category: str, variant: int) -> list[Image.Image]:
        key = (category, variant)
        if key not in self._pyramids:
            image = _rasterise(self._svg(GLYPHS[category][variant]))
            levels = [image]
            while max(levels[-1].size) > 48:
                levels.append(levels[-1].reduce(2))
            self._pyramids[key] = levels
        return self._pyramids[key]

    def _svg(self, reference: str) -> str:
        source, name = reference.split(":")
        if source == "own":
            return (DRAWINGS / f"{name.replace(' ', '_')}.svg").read_text(encoding="utf-8")
        icons = self._icons[source]
        name = icons.get("aliases", {}).get(name, {}).get("parent", name)
        icon = icons["icons"][name]
        width = icon.get("width", icons.get("width", 16))
        height = icon.get("height", icons.get("height", 16))
        return _svg(icon["body"], width, height)


def load_glyphs(folder: Path) -> GlyphSet:
    """Read the glyph packages in `folder`, as `npm pack` leaves them there.

    Raises:
        GlyphsError: a package is missing or is not what it should be.
    """
    return GlyphSet({source: _read_package(folder, name) for source, name in PACKAGES.items()})


class GlyphsError(CocoSiftError):
    """The glyph packages are not there, or cannot be read."""


def _read_package(folder: Path, package: str) -> dict[str, Any]:
    path = folder / (package.removeprefix("@").replace("/", "-").replace("@", "-") + ".tgz")
    remedy = (
        f"Fetch the packages with: mkdir -p {folder} && cd {folder} && "
        f"npm pack {' '.join(PACKAGES.values())}"
    )
    if not path.is_file():
        raise GlyphsError(
            f"Expected the glyph package {path.name} in {folder}; it is missing. {remedy}"
        )
    try:
        with tarfile.open(path) as archive:
            member = archive.extractfile("package/icons.json")
            icons: dict[str, Any] = json.load(member) if member else {}
    except (tarfile.TarError, OSError, KeyError, ValueError) as error:
        raise GlyphsError(f"{path} is not a glyph package ({error}). {remedy}") from error
    return icons


def _svg(body: str, width: int, height: int) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">{body}</svg>'
    )


def _rasterise(svg: str) -> Image.Image:
    try:
        import resvg_py
    except ImportError as error:
        raise GlyphsError(
            "Drawing the demo needs the package resvg_py, which is not installed. "
            "Run: pip install -r requirements-demo.txt"
        ) from error
    png = resvg_py.svg_to_bytes(svg_string=svg, width=RASTER, height=RASTER, skip_system_fonts=True)
    image = Image.open(io.BytesIO(png)).convert("RGBA")
    solid = image.getchannel("A").point(lambda alpha: 255 if alpha > 24 else 0)
    return image.crop(solid.getbbox())


def _turned_hue(image: Image.Image, hue: int) -> Image.Image:
    if not hue:
        return image
    alpha = image.getchannel("A")
    h, s, v = image.convert("RGB").convert("HSV").split()
    turned = Image.merge("HSV", (h.point([(i + hue) % 256 for i in range(256)]), s, v)).convert(
        "RGB"
    )
    turned.putalpha(alpha)
    return turned


def _lit(image: Image.Image, light: tuple[float, float, float]) -> Image.Image:
    if light == (1.0, 1.0, 1.0):
        return image
    table = [min(255, round(i * gain)) for gain in light for i in range(256)]
    return image.point(table + list(range(256)))
