"""Exports: a subset of a dataset as one ZIP that COCO readers open.

    images/<file_name>                the source's bytes, unchanged
    annotations/annotations.json      instances when the dataset has them, else captions
    annotations/<kind>_<split>.json   the dataset's other kinds, one file each
    scores.csv                        id, file, rank, score
    missing.csv                       what was left out and why, if anything was

The annotation files are put together from the source's own bytes, record by record, so
no value can change on the way. Members are stored, not compressed (pictures do not get
smaller), which makes the size known beforehand; with fixed times and order, the same
subset gives the same bytes.
"""

import csv
import hashlib
import io
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from zipfile import ZIP64_LIMIT, ZIP_FILECOUNT_LIMIT, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
import numpy.typing as npt

from core.atomic import atomic_path
from core.coco import CocoDataset, RawRecords, safe_file_name
from core.errors import ExportError, PictureError
from core.images import Availability, PictureStore, read_header
from core.progress import NoProgress, Progress

Ids = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]

CHUNK_BYTES = 2**20
# Pictures are fetched and written in rounds, so that a subset larger than the cache of
# fetched pictures can leave too.
ROUND_PICTURES = 512
# What a JPEG of COCO takes, about; stands in for pictures that are not fetched yet.
BYTES_PER_PIXEL = 0.52
USUAL_PIXELS = 640 * 480
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
COCO_FILE_STEMS = {"keypoints": "person_keypoints"}
NAMED = 3

_FIRST, _NEXT = b"\n", b",\n"
_REMOTE = "remote"
_NOT_KEPT = (
    "It was fetched, but the cache of fetched pictures had no room for it. "
    "Give it more: COCOSIFT_PICTURE_CACHE_MB."
)


@dataclass(frozen=True, slots=True)
class MissingPicture:
    """A picture that cannot go into the ZIP, and why."""

    image_id: int
    file_name: str
    reason: str


class MissingPicturesError(ExportError):
    """Pictures cannot be had, and the person has not said to go on without them.

    Attributes:
        missing: all that are known, in rank order.
    """

    def __init__(self, missing: Sequence[MissingPicture], n_images: int) -> None:
        self.missing = tuple(missing)
        named = "".join(f"\n- {m.file_name} (id {m.image_id}): {m.reason}" for m in missing[:NAMED])
        more = f"\n- and {len(missing) - NAMED:,} more" if len(missing) > NAMED else ""
        super().__init__(
            f"{len(missing):,} of {n_images:,} pictures cannot be had:{named}{more}\n"
            "Make them available, or export without them (--without-missing on the command line)."
        )


