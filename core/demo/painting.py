"""Painting: a scene becomes a picture, the same at every size, with a mask an object."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.demo.backgrounds import paint_background
from core.demo.glyphs import GlyphSet, Look
from core.demo.scenes import Scene, SceneObject

VARIANTS = 64  # backgrounds a setting; the scene's seed picks one and may mirror it

_SHORE = 0.62  # where the beach's water ends, as a fraction of the height

Light = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Painting:
    """A picture and what is seen of each object.

    Attributes:
        image: RGB.
        masks: bool, shape (objects, height, width): the pixels that show each object,
            in the order of `Scene.objects`; what others hide is not in it.
    """

    image: Image.Image
    masks: np.ndarray


def paint(scene: Scene, glyphs: GlyphSet, width: int, height: int) -> Image.Image:
    """Return the picture of `scene`, RGB. The same scene and size give the same pixels."""
    image = _background(scene, width, height)
    light, shade = _object_light(scene.setting)
    for thing, glyph, (x, y) in _things(scene, glyphs, width, height, light):
        if scene.setting == "night city":
            _shine(image, glyph, x, y)
        _ground(image, thing, glyph, x, y, shade)
        image.paste(glyph, (x, y), glyph)
    return image.point(_exposure(scene.seed))


def paint_with_masks(scene: Scene, glyphs: GlyphSet, width: int, height: int) -> Painting:
    """Return the picture of `scene` and the mask of what is seen of each object."""
    masks = visible_masks(scene, glyphs, width, height)
    return Painting(paint(scene, glyphs, width, height), masks)


def visible_masks(scene: Scene, glyphs: GlyphSet, width: int, height: int) -> np.ndarray:
    """Return the masks alone, as `Painting` has them, without painting anything."""
    owner = Image.new("I", (width, height), 0)
    light, _ = _object_light(scene.setting)
    things = _things(scene, glyphs, width, height, light)
    for number, (_, glyph, place) in enumerate(things, 1):
        solid = glyph.getchannel("A").point(lambda alpha: 255 if alpha >= 128 else 0)
        owner.paste(number, (*place, place[0] + glyph.width, place[1] + glyph.height), solid)
    numbers = np.arange(1, len(scene.objects) + 1)[:, None, None]
    return np.asarray(np.asarray(owner)[None] == numbers)


def _things(
    scene: Scene, glyphs: GlyphSet, width: int, height: int, light: Light
) -> Iterator[tuple[SceneObject, Image.Image, tuple[int, int]]]:
    """Yield each object with its glyph at its size and the glyph's upper left corner."""
    for thing in scene.objects:
        size = round(thing.size * height * 4) / 4
        look = Look(
            thing.category, thing.variant, size, thing.flip, round(thing.hue / 8) * 8, light
        )
        glyph = glyphs.drawn(look)
        x = round(thing.x * width - glyph.width / 2)
        x = min(max(x, 0), max(0, width - glyph.width))
        yield thing, glyph, (x, max(0, round(thing.y * height) - glyph.height))


def _background(scene: Scene, width: int, height: int) -> Image.Image:
    image = _cached_background(scene.setting, scene.seed % VARIANTS, width, height)
    if scene.seed // VARIANTS % 2:
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return image.copy()


@functools.lru_cache(maxsize=9 * VARIANTS)
def _cached_background(setting: str, variant: int, width: int, height: int) -> Image.Image:
    rng = np.random.default_rng([variant, *setting.encode()])
    return paint_background(setting, rng, width, height)


def _object_light(setting: str) -> tuple[Light, float]:
    """Return the light on objects and the strength of their shadows (0 to 1)."""
    return {
        "night city": ((1.0, 0.97, 1.0), 0.60),
        "desert": ((1.0, 0.97, 0.90), 0.42),
        "snow": ((0.97, 0.99, 1.0), 0.26),
        "beach": ((1.0, 0.99, 0.96), 0.36),
    }.get(setting, ((1.0, 1.0, 1.0), 0.38))


def _shine(image: Image.Image, glyph: Image.Image, x: int, y: int) -> None:
    """Lay the soft light in which something stands that is seen at night."""
    wide, high = glyph.width * 2, round(glyph.height * 1.8)
    left, top = x - glyph.width // 2, y - round(glyph.height * 0.35)
    image.paste((255, 216, 160), (left, top, left + wide, top + high), _shadow(wide, high, 92))


def _ground(
    image: Image.Image, thing: SceneObject, glyph: Image.Image, x: int, y: int, shade: float
) -> None:
    """Lay the shadow, or on water the mirror image, that ties an object to its place."""
    if thing.support == "sky":
        return
    foot = y + glyph.height
    if thing.support == "water":
        depth = max(1, min(round(glyph.height * 0.4), round(image.height * _SHORE) - foot))
        mirrored = glyph.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((glyph.width, depth))
        image.paste(mirrored, (x, foot - 1), mirrored.getchannel("A").point(lambda a: a * 0.35))
        return
    wide = max(4, round(glyph.width * (1.12 if thing.support == "ground" else 1.0)))
    high = max(3, round(min(glyph.width * 0.26, glyph.height * 0.34)))
    shadow = _shadow(wide, high, round(255 * shade))
    left, top = x + (glyph.width - wide) // 2, foot - round(high * 0.58)
    image.paste((24, 22, 34), (left, top, left + wide, top + high), shadow)


@functools.lru_cache(maxsize=4096)
def _shadow(width: int, height: int, strength: int) -> Image.Image:
    return _BLOB.resize((width, height), Image.Resampling.BILINEAR).point(
        lambda value: value * strength // 255
    )


_BLOB = Image.fromarray(
    (255 * np.clip(1.25 * (1 - np.hypot(*np.mgrid[-1:1:96j, -1:1:96j])), 0, 1) ** 0.8).astype(
        np.uint8
    )
)


def _exposure(seed: int) -> list[int]:
    """Return the table for brightness, contrast and colour cast that `seed` decides."""
    rng = np.random.default_rng(seed)
    brightness, contrast = rng.uniform(-10, 10), rng.uniform(0.92, 1.08)
    cast = rng.uniform(0.95, 1.05, 3)
    levels = np.arange(256)[None] * cast[:, None]
    return [int(v) for v in np.clip((levels - 128) * contrast + 128 + brightness, 0, 255).ravel()]
