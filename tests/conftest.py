"""What many tests need: a tiny model, a tiny dataset, a home with both, and the demo's.

The tiny ones are real: a CLIP of open_clip's classes with random weights stored in parts,
COCO-format files with pictures, and embeddings made by the real command. Those that are
shared by a session must not be changed; copy them to change them.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.settings import PROJECT_ROOT, Settings

TINY_CONFIG = {
    "embed_dim": 16,
    "vision_cfg": {
        "timm_model_name": "test_resnet",
        "timm_pool": "avg",
        "timm_proj": "linear",
        "image_size": 96,
    },
    "text_cfg": {
        "context_length": 77,
        "vocab_size": 49408,
        "width": 16,
        "heads": 2,
        "layers": 1,
    },
}
TINY_WORDS = ["a", "beach", "dog", "on", "red", "square", "the"]
N_TINY = 12


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `tiny` with a random CLIP of 16 dimensions in parts, and its model.json."""
    import open_clip
    import torch

    from core import checkpoint

    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    torch.manual_seed(7)
    weights = open_clip.CLIP(**TINY_CONFIG).state_dict()
    file = folder.parent / "tiny.pt"
    torch.save({name: tensor.half() for name, tensor in weights.items()}, file)
    checkpoint.split(
        file,
        folder,
        part_size=600_000,
        model={
            "title": "Tiny: random weights",
            "architecture": "tiny",
            "config": TINY_CONFIG,
            "activation": "gelu",
            "precision": "fp16",
            "preprocessing": {"image_size": 96, "resize_mode": "squash"},
            "drawn": True,
            "known_words": TINY_WORDS,
        },
    )
    return folder


@pytest.fixture(scope="session")
def tiny_dataset_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `tiny` with 12 pictures, captions and instances in COCO format."""
    folder = tmp_path_factory.mktemp("data") / "tiny"
    write_tiny_dataset(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_home(
    tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path, tiny_dataset_folder: Path
) -> Path:
    """A home folder: data/tiny, models/tiny, and embeddings made by the real command."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(tiny_dataset_folder, home / "data" / "tiny")
    shutil.copytree(tiny_model_folder, home / "models" / "tiny")
    result = run_core("embed", "--dataset", "tiny", "--model", "tiny", home=home)
    assert result.exit_code == 0, result.stderr
    return home


@pytest.fixture
def tiny_home_copy(tiny_home: Path, tmp_path: Path) -> Path:
    """A copy of `tiny_home` that the test may change."""
    return Path(shutil.copytree(tiny_home, tmp_path / "home"))


@pytest.fixture
def tiny_settings(tiny_home: Path, tmp_path: Path) -> Settings:
    """Settings of `tiny_home` with a cache of the test's own."""
    return Settings(home=tiny_home, cache=tmp_path / "cache", offline=True)


@pytest.fixture(scope="session")
def demo_home() -> Path:
    """The project's own home folder, in which the demo ships."""
    return PROJECT_ROOT


@dataclass(frozen=True)
class CommandResult:
    """What a command printed, and its exit code."""

    exit_code: int
    stdout: str
    stderr: str


def run_core(*arguments: str, home: Path, **environment: str) -> CommandResult:
    """Run `python -m core …` in this process, on the data in `home`."""
    from typer.testing import CliRunner

    from core.cli import app
    from core.errors import CocoSiftError

    settings = {"COCOSIFT_HOME": str(home), "COCOSIFT_OFFLINE": "1", "COLUMNS": "120"}
    result = CliRunner().invoke(app, list(arguments), env={**settings, **environment})
    if isinstance(result.exception, CocoSiftError):
        # As core.cli.main does; the runner calls the app below it.
        return CommandResult(2, result.stdout, f"{result.stderr}{result.exception}\n")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return CommandResult(result.exit_code, result.stdout, result.stderr)


def write_tiny_dataset(folder: Path, n: int = N_TINY, first_id: int = 101) -> None:
    """Write a COCO-format dataset of `n` drawn pictures of one coloured square each."""
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    images, captions, instances = [], [], []
    rng = np.random.default_rng(3)
    for index in range(n):
        image_id, name = first_id + index, f"tiny_{first_id + index:06d}.png"
        colour, ground = (tuple(int(c) for c in rng.integers(0, 256, 3)) for _ in range(2))
        picture = Image.new("RGB", (64, 48), ground)
        x, y, side = int(rng.integers(0, 40)), int(rng.integers(0, 24)), 20
        picture.paste(colour, (x, y, x + side, y + side))
        picture.save(folder / "images" / name)
        images.append(
            {
                "license": 1 + index % 2,
                "file_name": name,
                "coco_url": f"http://drawn.invalid/{name}",
                "height": 48,
                "width": 64,
                "date_captured": "2026-01-01 00:00:00",
                "flickr_url": f"http://drawn.invalid/{index}",
                "id": image_id,
            }
        )
        captions.append({"image_id": image_id, "id": 1 + index, "caption": f"square {index}"})
        instances.append(
            {
                "segmentation": [[x, y, x + side, y, x + side, y + side, x, y + side]],
                "area": 400.0,
                "iscrowd": 0,
                "image_id": image_id,
                "bbox": [x, y, side, side],
                "category_id": 1 + index % 2,
                "id": 900 + index,
            }
        )
    licences = [
        {"url": f"http://licence.invalid/{number}", "id": number, "name": f"Licence {number}"}
        for number in (1, 2)
    ]
    shared = {"info": {"description": "tiny"}, "images": images, "licenses": licences}
    categories = [
        {"supercategory": "shape", "id": number, "name": name}
        for number, name in ((1, "square"), (2, "box"))
    ]
    for kind, more in (
        ("captions", {"annotations": captions}),
        ("instances", {"annotations": instances, "categories": categories}),
    ):
        path = folder / "annotations" / f"{kind}_tiny.json"
        path.write_text(json.dumps({**shared, **more}))
    (folder / "dataset.toml").write_text(
        'title = "Tiny squares"\nsplit = "tiny"\ndrawn = true\n\n[annotations]\n'
        'captions = "annotations/captions_tiny.json"\n'
        'instances = "annotations/instances_tiny.json"\n\n[pictures]\nfolder = "images"\n'
    )