@dataclass(frozen=True, slots=True, eq=False)
class ExportPlan:
    """What an export would hold, known before it is made.

    Attributes:
        dataset: where the records come from.
        pictures: where the picture files come from.
        image_ids: int64, shape (n,), unique, in rank order.
        scores: float32, shape (n,), NaN where a picture has none, or None.
        missing: the pictures known to be unavailable, in rank order.
        to_fetch: ids of the pictures that must be fetched from the net first.
        fetch_bytes: about what fetching them takes.
        n_bytes: size of the ZIP without the missing; exact when nothing is to be fetched.
        key: equal for plans that give the same ZIP.
    """

    dataset: CocoDataset
    pictures: PictureStore
    image_ids: Ids
    scores: Scores | None
    missing: tuple[MissingPicture, ...]
    to_fetch: tuple[int, ...]
    fetch_bytes: int
    n_bytes: int
    key: str


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export holds, known after it is made.

    Attributes:
        path: the ZIP.
        n_images: pictures in it.
        n_annotations: annotations in its `annotations.json`.
        n_bytes: its size.
        missing: the pictures left out, in rank order.
    """

    path: Path
    n_images: int
    n_annotations: int
    n_bytes: int
    missing: tuple[MissingPicture, ...]


def plan_export(
    dataset: CocoDataset,
    pictures: PictureStore,
    image_ids: Iterable[int],
    scores: Iterable[float] | None = None,
) -> ExportPlan:
    """Look at what exporting `image_ids`, in this order, would take; fetch nothing.

    Args:
        dataset: whose pictures they are.
        pictures: the store of that dataset.
        image_ids: unique ids, shape (n,), n >= 1.
        scores: one similarity an id, shape (n,), NaN for a picture that has none.

    Raises:
        ExportError: no id, an id given twice, or another number of scores.
        DatasetError: an id that the dataset does not have.
    """
    subset = _Selection.of(dataset, image_ids, scores)
    found = _look(dataset, pictures, subset.image_ids)
    contents = subset.contents(found)
    to_fetch = [picture for picture in found if picture.is_remote]
    return ExportPlan(
        dataset=dataset,
        pictures=pictures,
        image_ids=subset.image_ids,
        scores=subset.scores,
        missing=contents.missing,
        to_fetch=tuple(picture.image_id for picture in to_fetch),
        fetch_bytes=sum(picture.n_bytes for picture in to_fetch),
        n_bytes=_zip_bytes(found, contents),
        key=_key(subset, found),
    )


def write_zip(
    plan: ExportPlan,
    path: Path,
    *,
    without_missing: bool = False,
    progress: Progress | None = None,
) -> ExportReport:
    """Fetch what must be fetched and write the ZIP of `plan` to `path`, whole or not at all.

    Args:
        plan: what to write; the pictures are looked at again.
        path: replaced if it is there.
        without_missing: leave out the pictures that cannot be had, with their records,
            and list them in `missing.csv`.
        progress: told in bytes; may raise `Cancelled`.

    Raises:
        MissingPicturesError: pictures cannot be had and `without_missing` is not set.
        ExportError: no picture can be had, or the file cannot be written.
        DatasetError: an annotation file has changed meanwhile.
    """
    steps = _Steps(progress or NoProgress(), plan.n_bytes + plan.fetch_bytes)
    subset = _Selection(plan.dataset, plan.image_ids, plan.scores)
    try:
        _require_space(path, plan.n_bytes)
        with atomic_path(path) as temporary:
            with ZipFile(temporary, "w", ZIP_STORED) as archive:
                found = _write_pictures(archive, plan, without_missing, steps)
                contents = subset.contents(found)
                for member in _documents(contents):
                    _write_member(archive, member, steps)
            steps.finish()
    except OSError as error:
        raise ExportError(
            f"{path} cannot be written: {error.strerror or error}. Choose another place."
        ) from error
    return ExportReport(
        path=path,
        n_images=len(contents.image_ids),
        n_annotations=contents.n_annotations,
        n_bytes=path.stat().st_size,
        missing=contents.missing,
    )


def picture_bytes(
    dataset: CocoDataset, pictures: PictureStore, image_ids: Iterable[int]
) -> npt.NDArray[np.int64]:
    """Return about what each picture adds to a ZIP, its records included: int64, shape (n,).

    A picture that is not fetched yet counts as a usual one of its size; one that cannot
    be had counts nothing. With `base_bytes` this gives a subset's size without a plan,
    to within some bytes a picture.
    """
    ids = np.asarray(list(image_ids), dtype=np.int64)
    sizes = _file_bytes(dataset, pictures, ids)
    is_in = sizes > 0
    names = dataset.images.file_names.take(dataset.images.rows_of(ids))
    sizes[is_in] += np.array(
        [_entry_bytes(name) for name, wanted in zip(names, is_in, strict=True) if wanted],
        dtype=np.int64,
    )
    for kind in _exported_kinds(dataset):
        n_annotations, n_bytes = dataset.record_sizes(kind, ids)
        sizes[is_in] += (n_bytes + len(_NEXT) * (n_annotations + 1))[is_in]
    return sizes


def base_bytes(dataset: CocoDataset) -> int:
    """Return what a ZIP takes without any picture: categories, licences, headers."""
    subset = _Selection(dataset, np.empty(0, dtype=np.int64), None)
    return _zip_bytes([], subset.contents([]))


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """What the documents of a ZIP (all that is not a picture) are made from.

    Attributes:
        dataset: where the records come from.
        image_ids: int64, shape (n,): the pictures that are in, in rank order.
        file_names: theirs, (n,).
        ranks: theirs in the subset as it was asked for, counted from 1, (n,).
        scores: float32, shape (n,), NaN where a picture has none, or None.
        missing: the pictures that are left out, in rank order.
        missing_ranks: their ranks.
    """

    dataset: CocoDataset
    image_ids: Ids
    file_names: tuple[str, ...]
    ranks: tuple[int, ...]
    scores: Scores | None
    missing: tuple[MissingPicture, ...]
    missing_ranks: tuple[int, ...]

    @property
    def n_annotations(self) -> int:
        """Annotations in `annotations.json`."""
        counts, _ = self.dataset.record_sizes(self.dataset.primary, self.image_ids)
        return int(counts.sum())


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a ZIP: `chunks` gives its `n_bytes` bytes when it is written."""

    name: str
    n_bytes: int
    chunks: Callable[[], Iterable[bytes]]


