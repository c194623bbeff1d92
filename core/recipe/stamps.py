"""What the dataset and the software that are here are, as recipes name them."""

from importlib.metadata import PackageNotFoundError, version

from core import __version__
from core.coco import CocoDataset
from core.recipe.record import DatasetStamp

# Those whose version may move a score or change a byte of what leaves.
_PACKAGES = ("numpy", "open_clip_torch", "pillow", "torch")


def dataset_stamp(coco: CocoDataset) -> DatasetStamp:
    """Return what names the dataset and its annotation files."""
    return DatasetStamp(
        name=coco.name,
        split=coco.split,
        annotation_hash=coco.annotation_hash,
        files=coco.file_hashes,
        images=len(coco.images),
    )


def software() -> dict[str, str]:
    """Return the version of CocoSift and of what it computes with, without build labels."""
    found = {"cocosift": __version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package).partition("+")[0]
        except PackageNotFoundError:
            continue
    return found
