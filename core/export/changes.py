"""What must change in records before they leave; most leave as they are."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.export.geometry import Scaling, scaled_values
from core.export.rewriting import with_values

# Records of these kinds describe the same objects under the same ids, and go on doing so.
_COUNTED = {"instances": "annotation", "keypoints": "annotation", "stuff": "annotation"}
# Panoptic records are one a picture and have no id of their own.
_WITHOUT_IDS = "panoptic"


@dataclass(slots=True)
class Numbering:
    """New ids, counted from 1.

    Attributes:
        images: new id by old id.
        annotations: new id by what is counted, the picture's old id, the old id and, should
            the picture have it more than once, how many times it came before.
    """

    images: dict[int, int] = field(default_factory=dict)
    annotations: dict[tuple[str, int, int, int], int] = field(default_factory=dict)
    _last: dict[str, int] = field(default_factory=dict)

    def add_image(self, image_id: int) -> None:
        self.images.setdefault(image_id, len(self.images) + 1)

    def add_annotations(self, kind: str, image_id: int, raw: Iterable[bytes]) -> None:
        """Number the annotation records of one picture."""
        if kind == _WITHOUT_IDS:
            return
        for key in _keys(kind, image_id, [json.loads(record) for record in raw]):
            if key not in self.annotations:
                self._last[key[0]] = self._last.get(key[0], 0) + 1
                self.annotations[key] = self._last[key[0]]

    def rows(self) -> Iterator[tuple[str, int, int]]:
        """What is numbered, the old and the new id, of each."""
        for old, new in self.images.items():
            yield "image", old, new
        for (what, _, old, _), new in self.annotations.items():
            yield what, old, new


@dataclass(frozen=True, slots=True)
class RecordChanges:
    """How records are changed; by default not at all.

    Attributes:
        file_names: the new name of each picture that has one, by its id.
        numbering: new ids, or None.
        scalings: of each picture that is made smaller, by its id.
    """

    file_names: Mapping[int, str] = field(default_factory=dict)
    numbering: Numbering | None = None
    scalings: Mapping[int, Scaling] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Something is changed."""
        return bool(self.file_names) or not self.only_names

    @property
    def only_names(self) -> bool:
        """Nothing but file names is changed."""
        return self.numbering is None and not self.scalings

    def image_id(self, image_id: int) -> int:
        return image_id if self.numbering is None else self.numbering.images[image_id]

    def image(self, image_id: int, raw: bytes) -> bytes:
        """Return the image record as it leaves."""
        values: dict[str, Any] = {}
        if image_id in self.file_names:
            values["file_name"] = self.file_names[image_id]
        if self.numbering is not None:
            values["id"] = self.image_id(image_id)
        if (scaling := self.scalings.get(image_id)) is not None:
            values |= {"width": scaling.new_width, "height": scaling.new_height}
        return _with(raw, values)

    def annotations(self, kind: str, image_id: int, raw: list[bytes]) -> list[bytes]:
        """Return the annotation records of one picture as they leave."""
        scaling = self.scalings.get(image_id)
        if self.numbering is None and scaling is None:
            return raw
        records = [json.loads(record) for record in raw]
        changes: list[dict[str, Any]] = [{} for _ in records]
        if scaling is not None:
            changes = [scaled_values(record, scaling) for record in records]
        if self.numbering is not None:
            for values in changes:
                values["image_id"] = self.image_id(image_id)
            if kind != _WITHOUT_IDS:
                for values, key in zip(changes, _keys(kind, image_id, records), strict=True):
                    values["id"] = self.numbering.annotations[key]
        return [_with(record, values) for record, values in zip(raw, changes, strict=True)]


def _keys(
    kind: str, image_id: int, records: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[str, int, int, int]]:
    what = _COUNTED.get(kind, "caption")
    seen: dict[int, int] = {}
    for record in records:
        old = int(record["id"])
        seen[old] = seen.get(old, -1) + 1
        yield what, image_id, old, seen[old]


def _with(raw: bytes, values: Mapping[str, Any]) -> bytes:
    if not values:
        return raw
    texts = {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
    return with_values(raw, {key: text.encode("utf-8") for key, text in texts.items()})