def annotation_members(contents: Contents) -> Iterator[Member]:
    """The annotation files: `annotations.json`, and the other kinds beside it."""
    dataset = contents.dataset
    yield _json_member(contents, dataset.primary, "annotations.json")
    for kind in _exported_kinds(dataset)[1:]:
        yield _json_member(contents, kind, _annotation_file_name(kind, dataset.split))


def score_members(contents: Contents) -> Iterator[Member]:
    """`scores.csv`; a score is the shortest decimal that is the same float32, or nothing."""
    known = np.full(len(contents.ranks), np.nan) if contents.scores is None else contents.scores
    scores = ["" if np.isnan(score) else str(score) for score in known]
    rows = zip(contents.image_ids, contents.file_names, contents.ranks, scores, strict=True)
    yield _csv_member("scores.csv", ("id", "file", "rank", "score"), rows)


def missing_members(contents: Contents) -> Iterator[Member]:
    """`missing.csv`: what was left out and why; no file when nothing was."""
    if contents.missing:
        rows = (
            (picture.image_id, picture.file_name, rank, picture.reason)
            for picture, rank in zip(contents.missing, contents.missing_ranks, strict=True)
        )
        yield _csv_member("missing.csv", ("id", "file", "rank", "reason"), rows)


# A further document of the package is one more function here.
DOCUMENTS: tuple[Callable[[Contents], Iterator[Member]], ...] = (
    annotation_members,
    score_members,
    missing_members,
)


@dataclass(frozen=True, slots=True, eq=False)
class _Selection:
    """What was asked for."""

    dataset: CocoDataset
    image_ids: Ids
    scores: Scores | None

    @classmethod
    def of(
        cls, dataset: CocoDataset, image_ids: Iterable[int], scores: Iterable[float] | None
    ) -> "_Selection":
        ids = np.asarray(list(image_ids), dtype=np.int64)
        if not len(ids):
            raise ExportError("There is nothing to export. Choose one picture at least.")
        values, counts = np.unique(ids, return_counts=True)
        if (counts > 1).any():
            raise ExportError(
                f"Expected each picture once, found the id {values[counts > 1][0]} "
                f"{counts[counts > 1][0]} times."
            )
        dataset.images.rows_of(ids)
        if scores is None:
            return cls(dataset, ids, None)
        similarities = np.asarray(list(scores), dtype=np.float32)
        if similarities.shape != ids.shape:
            raise ExportError(
                f"Expected one score for each of {len(ids):,} pictures, "
                f"found {len(similarities):,}."
            )
        return cls(dataset, ids, similarities)

    def contents(self, found: Sequence["_Picture"]) -> Contents:
        """What goes into the ZIP when the pictures are as `found`, one an id, in order."""
        is_in = np.array([not picture.reason for picture in found], dtype=bool)
        ranks = np.arange(1, len(found) + 1)
        return Contents(
            dataset=self.dataset,
            image_ids=self.image_ids[is_in],
            file_names=tuple(picture.file_name for picture in found if not picture.reason),
            ranks=tuple(ranks[is_in].tolist()),
            scores=None if self.scores is None else self.scores[is_in],
            missing=_missing(found),
            missing_ranks=tuple(ranks[~is_in].tolist()),
        )


@dataclass(frozen=True, slots=True)
class _Picture:
    """How one picture of the subset stands.

    Attributes:
        member: its name in the ZIP.
        source: what it is a copy of: a file of the picture folder, or an address.
        path: its file; None when it is remote or cannot be had.
        n_bytes: of the file, guessed when it is remote.
        version: changes when the file does.
        reason: why it cannot be had, else "".
    """

    image_id: int
    file_name: str
    member: str = ""
    source: str = ""
    path: Path | None = None
    n_bytes: int = 0
    version: str = ""
    reason: str = ""

    @property
    def is_remote(self) -> bool:
        return self.path is None and not self.reason


