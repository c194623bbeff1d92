"""What a format leaves behind, counted."""

from collections.abc import Callable, Iterator, Sequence

from core.export.contents import Contents
from core.export.formats.common import Record, box, has_pose, is_mask, polygons, records
from core.export.formats.format import Loss

Counter = Callable[[Contents], Iterator[Loss]]

# What is counted of instances, by a name: its words, and whether a record is one.
_INSTANCES: dict[str, tuple[str, Callable[[Record], bool]]] = {
    "crowds": ("crowds are left out", lambda record: bool(record.get("iscrowd"))),
    "no box": (
        "instances without a box are left out",
        lambda record: not record.get("iscrowd") and box(record) is None,
    ),
    "outlines": (
        "instances keep their box and lose their outline",
        lambda record: bool(record.get("segmentation")) and not record.get("iscrowd"),
    ),
    "masks": (
        "instances with a mask instead of polygons are left out",
        lambda record: is_mask(record) and not record.get("iscrowd"),
    ),
    "mask outlines": (
        "instances with a mask instead of polygons keep their box alone",
        lambda record: is_mask(record) and not record.get("iscrowd"),
    ),
    "no polygon": (
        "instances without a polygon are left out",
        lambda record: not (record.get("iscrowd") or is_mask(record) or polygons(record)),
    ),
    "parts": (
        "instances of several polygons become one outline",
        lambda record: len(polygons(record)) > 1 and not record.get("iscrowd"),
    ),
}
_WORDS = {
    "captions": "captions are left out",
    "keypoints": "poses are left out",
    "stuff": "stuff records are left out",
    "panoptic": "panoptic records are left out",
    "masks": "panoptic masks are left out",
}


def losses(*names: str, kinds: Sequence[str]) -> Counter:
    """Return what counts the losses of a format.

    Args:
        names: of instances, as above.
        kinds: the kinds of annotations that it leaves out; `masks` for panoptic masks whose
            records it has.
    """

    def counted(contents: Contents) -> Iterator[Loss]:
        found = dict.fromkeys(names, 0)
        if names:
            for of_one in records(contents, "instances"):
                for record in of_one:
                    for name in names:
                        found[name] += _INSTANCES[name][1](record)
        for name, count in found.items():
            yield Loss(_INSTANCES[name][0], count)
        for kind in kinds:
            yield Loss(_WORDS[kind], _count(contents, "panoptic" if kind == "masks" else kind))

    return counted


def _count(contents: Contents, kind: str) -> int:
    if kind not in contents.dataset.kinds:
        return 0
    if kind == "keypoints":
        return sum(has_pose(record) for of_one in records(contents, kind) for record in of_one)
    counts, _ = contents.dataset.record_sizes(kind, contents.image_ids)
    return int(counts.sum())
