"""The files that benchmarks measure on, written once and shared by all that run together.

They lie in the folder that `COCOSIFT_BENCHMARK_FOLDER` names (`python -m benchmarks --folder`
sets it), else where `make bench` keeps them if it was run here, else in a temporary folder that
goes with this process. What is there already is used again.
"""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

VARIABLE = "COCOSIFT_BENCHMARK_FOLDER"
KEPT = Path(__file__).resolve().parent.parent / ".cache" / "benchmarks"
DIFFERENT_PICTURES = 64
PART_BYTES = 94_371_840
# A library of this size opens in a second; the shape of its files is the large one's.
SMALL = {"pictures": 2_000, "captions": 10_000, "instances": 14_400}


def folder() -> Path:
    """Return where the inputs lie, the same for this process and those that it starts."""
    if VARIABLE not in os.environ and KEPT.exists():
        os.environ[VARIABLE] = str(KEPT)
    elif VARIABLE not in os.environ:
        temporary = tempfile.mkdtemp(prefix="cocosift-benchmarks-")
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        os.environ[VARIABLE] = temporary
    return Path(os.environ[VARIABLE])


def val2014(*, small: bool = False) -> Path:
    """Return a home in the older flat layout with files of val2014's size; no model yet.

    `data/captions_val2014.json`, `data/instances_val2014.json` and the three .npy files of
    `embeddings/` (float32, 40,504 x 512) are in it.

    Args:
        small: 2,000 pictures instead of 40,504, for `--quick`.
    """
    home = folder() / ("small" if small else "val2014")
    if not (home / "embeddings/image_coco_validation_2014_coco_urls.npy").exists():
        from benchmarks.val2014_files import write_val2014

        write_val2014(home, **(SMALL if small else {}))
    return home


def val2014_with_model(*, small: bool = False) -> Path:
    """Return the same home with a ViT-B-32 of random weights in parts (605 MB) in `models/`."""
    home = val2014(small=small)
    if not (home / "models/clip_model_part_ag").exists():
        vit_b_32()
        (home / "models").mkdir(exist_ok=True)
        for part in sorted(vit_b_32().iterdir()):
            target = home / "models" / part.name
            target.unlink(missing_ok=True)
            os.link(part, target)
    return home


def val2014_with_pictures(*, small: bool = False) -> Path:
    """Return a home like that with a file for each picture, for whoever looks and downloads.

    There are 64 different ones of each size (about 150 kB), each under many names.

    Args:
        small: as of `val2014`.
    """
    plain = val2014_with_model(small=small)
    home = folder() / ("small-with-pictures" if small else "with-pictures")
    if not (home / "models").exists():
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(plain / "data", home / "data", copy_function=os.link)
        _write_pictures(home / "data/val2014", home / "data/captions_val2014.json")
        shutil.copytree(plain / "embeddings", home / "embeddings", copy_function=os.link)
        # Last of all: a run that was stopped before begins anew.
        shutil.copytree(plain / "models", home / "models", copy_function=os.link)
    return home


def vit_b_32() -> Path:
    """Return a folder with a ViT-B-32 of random weights, float32, in seven parts, plain GELU."""
    parts = folder() / "vit-b-32"
    if not (parts / "clip_model_part_ag").exists():
        write_vit_b_32(parts)
    return parts


def cache() -> Path:
    """Return the cache folder for settings and encoders, so that a tower is converted once."""
    return folder() / "cache"


def converted(*towers: str) -> Path:
    """Return `cache()` with towers of that ViT-B-32 converted for the CPU runtime.

    As `load_encoder(…, cache=…)` and `Settings.cache` take it. Converting takes a quarter of a
    minute each, once; where the runtime is not installed nothing is converted.

    Args:
        towers: "text", "image"; none means the text's.
    """
    from benchmarks.ways import ROOT

    code = (
        "import sys; from pathlib import Path; from core.encoder import load_encoder;"
        "load_encoder(Path(sys.argv[1]), cache=Path(sys.argv[2])).prepare(*sys.argv[3:])"
    )
    command = [sys.executable, "-c", code, str(vit_b_32()), str(cache())]
    command += towers or ("text",)
    subprocess.run(command, check=True, cwd=ROOT, stdout=sys.stderr)
    return cache()


def _write_pictures(target: Path, captions: Path) -> None:
    """Write a picture of the right size for each image record of a COCO file."""
    target.mkdir(parents=True)
    random = np.random.default_rng(2014)
    different: dict[tuple[int, int], list[Path]] = {}
    for number, record in enumerate(json.loads(captions.read_bytes())["images"]):
        size, file = (record["width"], record["height"]), target / record["file_name"]
        alike = different.setdefault(size, [])
        if len(alike) < DIFFERENT_PICTURES:
            coarse = random.integers(0, 255, (size[1] // 4, size[0] // 4, 3), dtype=np.uint8)
            picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
            picture.save(file, quality=93)
            alike.append(file)
        else:
            os.link(alike[number % DIFFERENT_PICTURES], file)


def write_vit_b_32(parts: Path) -> None:
    """Write the parts, without a `model.json`; the last one appears last."""
    import open_clip
    import torch

    torch.manual_seed(2014)
    model = open_clip.create_model("ViT-B-32", pretrained=None)
    parts.mkdir(parents=True, exist_ok=True)
    whole = parts / "whole.pt"
    torch.save(model.state_dict(), whole)
    with whole.open("rb") as file:
        for number, part in enumerate(iter(lambda: file.read(PART_BYTES), b"")):
            (parts / f"clip_model_part_a{chr(ord('a') + number)}").write_bytes(part)
    whole.unlink()
