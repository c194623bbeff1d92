"""Under which licences the pictures of a package are, and what these allow."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset
from core.coco.records import parsed
from core.export.contents import Contents, Member
from core.export.members import csv_member
from core.export.records import image_records
from core.licences import UNKNOWN, Terms, terms_of

# The number of a photograph in the address of its file, as Flickr names them.
_PHOTO = re.compile(
    r"https?://[a-z0-9.-]*static\.?flickr\.com/(?:\d+/)+(\d+)_[0-9a-f]+(?:_\w)?\.\w+"
)
_NO_LICENCE = "no licence that its dataset lists"


@dataclass(frozen=True, slots=True)
class LicenceShare:
    """How many pictures are under one licence.

    Attributes:
        name: as the dataset names it.
        url: its address; "" where the dataset gives none.
        n_images: pictures under it.
        terms: what it allows.
    """

    name: str
    url: str
    n_images: int
    terms: Terms


@dataclass(frozen=True, slots=True)
class Forbidden:
    """How many pictures are not allowed, or not known to be allowed, for a use."""

    use: str
    n_forbidden: int
    n_unknown: int


def licence_mix(
    dataset: CocoDataset, image_ids: Sequence[int] | npt.NDArray[np.int64]
) -> tuple[LicenceShare, ...]:
    """Count the pictures under each licence, the most frequent first.

    Raises:
        DatasetError: an id that the dataset does not have.
    """
    ids = dataset.images.license_ids[dataset.images.rows_of(image_ids)]
    values, counts = np.unique(ids, return_counts=True)
    known = {licence.id: licence for licence in dataset.licenses}
    shares: dict[tuple[str, str], int] = {}
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        licence = known.get(value)
        key = (licence.name, licence.url) if licence else (_NO_LICENCE, "")
        shares[key] = shares.get(key, 0) + count
    return tuple(
        LicenceShare(name, url, count, terms_of(url))
        for (name, url), count in sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    )


def forbidden_uses(mix: Sequence[LicenceShare], uses: Iterable[str]) -> tuple[Forbidden, ...]:
    """Count for each use the pictures whose licence does not allow it; none where all do."""
    found = []
    for use in uses:
        allowed = [(getattr(share.terms, use), share.n_images) for share in mix]
        refused = sum(count for is_allowed, count in allowed if is_allowed is False)
        unknown = sum(count for is_allowed, count in allowed if is_allowed is None)
        if refused or unknown:
            found.append(Forbidden(use, refused, unknown))
    return tuple(found)


def attribution_members(contents: Contents) -> Iterator[Member]:
    """`ATTRIBUTION.csv`: where each picture is from, and what its licence allows."""
    yield csv_member(
        "ATTRIBUTION.csv",
        (
            "id",
            "file",
            "flickr_page",
            "flickr_url",
            "licence",
            "licence_url",
            "commercial_use",
            "derivatives",
        ),
        _rows(contents),
    )


def photo_page(flickr_url: str) -> str:
    """Return the page of a photograph, by the address of its file on Flickr; "" if it is none."""
    match = _PHOTO.fullmatch(flickr_url)
    return f"https://www.flickr.com/photo.gne?id={match[1]}" if match else ""


def _rows(contents: Contents) -> Iterator[tuple[object, ...]]:
    dataset = contents.dataset
    known = {licence.id: licence for licence in dataset.licenses}
    terms = {licence.id: terms_of(licence.url) for licence in dataset.licenses}
    rows = dataset.images.rows_of(contents.image_ids)
    license_ids = dataset.images.license_ids[rows].tolist()
    records = parsed(image_records(contents, dataset.primary))
    for image_id, name, license_id, record in zip(
        contents.new_ids, contents.file_names, license_ids, records, strict=True
    ):
        url = record.get("flickr_url")
        url = url if isinstance(url, str) else ""
        licence = known.get(license_id)
        allowed = terms.get(license_id, UNKNOWN)
        yield (
            image_id,
            name,
            photo_page(url),
            url,
            licence.name if licence else "",
            licence.url if licence else "",
            _word(allowed.commercial),
            _word(allowed.modifications),
        )


def _word(is_allowed: bool | None) -> str:
    return {True: "yes", False: "no", None: "unknown"}[is_allowed]
