"""Records of a COCO dataset: categories, licences, and source bytes for export."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from core.coco.source import SourceFile


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


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes of one record: `length` bytes from `start` in `source`."""

    source: SourceFile
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class RawList:
    """Records as the source's own bytes, read when iterated over; may be iterated again.

    Iterating raises DatasetError when the source changed since it was indexed.
    """

    spans: Sequence[Span]

    @property
    def n_bytes(self) -> int:
        """Bytes of all records together."""
        return sum(span.length for span in self.spans)

    def __len__(self) -> int:
        return len(self.spans)

    def __iter__(self) -> Iterator[bytes]:
        for _, group in groupby(self.spans, key=lambda span: span.source.path):
            spans = list(group)
            with spans[0].source.reading() as reader:
                for span in spans:
                    yield reader.read(span.start, span.length)


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
