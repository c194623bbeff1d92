"""The datasets of a home folder: found, opened, registered.

A dataset is a folder of `data/` with a dataset.toml, or the older flat layout:
`data/captions_<split>.json`, `data/instances_<split>.json`, pictures in `data/<split>/`.
"""

import hashlib
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.atomic import write_text
from core.coco.annotation_index import is_indexed, open_index
from core.coco.dataset import CocoDataset
from core.coco.manifest import (
    MANIFEST_NAME,
    DatasetManifest,
    check_name,
    manifest_text,
    read_manifest,
)
from core.errors import DatasetError
from core.progress import NoProgress, Progress
from core.settings import Settings

INDEX_FOLDER = ".index"
_FLAT = re.compile(r"(captions|instances|person_keypoints)_([A-Za-z0-9][A-Za-z0-9_-]*)\.json")
COCO_EXAMPLES = (
    "a dog catching a frisbee",
    "people skiing down a slope",
    "a kitchen with a window",
    "a red bus in a city",
    "a plate of food",
)
_FLAT_PREFIXES = {"captions": "captions", "instances": "instances", "keypoints": "person_keypoints"}


def find_datasets(settings: Settings) -> dict[str, Path]:
    """Return what `open_dataset` opens by dataset name, sorted by name.

    A registered dataset is its folder, one of the flat layout its first annotation file.
    Nothing is opened or checked here.
    """
    found: dict[str, Path] = {}
    if not settings.data.is_dir():
        return found
    for path in sorted(settings.data.iterdir()):
        match = _FLAT.fullmatch(path.name)
        if match and path.is_file():
            found.setdefault(match[2], path)
    for manifest in sorted(settings.data.glob(f"*/{MANIFEST_NAME}")):
        if not manifest.parent.name.startswith("."):
            found[manifest.parent.name] = manifest.parent
    return dict(sorted(found.items()))


def open_dataset(path: Path, settings: Settings, progress: Progress | None = None) -> CocoDataset:
    """Open the dataset at `path`, indexing its annotation files when that was not done yet.

    Args:
        path: a folder with a dataset.toml, or an annotation file of the flat layout.
        settings: name the cache, where indexes go when the dataset's folder is read-only.
        progress: told the bytes read while an index is built.

    Raises:
        DatasetError: nothing there, or files that are not what dataset.toml says.
    """
    place = _place(path)
    check_name(place.name)
    return _open(place, settings, progress or NoProgress())


def manifest_at(path: Path) -> DatasetManifest:
    """Return what a dataset's dataset.toml says, or would say; opens no annotation file.

    Args:
        path: as of `open_dataset`.

    Raises:
        DatasetError: nothing there, or a dataset.toml that cannot be read.
    """
    return _place(path).read()


def needs_index(path: Path, settings: Settings) -> bool:
    """Tell whether `open_dataset` would have to read an annotation file through; cheap.

    Args:
        path: as of `open_dataset`.

    Returns:
        False also for a dataset that cannot be opened: `open_dataset` says why.
    """
    place = _place(path)
    try:
        annotations = place.read().annotations
    except DatasetError:
        return False
    folders = place.index_folders(settings)
    return any(
        file.is_file() and not is_indexed(file, kind, folders) for kind, file in annotations.items()
    )


