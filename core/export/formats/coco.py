"""COCO's own shape, complete; the default."""

from collections.abc import Iterator

from core.export.contents import Contents, Member
from core.export.documents import DOCUMENTS
from core.export.formats.format import Format
from core.export.shapes import SHAPES


def _documents(contents: Contents) -> Iterator[Member]:
    for members in DOCUMENTS:
        yield from members(contents)


COCO = Format(SHAPES["coco"], _documents)
