"""How large a package gets, known before it is made."""

import threading
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset
from core.export.annotations import separator_bytes
from core.export.card import card_members
from core.export.contents import Contents, Member
from core.export.documents import TABLES
from core.export.formats.coco import COCO
from core.export.formats.format import Format
from core.export.pictures import Picture, file_sizes
from core.export.resizing import scaled_bytes
from core.export.stored import archive_bytes
from core.images import PictureStore

SUMS = "SHA256SUMS"
_SAMPLE = 64
# An object's columns in metadata.jsonl, as most are written.
_OBJECT_BYTES = 80.0
# Headers, records and padding of a picture in a shard, as most are.
_SAMPLE_BYTES = 6 * 1024
# A score and a percentile, as most are written.
_SCORE_BYTES = 2 * len("0.27182818") + len("99.1234") + len(", ")


def picture_bytes(
    dataset: CocoDataset, pictures: PictureStore, image_ids: Iterable[int]
) -> npt.NDArray[np.int64]:
    """Return about what each picture adds to a ZIP, its records included: int64, shape (n,).

    A picture that is not fetched yet counts as a usual one of its size; one that cannot
    be had counts nothing. With `base_bytes` this gives a subset's size without a plan: the
    files and annotations exactly, the lines of tables as those of other pictures are.
    """
    ids = np.asarray(list(image_ids), dtype=np.int64)
    sizes = file_sizes(dataset, pictures, ids)
    is_in = sizes > 0
    names = dataset.images.file_names.take(dataset.images.rows_of(ids))
    lines = _usual_lines(dataset)
    sizes[is_in] += np.array(
        [_entry_bytes(name) for name, wanted in zip(names, is_in, strict=True) if wanted],
        dtype=np.int64,
    )
    for kind in _sized_kinds(dataset):
        n_annotations, n_bytes = dataset.record_sizes(kind, ids)
        added = n_bytes + separator_bytes(2) - separator_bytes(1) + 2 * n_annotations
        sizes[is_in] += (added * (2 if kind == dataset.primary else 1))[is_in]
        sizes[is_in] += (lines.by_kind.get(kind, 0.0) * n_annotations[is_in]).astype(np.int64)
    sizes[is_in] += lines.a_picture
    return sizes


def base_bytes(dataset: CocoDataset) -> int:
    """Return what a ZIP takes without any picture: categories, licences, headers.

    Its README.md counts as that of a subset from all over the dataset.
    """
    return _usual_lines(dataset).base


def package_bytes(
    shape: Format, contents: Contents, found: Iterable[Picture], documents: Iterable[Member]
) -> int:
    """Size of the ZIP of `contents`, whose pictures are `found`, by the format's fixed lengths."""
    members = {member.name: member.n_bytes for member in documents}
    pictures = {} if contents.choices.without_pictures else _pictures(shape, contents, found)
    if shape.bundle is not None:
        pictures = _bundled(pictures)
    return archive_bytes(with_sums(pictures | members))


def with_sums(sizes: Mapping[str, int]) -> dict[str, int]:
    """Sizes by name, that of `SHA256SUMS` with them."""
    return {**sizes, SUMS: sum(len(sum_line("0" * 64, name)) for name in sizes)}


def sum_line(sha256: str, name: str) -> bytes:
    """One line of `SHA256SUMS`, as `sha256sum -c` reads it."""
    if "\\" in name or "\n" in name:
        name = name.replace("\\", "\\\\").replace("\n", "\\n")
        sha256 = f"\\{sha256}"
    return f"{sha256}  {name}\n".encode()


@dataclass(frozen=True, slots=True)
class _Lines:
    """Bytes that documents take on average.

    Attributes:
        base: without any picture.
        a_picture: for each picture.
        by_kind: for each record of a kind.
    """

    base: int
    a_picture: int
    by_kind: Mapping[str, float]


_known: "weakref.WeakKeyDictionary[CocoDataset, _Lines]" = weakref.WeakKeyDictionary()
_known_lock = threading.Lock()


def _usual_lines(dataset: CocoDataset) -> _Lines:
    with _known_lock:
        if dataset not in _known:
            _known[dataset] = _measured_lines(dataset)
        return _known[dataset]


def _measured_lines(dataset: CocoDataset) -> _Lines:
    """Make the documents of some pictures from all over the dataset, and of none."""
    rows = np.unique(np.linspace(0, len(dataset.images) - 1, _SAMPLE).astype(np.int64))
    ids = dataset.images.ids[rows].tolist()
    none, some = _contents(dataset, []), _contents(dataset, ids)
    n_bytes = _table_bytes(some) - _table_bytes(none)
    card = _card_bytes(some) - _card_bytes(none)
    by_kind: dict[str, float] = {}
    if "captions" in dataset.kinds:
        counts, _ = dataset.record_sizes("captions", ids)
        said = sum(len(text.encode()) + 4 for texts in dataset.captions_of(ids) for text in texts)
        by_kind["captions"] = said / max(1, int(counts.sum()))
        n_bytes -= said
    if "instances" in dataset.kinds:
        counts, _ = dataset.record_sizes("instances", ids)
        by_kind["instances"] = _OBJECT_BYTES
        n_bytes -= int(_OBJECT_BYTES * counts.sum())
    base = package_bytes(COCO, none, [], COCO.documents(none)) + card
    return _Lines(base, max(0, n_bytes // max(1, len(ids))) + _SCORE_BYTES, by_kind)


def _table_bytes(contents: Contents) -> int:
    return sum(member.n_bytes for make in TABLES for member in make(contents))


def _card_bytes(contents: Contents) -> int:
    return sum(member.n_bytes for member in card_members(contents))


def _contents(dataset: CocoDataset, image_ids: list[int]) -> Contents:
    ids = np.asarray(image_ids, dtype=np.int64)
    names = dataset.images.file_names.take(dataset.images.rows_of(ids))
    ranks = tuple(range(1, len(ids) + 1))
    return Contents(dataset, ids, tuple(names), ranks, None, (), ())


def _pictures(shape: Format, contents: Contents, found: Iterable[Picture]) -> dict[str, int]:
    parts = contents.parts or [""] * len(contents.image_ids)
    by_id = dict(zip(contents.image_ids.tolist(), parts, strict=True))
    return {
        f"{shape.folder(by_id[picture.image_id])}/{picture.name}": _scaled_bytes(contents, picture)
        for picture in found
        if not picture.reason
    }


def _bundled(pictures: Mapping[str, int]) -> dict[str, int]:
    """About what shards take: a picture's records beside it, each file in whole blocks."""
    n_bytes = sum(size + _SAMPLE_BYTES for size in pictures.values())
    return {"shards/all-000000.tar": n_bytes}


def _scaled_bytes(contents: Contents, picture: Picture) -> int:
    scaling = contents.changes.scalings.get(picture.image_id)
    return picture.n_bytes if scaling is None else scaled_bytes(picture.n_bytes, scaling)


def _sized_kinds(dataset: CocoDataset) -> list[str]:
    return [kind for kind in dataset.kinds if kind != "panoptic" or kind == dataset.primary]


def _entry_bytes(file_name: str) -> int:
    """What a picture adds beside its bytes and records: two headers, and its checksum."""
    name = f"images/{file_name}"
    return 30 + 46 + 2 * len(name.encode()) + len(sum_line("0" * 64, name))
