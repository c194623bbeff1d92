"""A COCO-format dataset, read in place from its annotation files."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from core.coco.annotation_index import AnnotationIndex
from core.coco.caption_words import CaptionWords, open_caption_words
from core.coco.manifest import DatasetManifest, safe_file_name
from core.coco.records import Category, License, RawList, RawRecords, Run, parsed
from core.coco.scanner import Record, whole_number
from core.coco.tables import IdIndex, ImageTable, InstanceTable, Ints, RowGroups, Strings
from core.errors import DatasetError, PictureError
from core.progress import Progress

_PRIMARY_FIRST = ("instances", "captions", "keypoints", "stuff", "panoptic")
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Summary:
    """What a dataset holds, in numbers.

    Attributes:
        images: pictures.
        annotations: annotations of these pictures by kind.
        categories: categories of the instances file.
        without_annotations: pictures that no file annotates.
        dangling: annotations by kind whose picture no file lists; they belong nowhere.
    """

    images: int
    annotations: Mapping[str, int]
    categories: int
    without_annotations: int
    dangling: Mapping[str, int]


class CocoDataset:
    """Pictures and annotations of one dataset; the files stay as and where they are.

    The pictures are those of the primary file (instances when there is one, else
    captions), in its order; pictures that only another file lists follow in theirs.

    Attributes:
        name: as used in commands and addresses.
        title: shown to people.
        split: names the files of an export.
        drawn: the pictures are drawings.
        folder: holds dataset.toml, or the flat layout's files.
        kinds: the kinds of annotation files present, captions before instances.
        images: the pictures.
        categories: of the instances file, in its order; empty without one.
        licenses: of all files, each id once.
        instances: those of the pictures; empty without an instances file.
        annotation_hash: hex sha256 that changes when any annotation file's content does.
        picture_folder: where the pictures lie, None when nowhere here.
        examples: queries to try on it; may be empty.
        uses: what its pictures are wanted for, of `commercial` and `modifications`.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        manifest: DatasetManifest,
        indexes: Mapping[str, AnnotationIndex],
        reread: Callable[[], DatasetManifest],
        index_folders: Sequence[Path] = (),
    ) -> None:
        """Put a dataset together from the index of each of its annotation files.

        Args:
            name, folder: see above.
            manifest: the content of its dataset.toml.
            indexes: one for each annotation file of the manifest.
            reread: gives the manifest as it is now.
            index_folders: where the words of captions are looked for and kept.

        Raises:
            DatasetError: the files give one image id to different pictures, or a list of
                categories or licences cannot be read.
        """
        self.name = name
        self.title = manifest.title
        self.split = manifest.split
        self.drawn = manifest.drawn
        self.folder = folder
        self.kinds = tuple(indexes)
        self.picture_folder = manifest.pictures
        self.examples = manifest.examples
        self.uses = manifest.uses
        self._manifest = manifest
        self._reread = reread
        self._index_folders = tuple(index_folders)
        self._caption_words: CaptionWords | None = None
        self._words_lock = threading.Lock()
        self._sizes: dict[str, Ints] = {}
        self._indexes = dict(indexes)
        self.primary = next(kind for kind in _PRIMARY_FIRST if kind in indexes)
        self.annotation_hash = _joint_hash(indexes)
        self.images = self._united_images()
        self.licenses = self._read_licenses()
        self.categories = self.category_records("instances") if "instances" in indexes else ()

    def __repr__(self) -> str:
        return f"<CocoDataset {self.name}: {len(self.images):,} pictures, {', '.join(self.kinds)}>"

    @cached_property
    def caption_image_rows(self) -> Ints:
        """Row of each caption's picture, in file order: int64, shape (captions,), -1 for none."""
        index = self._indexes.get("captions")
        if index is None:
            return np.empty(0, dtype=np.int64)
        return self.images.find(index.annotation_image_ids)

    @cached_property
    def instances(self) -> InstanceTable:
        """The instances of the dataset's pictures; see `InstanceTable`."""
        index = self._indexes.get("instances")
        if index is None:
            return InstanceTable.empty()
        image_rows = self.images.find(index.annotation_image_ids)
        keep = image_rows >= 0
        rows: Any = slice(None) if keep.all() else keep
        return InstanceTable(
            ids=index.ids[rows],
            image_rows=image_rows[rows],
            category_ids=index.category_ids[rows],
            area=index.areas[rows],
            iscrowd=index.iscrowd[rows] != 0,
            bbox=index.boxes[rows],
        )

    @property
    def indexes(self) -> Mapping[str, AnnotationIndex]:
        """The index of each annotation file, by kind, in the order of `kinds`."""
        return self._indexes

    @property
    def n_bytes(self) -> int:
        """Bytes of the columns at hand, mapped or in memory; what is mapped gives way to need."""
        words = self._caption_words.n_bytes if self._caption_words is not None else 0
        return sum(index.n_bytes for index in self._indexes.values()) + words

    @property
    def file_hashes(self) -> dict[str, str]:
        """The hex sha256 of each annotation file, by kind."""
        return {kind: index.source.sha256 for kind, index in self._indexes.items()}

    def captions(self, image_id: int) -> tuple[str, ...]:
        """Return the captions of one picture; empty when the dataset has none of it.

        Raises:
            DatasetError: no such picture, or the captions file changed meanwhile.
        """
        return self.captions_of([image_id])[0]

    def captions_of(self, image_ids: Sequence[int] | Ints) -> list[tuple[str, ...]]:
        """Return the captions of each picture; the file is opened once for all of them."""
        if "captions" not in self._indexes:
            self.images.rows_of(image_ids)
            return [() for _ in image_ids]
        return [
            tuple(_valid(record["caption"]) for record in of_one)
            for of_one in self._parsed(image_ids, "captions")
        ]

    def caption_words(self, progress: Progress | None = None) -> CaptionWords:
        """Return the words of the captions, none without a captions file.

        Args:
            progress: told the captions read, when that was not done before; once done it
                is kept on disk.

        Raises:
            DatasetError: the captions file changed meanwhile.
        """
        with self._words_lock:
            if self._caption_words is None:
                index = self._indexes.get("captions")
                self._caption_words = (
                    CaptionWords.empty()
                    if index is None
                    else open_caption_words(index, self._index_folders, progress)
                )
            return self._caption_words

    def with_words(self, text: str, progress: Progress | None = None) -> npt.NDArray[np.bool_]:
        """Tell which pictures have a caption with the words of `text`, one after the other.

        Args:
            text: compared as `CaptionWords.find` says.
            progress: as for `caption_words`.

        Returns:
            bool, shape (images,).
        """
        marked = np.zeros(len(self.images), dtype=np.bool_)
        rows = self.caption_image_rows[self.caption_words(progress).find(text)]
        marked[rows[rows >= 0]] = True
        return marked

    def annotations(self, image_id: int, kind: str) -> list[Record]:
        """Return the parsed annotation records of one picture, in source order.

        Raises:
            DatasetError: no such picture, no such kind, or a file that changed meanwhile.
        """
        return self.annotations_of([image_id], kind)[0]

    def annotations_of(self, image_ids: Sequence[int] | Ints, kind: str) -> list[list[Record]]:
        """Return the parsed annotation records of each picture, in source order."""
        return list(self._parsed(image_ids, kind))

    def image_record(self, image_id: int) -> Record:
        """Return the parsed image record of one picture, from the primary file if it has it."""
        raw = next(iter(RawList(self._image_runs(self.primary, [image_id]))))
        record: Record = json.loads(raw.decode())
        return record

    def license_of(self, image_id: int) -> License | None:
        """Return the licence of one picture, None when its record names none that exists."""
        wanted = int(self.images.license_ids[self.images.row_of(image_id)])
        return next((licence for licence in self.licenses if licence.id == wanted), None)

    def category_records(self, kind: str) -> tuple[Category, ...]:
        """Return the categories of the file of `kind`, in its order; empty where it has none.

        Raises:
            DatasetError: no such kind, or a list of categories that cannot be read.
        """
        path = self._index(kind).source.path
        found: dict[int, Category] = {}
        for record in self._member_list(kind, "categories"):
            number, name = whole_number(record.get("id")), record.get("name")
            if number is None or not isinstance(name, str):
                raise DatasetError(
                    f"{path}: a category is {record!r:.80}; expected a whole 'id' of at most "
                    f"64 bits and a 'name'."
                )
            if number in found:
                raise DatasetError(f"{path} has two categories with the id {number}.")
            found[number] = Category(number, _valid(name), _valid(record.get("supercategory")))
        return tuple(found.values())

    def raw_records(self, kind: str, image_ids: Sequence[int] | Ints) -> RawRecords:
        """Return the source's own bytes of some pictures and their annotations of `kind`.

        A picture that the file of `kind` does not list has its image record from the
        file that does.

        Raises:
            DatasetError: no such picture or kind, or a file that changed meanwhile.
        """
        index = self._index(kind)
        groups = self._groups[kind]
        rows = self.images.rows_of(image_ids)
        at = groups.of_all(rows)
        run = Run(index.source, index.starts[at], index.lengths[at])
        members = self._raw_members(kind)
        return RawRecords(
            kind=kind,
            info=members.pop(b'"info"', b"{}"),
            licenses=members.pop(b'"licenses"', b"[]"),
            categories=members.pop(b'"categories"', None),
            others=tuple(members.items()),
            images=RawList(self._image_runs(kind, image_ids)),
            annotations=RawList([run] if at.size else []),
        )

    def record_sizes(self, kind: str, image_ids: Sequence[int] | Ints) -> tuple[Ints, Ints]:
        """Tell what each picture adds to the records of `kind`, without reading them.

        Returns:
            Its annotations, and the bytes of its image record and of these annotations as
            `raw_records` gives them; both int64, shape (ids,).

        Raises:
            DatasetError: no such picture or kind.
        """
        self._index(kind)
        rows = self.images.rows_of(image_ids)
        return self._groups[kind].counts[rows], self._record_bytes(kind)[rows]

    def annotation_counts(self, kind: str) -> Ints:
        """Return the annotations of `kind` of each picture, int64, shape (images,).

        Raises:
            DatasetError: no such kind.
        """
        self._index(kind)
        return self._groups[kind].counts

    def is_unchanged(self) -> bool:
        """Tell whether dataset.toml and the annotation files are what was opened.

        Cheap: a file is hashed only when its time changed and its size did not.
        """
        try:
            manifest = self._reread()
        except DatasetError:
            return False
        return manifest == self._manifest and all(
            index.source.is_unchanged() for index in self._indexes.values()
        )

    def picture_path(self, image_id: int) -> Path | None:
        """Return the picture's file in the picture folder, None when it is not there.

        Raises:
            PictureError: the record's file name would lead out of the folder.
            DatasetError: no such picture.
        """
        name = safe_file_name(self.images.file_names[self.images.row_of(image_id)])
        if self.picture_folder is None:
            return None
        path = self.picture_folder / name
        return path if _is_file(path) else None

    def coco_url(self, image_id: int) -> str | None:
        """Return the address of a picture, by the dataset's template or the record's own."""
        return self.coco_urls_of([image_id])[0]

    def coco_urls_of(self, image_ids: Sequence[int] | Ints) -> list[str | None]:
        """Return the address of each picture, None where there is none."""
        rows = self.images.rows_of(image_ids)
        template = self._manifest.url
        if template is None:
            return [url or None for url in self.images.coco_urls.take(rows)]
        return [
            template.replace("{file_name}", quote(name)).replace("{id}", str(image_id))
            for image_id, name in zip(image_ids, self.images.file_names.take(rows), strict=True)
        ]

    def count_missing_files(self) -> int | None:
        """Count the pictures without a file in the picture folder; None without a folder."""
        if self.picture_folder is None:
            return None
        return sum(not self._has_file(name) for name in self.images.file_names)

    def summary(self) -> Summary:
        """Count what the dataset holds."""
        annotated = np.zeros(len(self.images), dtype=np.int64)
        for groups in self._groups.values():
            annotated += groups.counts
        return Summary(
            images=len(self.images),
            annotations={kind: int(group.counts.sum()) for kind, group in self._groups.items()},
            categories=len(self.categories),
            without_annotations=int((annotated == 0).sum()),
            dangling={
                kind: len(self._indexes[kind].ids) - int(group.counts.sum())
                for kind, group in self._groups.items()
            },
        )

    def notes(self) -> tuple[str, ...]:
        """Say in sentences what is odd about the files and can still be worked with."""
        found = [note for kind in self.kinds for note in self._dangling_note(kind)]
        found += [note for kind in self.kinds for note in self._images_note(kind)]
        found += self._category_note()
        found += [note for kind in self.kinds for note in self._repeats_note(kind)]
        return tuple(found)

    def _index(self, kind: str) -> AnnotationIndex:
        try:
            return self._indexes[kind]
        except KeyError:
            raise DatasetError(
                f"{self.name!r} has no {kind} annotations, only {', '.join(self.kinds)}. "
                f"Register them: python -m core add {self.name} --replace --{kind} FILE …"
            ) from None

    def _has_file(self, name: str) -> bool:
        try:
            safe = safe_file_name(name)
        except PictureError:
            return False
        return self.picture_folder is not None and _is_file(self.picture_folder / safe)

    @cached_property
    def _groups(self) -> dict[str, RowGroups]:
        return {
            kind: RowGroups(self.images.find(index.annotation_image_ids), len(self.images))
            for kind, index in self._indexes.items()
        }

    @cached_property
    def _image_rows_in(self) -> dict[str, IdIndex]:
        return {kind: IdIndex(index.image_ids) for kind, index in self._indexes.items()}

    def _by_priority(self, first: str | None = None) -> list[str]:
        kinds = [kind for kind in _PRIMARY_FIRST if kind in self._indexes]
        return sorted(kinds, key=lambda kind: kind != first)

    def _united_images(self) -> ImageTable:
        primary = self._indexes[self.primary]
        parts: list[tuple[AnnotationIndex, Any]] = [(primary, slice(None))]
        ids = primary.image_ids
        for kind in self._by_priority()[1:]:
            index = self._indexes[kind]
            if np.array_equal(index.image_ids, ids) and index.file_names.equals(primary.file_names):
                continue
            rows = IdIndex(ids).find(index.image_ids)
            _refuse_disagreement(parts, index, rows)
            new = np.flatnonzero(rows < 0)
            parts.append((index, new))
            ids = np.concatenate([ids, index.image_ids[new]])
        return ImageTable(
            ids=ids,
            file_names=Strings(_joined([(i.file_names, rows) for i, rows in parts])),
            coco_urls=Strings(_joined([(i.coco_urls, rows) for i, rows in parts])),
            widths=np.concatenate([i.widths[rows] for i, rows in parts]),
            heights=np.concatenate([i.heights[rows] for i, rows in parts]),
            license_ids=np.concatenate([i.license_ids[rows] for i, rows in parts]),
        )

    def _parsed(self, image_ids: Sequence[int] | Ints, kind: str) -> Iterator[list[Record]]:
        index, groups = self._index(kind), self._groups[kind]
        rows = self.images.rows_of(image_ids)
        at = groups.of_all(rows)
        records = parsed(RawList([Run(index.source, index.starts[at], index.lengths[at])]))
        for count in groups.counts[rows].tolist():
            yield list(islice(records, count))

    def _image_runs(self, kind: str, image_ids: Sequence[int] | Ints) -> list[Run]:
        wanted = np.asarray(image_ids, dtype=np.int64)
        self.images.rows_of(wanted)
        files = [self._indexes[other] for other in self._by_priority(kind)]
        of, starts, lengths = (np.zeros(len(wanted), dtype=np.int64) for _ in range(3))
        missing = np.arange(len(wanted))
        for number, other in enumerate(self._by_priority(kind)):
            rows = self._image_rows_in[other].find(wanted[missing])
            places, rows = missing[rows >= 0], rows[rows >= 0]
            of[places] = number
            starts[places] = files[number].image_starts[rows]
            lengths[places] = files[number].image_lengths[rows]
            missing = np.setdiff1d(missing, places, assume_unique=True)
        # A new run begins where a record lies in another file than the one before it.
        cuts = [0, *(np.flatnonzero(np.diff(of)) + 1).tolist(), len(wanted)]
        return [
            Run(files[of[start]].source, starts[start:end], lengths[start:end])
            for start, end in pairwise(cuts)
            if start < end
        ]

    def _record_bytes(self, kind: str) -> Ints:
        if kind not in self._sizes:
            index = self._indexes[kind]
            sizes = self._groups[kind].sums(index.lengths)
            missing = np.arange(len(self.images))
            for other in self._by_priority(kind):
                rows = self._image_rows_in[other].find(self.images.ids[missing])
                sizes[missing[rows >= 0]] += self._indexes[other].image_lengths[rows[rows >= 0]]
                missing = missing[rows < 0]
            self._sizes[kind] = sizes
        return self._sizes[kind]

    def _raw_members(self, kind: str) -> dict[bytes, bytes]:
        index = self._indexes[kind]
        with index.source.reading() as reader:
            return {
                # An escaped key such as "\u0069nfo" is found by its meaning.
                _plain_key(member.key, member.raw_key): reader.read(member.start, member.length)
                for member in index.members
            }

    def _member_list(self, kind: str, key: str) -> list[Record]:
        index = self._indexes[kind]
        member = index.member(key)
        if member is None:
            return []
        with index.source.reading() as reader:
            value = json.loads(reader.read(member.start, member.length).decode())
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise DatasetError(f"{index.source.path}: {key!r} is not a list of objects.")
        return value

    def _read_licenses(self) -> tuple[License, ...]:
        found: dict[int, License] = {}
        for kind in self._by_priority():
            for record in self._member_list(kind, "licenses"):
                number = whole_number(record.get("id"))
                if number is not None:
                    name, url = _valid(record.get("name")), _valid(record.get("url"))
                    found.setdefault(number, License(number, name, url))
        return tuple(found.values())

    def _dangling_note(self, kind: str) -> list[str]:
        index = self._indexes[kind]
        lost = index.annotation_image_ids[self.images.find(index.annotation_image_ids) < 0]
        if not lost.size:
            return []
        return [
            f"{_counted(lost.size, 'annotation')} in the {kind} file: no file lists the picture, "
            f"so they belong nowhere. Image ids: {_named(np.unique(lost))}."
        ]

    def _images_note(self, kind: str) -> list[str]:
        absent = self._image_rows_in[kind].find(self.images.ids) < 0
        if not absent.any():
            return []
        return [
            f"{_counted(int(absent.sum()), 'picture')} not listed in the {kind} file. "
            f"Ids: {_named(self.images.ids[absent])}."
        ]

    def _category_note(self) -> list[str]:
        known = np.array([category.id for category in self.categories], dtype=np.int64)
        unknown = self.instances.category_ids[~np.isin(self.instances.category_ids, known)]
        if not unknown.size:
            return []
        return [
            f"{_counted(unknown.size, 'instance')} of a category that is not listed. "
            f"Category ids: {_named(np.unique(unknown))}."
        ]

    def _repeats_note(self, kind: str) -> list[str]:
        values, counts = np.unique(self._indexes[kind].ids, return_counts=True)
        if not (counts > 1).any():
            return []
        return [
            f"Annotation ids that the {kind} file has more than once: {_named(values[counts > 1])}."
        ]


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than the file system allows, a folder that may not be read
        return False


