"""Writes files of COCO val2014's size, shape and layout, with made-up content.

    python -m benchmarks.val2014_files FOLDER

gives `FOLDER` the older flat layout: `data/captions_val2014.json` (40,504 pictures,
202,654 captions, about 32 MB), `data/instances_val2014.json` (291,875 instances, about
150 MB) and `embeddings/image_coco_validation_2014_{embeddings,filenames,coco_urls}.npy`
(40,504 x 512 unit vectors). The same `seed` gives the same bytes.
"""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from core.atomic import atomic_file
from core.progress import NoProgress, Progress, TerminalProgress

PICTURES = 40_504
CAPTIONS = 202_654
INSTANCES = 291_875
DIMENSION = 512
# Corners of a polygon on average, so that the file comes to val2014's 150 MB.
_CORNERS = 21
_CROWD_SHARE = 0.012
_BATCH = 2_000

_INFO = {
    "description": "Synthetic files of COCO val2014's size",
    "url": "http://benchmark.invalid",
    "version": "1.0",
    "year": 2014,
    "contributor": "CocoSift benchmarks",
    "date_created": "2014-01-01 00:00:00.0",
}
_LICENSES = [
    {"url": f"http://creativecommons.org/licenses/{path}/", "id": number, "name": name}
    for number, path, name in [
        (1, "by-nc-sa/2.0", "Attribution-NonCommercial-ShareAlike License"),
        (2, "by-nc/2.0", "Attribution-NonCommercial License"),
        (3, "by-nc-nd/2.0", "Attribution-NonCommercial-NoDerivs License"),
        (4, "by/2.0", "Attribution License"),
        (5, "by-sa/2.0", "Attribution-ShareAlike License"),
        (6, "by-nd/2.0", "Attribution-NoDerivs License"),
    ]
]
_CATEGORIES = [
    {
        "supercategory": f"group {number // 8}",
        "id": number + 1 + number // 8,
        "name": f"thing {number}",
    }
    for number in range(80)
]
_SUBJECTS = [
    *("A man", "A woman", "Two children", "A large dog"),
    *("A bus", "Several people", "A cat", "A train"),
]
_ACTS = ["standing", "waiting", "parked", "lying", "playing", "moving slowly", "resting"]
_PLACES = [
    "next to a building in the city",
    "on a sandy beach by the sea",
    "in a kitchen with a stove",
    "under a tree in the park",
    "on a snowy slope",
    "at the side of a wet road",
]


@dataclass(frozen=True, slots=True)
class Val2014Files:
    """Where the files are."""

    captions: Path
    instances: Path
    embeddings: Path
    filenames: Path
    coco_urls: Path


def write_val2014(
    folder: Path,
    *,
    pictures: int = PICTURES,
    captions: int = CAPTIONS,
    instances: int = INSTANCES,
    dimension: int = DIMENSION,
    seed: int = 2014,
    progress: Progress | None = None,
) -> Val2014Files:
    """Write the five files below `folder`; smaller counts give smaller files alike.

    Args:
        folder: gets `data/` and `embeddings/`.
        pictures: image records, and rows of the vectors.
        captions: caption records, spread evenly over the pictures.
        instances: instance records, spread unevenly; some pictures have none.
        dimension: of the vectors, float32, of length one.
        seed: of all that is random.
        progress: told the instances written.
    """
    random = np.random.default_rng(seed)
    ids = np.sort(random.choice(np.arange(1, 581_930), size=pictures, replace=False))
    images = [_image(int(image_id), random) for image_id in ids]
    data, vectors = folder / "data", folder / "embeddings"
    stem = "image_coco_validation_2014"
    files = Val2014Files(
        captions=data / "captions_val2014.json",
        instances=data / "instances_val2014.json",
        embeddings=vectors / f"{stem}_embeddings.npy",
        filenames=vectors / f"{stem}_filenames.npy",
        coco_urls=vectors / f"{stem}_coco_urls.npy",
    )
    _write_captions(files.captions, images, captions, random)
    _write_instances(files.instances, images, instances, random, progress or NoProgress())
    _write_vectors(files, images, dimension, random)
    return files


def _image(image_id: int, random: np.random.Generator) -> dict[str, Any]:
    name = f"COCO_val2014_{image_id:012d}.jpg"
    width, height = (640, 480) if random.random() < 0.75 else (427, 640)
    return {
        "license": int(random.integers(1, 7)),
        "file_name": name,
        "coco_url": f"http://images.cocodataset.org/val2014/{name}",
        "height": height,
        "width": width,
        "date_captured": "2013-11-14 17:02:52",
        "flickr_url": f"http://farm7.staticflickr.com/6116/{image_id:010d}_da26cf2c9e_z.jpg",
        "id": image_id,
    }