def register_dataset(
    settings: Settings,
    name: str,
    *,
    captions: Path | None = None,
    instances: Path | None = None,
    keypoints: Path | None = None,
    stuff: Path | None = None,
    panoptic: Path | None = None,
    pictures: Path | None = None,
    title: str | None = None,
    split: str | None = None,
    url: str | None = None,
    uses: Sequence[str] = (),
    examples: Sequence[str] = (),
    replace: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Register annotation files and pictures where they lie; nothing is copied.

    The files are indexed first, so a dataset that is registered can be opened.

    Args:
        captions, instances, keypoints, stuff, panoptic: COCO JSON; at least one.
        pictures: folder of the pictures.
        title: shown to people; `name` when left out.
        split: names the files of an export; `name` when left out.
        url: template of a picture's address with `{file_name}` or `{id}`, for pictures
            that are not here; the records' own `coco_url` when left out.
        uses: what the pictures are wanted for, of `commercial` and `modifications`.
        examples: queries to try on it.
        replace: overwrite the registration of that name.
        progress: told the bytes read while the files are indexed.

    Returns:
        The dataset's folder, `data/<name>`, with its dataset.toml.

    Raises:
        DatasetError: an unfit name, one that is taken (unless `replace`), files that are
            not COCO or do not belong together, or a folder that cannot be written.
    """
    check_name(name)
    folder = settings.data / name
    if name in find_datasets(settings) and not replace:
        raise DatasetError(
            f"There is a dataset {name!r} already. Choose another name, or overwrite its "
            f"registration with --replace (no annotation file or picture is touched)."
        )
    if pictures is not None and not pictures.is_dir():
        raise DatasetError(f"There is no folder {pictures}. Expected the pictures in it.")
    files = {
        "captions": captions,
        "instances": instances,
        "keypoints": keypoints,
        "stuff": stuff,
        "panoptic": panoptic,
    }
    manifest = DatasetManifest(
        title=title or name,
        split=split or name,
        annotations={kind: path.resolve() for kind, path in files.items() if path is not None},
        pictures=pictures.resolve() if pictures is not None else None,
        url=url,
        uses=tuple(dict.fromkeys(uses)),
        examples=tuple(examples),
    )
    text = manifest_text(manifest, folder)
    fresh = not folder.exists()
    place = _Place(name, folder, folder / INDEX_FOLDER, lambda: manifest)
    try:
        _open(place, settings, progress or NoProgress())
        write_text(folder / MANIFEST_NAME, text)
    except BaseException as error:
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise DatasetError(f"{folder} cannot be written: {error.strerror}.") from error
        raise
    return folder


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a dataset lies.

    Attributes:
        folder: holds dataset.toml, or the flat layout's files.
        index_folder: where its indexes belong.
        read: gives its manifest as it is now.
    """

    name: str
    folder: Path
    index_folder: Path
    read: Callable[[], DatasetManifest]

    def index_folders(self, settings: Settings) -> list[Path]:
        """Return where indexes are looked for; the cache serves where the other is read-only."""
        key = hashlib.sha256(str(self.folder.resolve()).encode()).hexdigest()[:12]
        return [self.index_folder, settings.cache / "index" / f"{self.name}-{key}"]


def _place(path: Path) -> _Place:
    match = _FLAT.fullmatch(path.name)
    if match is None or path.is_dir():
        return _Place(
            path.name, path, path / INDEX_FOLDER, lambda: read_manifest(path / MANIFEST_NAME)
        )
    folder, name = path.parent, match[2]
    return _Place(name, folder, folder / INDEX_FOLDER / name, lambda: _flat_manifest(folder, name))


def _open(place: _Place, settings: Settings, progress: Progress) -> CocoDataset:
    folders = place.index_folders(settings)
    manifest = place.read()
    steps = _FileSteps(manifest.annotations, progress)
    indexes = {
        kind: open_index(path, kind, folders, steps.for_kind(kind))
        for kind, path in manifest.annotations.items()
    }
    return CocoDataset(place.name, place.folder, manifest, indexes, place.read, folders)


class _FileSteps:
    """Shows the reading of several files as one progress in bytes."""

    def __init__(self, files: Mapping[str, Path], progress: Progress) -> None:
        self._sizes = {kind: p.stat().st_size if p.is_file() else 0 for kind, p in files.items()}
        self._progress = progress
        self._before = 0
        self._total = sum(self._sizes.values())
        self._next = 0

    def for_kind(self, kind: str) -> Progress:
        self._before = self._next
        self._next += self._sizes[kind]
        return self

    def update(self, done: int, total: int) -> None:
        self._progress.update(self._before + done, self._total)


def _flat_manifest(folder: Path, name: str) -> DatasetManifest:
    files = {
        kind: folder / f"{prefix}_{name}.json"
        for kind, prefix in _FLAT_PREFIXES.items()
        if (folder / f"{prefix}_{name}.json").is_file()
    }
    if not files:
        raise DatasetError(
            f"There is no captions_{name}.json or instances_{name}.json in {folder}. "
            f"Put COCO's annotation files there, or register yours: python -m core add --help"
        )
    pictures = folder / name
    return DatasetManifest(
        title=f"COCO {name}" if name.startswith(("val", "train")) else name,
        split=name,
        annotations=files,
        pictures=pictures if pictures.is_dir() else None,
        examples=COCO_EXAMPLES,
    )