def _joint_hash(indexes: Mapping[str, AnnotationIndex]) -> str:
    lines = "".join(f"{kind} {index.source.sha256}\n" for kind, index in indexes.items())
    return hashlib.sha256(lines.encode()).hexdigest()


def _joined(parts: list[tuple[Any, Any]]) -> Any:
    chosen = [
        array if isinstance(rows, slice) else array.take(pa.array(rows.tolist(), pa.int64()))
        for array, rows in parts
    ]
    return chosen[0] if len(chosen) == 1 else pa.concat_arrays(chosen)


def _refuse_disagreement(
    parts: list[tuple[AnnotationIndex, Any]], index: AnnotationIndex, rows: Ints
) -> None:
    first = Strings(_joined([(part.file_names, chosen) for part, chosen in parts]))
    common = np.flatnonzero(rows >= 0)
    ours = first.take(rows[common])
    theirs = Strings(index.file_names).take(common)
    for mine, other, row in zip(ours, theirs, common, strict=True):
        if mine != other:
            raise DatasetError(
                f"The annotation files do not belong together: picture {index.image_ids[row]} is "
                f"{mine!r} in {parts[0][0].source.path} and {other!r} in {index.source.path}. "
                f"Use files of the same split."
            )


def _plain_key(key: str, raw_key: str) -> bytes:
    return f'"{key}"'.encode() if key in ("info", "licenses", "categories") else raw_key.encode()


def _named(ids: Ints) -> str:
    more = f" and {ids.size - _NAMED:,} more" if ids.size > _NAMED else ""
    return ", ".join(str(value) for value in ids[:_NAMED]) + more


def _valid(text: Any) -> str:
    """Return text that can be encoded: half a surrogate pair becomes a replacement mark."""
    if not isinstance(text, str):
        return ""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
