"""Counting what a look at every picture tells; a second or so for 40,504 of them."""

from pathlib import Path
from stat import S_ISREG

from core.coco import CocoDataset, safe_file_name
from core.errors import PictureError
from core.inventory.records import Counts


def count(coco: CocoDataset) -> Counts:
    """Count the annotations and the picture files of a dataset."""
    summary = coco.summary()
    missing, n_bytes = _files(coco)
    return Counts(
        annotations=dict(summary.annotations),
        without_annotations=summary.without_annotations,
        missing_files=missing,
        picture_bytes=n_bytes,
        notes=coco.notes(),
    )


def _files(coco: CocoDataset) -> tuple[int | None, int]:
    """Return how many pictures have no file, and the bytes of those that have one."""
    folder = coco.picture_folder
    if folder is None:
        return None, 0
    sizes = [_size(folder, name) for name in coco.images.file_names]
    return sizes.count(None), sum(size for size in sizes if size is not None)


def _size(folder: Path, name: str) -> int | None:
    try:
        status = (folder / safe_file_name(name)).stat()
    except (PictureError, OSError, ValueError):
        return None
    return status.st_size if S_ISREG(status.st_mode) else None
