"""Records of a COCO dataset: categories, licences, and source bytes for export."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from core.coco.source import SourceFile

_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Category:
    """A category of instances; `supercategory` is "" where the source names none."""

    id: int
    name: str
    supercategory: str


@dataclass(frozen=True, slots=True)
class License:
    """A licence that image records refer to by id."""

    id: int
    name: str
    url: str


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """The bytes of records that follow one another in a list and lie in one file.

    Attributes:
        starts, lengths: bytes, int64, shape (n,).
    """

    source: SourceFile
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class RawList:
    """Records as the source's own bytes, read when iterated over; may be iterated again.

    Iterating raises DatasetError when the source changed since it was indexed.
    """

    runs: Sequence[Run]

    @property
    def n_bytes(self) -> int:
        """Bytes of all records together."""
        return sum(int(run.lengths.sum()) for run in self.runs)

    def __len__(self) -> int:
        return sum(run.lengths.size for run in self.runs)

    def __iter__(self) -> Iterator[bytes]:
        for run in self.runs:
            with run.source.reading() as reader:
                for first in range(0, run.lengths.size, _AT_ONCE):
                    some = slice(first, first + _AT_ONCE)
                    yield from reader.read_all(
                        run.starts[some].tolist(), run.lengths[some].tolist()
                    )


def parsed(records: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Parse records, many at once: a reader's cost for each call is that of a short record."""
    left = iter(records)
    while some := list(islice(left, _AT_ONCE)):
        yield from parsed_list(b"[" + b",".join(some) + b"]")


def parsed_list(text: bytes) -> list[Any]:
    """Parse a JSON list as `json` does, four times as fast where there is nothing odd in it."""
    # Here: half of all commands parse no record, and the import takes 40 ms.
    import msgspec

    try:
        values: list[Any] = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        # What `json` reads all the same: NaN, numbers beyond a double's, half a surrogate pair.
        values = json.loads(text)
    return values


@dataclass(frozen=True, slots=True)
class RawRecords:
    """Part of one annotation file, nothing in it encoded anew.

    Joining the pieces with JSON punctuation gives a COCO file whose values are equal to
    the source's, to the last digit and escape.

    Attributes:
        kind: the kind of annotations.
        info: JSON object; `{}` where the source has none.
        licenses: JSON list; `[]` where the source has none.
        categories: JSON list, None where the source has none (captions).
        others: further top-level members as (key with its quotes, value).
        images: image records, in the order of the ids that were asked for.
        annotations: annotation records, picture by picture in that order, and within
            a picture in the source's order.
    """

    kind: str
    info: bytes
    licenses: bytes
    categories: bytes | None
    others: tuple[tuple[bytes, bytes], ...]
    images: RawList
    annotations: RawList