def _write_captions(
    path: Path, images: list[dict[str, Any]], count: int, random: np.random.Generator
) -> None:
    rows = random.permutation(np.arange(count) % len(images))
    words = random.integers(0, 1 << 30, size=(count, 3))
    with atomic_file(path) as file:
        _write_head(file, images)
        file.write(b', "annotations": [')
        for start in range(0, count, _BATCH):
            records = [
                {
                    "image_id": images[rows[at]]["id"],
                    "id": at + 1,
                    "caption": _caption(words[at]),
                }
                for at in range(start, min(start + _BATCH, count))
            ]
            _write_batch(file, records, first=start == 0)
        file.write(b"]}")


def _caption(words: np.ndarray) -> str:
    first, second, third = (int(word) for word in words)
    return (
        f"{_SUBJECTS[first % len(_SUBJECTS)]} {_ACTS[second % len(_ACTS)]} "
        f"{_PLACES[third % len(_PLACES)]}."
    )


def _write_instances(
    path: Path,
    images: list[dict[str, Any]],
    count: int,
    random: np.random.Generator,
    progress: Progress,
) -> None:
    # A few pictures draw many instances and one in a hundred draws none, as in COCO.
    weights = random.exponential(size=len(images))
    weights[random.random(len(images)) < 0.01] = 0
    rows = random.choice(len(images), size=count, p=weights / weights.sum())
    with atomic_file(path) as file:
        _write_head(file, images)
        file.write(b', "annotations": [')
        for start in range(0, count, _BATCH):
            chosen = [images[row] for row in rows[start : start + _BATCH]]
            records = _instances(chosen, start, random)
            _write_batch(file, records, first=start == 0)
            progress.update(min(start + _BATCH, count), count)
        file.write(b'], "categories": ' + json.dumps(_CATEGORIES).encode() + b"}")


def _instances(
    images: list[dict[str, Any]], start: int, random: np.random.Generator
) -> list[dict[str, Any]]:
    n = len(images)
    sizes = np.array([(image["width"], image["height"]) for image in images], dtype=np.float64)
    extents = np.maximum(sizes * random.beta(1.2, 4.0, size=(n, 2)), 4).round(2)
    corners = ((sizes - extents) * random.random((n, 2))).round(2)
    counts = 2 * random.integers(6, 2 * _CORNERS - 6, size=n)
    points = random.random((n, 4 * _CORNERS))
    crowds = random.random(n) < _CROWD_SHARE
    categories = random.integers(0, len(_CATEGORIES), size=n)
    records = []
    for at, image in enumerate(images):
        used = points[at, : counts[at]].reshape(-1, 2)
        polygon = (corners[at] + used * extents[at]).round(2).ravel().tolist()
        width, height = extents[at].tolist()
        crowd = bool(crowds[at])
        records.append(
            {
                "segmentation": _crowd(image, random) if crowd else [polygon],
                "area": round(width * height * 0.6, 4),
                "iscrowd": int(crowd),
                "image_id": image["id"],
                "bbox": [*corners[at].tolist(), width, height],
                "category_id": _CATEGORIES[categories[at]]["id"],
                "id": 900_100_000_000 + start + at if crowd else start + at + 1,
            }
        )
    return records


def _crowd(image: dict[str, Any], random: np.random.Generator) -> dict[str, Any]:
    pixels = image["width"] * image["height"]
    ends = np.unique(random.integers(0, pixels, size=120))
    counts = np.diff(np.concatenate([[0], ends, [pixels]])).tolist()
    return {"counts": counts, "size": [image["height"], image["width"]]}


def _write_head(file: IO[bytes], images: list[dict[str, Any]]) -> None:
    head = json.dumps({"info": _INFO, "images": images, "licenses": _LICENSES})
    file.write(head[:-1].encode())


def _write_batch(file: IO[bytes], records: list[dict[str, Any]], *, first: bool) -> None:
    file.write(b"" if first else b", ")
    file.write(json.dumps(records)[1:-1].encode())


def _write_vectors(
    files: Val2014Files, images: list[dict[str, Any]], dimension: int, random: np.random.Generator
) -> None:
    vectors = random.standard_normal((len(images), dimension), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for path, values in [
        (files.embeddings, vectors),
        (files.filenames, np.array([image["file_name"] for image in images])),
        (files.coco_urls, np.array([image["coco_url"] for image in images])),
    ]:
        with atomic_file(path) as file:
            np.save(file, values, allow_pickle=False)


def main() -> None:
    """Write the files into the folder named on the command line and tell their sizes."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m benchmarks.val2014_files FOLDER")
    began = time.perf_counter()
    with TerminalProgress("Writing instances", "instances") as progress:
        files = write_val2014(Path(sys.argv[1]), progress=progress)
    for path in (
        files.captions,
        files.instances,
        files.embeddings,
        files.filenames,
        files.coco_urls,
    ):
        print(f"{path}: {path.stat().st_size:,} bytes")
    print(f"{time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
