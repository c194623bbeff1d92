"""Columns of a dataset's images and instances, addressed by row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from core.errors import DatasetError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_NAMED = 5


class Strings(Sequence[str]):
    """A read-only sequence of text over an Arrow array, which may be memory-mapped."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> "Strings": ...
    def __getitem__(self, row: int | slice) -> "str | Strings":
        if isinstance(row, slice):
            return Strings(self._array[row])
        return str(self._array[int(row)].as_py())

    def __iter__(self) -> Iterator[str]:
        return iter(self._array.to_pylist())

    @property
    def n_bytes(self) -> int:
        """Bytes of the text and where each begins, mapped or in memory."""
        return int(self._array.nbytes)

    def take(self, rows: Ints) -> list[str]:
        """Return the text at each of `rows`."""
        wanted = np.ascontiguousarray(rows, dtype=np.int64)
        # By the buffer itself: pyarrow's conversion from numpy imports pandas (`columns.py`).
        at = pa.Array.from_buffers(pa.int64(), len(wanted), [None, pa.py_buffer(wanted)])
        found: list[str] = self._array.take(at).to_pylist()
        return found


class IdIndex:
    """Finds the rows of ids in an int64 column of unique ids."""

    def __init__(self, ids: Ints) -> None:
        self._order = np.argsort(ids, kind="stable")
        self._sorted = ids[self._order]

    def find(self, wanted: Ints) -> Ints:
        """Return the row of each wanted id, -1 where there is none; int64."""
        if self._sorted.size == 0:
            return np.full(wanted.shape, -1, dtype=np.int64)
        places = np.searchsorted(self._sorted, wanted)
        places[places == self._sorted.size] = 0
        return np.where(self._sorted[places] == wanted, self._order[places], -1)


class RowGroups:
    """Which annotations belong to which image, in source order."""

    def __init__(self, image_rows: Ints, n_images: int) -> None:
        """Group annotations by `image_rows`; -1 belongs to no image and is left out."""
        order = np.argsort(image_rows, kind="stable")
        self._order = order[int((image_rows < 0).sum()) :]
        counts = np.bincount(image_rows[image_rows >= 0], minlength=n_images)
        self._offsets = np.concatenate([[0], np.cumsum(counts)])

    @property
    def counts(self) -> Ints:
        """Annotations of each image, int64, shape (images,)."""
        return np.diff(self._offsets)

    def sums(self, values: Ints) -> Ints:
        """Return the sum of an annotation column over each image, int64, shape (images,)."""
        sums: Ints = np.concatenate([[0], np.cumsum(values[self._order])])[self._offsets]
        return np.diff(sums)

    def of(self, image_row: int) -> Ints:
        """Return the annotation rows of one image, ascending; int64."""
        return self._order[self._offsets[image_row] : self._offsets[image_row + 1]]

    def of_all(self, image_rows: Ints) -> Ints:
        """Return the annotation rows of several images, one image after the other; int64."""
        starts = self._offsets[image_rows]
        counts = self._offsets[image_rows + 1] - starts
        before = np.cumsum(counts) - counts
        within = np.arange(int(counts.sum())) - np.repeat(before, counts)
        found: Ints = self._order[np.repeat(starts, counts) + within]
        return found


@dataclass(frozen=True)
class ImageTable:
    """The pictures of a dataset in the order of their source file.

    Attributes:
        ids: int64, shape (n,), unique.
        file_names: as the records have them; (n,).
        coco_urls: "" where a record has none; (n,).
        widths, heights: int64 pixels, (n,); 0 where a record names none.
        license_ids: int64, (n,); -1 where a record names none.
    """

    ids: Ints
    file_names: Strings
    coco_urls: Strings
    widths: Ints
    heights: Ints
    license_ids: Ints

    def __post_init__(self) -> None:
        for name in ("file_names", "coco_urls", "widths", "heights", "license_ids"):
            if len(getattr(self, name)) != len(self.ids):
                raise ValueError(f"expected {len(self.ids)} {name}, got {len(getattr(self, name))}")

    def __len__(self) -> int:
        return len(self.ids)

    def row_of(self, image_id: int) -> int:
        """Return the row of one image; DatasetError when there is no such id."""
        return int(self.rows_of([image_id])[0])

    def rows_of(self, image_ids: Sequence[int] | Ints) -> Ints:
        """Return the row of each id, int64, in their order.

        Raises:
            DatasetError: ids that the dataset does not have, named.
        """
        wanted = np.asarray(image_ids, dtype=np.int64)
        rows = self._index.find(wanted)
        if (rows < 0).any():
            unknown = wanted[rows < 0]
            named = ", ".join(str(value) for value in unknown[:_NAMED])
            more = f" and {unknown.size - _NAMED:,} more" if unknown.size > _NAMED else ""
            raise DatasetError(
                f"The dataset has no picture with the id {named}{more}, only {len(self):,} others."
            )
        return rows

    def find(self, image_ids: Ints) -> Ints:
        """Return the row of each id, int64, -1 where the dataset has no such picture."""
        return self._index.find(image_ids)

    @cached_property
    def _index(self) -> IdIndex:
        return IdIndex(self.ids)


@dataclass(frozen=True)
class InstanceTable:
    """The instances of a dataset's pictures in source order.

    Attributes:
        ids: int64, shape (n,).
        image_rows: int64, (n,): rows of the dataset's `ImageTable`.
        category_ids: int64, (n,).
        area: float64 square pixels, (n,); NaN where a record has none.
        iscrowd: bool, (n,).
        bbox: float64, (n, 4): x, y, width, height in pixels; NaN where a record has none.
    """

    ids: Ints
    image_rows: Ints
    category_ids: Ints
    area: Floats
    iscrowd: npt.NDArray[np.bool_]
    bbox: Floats

    def __post_init__(self) -> None:
        n = len(self.ids)
        for name in ("image_rows", "category_ids", "area", "iscrowd"):
            if getattr(self, name).shape != (n,):
                raise ValueError(f"expected {name} of shape ({n},)")
        if self.bbox.shape != (n, 4):
            raise ValueError(f"expected bbox of shape ({n}, 4), got {self.bbox.shape}")

    @classmethod
    def empty(cls) -> "InstanceTable":
        """Return the table of a dataset without instances."""
        none = np.empty(0, dtype=np.int64)
        numbers = np.empty(0)
        flags = np.empty(0, dtype=np.bool_)
        return cls(none, none, none, numbers, flags, np.empty((0, 4)))

    def __len__(self) -> int:
        return len(self.ids)
