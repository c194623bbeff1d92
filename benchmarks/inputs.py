"""The files that benchmarks measure on, written once and shared by all that run together.

They lie in the folder that `COCOSIFT_BENCHMARK_FOLDER` names (`python -m benchmarks --folder`
sets it), else where `make bench` keeps them if it was run here, else in a temporary folder that
goes with this process. What is there already is used again.
"""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VARIABLE = "COCOSIFT_BENCHMARK_FOLDER"
KEPT = Path(__file__).resolve().parent.parent / ".cache" / "benchmarks"
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
