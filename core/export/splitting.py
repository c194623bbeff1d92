"""The pictures of a subset divided into parts, by fraction and seed."""

from core.coco import CocoDataset
from core.export.choices import Splits
from core.export.contents import Ids


def divide(dataset: CocoDataset, image_ids: Ids, splits: Splits) -> tuple[str, ...]:
    """Return the part of each picture, (n,)."""
    raise NotImplementedError
