"""YOLO, for detection and for segmentation, as ultralytics reads it.

    data.yaml                     the folders, and the names of the classes
    images/<part>/<file_name>     the pictures
    labels/<part>/<file_name>.txt a line for each instance: class, then numbers from 0 to 1

Classes are counted from 0 in the order of the categories; `classes.csv` has the ids.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath

from core.export.contents import Contents, Member
from core.export.formats.common import Record, beside, box, instances_that, polygons, records
from core.export.formats.format import Format
from core.export.formats.losses import losses
from core.export.members import csv_member, lines_member, text_member
from core.export.shapes import SHAPES

_UNDIVIDED = "all"
Line = Callable[[Record, int, int], list[float] | None]


def _documents(line: Line) -> Callable[[Contents], Iterator[Member]]:
    def documents(contents: Contents) -> Iterator[Member]:
        categories = contents.dataset.categories
        number_of = {category.id: number for number, category in enumerate(categories)}
        for part in contents.divided:
            yield from _label_members(part, number_of, line)
        yield text_member("data.yaml", _data(contents))
        rows = ((number, c.id, c.name) for number, c in enumerate(categories))
        yield csv_member("classes.csv", ("class", "category_id", "name"), rows)

    return documents


def _label_members(part: Contents, number_of: dict[int, int], line: Line) -> Iterator[Member]:
    folder = f"labels/{part.part or _UNDIVIDED}"
    # Records that share a file share its labels.
    labels: dict[str, list[str]] = {}
    sizes = part.sizes.tolist()
    for name, size, of_one in zip(part.file_names, sizes, records(part, "instances"), strict=True):
        lines = labels.setdefault(str(PurePosixPath(name).with_suffix(".txt")), [])
        for record in of_one:
            number = number_of.get(int(record["category_id"]))
            numbers = line(record, *size)
            if number is not None and numbers is not None:
                lines.append(" ".join([str(number), *map(_decimal, numbers)]))
    for label, lines in labels.items():
        yield lines_member(f"{folder}/{label}", lines)


def _detection(record: Record, width: int, height: int) -> list[float] | None:
    """The centre and the size of the box."""
    found = box(record)
    if found is None or record.get("iscrowd") or min(width, height) <= 0:
        return None
    x, y, w, h = found
    left, right = _inside(x, width), _inside(x + w, width)
    top, bottom = _inside(y, height), _inside(y + h, height)
    if right <= left or bottom <= top:
        return None
    return [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]


def _segmentation(record: Record, width: int, height: int) -> list[float] | None:
    """The corners of the outline; those of several polygons one after the other."""
    shapes = polygons(record)
    if not shapes or record.get("iscrowd") or min(width, height) <= 0:
        return None
    corners = [corner for shape in shapes for corner in zip(shape[::2], shape[1::2], strict=False)]
    return [value for x, y in corners for value in (_inside(x, width), _inside(y, height))]


def _inside(value: float, length: int) -> float:
    return min(max(value / length, 0.0), 1.0)


def _decimal(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _data(contents: Contents) -> str:
    names = [
        json.dumps(category.name, ensure_ascii=False) for category in contents.dataset.categories
    ]
    return "\n".join(
        [
            "path: .",
            *_folders([part.part for part in contents.divided]),
            f"nc: {len(names)}",
            "names:",
            *(f"  {number}: {name}" for number, name in enumerate(names)),
            "",
        ]
    )


def _folders(parts: Sequence[str]) -> Iterator[str]:
    """Where the readers' train, val and test are; they ask for the first two."""
    parts = [part or _UNDIVIDED for part in parts]
    train = "train" if "train" in parts else parts[0]
    others = [part for part in parts if part != train]
    val = next((part for part in ("val", "valid", "validation", *others) if part in others), train)
    yield f"train: images/{train}"
    yield f"val: images/{val}"
    yield from (f"{part}: images/{part}" for part in others if part not in (val, "val", "train"))


def _folder(part: str) -> str:
    return f"images/{part or _UNDIVIDED}"


_LEFT_OUT = ("captions", "keypoints", "stuff", "panoptic")
YOLO = Format(
    SHAPES["yolo"],
    beside(_documents(_detection)),
    losses("crowds", "no box", "outlines", kinds=_LEFT_OUT),
    _folder,
    n_annotations=instances_that(lambda *of_one: _detection(*of_one) is not None),
    by_stem=True,
)
YOLO_SEGMENT = Format(
    SHAPES["yolo-segment"],
    beside(_documents(_segmentation)),
    losses("crowds", "masks", "no polygon", "parts", kinds=_LEFT_OUT),
    _folder,
    n_annotations=instances_that(lambda *of_one: _segmentation(*of_one) is not None),
    by_stem=True,
)
