"""Which pictures are measured, with their captions."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset
from core.quality.estimates import SEED

Ints = npt.NDArray[np.int64]
PICTURES_A_BLOCK = 100


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Pictures by ascending id, and all captions of each in the file's order.

    Attributes:
        image_ids: int64, shape (pictures,), ascending; each has a caption.
        caption_ids: int64, shape (captions,).
        texts: one a caption.
        own: int64, shape (captions,), not decreasing: the row of each caption's picture.
        drawn: int64, shape (pictures,): rows in the order in which they were drawn.
    """

    image_ids: Ints
    caption_ids: Ints
    texts: tuple[str, ...]
    own: Ints
    drawn: Ints

    def blocks(self) -> Iterator[Ints]:
        """Yield the captions of some pictures at a time, rows ascending within each block.

        Pictures come in the order in which they were drawn, so a smaller sample is the
        beginning of a larger one, block by block.
        """
        first = np.searchsorted(self.own, np.arange(len(self.image_ids) + 1))
        for start in range(0, len(self.drawn), PICTURES_A_BLOCK):
            rows = self.drawn[start : start + PICTURES_A_BLOCK]
            yield np.concatenate([np.arange(first[row], first[row + 1]) for row in rows])


def captioned(coco: CocoDataset, image_ids: Ints) -> Ints:
    """Return those of `image_ids` that have a caption, in the order in which they are drawn.

    The order is random but always the same: it depends on the dataset's pictures alone, so
    each model is measured on the same ones.

    Args:
        image_ids: int64, those that have a vector.
    """
    if "captions" not in coco.kinds:
        return np.empty(0, np.int64)
    order = np.random.default_rng(SEED).permutation(np.sort(coco.images.ids))
    has_caption = coco.annotation_counts("captions")[coco.images.rows_of(order)] > 0
    return np.asarray(order[has_caption & np.isin(order, image_ids)], np.int64)


def sample_of(coco: CocoDataset, image_ids: Ints, pictures: int) -> Sample:
    """Return the first `pictures` of `captioned`, with their captions.

    Raises:
        DatasetError: the captions file changed meanwhile.
    """
    chosen = captioned(coco, image_ids)[:pictures]
    ascending = np.sort(chosen)
    records = coco.annotations_of(ascending, "captions") if len(chosen) else []
    of_each = np.array([len(some) for some in records], np.int64)
    flat = [record for some in records for record in some]
    return Sample(
        image_ids=ascending,
        caption_ids=np.array([int(record["id"]) for record in flat], np.int64),
        texts=tuple(str(record["caption"]) for record in flat),
        own=np.repeat(np.arange(len(ascending)), of_each),
        drawn=np.searchsorted(ascending, chosen),
    )
