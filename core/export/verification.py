"""A package looked at again: checksums, annotations against pictures and against the source.

Nothing in the package is trusted: what cannot be read is a difference like any other.
"""

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from PIL import Image

from core.coco import CocoDataset, safe_file_name
from core.content import sha256_of
from core.errors import CocoSiftError, DatasetError, ExportError, PictureError
from core.export.annotations import annotation_members
from core.export.choices import ExportChoices
from core.export.contents import ANNOTATIONS, PICTURES, Contents
from core.export.planning import changed
from core.export.sizes import SUMS
from core.progress import NoProgress, Progress
from core.recipe import RECIPE, Recipe, RecipeError, from_json

LARGEST_DOCUMENT = 4 * 2**30
_CHUNK = 2**20
_SUM = re.compile(r"(\\?)([0-9a-f]{64})  (.+)")


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found in a package.

    Attributes:
        path: the ZIP.
        n_members, n_images, n_annotations: what it holds; pictures and annotations as its
            annotation files list them, each picture and each record of a kind once.
        differences: what is not as it should be, a sentence each; empty for a whole package.
        notes: what could not be looked at, and why.
        compared_with: the dataset that its annotations were compared with, or "".
    """

    path: Path
    n_members: int
    n_images: int
    n_annotations: int
    differences: tuple[str, ...]
    notes: tuple[str, ...] = ()
    compared_with: str = ""

    @property
    def is_whole(self) -> bool:
        return not self.differences


def verify_package(
    path: Path, dataset: CocoDataset | None = None, progress: Progress | None = None
) -> Verification:
    """Look at everything in the package at `path`.

    Args:
        path: the ZIP.
        dataset: the source to compare with; None compares the package with itself alone.
        progress: told in bytes.

    Raises:
        ExportError: there is no file `path`, or it may not be read.
    """
    try:
        archive = ZipFile(path)
    except (BadZipFile, ValueError, NotImplementedError) as error:
        return Verification(path, 0, 0, 0, (f"{path} is no whole ZIP: {error}.",))
    except OSError as error:
        raise ExportError(_unreadable(path, error)) from None
    with archive:
        found = _Findings(archive, progress or NoProgress())
        found.look_at_names()
        found.look_at_sums()
        recipe, choices = None, ExportChoices()
        try:
            recipe = _recipe(archive)
            choices = ExportChoices.read(recipe.choices)
        except (RecipeError, ExportError) as error:
            found.differ(f"{RECIPE}: {error}")
        if choices.format == "coco":
            found.look_at_annotations(choices)
            if dataset is not None and recipe is not None:
                _Comparison(found, recipe, choices, dataset).run()
        else:
            found.notes.append(
                f"The package is in the format {choices.format}: only its checksums were compared."
            )
        return Verification(
            path=path,
            n_members=len(archive.namelist()),
            n_images=len(found.image_ids),
            n_annotations=found.n_annotations,
            differences=tuple(found.differences),
            notes=tuple(found.notes),
            compared_with=dataset.name if dataset is not None else "",
        )


def _unreadable(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"There is no file {path}."
    if isinstance(error, IsADirectoryError):
        return f"{path} is a folder. Name the ZIP."
    return f"{path} cannot be read: {error.strerror or error}."


def _recipe(archive: ZipFile) -> Recipe:
    try:
        return from_json(_read(archive, RECIPE))
    except KeyError:
        raise RecipeError(f"There is no {RECIPE} in it: it was not made by CocoSift.") from None
    except (ValueError, *_UNREADABLE) as error:
        raise RecipeError(f"{RECIPE} cannot be read: {error}.") from None


_UNREADABLE = (BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError)


def _read(archive: ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > LARGEST_DOCUMENT:
        raise ValueError(f"{info.file_size:,} bytes are more than are read")
    with archive.open(info) as file:
        return file.read(LARGEST_DOCUMENT)


@dataclass(slots=True)
class _Findings:
    """What is found while looking.

    Attributes:
        sums: sha256 of each member that could be read.
        documents: the annotation files, numbers as text, by name.
    """

    archive: ZipFile
    progress: Progress
    differences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sums: dict[str, str] = field(default_factory=dict)
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    image_ids: set[str] = field(default_factory=set)
    n_annotations: int = 0

    def differ(self, what: str) -> None:
        self.differences.append(what)

    def look_at_names(self) -> None:
        counts = Counter(self.archive.namelist())
        for name, count in counts.items():
            if count > 1:
                self.differ(f"{name} is in it {count} times.")
            try:
                safe_file_name(name)
            except PictureError:
                self.differ(f"{name!r} would be unpacked outside of its folder.")

    def look_at_sums(self) -> None:
        """Compare every member with its line in SHA256SUMS."""
        listed = self._listed()
        total = sum(info.file_size for info in self.archive.infolist())
        done = 0
        for info in self.archive.infolist():
            digest = hashlib.sha256()
            try:
                with self.archive.open(info) as file:
                    while chunk := file.read(_CHUNK):
                        digest.update(chunk)
                        done += len(chunk)
                        self.progress.update(min(done, total), max(total, 1))
            except _UNREADABLE as error:
                self.differ(f"{info.filename} cannot be read: {error}.")
                continue
            self.sums[info.filename] = digest.hexdigest()
            expected = listed.pop(info.filename, None)
            if info.filename == SUMS:
                continue
            if expected is None:
                self.differ(f"{info.filename} is not listed in {SUMS}.")
            elif expected != digest.hexdigest():
                self.differ(
                    f"{info.filename} has changed: expected the sha256 {expected[:12]}…, found "
                    f"{digest.hexdigest()[:12]}…."
                )
        for name in listed:
            if name not in self.archive.NameToInfo:
                self.differ(f"{name} is listed in {SUMS}, but is not there.")

    def _listed(self) -> dict[str, str]:
        try:
            text = _read(self.archive, SUMS).decode("utf-8")
        except KeyError:
            self.differ(f"There is no {SUMS} in it.")
            return {}
        except (ValueError, *_UNREADABLE) as error:
            self.differ(f"{SUMS} cannot be read: {error}.")
            return {}
        listed = {}
        for number, line in enumerate(text.splitlines(), 1):
            match = _SUM.fullmatch(line)
            if match is None:
                self.differ(f"{SUMS}, line {number}: expected a sha256 and a name.")
                continue
            name = match[3]
            if match[1]:
                name = name.replace("\\n", "\n").replace("\\\\", "\\")
            listed[name] = match[2]
        return listed

    def look_at_annotations(self, choices: ExportChoices) -> None:
        """Compare the annotation files with one another and with the pictures."""
        listed: set[str] = set()
        counted: set[str] = set()
        for name in self._annotation_files():
            document = self._document(name)
            if document is None:
                continue
            self.documents[name] = document
            folder = _picture_folder(name, choices)
            listed |= self._look_at_images(name, document, folder, choices)
            n_annotations = self._look_at_records(name, document)
            # annotations.json is one of the others under a second name.
            if self.sums.get(name) not in counted:
                self.n_annotations += n_annotations
            counted.add(self.sums.get(name, name))
        if not self.documents:
            self.differ(f"There is no annotation file in {ANNOTATIONS}/.")
        for name in self.archive.namelist():
            is_picture = name.startswith(f"{PICTURES}/") and not name.endswith("/metadata.jsonl")
            if is_picture and name not in listed:
                self.differ(f"{name} is there, but no annotation file lists it.")

    def _annotation_files(self) -> list[str]:
        found = (PurePosixPath(name) for name in self.archive.namelist())
        return [
            str(path) for path in found if path.suffix == ".json" and path.parts[0] == ANNOTATIONS
        ]

    def _document(self, name: str) -> dict[str, Any] | None:
        try:
            document = spelt(_read(self.archive, name))
        except (ValueError, RecursionError, *_UNREADABLE) as error:
            self.differ(f"{name} cannot be read: {error}.")
            return None
        lists = ("images", "annotations")
        if not isinstance(document, dict) or not all(
            isinstance(document.get(key), list) and all(isinstance(r, dict) for r in document[key])
            for key in lists
        ):
            self.differ(f"{name} has no lists of images and annotations.")
            return None
        return document

    def _look_at_images(
        self, name: str, document: Mapping[str, Any], folder: str, choices: ExportChoices
    ) -> set[str]:
        """Compare the pictures that a file lists with those there; return their members."""
        members = set()
        for image_id, count in Counter(
            str(record.get("id")) for record in document["images"]
        ).items():
            self.image_ids.add(image_id)
            if count > 1:
                self.differ(f"{name} lists the picture {image_id} {count} times.")
        if choices.without_pictures:
            return set()
        for record in document["images"]:
            member = f"{folder}/{_normal(record.get('file_name'))}"
            if member not in self.archive.NameToInfo:
                self.differ(
                    f"{name} lists the picture {record.get('id')}, but there is no {member}."
                )
            elif member not in members:
                self._look_at_picture(name, member, record)
            members.add(member)
        return members

    def _look_at_picture(self, name: str, member: str, record: Mapping[str, Any]) -> None:
        expected = (str(record.get("width")), str(record.get("height")))
        try:
            with self.archive.open(member) as file, Image.open(file) as picture:
                found = (str(picture.width), str(picture.height))
        except (*_UNREADABLE, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            self.differ(f"{member} cannot be read as a picture: {error}.")
            return
        if expected != found and "0" not in expected and "None" not in expected:
            self.differ(
                f"{member} is {' x '.join(found)} pixels, but {name} says {' x '.join(expected)}."
            )

    def _look_at_records(self, name: str, document: Mapping[str, Any]) -> int:
        known = {record.get("id") for record in document["images"]}
        categories = document.get("categories")
        ids = {c.get("id") for c in categories or () if isinstance(c, dict)}
        for record in document["annotations"]:
            if record.get("image_id") not in known:
                self.differ(
                    f"{name}: annotation {record.get('id')} is of the picture "
                    f"{record.get('image_id')}, which is not listed."
                )
            if ids and "category_id" in record and record["category_id"] not in ids:
                self.notes.append(
                    f"{name}: annotation {record.get('id')} is of the category "
                    f"{record['category_id']}, which is not listed."
                )
            if "segments_info" in record:
                mask = f"{name.removesuffix('.json')}/{record.get('file_name')}"
                if mask not in self.archive.NameToInfo:
                    self.differ(f"{name} names the mask {mask}, which is not there.")
        return len(document["annotations"])


@dataclass(slots=True)
class _Comparison:
    """A package compared with the dataset that it was taken from."""

    found: _Findings
    recipe: Recipe
    choices: ExportChoices
    dataset: CocoDataset

    def run(self) -> None:
        hashed = self.recipe.dataset.annotation_hash
        if hashed != self.dataset.annotation_hash:
            self.found.differ(
                f"The annotation files of {self.dataset.name!r} are not those that the package was "
                f"made from: expected {hashed[:12]}…, found "
                f"{self.dataset.annotation_hash[:12]}…."
            )
        try:
            contents = self._contents()
            members = list(annotation_members(contents))
        except (CocoSiftError, ValueError, TypeError, KeyError) as error:
            self.found.differ(f"The package cannot be compared with {self.dataset.name!r}: {error}")
            return
        for member in members:
            document = self.found.documents.pop(member.name, None)
            if document is None:
                self.found.differ(f"{member.name} is not there, or cannot be read.")
                continue
            content = b"".join(member.chunks())
            if hashlib.sha256(content).hexdigest() != self.found.sums.get(member.name):
                named = list(differences(spelt(content), document))
                for what in named or ["its fields are the source's, but not its bytes."]:
                    self.found.differ(f"{member.name}: {what}")
        for name in self.found.documents:
            self.found.differ(f"{name} is there, but the source has no such annotations.")
        self._compare_pictures(contents)

    def _contents(self) -> Contents:
        ids = np.asarray(self.recipe.image_ids, dtype=np.int64)
        self.dataset.images.rows_of(ids)
        renamed = {int(row["id"]): row["new_file_name"] for row in self._rows("renamed.csv")}
        records = self.dataset.images.file_names.take(self.dataset.images.rows_of(ids))
        parts = [row["split"] for row in self._rows("scores.csv") if "split" in row]
        names = tuple(
            renamed.get(image_id) or str(safe_file_name(name))
            for image_id, name in zip(ids.tolist(), records, strict=True)
        )
        contents = Contents(
            dataset=self.dataset,
            image_ids=ids,
            file_names=names,
            ranks=tuple(range(1, len(ids) + 1)),
            scores=None,
            missing=(),
            missing_ranks=(),
            parts=tuple(parts) if self.choices.splits is not None else None,
            choices=self.choices,
            masks=Path() if self._has_masks() else None,
        )
        return replace(contents, changes=changed(contents))

    def _has_masks(self) -> bool:
        left_out = self.recipe.left_out_kinds
        return "panoptic" in self.dataset.kinds and "panoptic" not in left_out

    def _rows(self, name: str) -> Iterator[dict[str, str]]:
        if name in self.found.archive.NameToInfo:
            yield from csv.DictReader(io.StringIO(_read(self.found.archive, name).decode("utf-8")))

    def _compare_pictures(self, contents: Contents) -> None:
        if self.choices.without_pictures:
            return
        for part in contents.divided:
            ids = part.image_ids.tolist()
            for image_id, name in zip(ids, part.file_names, strict=True):
                if image_id in part.changes.scalings:
                    continue
                member = f"{part.folder}/{name}"
                try:
                    path = self.dataset.picture_path(image_id)
                    if path is not None and sha256_of(path) != self.found.sums.get(member):
                        self.found.differ(f"{member} is not the picture that is now at {path}.")
                except (PictureError, DatasetError, OSError) as error:
                    self.found.notes.append(f"{member} was not compared: {error}")


class SpeltNumber(str):
    """A number as it is written: 1 is not 1.0, and neither is the text "1"."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SpeltNumber) and str.__eq__(self, other)

    # Without it `!=` would be that of str, to which the text "1" is the same.
    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


