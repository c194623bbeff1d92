"""Measuring a model's search at COCO's real size: encoding, ranking, intervals, and the page.

    python -m benchmarks.quality [--folder FOLDER] [--all] [--json]

Writes synthetic files of val2014's size and a ViT-B-32 checkpoint with random weights (as
`benchmarks.val2014` does) and measures, each in a fresh process:

- `encode`: vectors of 1,000 captions, as a measurement makes them
- `encode plainly`: the same by open_clip's own call, in the file's order
- `rank`: 25,000 captions against 5,000 pictures, both ways
- `rank plainly`: the same by sorting the whole table of scores
- `categories`: average precision of 80 categories among 40,504 pictures, with 1,000 draws
- `page`: find a kept measurement of 5,000 pictures again, and make what the page draws
- `rank all` (with `--all`): 202,654 captions against 40,504 pictures
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.val2014 import prepare
from benchmarks.ways import in_fresh_process, tell
from core.library import Library
from core.settings import Settings

CAPTIONS = 1_000


def main() -> None:
    """Write the files, measure each way in a process of its own, print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="keep the files here (about 1 GB)")
    parser.add_argument("--all", action="store_true", help="rank all captions, which takes long")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        measured = WAYS[options.child](options.folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(json.dumps({**measured, "peak MB": peak}))
        return
    with tempfile.TemporaryDirectory(prefix="quality-") as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "models/clip_model_part_aa").exists():
            prepare(folder)
        ways = [way for way in WAYS if options.all or way != "rank all"]
        offline = {"COCOSIFT_OFFLINE": "1"}
        figures = {
            way: in_fresh_process("benchmarks.quality", way, folder, offline) for way in ways
        }
    assert figures["rank"]["recall@1"] == figures["rank plainly"]["recall@1"]
    assert figures["rank"]["pictures' recall@1"] == figures["rank plainly"]["pictures' recall@1"]
    tell(figures, options.json, digits=3)


def encode(folder: Path) -> dict[str, float]:
    """Encode captions as a measurement does: kept in blocks, like lengths together."""
    from core.quality.vectors import KeptVectors

    library, texts = _library(folder), _texts(folder)
    encoder = library.encoder("clip")
    encoder.encode_texts(texts[:8])
    with tempfile.TemporaryDirectory() as kept:
        vectors = KeptVectors(Path(kept), "model", encoder.dim)
        seconds, made = _timed(
            lambda: [vectors.encode(texts[i : i + 500], encoder) for i in range(0, CAPTIONS, 500)]
        )
        again, found = _timed(lambda: [vectors.get(texts[i : i + 500]) for i in (0, 500)])
    assert np.array_equal(np.concatenate(made), np.concatenate(found))
    return {"captions a second": CAPTIONS / seconds, "found again s": again}


def encode_plainly(folder: Path) -> dict[str, float]:
    """Encode captions by open_clip's own call, 256 at a time."""
    import open_clip
    import torch

    texts = _texts(folder)
    model = open_clip.create_model("ViT-B-32", pretrained=None).eval()
    tokenize = open_clip.get_tokenizer("ViT-B-32")

    def encode_all() -> None:
        with torch.inference_mode():
            for start in range(0, CAPTIONS, 256):
                model.encode_text(tokenize(texts[start : start + 256]), normalize=True)

    seconds, _ = _timed(encode_all)
    return {"captions a second": CAPTIONS / seconds}


def rank_5000(folder: Path) -> dict[str, float]:
    """Rank 25,000 captions and 5,000 pictures, block by block."""
    from core.quality.ranks import rank

    images, own = _images(folder)[:5_000], np.repeat(np.arange(5_000), 5)
    seconds, found = _timed(lambda: rank(images, own, _blocks(images, own)))
    return _told(seconds, found.of_captions, found.of_pictures)


def rank_plainly(folder: Path) -> dict[str, float]:
    """The same by sorting the whole table of scores, both ways."""
    images, own = _images(folder)[:5_000], np.repeat(np.arange(5_000), 5)
    texts = np.concatenate([vectors for _, vectors in _blocks(images, own)()])

    def ranks() -> tuple[np.ndarray, np.ndarray]:
        scores = texts @ images.T
        of_captions = np.argsort(-scores, axis=1, kind="stable") == own[:, None]
        right = own[np.argsort(-scores.T, axis=1, kind="stable")] == np.arange(5_000)[:, None]
        return of_captions.argmax(axis=1) + 1, right.argmax(axis=1) + 1

    seconds, found = _timed(ranks)
    return _told(seconds, *found)


