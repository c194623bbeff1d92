"""The first pictures of a subset, small enough to lie in a document, with where they are from."""

from collections.abc import Sequence
from contextlib import suppress

from core.coco import CocoDataset
from core.errors import CocoSiftError, PictureError
from core.export.licensing import photo_page
from core.images import PictureStore
from core.licences import short_name
from core.report.record import Shown

MOST = 12
SIZE = 320


def strip_of(
    dataset: CocoDataset,
    pictures: PictureStore,
    image_ids: Sequence[int],
    scores: Sequence[float | None] | None,
) -> tuple[Shown, ...]:
    """Return the first pictures of `image_ids`, in order, with what they show.

    Raises:
        DatasetError: an id that the dataset does not have.
    """
    first = list(image_ids[:MOST])
    captions = dataset.captions_of(first) if "captions" in dataset.kinds else [()] * len(first)
    return tuple(
        _shown(dataset, pictures, image_id, rank, scores[rank - 1] if scores else None, said)
        for rank, (image_id, said) in enumerate(zip(first, captions, strict=True), 1)
    )


def _shown(
    dataset: CocoDataset,
    pictures: PictureStore,
    image_id: int,
    rank: int,
    score: float | None,
    captions: Sequence[str],
) -> Shown:
    file_name = dataset.images.file_names[dataset.images.row_of(image_id)]
    licence = dataset.license_of(image_id)
    webp = None
    # OSError: the cache has just dropped it.
    with suppress(PictureError, OSError):
        webp = pictures.thumbnail(image_id, SIZE).read_bytes()
    return Shown(
        image_id=image_id,
        rank=rank,
        score=score,
        file_name=file_name,
        words=next((text.strip() for text in captions if text.strip()), file_name),
        webp=webp,
        licence=short_name(licence.name, licence.url) if licence else "",
        page=_page(dataset, image_id),
    )


def _page(dataset: CocoDataset, image_id: int) -> str:
    try:
        url = dataset.image_record(image_id).get("flickr_url")
    except CocoSiftError:  # the annotation file is being replaced
        return ""
    return photo_page(url) if isinstance(url, str) else ""