class _Steps:
    """Counts bytes for a `Progress`, never beyond the total that was guessed."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = max(total, 1)
        self._done = 0
        self.add(0)

    def add(self, n_bytes: int) -> None:
        self._done = min(self._done + n_bytes, self._total)
        self._progress.update(self._done, self._total)

    def finish(self) -> None:
        self.add(self._total)


class _FetchSteps:
    """Counts fetched pictures as their share of `n_bytes`."""

    def __init__(self, steps: _Steps, n_bytes: int) -> None:
        self._steps = steps
        self._n_bytes = n_bytes
        self._told = 0

    def update(self, done: int, total: int) -> None:
        reached = self._n_bytes * done // max(total, 1)
        self._steps.add(reached - self._told)
        self._told = reached


def _look(
    dataset: CocoDataset,
    pictures: PictureStore,
    image_ids: Ids,
    failed: Mapping[int, PictureError] | None = None,
    taken: Mapping[str, str] | None = None,
) -> list[_Picture]:
    """Find out how each picture stands.

    Args:
        dataset, pictures, image_ids: what to look at.
        failed: those that could not be fetched.
        taken: the source of each member that the ZIP has already.
    """
    images = dataset.images
    rows = images.rows_of(image_ids)
    available = pictures.availability(image_ids.tolist())
    sides = zip(images.widths[rows].tolist(), images.heights[rows].tolist(), strict=True)
    urls = dataset.coco_urls_of(image_ids)
    names = images.file_names.take(rows)
    found = []
    for image_id, name, side, url in zip(image_ids.tolist(), names, sides, urls, strict=True):
        try:
            if failed and image_id in failed:
                raise failed[image_id]
            found.append(_examine(pictures, image_id, name, side, available[image_id], url or ""))
        except (PictureError, OSError) as error:
            found.append(_Picture(image_id, name, reason=str(error)))
    return _without_clashes(found, taken or {})


def _examine(
    pictures: PictureStore,
    image_id: int,
    name: str,
    sides: tuple[int, int],
    known: Availability,
    url: str,
) -> _Picture:
    member = f"images/{safe_file_name(name)}"
    if known.state == "missing":
        raise PictureError(known.reason)
    if known.state == "remote":
        n_bytes = int((sides[0] * sides[1] or USUAL_PIXELS) * BYTES_PER_PIXEL)
        return _Picture(image_id, name, member, url, None, n_bytes, _REMOTE)
    path = _present(pictures, image_id)
    status = path.stat()
    _check_raster(path, status, *sides)
    if known.state == "cached":
        # A plan made before the fetch and one made after it give the same ZIP.
        return _Picture(image_id, name, member, url, path, status.st_size, _REMOTE)
    version = f"{status.st_size}-{status.st_mtime_ns}"
    return _Picture(image_id, name, member, str(path), path, status.st_size, version)


def _present(pictures: PictureStore, image_id: int) -> Path:
    path = pictures.path(image_id)
    # The cache may just have dropped it, for pictures that others fetch: fetch it again.
    return path if path.exists() else pictures.path(image_id)


def _without_clashes(found: Iterable[_Picture], taken: Mapping[str, str]) -> list[_Picture]:
    """Call those missing whose name in the ZIP belongs to another picture before them.

    Records that share one file are no clash. The records leave as they are, so no other
    name can be given.
    """
    sources = dict(taken)
    apart = []
    for picture in found:
        if not picture.reason:
            owner = sources.setdefault(picture.member, picture.source)
            picture = picture if owner == picture.source else _clashing(picture)
        apart.append(picture)
    return apart


def _clashing(picture: _Picture) -> _Picture:
    reason = (
        f"Another picture of the subset is named {picture.file_name} too, and a ZIP holds one "
        "file of a name. Export the two apart."
    )
    return _Picture(picture.image_id, picture.file_name, reason=reason)


def _check_raster(path: Path, status: os.stat_result, width: int, height: int) -> None:
    """Raise PictureError when the file is no picture or has other sides than its record."""
    size = _raster_size(path, status.st_size, status.st_mtime_ns)
    if width and height and size != (width, height):
        raise PictureError(
            f"{path.name} is {size[0]} x {size[1]} pixels, but its record says {width} x {height}."
        )


@lru_cache(maxsize=100_000)
def _raster_size(path: Path, n_bytes: int, mtime_ns: int) -> tuple[int, int]:
    """Width and height in a picture's header, remembered until the file changes."""
    header = read_header(path)
    return header.width, header.height