def rank_all(folder: Path) -> dict[str, float]:
    """Rank 202,654 captions and 40,504 pictures, block by block."""
    from core.quality.ranks import rank

    images = _images(folder)
    own = np.sort(np.arange(202_654) % len(images))
    seconds, found = _timed(lambda: rank(images, own, _blocks(images, own)))
    return _told(seconds, found.of_captions, found.of_pictures)


def categories(folder: Path) -> dict[str, float]:
    """Measure 80 categories among all pictures."""
    from core.quality.estimates import weights_of_draws
    from core.quality.precision import labelled, measure_categories

    dataset = _library(folder).dataset("val2014", "clip")
    images = _images(folder)
    asked = labelled(dataset.coco, np.sort(dataset.embeddings.image_ids))
    queries = images[:80]
    drawing, weights = _timed(lambda: weights_of_draws(len(images)))
    seconds, found = _timed(lambda: measure_categories(asked, queries, images, weights))
    assert len(found) == 80
    return {"draws s": drawing, "categories s": seconds}


def page(folder: Path) -> dict[str, float]:
    """Find a measurement again and make what the page draws of it."""
    from core.charts import page_specification
    from core.charts import quality as charts
    from core.quality.measurement import measure
    from core.quality.store import find_measurement, keep_measurement
    from core.quality.subject import subject_of
    from core.quality.vectors import KeptVectors

    library = _library(folder)
    dataset = library.dataset("val2014", "clip")
    opened, _ = _timed(lambda: dataset.embeddings)
    hashed, subject = _timed(lambda: subject_of(dataset))
    again, _ = _timed(lambda: subject_of(dataset))

    class Ready(KeptVectors):
        """Vectors without a model: what is measured here is not how good it is."""

        def get(self, texts):
            random = np.random.default_rng(len(texts))
            rows = random.standard_normal((len(texts), 512), dtype=np.float32)
            return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    making, made = _timed(lambda: measure(dataset, subject, Ready(folder, "none", 512)))
    keep_measurement(library.settings, made)
    reading, found = _timed(lambda: find_measurement(library.settings, subject.key))
    drawn = {
        name: _timed(lambda make=make: page_specification(make()))[0]
        for name, make in (
            ("recall by group s", lambda: charts.group_chart("captions", 1, found)),
            ("ranks s", lambda: charts.curve_chart(found)),
            ("all categories s", lambda: charts.category_chart(found)),
        )
    }
    return {
        "embeddings open s": opened,
        "hash what goes in s": hashed,
        "the same again s": again,
        "all but encoding s": making,
        "find it again s": reading,
        **drawn,
    }


def _library(folder: Path) -> Library:
    return Library(Settings(home=folder, cache=folder / "cache", offline=True))


def _texts(folder: Path) -> list[str]:
    coco = _library(folder).coco("val2014")
    ids = coco.images.ids[:CAPTIONS]
    return [text for texts in coco.captions_of(ids) for text in texts][:CAPTIONS]


def _images(folder: Path) -> np.ndarray:
    return np.load(folder / "embeddings/image_coco_validation_2014_embeddings.npy")


def _blocks(images: np.ndarray, own: np.ndarray) -> Callable[[], Iterator[Any]]:
    """Captions near their pictures, made anew each time so that they take no memory."""

    def blocks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in range(0, len(own), 500):
            rows = np.arange(start, min(start + 500, len(own)))
            random = np.random.default_rng(start)
            noise = random.standard_normal((len(rows), images.shape[1]), dtype=np.float32)
            texts = images[own[rows]] + 0.25 * noise
            yield rows, texts / np.linalg.norm(texts, axis=1, keepdims=True)

    return blocks


def _told(seconds: float, of_captions: np.ndarray, of_pictures: np.ndarray) -> dict[str, float]:
    return {
        "s": seconds,
        "recall@1": float((of_captions <= 1).mean()),
        "pictures' recall@1": float((of_pictures <= 1).mean()),
    }


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    value = work()
    return time.perf_counter() - started, value


WAYS: dict[str, Callable[[Path], dict[str, float]]] = {
    "encode": encode,
    "encode plainly": encode_plainly,
    "rank": rank_5000,
    "rank plainly": rank_plainly,
    "categories": categories,
    "page": page,
    "rank all": rank_all,
}

if __name__ == "__main__":
    main()
