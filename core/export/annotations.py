"""Annotation files put together from the source's own bytes, a record a line."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from core.coco import safe_file_name
from core.errors import PictureError
from core.export.contents import ANNOTATIONS, Contents, Member
from core.export.geometry import Scaling
from core.export.members import file_member, in_chunks
from core.export.records import annotation_records, every_annotation, image_records
from core.export.resizing import resized_mask

COCO_FILE_STEMS = {"keypoints": "person_keypoints"}
_AT_ONCE = 256  # records
_FIRST, _NEXT = b"\n", b",\n"


def annotation_members(contents: Contents) -> Iterator[Member]:
    """`annotations.json`, which is the main kind, and a file for each kind under COCO's name.

    Of a divided package the latter alone, one for each part.
    """
    for part in contents.divided:
        members = {
            kind: json_member(part, kind, annotation_file_name(kind, _label(part)))
            for kind in part.kinds
        }
        if not part.part:
            main = members[part.dataset.primary]
            name = f"{ANNOTATIONS}/annotations.json"
            yield replace(main, name=name)
            members[part.dataset.primary] = replace(main, same_as=name)
        yield from members.values()


def mask_members(contents: Contents) -> Iterator[Member]:
    """The PNGs that panoptic records name, in a folder named like their file."""
    for part in contents.divided:
        if part.masks is None:
            continue
        folder = annotation_file_name("panoptic", _label(part)).removesuffix(".json")
        ids = part.image_ids.tolist()
        for image_id, records in zip(ids, annotation_records(part, "panoptic"), strict=True):
            scaling = part.changes.scalings.get(image_id)
            for name in mask_names(records):
                yield _mask_member(f"{ANNOTATIONS}/{folder}/{name}", part.masks / name, scaling)


def mask_names(records: Iterable[bytes]) -> Iterator[str]:
    """The file of the mask of each panoptic record; "" for a name that is refused."""
    for raw in records:
        try:
            yield str(safe_file_name(str(json.loads(raw).get("file_name", ""))))
        except PictureError:
            yield ""


def annotation_file_name(kind: str, label: str) -> str:
    """Return the name that COCO gives such a file, as `person_keypoints_val2014.json`."""
    stem = COCO_FILE_STEMS.get(kind, kind)
    suffix = re.sub(r"[^\w.-]+", "-", label).strip("-.")
    return f"{stem}_{suffix}.json" if suffix else f"{stem}.json"


def separator_bytes(n_records: int) -> int:
    """What stands before and between `n_records` records, in bytes."""
    return max(0, len(_FIRST) + len(_NEXT) * (n_records - 1))


def _label(part: Contents) -> str:
    return part.part or part.dataset.split


def _mask_member(name: str, path: Path, scaling: Scaling | None) -> Member:
    if scaling is None:
        return file_member(name, path)
    return Member(name, path.stat().st_size, lambda: [resized_mask(path, scaling)], is_exact=False)


def json_member(contents: Contents, kind: str, file_name: str) -> Member:
    """One annotation file of some contents."""
    dataset, image_ids = contents.dataset, contents.image_ids
    counts, sizes = dataset.record_sizes(kind, image_ids)
    n_bytes = sum(map(len, _pieces(contents.only([]), kind))) + int(sizes.sum())
    n_bytes += separator_bytes(len(image_ids)) + separator_bytes(int(counts.sum()))
    n_bytes += _bytes_of_new_names(contents, kind)
    return Member(
        f"{ANNOTATIONS}/{file_name}",
        n_bytes,
        lambda: in_chunks(_pieces(contents, kind)),
        is_exact=contents.changes.only_names,
    )


def _bytes_of_new_names(contents: Contents, kind: str) -> int:
    """How much longer the records of pictures with new file names are."""
    ids = contents.image_ids.tolist()
    places = [
        place for place, image_id in enumerate(ids) if image_id in contents.changes.file_names
    ]
    renamed = contents.only(places)
    old = contents.dataset.raw_records(kind, renamed.image_ids).images
    return sum(map(len, image_records(renamed, kind))) - old.n_bytes


def _pieces(contents: Contents, kind: str) -> Iterator[bytes]:
    head = contents.dataset.raw_records(kind, [])
    yield b'{"info": ' + head.info
    yield b',\n"licenses": ' + head.licenses
    for key, value in head.others:
        yield b",\n" + key + b": " + value
    yield b',\n"images": ['
    yield from _lines(image_records(contents, kind))
    yield b'],\n"annotations": ['
    yield from _lines(every_annotation(contents, kind))
    yield b"]"
    # Captions have none, and pycocotools stumbles over an empty list beside captions.
    if head.categories is not None:
        yield b',\n"categories": ' + head.categories
    yield b"}\n"


def _lines(records: Iterable[bytes]) -> Iterator[bytes]:
    left, before = iter(records), _FIRST
    while some := list(islice(left, _AT_ONCE)):
        yield before + _NEXT.join(some)
        before = _NEXT