def _missing(found: Iterable[_Picture]) -> tuple[MissingPicture, ...]:
    return tuple(
        MissingPicture(picture.image_id, picture.file_name, picture.reason)
        for picture in found
        if picture.reason
    )


def _key(subset: _Selection, found: Sequence[_Picture]) -> str:
    dataset = subset.dataset
    digest = hashlib.sha256(f"{dataset.name} {dataset.split} {dataset.annotation_hash}\n".encode())
    digest.update(subset.image_ids.tobytes())
    digest.update(b"" if subset.scores is None else subset.scores.tobytes())
    for picture in found:
        state = picture.reason or f"{picture.version} {picture.source}"
        digest.update(f"\n{state}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _require_space(path: Path, n_bytes: int) -> None:
    if path.is_dir():
        raise ExportError(f"{path} is a folder. Name a file, such as {path / 'subset.zip'}.")
    folder = next(parent for parent in path.absolute().parents if parent.is_dir())
    free = shutil.disk_usage(folder).free
    if free < n_bytes:
        raise ExportError(
            f"The ZIP takes {n_bytes:,} bytes, but {folder} has room for {free:,}. "
            "Make room, or choose fewer pictures."
        )


def _write_pictures(
    archive: ZipFile, plan: ExportPlan, without_missing: bool, steps: _Steps
) -> list[_Picture]:
    """Write the picture files, round by round, and return how each picture stood."""
    _stop_at_missing(plan.missing, plan, without_missing)
    found: list[_Picture] = []
    taken: dict[str, str] = {}
    for start in range(0, len(plan.image_ids), ROUND_PICTURES):
        batch = _fetched(plan, plan.image_ids[start : start + ROUND_PICTURES], taken, steps)
        found += batch
        _stop_at_missing(_missing(found), plan, without_missing)
        for picture in batch:
            # Two records may share one file.
            if picture.path is not None and picture.member not in taken:
                _write_member(archive, _picture_member(plan.pictures, picture), steps)
                taken[picture.member] = picture.source
    if all(picture.reason for picture in found):
        raise ExportError(
            f"None of the {len(found):,} pictures can be had. The first: {found[0].reason}"
        )
    return found


def _stop_at_missing(
    missing: Sequence[MissingPicture], plan: ExportPlan, without_missing: bool
) -> None:
    if missing and not without_missing:
        raise MissingPicturesError(missing, len(plan.image_ids))


def _fetched(
    plan: ExportPlan, image_ids: Ids, taken: Mapping[str, str], steps: _Steps
) -> list[_Picture]:
    found = _look(plan.dataset, plan.pictures, image_ids, taken=taken)
    remote = [picture for picture in found if picture.is_remote]
    if not remote:
        return found
    n_bytes = sum(picture.n_bytes for picture in remote)
    failed = plan.pictures.fetch_many(
        [picture.image_id for picture in remote], _FetchSteps(steps, n_bytes)
    )
    return [
        replace(picture, reason=_NOT_KEPT) if picture.is_remote else picture
        for picture in _look(plan.dataset, plan.pictures, image_ids, failed, taken)
    ]


def _write_member(archive: ZipFile, member: Member, steps: _Steps) -> None:
    info = ZipInfo(member.name, ZIP_EPOCH)
    info.create_system = 3  # Unix, on every system, for the permissions below
    info.external_attr = 0o644 << 16
    info.file_size = member.n_bytes
    written = 0
    with archive.open(info, "w") as file:
        for chunk in member.chunks():
            file.write(chunk)
            written += len(chunk)
            steps.add(len(chunk))
    if written != member.n_bytes:
        raise ExportError(
            f"{member.name} has changed while it was copied: expected {member.n_bytes:,} bytes, "
            f"found {written:,}. Export again."
        )


def _picture_member(pictures: PictureStore, picture: _Picture) -> Member:
    return Member(
        picture.member,
        picture.n_bytes,
        lambda: _file_chunks(_present(pictures, picture.image_id)),
    )


def _file_chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error.strerror}. Export again.") from error


