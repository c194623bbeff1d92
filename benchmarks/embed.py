"""Embedding a dataset: the whole run beside the forward pass alone, decoding, memory.

    python -m benchmarks embed
    python -m benchmarks.embed --workers 0 1 2 --niceness 0 10

The second measures what `embed` chooses by itself on a CPU: how many processes read pictures,
and how far they stand back behind the forward pass.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image

from benchmarks import inputs
from benchmarks.rows import Repeats, Row, at_least, at_most, bounded, multiple, unmeasured
from core import checkpoint
from core.coco import CocoDataset, open_dataset
from core.embed_run import embed_dataset, run
from core.encoder import Encoder, load_encoder
from core.images import open_picture
from core.preprocessing import Preprocessing
from core.settings import Settings

# Different pictures; what more are needed are the same files under further names.
DISTINCT = 32
BATCH = 16
MODEL = "vit-b-32"


def rows(quick: bool) -> list[Row]:
    """Measure what the table of figures says of embedding."""
    settings = written()
    return [
        *forward_rows(quick),
        *whole_run_rows(settings, batches=3 if quick else 8, times=1 if quick else 3),
        memory_row(settings, 1_000 if quick else 10_000),
        unmeasured(
            *("embedding, GPU", "pictures/s", at_least(0.9)),
            "no GPU was to be had; two encoders are tested on the CPU",
        ),
    ]


def forward_rows(quick: bool) -> list[Row]:
    """The forward pass beside the machine's matrix product, which the encoder's benchmark has."""
    try:
        from benchmarks.encode import picture_rows
    except ImportError:
        return []
    return picture_rows(quick)


def whole_run_rows(settings: Settings, *, batches: int, times: int) -> list[Row]:
    """Whether the forward pass ever waits for pictures, and how many cores they would keep busy.

    Others' work on the machine disturbs a run and its forward pass alike, so the two are compared
    within the same run; and decoding with the forward pass by what each takes of the processor.
    """
    encoder = Timed(load_encoder(settings.models / MODEL, device="cpu", cache=settings.cache))
    encoder.prepare("image")
    dataset = dataset_of(settings, BATCH * (batches + 1))
    whole, forward_within, forward, decoding = [], [], [], []
    for _ in range(times):
        decoding.append(decoding_rate(settings, encoder.preprocessing))
        forward.append(forward_rate(encoder, batches))
        rate, within = run_rates(dataset, encoder, settings)
        whole.append(rate)
        forward_within.append(within)
    both = [1 / (1 / one + 1 / other) for one, other in zip(forward, decoding, strict=True)]
    return [
        multiple(
            *("embedding, decoding", Repeats(decoding, forward), at_least(1)),
            unit="pictures/s",
            note="all cores decode and crop 640 x 480; reference: all run the forward pass; by the "
            "processor's clock",
        ),
        multiple(
            *("embedding, whole run", Repeats(whole, forward_within), at_least(0.9)),
            unit="pictures/s",
            note="reference: the forward pass within the same run, so what is missing to 1 is "
            "waiting; decoding on the same cores takes "
            f"{1 - np.median(np.divide(both, forward)):.0%} of the processor",
        ),
    ]


def memory_row(settings: Settings, n_pictures: int) -> Row:
    """How much a run and its workers grow from a tenth of the pictures to the last."""
    resident = Resident(first=n_pictures // 10)
    embedded(dataset_of(settings, n_pictures), MeanColour(), settings, 2, resident)
    return bounded(
        *("embedding, memory over 40,504 pictures", [resident.growth_mb], at_most(100)),
        unit="MB",
        note=f"growth of the process and two workers from picture {resident.first:,} to "
        f"{n_pictures:,}, {resident.first_mb:,.0f} MB before",
    )


def run_rates(
    dataset: CocoDataset, encoder: "Timed", settings: Settings, workers: int | None = None
) -> tuple[float, float]:
    """Pictures a second of a run from its first batch to its last, and of its forward pass."""
    steady = Steady()
    encoder.passes.clear()
    embedded(dataset, encoder, settings, workers, steady)
    later = encoder.passes[1:]
    return steady.rate, sum(n for n, _ in later) / sum(seconds for _, seconds in later)


def forward_rate(encoder: Encoder, batches: int) -> float:
    """Pictures a second of the forward pass alone on all cores, by the processor's clock."""
    shape = (BATCH, encoder.preprocessing.image_size, encoder.preprocessing.image_size, 3)
    pixels = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    encoder.encode_pixels(pixels)
    begun = time.process_time()
    for _ in range(batches):
        encoder.encode_pixels(pixels)
    return BATCH * batches / (time.process_time() - begun) * (os.cpu_count() or 1)


def decoding_rate(settings: Settings, preprocessing: Preprocessing) -> float:
    """Pictures a second that all cores decode and crop: those of one, by its own clock."""
    pictures = sorted((settings.home / "distinct").iterdir())
    begun = time.process_time()
    for path in pictures:
        preprocessing.square(open_picture(path, settings))
    return len(pictures) / (time.process_time() - begun) * (os.cpu_count() or 1)