def spelt(content: bytes) -> Any:
    """JSON whose numbers are `SpeltNumber`, so that no digit is lost.

    Raises:
        ValueError: it is none.
    """
    return json.loads(
        content, parse_int=SpeltNumber, parse_float=SpeltNumber, parse_constant=SpeltNumber
    )


def differences(source: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """Name each field in which an annotation file is not the one that it should be."""
    for key in sorted(source.keys() | found.keys()):
        if key in ("images", "annotations"):
            yield from _record_differences(key, source[key], found[key])
        elif key not in found:
            yield f"{key!r} is missing."
        elif key not in source:
            yield f"{key!r} is not in the source."
        elif source[key] != found[key]:
            yield f"{key!r} is not the source's."


def _record_differences(
    key: str, source: Iterable[Mapping[str, Any]], found: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    noun = key.removesuffix("s")
    before, after = _by_id(source), _by_id(found)
    if before.keys() == after.keys() and list(before) != list(after):
        yield f"the {key} are in another order."
    for name in before.keys() - after.keys():
        yield f"{noun} {name[0]} is missing."
    for name in after.keys() - before.keys():
        yield f"{noun} {name[0]} is not in the source."
    for name in before.keys() & after.keys():
        one, other = before[name], after[name]
        for field_name in sorted(one.keys() | other.keys()):
            if field_name not in other:
                yield f"{noun} {name[0]}: {field_name!r} is missing."
            elif field_name not in one:
                yield f"{noun} {name[0]}: {field_name!r} is not in the source."
            elif one[field_name] != other[field_name]:
                yield (
                    f"{noun} {name[0]}: {field_name!r} is {_shown(other[field_name])}, expected "
                    f"{_shown(one[field_name])}."
                )


def _by_id(records: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], Mapping[str, Any]]:
    """Records by their id and, should it come again, how often it came before."""
    seen: Counter[str] = Counter()
    found = {}
    for record in records:
        name = str(record.get("id", record.get("image_id")))
        found[name, seen[name]] = record
        seen[name] += 1
    return found


def _shown(value: Any) -> str:
    text = _written(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _written(value: Any) -> str:
    """JSON with the numbers as they are spelt."""
    if isinstance(value, SpeltNumber):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, dict):
        fields = (f"{json.dumps(key)}: {_written(field)}" for key, field in value.items())
        return f"{{{', '.join(fields)}}}"
    return json.dumps(value, ensure_ascii=False)


def _normal(file_name: Any) -> str:
    return str(PurePosixPath(str(file_name)))


def _picture_folder(name: str, choices: ExportChoices) -> str:
    """The folder of the pictures that an annotation file lists."""
    if choices.splits is None:
        return PICTURES
    stem = PurePosixPath(name).stem
    parts = [part for part in choices.splits.fractions if stem.endswith(f"_{part}")]
    return f"{PICTURES}/{max(parts, key=len)}" if parts else PICTURES
