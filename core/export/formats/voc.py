"""Pascal VOC: an XML file for each picture, and lists of the pictures.

    Annotations/<name>.xml, ImageSets/Main/<part>.txt, JPEGImages/<file_name>

VOC counts pixels from 1, and a box reaches to the pixel at its end.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from xml.sax.saxutils import escape

from core.export.contents import Contents, Member
from core.export.formats.common import Record, beside, box, instances_that, records
from core.export.formats.format import Format
from core.export.formats.losses import losses
from core.export.members import lines_member, text_member
from core.export.shapes import SHAPES

# What XML 1.0 cannot hold, even escaped.
_REFUSED = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535))


def _documents(contents: Contents) -> Iterator[Member]:
    names = {category.id: category.name for category in contents.dataset.categories}
    # Records that share a file share its objects.
    found: dict[str, tuple[str, list[int], list[Record]]] = {}
    for part in contents.divided:
        sizes = part.sizes.tolist()
        for name, size, of_one in zip(
            part.file_names, sizes, records(part, "instances"), strict=True
        ):
            found.setdefault(_stem(name), (name, size, []))[2].extend(of_one)
        stems = dict.fromkeys(map(_stem, part.file_names))
        yield lines_member(f"ImageSets/Main/{part.part or 'all'}.txt", stems)
    for stem, (name, size, of_one) in found.items():
        yield text_member(f"Annotations/{stem}.xml", _annotation(name, size, of_one, names))


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def _annotation(name: str, size: list[int], of_one: list[Record], names: dict[int, str]) -> str:
    lines = [
        "<annotation>",
        "  <folder>JPEGImages</folder>",
        f"  <filename>{_text(name)}</filename>",
        f"  <size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>",
        "  <segmented>0</segmented>",
    ]
    for record in of_one:
        if (found := _box(record)) is not None:
            lines += _object(names.get(int(record["category_id"]), ""), found, size)
    return "\n".join([*lines, "</annotation>", ""])


def _box(record: Record) -> tuple[float, float, float, float] | None:
    """That of an object; None for what VOC does not have."""
    return None if record.get("iscrowd") else box(record)


def _object(name: str, found: tuple[float, ...], size: list[int]) -> Iterator[str]:
    x, y, width, height = found
    yield "  <object>"
    yield f"    <name>{_text(name)}</name>"
    yield "    <pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>"
    yield (
        f"    <bndbox><xmin>{_number(x + 1)}</xmin><ymin>{_number(y + 1)}</ymin>"
        f"<xmax>{_number(min(x + width, size[0] or x + width))}</xmax>"
        f"<ymax>{_number(min(y + height, size[1] or y + height))}</ymax></bndbox>"
    )
    yield "  </object>"


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _text(text: str) -> str:
    return escape(text.translate(_REFUSED))


VOC = Format(
    SHAPES["voc"],
    beside(_documents),
    losses("crowds", "no box", "outlines", kinds=("captions", "keypoints", "stuff", "panoptic")),
    lambda part: "JPEGImages",
    n_annotations=instances_that(lambda record, *_: _box(record) is not None),
    by_stem=True,
)
