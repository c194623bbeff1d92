"""Where a dataset, a model and embeddings of one name lie, and the states of their files.

Every search asks for them, so nothing is listed that can be looked up: a folder is asked
whether it holds what its name promises. What is found is what `find_datasets`,
`find_models` and `find_embeddings` give for that name.
"""

import os
import re
from collections.abc import Hashable, Iterable
from functools import lru_cache
from pathlib import Path

from core import checkpoint
from core.coco import find_datasets
from core.coco.manifest import MANIFEST_NAME, read_manifest
from core.errors import DatasetError
from core.settings import Settings

State = tuple[str, int, int, int]

_FLAT = ("captions", "instances", "person_keypoints")
# Fewer than the 255 bytes that a disk takes: more is added to the name of a flat file.
_LONGEST_NAME = 200
_FLAT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def dataset_place(settings: Settings, name: str) -> Path | None:
    """Return what `core.coco.open_dataset` opens for a dataset, None when there is none."""
    if _is_plain(name):
        folder = settings.data / name
        if (folder / MANIFEST_NAME).exists():
            return folder
    if _FLAT_NAME.fullmatch(name) and len(name.encode("utf-8", "surrogatepass")) <= _LONGEST_NAME:
        for kind in _FLAT:
            file = settings.data / f"{kind}_{name}.json"
            if file.is_file():
                return file
    return find_datasets(settings).get(name)


def model_place(settings: Settings, name: str) -> Path | None:
    """Return the folder of a model, None when there is none."""
    if _is_plain(name) and (settings.models / name / checkpoint.MANIFEST).is_file():
        return settings.models / name
    if name == "clip" and _holds_flat(settings.models):
        return settings.models
    return checkpoint.find_models(settings.models).get(name)


def dataset_state(path: Path) -> Hashable:
    """Return another value when a file of the dataset at `path` changes, appears or goes."""
    if path.name.endswith(".json"):
        name = _flat_name(path)
        files = (path.parent / f"{kind}_{name}.json" for kind in _FLAT)
        return states(files), (path.parent / name).is_dir()
    manifest = path / MANIFEST_NAME
    own = states([manifest])
    return own, states(_annotation_files(manifest, own))


def model_state(folder: Path) -> Hashable:
    """Return another value when a file of the model in `folder` changes, appears or goes."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if _is_of_model(entry.name))
    except OSError:
        return ()
    return states(folder / name for name in names)


def states(files: Iterable[Path]) -> tuple[State, ...]:
    """Names, sizes and times of `files`: another value when one is replaced or may be read."""
    found = []
    for file in files:
        try:
            status = file.stat()
        except OSError:
            continue
        found.append((str(file), status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    return tuple(found)


def _is_plain(name: str) -> bool:
    """Whether `name` is one folder's, and none that is hidden."""
    is_one = bool(name) and not name.startswith(".") and "/" not in name and "\0" not in name
    return is_one and len(name.encode("utf-8", "surrogatepass")) <= _LONGEST_NAME


def _holds_flat(models: Path) -> bool:
    """Whether the model of the older flat layout is here, and no folder of its name."""
    first = models / f"{checkpoint.PART_PREFIX}aa"
    return first.is_file() and not (models / "clip").exists()


def _flat_name(path: Path) -> str:
    """What the older flat layout calls the dataset of an annotation file."""
    for kind in _FLAT:
        if path.name.startswith(f"{kind}_"):
            return path.name.removeprefix(f"{kind}_").removesuffix(".json")
    return path.stem


def _is_of_model(name: str) -> bool:
    return name.startswith(checkpoint.PART_PREFIX) or name.endswith(".json")


@lru_cache(maxsize=256)
def _annotation_files(manifest: Path, state: Hashable) -> tuple[Path, ...]:
    """The annotation files that a dataset.toml in this `state` names."""
    try:
        return tuple(read_manifest(manifest).annotations.values())
    except DatasetError:
        return ()