class Timed:
    """An encoder that notes how many pictures each pass had, and how long it took."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.passes: list[tuple[int, float]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Return what the encoder does."""
        begun = time.perf_counter()
        vectors = self._encoder.encode_pixels(pixels)
        self.passes.append((len(pixels), time.perf_counter() - begun))
        return vectors


class Steady:
    """Progress that tells the rate behind the first batch, when everything has started."""

    def __init__(self) -> None:
        self._told: list[tuple[int, float]] = []

    def update(self, done: int, total: int) -> None:
        if done:
            self._told.append((done, time.perf_counter()))

    @property
    def rate(self) -> float:
        (first, begun), (last, ended) = self._told[0], self._told[-1]
        return (last - first) / (ended - begun)


class Resident:
    """Progress that looks at the memory of this process and its children.

    Attributes:
        first: pictures after which it is looked at first.
    """

    def __init__(self, first: int) -> None:
        self.first = first
        self.first_mb = 0.0
        self.growth_mb = 0.0

    def update(self, done: int, total: int) -> None:
        if done < self.first:
            return
        now = sum(resident_mb(pid) for pid in family(os.getpid()))
        self.first_mb = self.first_mb or now
        self.growth_mb = max(self.growth_mb, now - self.first_mb)


class MeanColour:
    """Stands in for a model that costs nothing, so that only what is round it counts."""

    name, dim, precision, runtime, device = "mean", 512, "fp32", "none", "cpu"
    fingerprint = "0" * 64
    preprocessing = Preprocessing()

    def __init__(self) -> None:
        self._mix = np.random.default_rng(0).normal(size=(4, self.dim)).astype(np.float32)

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Return float32, shape (n, dim), unit rows."""
        colours = pixels[:, ::16, ::16].mean(axis=(1, 2), dtype=np.float32)
        vectors = np.column_stack([colours, np.ones(len(pixels), np.float32)]) @ self._mix
        unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


def embedded(
    dataset: CocoDataset,
    encoder: Timed | MeanColour,
    settings: Settings,
    workers: int | None,
    progress: Steady | Resident,
) -> None:
    embed_dataset(
        dataset,
        encoder,  # type: ignore[arg-type]
        checkpoint.read_manifest(settings.models / MODEL),
        settings,
        batch_size=BATCH,
        workers=workers,
        progress=progress,
        restart=True,
    )


def written() -> Settings:
    """Write pictures of 640 x 480 and a ViT-B-32, unless they are there."""
    home = inputs.folder() / "embed"
    if not (home / "models").exists():
        random = np.random.default_rng(0)
        (home / "distinct").mkdir(parents=True, exist_ok=True)
        for number in range(DISTINCT):
            coarse = random.integers(0, 255, (120, 160, 3), dtype=np.uint8)
            image = Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC)
            image.save(home / "distinct" / f"{number}.jpg", quality=93)
        (home / "writing" / MODEL).mkdir(parents=True)
        for part in sorted(inputs.vit_b_32().iterdir()):
            os.link(part, home / "writing" / MODEL / part.name)
        (home / "writing").rename(home / "models")
    return Settings(home=home, cache=home / "cache", offline=True)


def dataset_of(settings: Settings, n_pictures: int) -> CocoDataset:
    """Write a dataset of so many pictures, which share `DISTINCT` files."""
    folder = settings.data / f"of_{n_pictures}"
    if not (folder / "dataset.toml").exists():
        (folder / "images").mkdir(parents=True)
        images = [{"id": 1 + row, "file_name": f"{row}.jpg"} for row in range(n_pictures)]
        for row in range(n_pictures):
            file = settings.home / "distinct" / f"{row % DISTINCT}.jpg"
            os.link(file, folder / "images" / f"{row}.jpg")
        captions = {"images": images, "annotations": []}
        (folder / "captions.json").write_text(json.dumps(captions))
        (folder / "dataset.toml").write_text(
            '[annotations]\ncaptions = "captions.json"\n[pictures]\nfolder = "images"\n'
        )
    return open_dataset(folder, settings)


def resident_mb(pid: int) -> float:
    """Resident memory of a process; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def family(pid: int) -> list[int]:
    """A process and those that it has started."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *(int(child) for path in children for child in path.read_text().split())]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--niceness", type=int, nargs="+", default=[0, 10])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--batches", type=int, default=3)
    options = parser.parse_args()
    settings = written()
    encoder = Timed(load_encoder(settings.models / MODEL, device="cpu", cache=settings.cache))
    encoder.prepare("image")
    dataset = dataset_of(settings, BATCH * (options.batches + 1))
    for _ in range(options.turns):
        for workers in options.workers:
            for niceness in options.niceness if workers else (0,):
                with patch.object(run, "_NICENESS", niceness):
                    whole, forward = run_rates(dataset, encoder, settings, workers)
                print(
                    f"workers {workers}, niceness {niceness}: {whole:.1f} pictures/s, "
                    f"{whole / forward:.3f} of the forward pass within the run",
                    flush=True,
                )


if __name__ == "__main__":
    main()