def _documents(contents: Contents) -> Iterator[Member]:
    for members in DOCUMENTS:
        yield from members(contents)


def _exported_kinds(dataset: CocoDataset) -> list[str]:
    """The kinds of annotations that a ZIP holds, the main one first.

    Panoptic records name mask files beside the JSON, which are not exported.
    """
    others = [kind for kind in dataset.kinds if kind not in (dataset.primary, "panoptic")]
    return [dataset.primary, *others]


def _annotation_file_name(kind: str, split: str) -> str:
    stem = COCO_FILE_STEMS.get(kind, kind)
    suffix = re.sub(r"[^\w.-]+", "-", split).strip("-.")
    return f"{stem}_{suffix}.json" if suffix else f"{stem}.json"


def _json_member(contents: Contents, kind: str, file_name: str) -> Member:
    dataset, image_ids = contents.dataset, contents.image_ids
    counts, sizes = dataset.record_sizes(kind, image_ids)
    n_bytes = sum(map(len, _json_pieces(dataset.raw_records(kind, [])))) + int(sizes.sum())
    for length in (len(image_ids), int(counts.sum())):
        n_bytes += max(0, len(_FIRST) + len(_NEXT) * (length - 1))

    def chunks() -> Iterator[bytes]:
        return _in_chunks(_json_pieces(dataset.raw_records(kind, image_ids)))

    return Member(f"annotations/{file_name}", n_bytes, chunks)


def _json_pieces(records: RawRecords) -> Iterator[bytes]:
    """One annotation file, a record a line."""
    yield b'{"info": ' + records.info
    yield b',\n"licenses": ' + records.licenses
    for key, value in records.others:
        yield b",\n" + key + b": " + value
    yield b',\n"images": ['
    yield from _lines(records.images)
    yield b'],\n"annotations": ['
    yield from _lines(records.annotations)
    yield b"]"
    # Captions have none, and pycocotools stumbles over an empty list beside captions.
    if records.categories is not None:
        yield b',\n"categories": ' + records.categories
    yield b"}\n"


def _lines(records: Iterable[bytes]) -> Iterator[bytes]:
    between = _FIRST
    for record in records:
        yield between
        yield record
        between = _NEXT


def _in_chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    chunk = bytearray()
    for piece in pieces:
        chunk += piece
        if len(chunk) >= CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)


def _csv_member(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Member:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    content = text.getvalue().encode("utf-8")
    return Member(name, len(content), lambda: [content])


def _zip_bytes(found: Iterable[_Picture], contents: Contents) -> int:
    """Size of the ZIP by the format's fixed lengths (PKWARE APPNOTE, 4.3)."""
    sizes = {picture.member: picture.n_bytes for picture in found if not picture.reason}
    sizes |= {member.name: member.n_bytes for member in _documents(contents)}
    return _archive_bytes(sizes)


def _archive_bytes(sizes: Mapping[str, int]) -> int:
    position = directory = 0
    for name, n_bytes in sizes.items():
        length = len(name.encode("utf-8"))
        is_far = position > ZIP64_LIMIT
        directory += 46 + length + (12 if is_far else 0)
        position += 30 + length + n_bytes
    is_large = len(sizes) > ZIP_FILECOUNT_LIMIT or position > ZIP64_LIMIT
    return position + directory + 22 + (76 if is_large else 0)


def _file_bytes(
    dataset: CocoDataset, pictures: PictureStore, image_ids: Ids
) -> npt.NDArray[np.int64]:
    """Size of each picture file, guessed when it is remote, 0 when it is missing."""
    rows = dataset.images.rows_of(image_ids)
    pixels = dataset.images.widths[rows] * dataset.images.heights[rows]
    guesses = (np.where(pixels > 0, pixels, USUAL_PIXELS) * BYTES_PER_PIXEL).astype(np.int64)
    known = pictures.availability(image_ids.tolist())
    for place, image_id in enumerate(image_ids.tolist()):
        if known[image_id].state != "remote":
            guesses[place] = known[image_id].n_bytes or 0
    return guesses


def _entry_bytes(file_name: str) -> int:
    """What a picture adds beside its bytes and records: headers, and a line of scores."""
    length = len(f"images/{file_name}".encode())
    return 30 + 46 + 2 * length + len("123456,,100,0.27182818\n") + len(file_name.encode())
