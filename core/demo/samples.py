"""Scenes rendered for training: pixels in one memory-mapped file, texts beside it.

Rendering takes minutes, so it is done once by several processes and kept under a
key of everything that it depends on; a run that finds a finished folder reads it.
Scene number i depends on the seed and i alone, however many processes draw.
"""

import hashlib
import io
import json
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from core.atomic import atomic_folder, write_text
from core.demo.captions import Caption, Claims, write_captions
from core.demo.glyphs import GlyphSet, load_glyphs
from core.demo.painting import paint
from core.demo.scenes import Content, Scene, sample_scene
from core.progress import NoProgress, Progress

IMAGE_SIZE = 96
_DRAWN_SIZE = (256, 192)
_SHIPPED_SIZE = (640, 480)
_JPEG_QUALITY = 88
_BLOCK = 250
_NOT_THE_GENERATOR = frozenset(
    {"training.py", "tokens.py", "truth.py", "dataset.py", "facts.py", "outlines.py"}
)


@dataclass(frozen=True, slots=True)
class Samples:
    """Rendered scenes and what is written about them.

    Attributes:
        pixels: uint8 RGB, shape (n, size, size, 3); memory-mapped when read from disk.
        contents: what each scene shows, n of them.
        captions: the captions of each scene, n tuples.
    """

    pixels: np.ndarray
    contents: tuple[Content, ...]
    captions: tuple[tuple[Caption, ...], ...]

    def __len__(self) -> int:
        return len(self.contents)


def training_samples(
    folder: Path,
    glyphs: Path,
    *,
    seed: int,
    count: int,
    workers: int = 2,
    progress: Progress | None = None,
) -> Samples:
    """Return `count` scenes whose content is not reserved, rendered under `folder` if need be.

    They are painted small and squashed to a square, as the model sees the shipped pictures.

    Raises:
        GlyphsError: the glyph packages in `glyphs` are missing.
    """
    return _rendered(folder / "training", glyphs, _Order(seed, count, False), workers, progress)


def validation_samples(
    folder: Path,
    glyphs: Path,
    *,
    seed: int,
    count: int,
    workers: int = 2,
    progress: Progress | None = None,
) -> Samples:
    """Return `count` scenes of reserved contents, painted and stored as the shipped ones are."""
    return _rendered(folder / "validation", glyphs, _Order(seed, count, True), workers, progress)


def squashed(image: Image.Image) -> np.ndarray:
    """Return the whole picture as uint8 RGB, shape (96, 96, 3), as the preprocessing does."""
    return np.asarray(image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC))


@dataclass(frozen=True, slots=True)
class _Order:
    seed: int
    count: int
    reserved: bool

    @property
    def key(self) -> str:
        """Changes whenever the same order could give other pictures or texts."""
        digest = hashlib.sha256(repr((self, IMAGE_SIZE, _DRAWN_SIZE, _JPEG_QUALITY)).encode())
        for path in sorted(Path(__file__).parent.rglob("*")):
            if path.suffix in (".py", ".svg") and path.name not in _NOT_THE_GENERATOR:
                digest.update(path.read_bytes())
        return digest.hexdigest()[:16]

    def scene(self, number: int) -> tuple[Scene, np.random.Generator]:
        """Return scene `number` and the random numbers to write its captions with."""
        rng = np.random.default_rng([self.seed, int(self.reserved), number])
        while True:
            scene = sample_scene(rng)
            if scene.content.reserved == self.reserved:
                return scene, rng

    def painted(self, scene: Scene, glyphs: GlyphSet) -> np.ndarray:
        if not self.reserved:
            return squashed(paint(scene, glyphs, *_DRAWN_SIZE))
        file = io.BytesIO()
        paint(scene, glyphs, *_SHIPPED_SIZE).save(file, "JPEG", quality=_JPEG_QUALITY)
        return squashed(Image.open(file).convert("RGB"))


def _rendered(
    folder: Path, glyphs: Path, order: _Order, workers: int, progress: Progress | None
) -> Samples:
    kept = folder / f"{order.seed}-{order.count}-{order.key}"
    if not kept.is_dir():
        load_glyphs(glyphs)  # raises here, once, rather than in every worker
        with atomic_folder(kept) as fresh:
            _render(fresh, glyphs, order, workers, progress or NoProgress())
    return _read(kept)


def _render(folder: Path, glyphs: Path, order: _Order, workers: int, progress: Progress) -> None:
    pixels = folder / "pixels.npy"
    shape = (order.count, IMAGE_SIZE, IMAGE_SIZE, 3)
    np.lib.format.open_memmap(pixels, "w+", np.uint8, shape).flush()
    starts = range(0, order.count, _BLOCK)
    written: dict[int, list[str]] = {}
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        waiting = {
            pool.submit(_render_block, order, glyphs, pixels, start): start for start in starts
        }
        for future in as_completed(waiting):
            written[waiting[future]] = future.result()
            progress.update(min(order.count, len(written) * _BLOCK), order.count)
    write_text(folder / "texts.jsonl", "".join(line for start in starts for line in written[start]))


def _render_block(order: _Order, folder: Path, pixels: Path, start: int) -> list[str]:
    glyphs = _worker_glyphs(folder)
    target = np.lib.format.open_memmap(pixels, "r+")
    lines = []
    for number in range(start, min(start + _BLOCK, order.count)):
        scene, rng = order.scene(number)
        target[number] = order.painted(scene, glyphs)
        lines.append(_to_line(scene.content, write_captions(scene, rng)))
    return lines


_loaded: dict[Path, GlyphSet] = {}


def _worker_glyphs(folder: Path) -> GlyphSet:
    """Return the glyphs, read once in each worker process."""
    if folder not in _loaded:
        _loaded[folder] = load_glyphs(folder)
    return _loaded[folder]


def _to_line(content: Content, captions: Sequence[Caption]) -> str:
    texts = [[caption.text, caption.claims.to_json()] for caption in captions]
    return json.dumps([content.setting, content.counts, texts]) + "\n"


def _read(folder: Path) -> Samples:
    contents, captions = [], []
    with (folder / "texts.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            setting, counts, texts = json.loads(line)
            contents.append(Content(setting, tuple((name, count) for name, count in counts)))
            captions.append(
                tuple(Caption(text, Claims.from_json(claims)) for text, claims in texts)
            )
    pixels = np.load(folder / "pixels.npy", mmap_mode="r", allow_pickle=False)
    return Samples(pixels, tuple(contents), tuple(captions))
