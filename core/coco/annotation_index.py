"""The annotation index: where each record of a source lies, and the columns searched by.

Built once by a scan of the JSON and kept as one file of columns, memory-mapped when it
is opened. Its header names the index version and the source's size, time and sha256.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from core.coco.columns import (
    columns_of,
    header_of,
    make_table,
    map_table,
    remove_left_behind,
    save_table,
    with_header,
)
from core.coco.scanner import Member, scan
from core.coco.source import SourceFile, inspect
from core.errors import DatasetError
from core.progress import NoProgress, Progress

INDEX_VERSION = 2
# None there, or what another version or a full disk left: it is made anew.
_NO_INDEX = (OSError, pa.ArrowInvalid, KeyError, ValueError, TypeError, AttributeError)
_NAMED = 5

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AnnotationIndex:
    """The columns of one annotation file, in source order.

    Attributes:
        kind: `captions`, `instances`, `keypoints`, `stuff` or `panoptic`.
        source: the file that the byte offsets are valid for.
        members: top-level members other than `images` and `annotations`.
        image_ids, widths, heights, license_ids, image_starts, image_lengths: int64,
            shape (images,); -1 where a record names no licence, 0 where it names no size.
        file_names, coco_urls: Arrow string arrays, (images,); an absent URL is "".
        ids, annotation_image_ids, starts, lengths: int64, shape (annotations,).
        odd: int8, (annotations,): what is odd about each, as `core.coco.fields.Odd`.
        category_ids: int64; areas: float64; iscrowd: int8; each (annotations,), and
            empty for captions and panoptic. NaN where a record has no area.
        boxes: float64, (annotations, 4), x, y, width, height in pixels; NaN where absent.
    """

    kind: str
    source: SourceFile
    members: tuple[Member, ...]
    image_ids: Ints
    widths: Ints
    heights: Ints
    license_ids: Ints
    image_starts: Ints
    image_lengths: Ints
    file_names: Any
    coco_urls: Any
    ids: Ints
    annotation_image_ids: Ints
    starts: Ints
    lengths: Ints
    odd: npt.NDArray[np.int8]
    category_ids: Ints
    areas: Floats
    iscrowd: npt.NDArray[np.int8]
    boxes: Floats

    @property
    def n_bytes(self) -> int:
        """Bytes of the columns, mapped or in memory."""
        columns = (getattr(self, field.name) for field in fields(self))
        return sum(int(column.nbytes) for column in columns if hasattr(column, "nbytes"))

    def member(self, key: str) -> Member | None:
        """Return the top-level member named `key`, or None."""
        return next((member for member in self.members if member.key == key), None)


def open_index(
    path: Path, kind: str, folders: Sequence[Path], progress: Progress | None = None
) -> AnnotationIndex:
    """Return the index of the annotation file at `path`, building it when there is none.

    Args:
        path: the JSON file.
        kind: the kind of its annotations.
        folders: where indexes are looked for and kept; the first that can be written
            to gets a new one. When none can, the index lives in memory only.
        progress: told the bytes scanned, when a scan is needed.

    Raises:
        DatasetError: the file cannot be read or is not a COCO file of that kind.
    """
    for folder in folders:
        index = _load(folder / f"{kind}.arrow", path, kind)
        if index is not None:
            return index
    source = inspect(path)
    table = _build(source, kind, progress or NoProgress())
    for folder in folders:
        target = folder / f"{kind}.arrow"
        try:
            save_table(table, target)
            remove_left_behind(target)
        except OSError:
            continue
        return _from_table(map_table(target), source, kind)
    return _from_table(table, source, kind)


def is_indexed(path: Path, kind: str, folders: Sequence[Path]) -> bool:
    """Tell whether `open_index` would map an index at once; reads its header only.

    False also where the file's time changed, so that it must be read to tell whether its
    content did.
    """
    try:
        stat = path.stat()
    except OSError:
        return False
    for folder in folders:
        try:
            header = header_of(map_table(folder / f"{kind}.arrow"))
            of_now = {"version": INDEX_VERSION, "kind": kind, "size": stat.st_size}
            if header.items() >= {**of_now, "mtime_ns": stat.st_mtime_ns}.items():
                return True
        except _NO_INDEX:
            continue
    return False


def _build(source: SourceFile, kind: str, progress: Progress) -> Any:
    found = scan(source.path, kind, progress)
    images, annotations = found.images, found.annotations
    _refuse_repeats(source.path, "image", np.asarray(images.ids))
    columns = {
        "image_ids": images.ids,
        "widths": images.widths,
        "heights": images.heights,
        "license_ids": images.license_ids,
        "image_starts": images.starts,
        "image_lengths": images.lengths,
        "file_names": images.file_names,
        "coco_urls": images.coco_urls,
        "ids": annotations.ids,
        "annotation_image_ids": annotations.image_ids,
        "starts": annotations.starts,
        "lengths": annotations.lengths,
        "odd": annotations.odd,
        "category_ids": annotations.category_ids,
        "areas": annotations.areas,
        "iscrowd": annotations.iscrowd,
        "boxes": annotations.boxes,
    }
    header = {
        "version": INDEX_VERSION,
        "kind": kind,
        "size": source.size,
        "mtime_ns": source.mtime_ns,
        "sha256": source.sha256,
        "members": [asdict(member) for member in found.members],
    }
    return make_table(columns, header)


def _load(index_path: Path, path: Path, kind: str) -> AnnotationIndex | None:
    try:
        table = map_table(index_path)
        header = header_of(table)
        if header["version"] != INDEX_VERSION or header["kind"] != kind:
            return None
        source = SourceFile(path, header["size"], header["mtime_ns"], header["sha256"])
        if not source.is_unchanged():
            return None
        if source.mtime_ns != header["mtime_ns"]:
            _remember_time(table, header, source, index_path)
        return _from_table(table, source, kind)
    except _NO_INDEX:
        return None


def _remember_time(
    table: Any, header: dict[str, Any], source: SourceFile, index_path: Path
) -> None:
    header = {**header, "mtime_ns": source.mtime_ns}
    try:
        save_table(with_header(table, header), index_path)
    except OSError:
        return


def _from_table(table: Any, source: SourceFile, kind: str) -> AnnotationIndex:
    columns = columns_of(table)
    columns["boxes"] = columns["boxes"].reshape(-1, 4)
    members = tuple(Member(**member) for member in header_of(table)["members"])
    return AnnotationIndex(kind, source, members, **columns)


def _refuse_repeats(path: Path, noun: str, ids: Ints) -> None:
    values, counts = np.unique(ids, return_counts=True)
    repeated = values[counts > 1]
    if repeated.size:
        named = ", ".join(str(value) for value in repeated[:_NAMED])
        more = f" and {repeated.size - _NAMED:,} more" if repeated.size > _NAMED else ""
        raise DatasetError(
            f"{path} has {repeated.size:,} {noun} ids more than once: {named}{more}. "
            f"Each picture needs an id of its own."
        )
