"""The package written: pictures fetched and copied, documents beside them, whole or not at all.

Members are stored, not compressed (pictures do not get smaller), which makes the size
known beforehand; with fixed times and order, the same subset gives the same bytes.
"""

import errno
import hashlib
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Self
from zipfile import BadZipFile, ZipFile

import numpy as np

from core.errors import ExportError
from core.export import pictures as standing_of
from core.export.contents import Ids, Member, MissingPicture
from core.export.formats import Format, format_of
from core.export.geometry import Scaling
from core.export.pictures import Picture, file_chunks, file_of, is_as_it_was
from core.export.planning import ExportPlan, scalings, standing
from core.export.resizing import resized, scaled_bytes
from core.export.sizes import SUMS, sum_line
from core.export.stored import Entry, FileCopy, StoredZip, copy_files
from core.export.unfinished import unfinished
from core.images import PictureStore
from core.progress import NoProgress, Progress

# Pictures are fetched and written in rounds, so that a subset larger than the cache of
# fetched pictures can leave too.
ROUND_PICTURES = 512
NAMED = 3

_NOT_KEPT = (
    "It was fetched, but the cache of fetched pictures had no room for it. "
    "Give it more: COCOSIFT_PICTURE_CACHE_MB."
)
_WAITING = 16  # chunks
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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
        self._n_images = n_images

    def __reduce__(self) -> tuple[type[Self], tuple[tuple[MissingPicture, ...], int]]:
        return type(self), (self.missing, self._n_images)


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export holds, known after it is made.

    Attributes:
        path: the ZIP.
        n_images: pictures in it.
        n_annotations: annotations of the main kind in it, by what its format carries.
        n_bytes: its size.
        missing: the pictures left out, in rank order.
        sha256: hex digest of `SHA256SUMS`, and so of all that is in it.
    """

    path: Path
    n_images: int
    n_annotations: int
    n_bytes: int
    missing: tuple[MissingPicture, ...]
    sha256: str = ""


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
    shape = format_of(plan.choices.format)
    try:
        _require_space(path, plan.n_bytes)
        with unfinished(path) as temporary:
            with _opened(temporary) as file, _Hashing() as hashing:
                package = _Package(StoredZip(file), hashing, steps)
                found = _write_pictures(package, shape, plan, without_missing)
                contents = plan.selection.contents(found)
                documents: Iterable[Member] = plan.documents
                if contents.missing != plan.missing:
                    documents = shape.documents(contents)
                for member in documents:
                    package.add(member)
                package.add(_sums_member(package))
                package.archive.finish()
            _verify(temporary, package)
            steps.finish()
    except OSError as error:
        raise ExportError(_unwritable(path, error)) from error
    return ExportReport(
        path=path,
        n_images=len(contents.image_ids),
        n_annotations=shape.n_annotations(contents),
        n_bytes=path.stat().st_size,
        missing=contents.missing,
        sha256=package.digests[SUMS].hexdigest(),
    )


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


@dataclass(slots=True)
class _Package:
    """The archive in the making.

    Attributes:
        digests: the sha256 of each member that is written, by name and in order; complete
            when `hashing` is done.
    """

    archive: StoredZip
    hashing: "_Hashing"
    steps: _Steps
    digests: "dict[str, hashlib._Hash]" = field(default_factory=dict)

    def add_all(self, members: Iterable[Member]) -> None:
        """Add members in order; files that become members as they are go by two threads."""
        for is_file, group in groupby(members, key=lambda member: member.find is not None):
            if is_file:
                self._copy(group)
            else:
                for member in group:
                    self.add(member)

    def add(self, member: Member) -> None:
        """Add one member, hashed by another thread."""
        # What is not known exactly may become larger.
        entry = self._begin(member, member.n_bytes if member.is_exact else 2 * member.n_bytes)
        digest = self.digests[member.name]
        entries = self.archive.entries
        again = member.same_as in entries
        written, start = 0, entry.content_start
        for chunk in self.archive.read(member.same_as) if again else member.chunks():
            self.archive.write([chunk], start + written)
            if not again:
                entry.crc = zlib.crc32(chunk, entry.crc)
                self.hashing.add(digest, chunk)
            written += len(chunk)
            self.steps.add(len(chunk))
        if member.is_exact and written != member.n_bytes:
            raise ExportError(
                f"{member.name} has changed while it was copied: expected {member.n_bytes:,} "
                f"bytes, found {written:,}. Export again."
            )
        if again:
            entry.crc = entries[member.same_as].crc
            self.digests[member.name] = self.digests[member.same_as]
        self.archive.end(entry, written)
        self.archive.write([entry.header], entry.start)

    def _copy(self, members: Iterable[Member]) -> None:
        files = []
        for member in members:
            if member.find is not None and member.name not in self.digests:
                entry = self._begin(member, member.n_bytes)
                self.archive.end(entry, member.n_bytes)
                digest = self.digests[member.name]
                files.append(FileCopy(entry, member.find, member.version, digest))
        copy_files(self.archive, files, self.steps.add)

    def _begin(self, member: Member, expected: int) -> Entry:
        if member.name in self.digests:
            raise ExportError(f"Two files of the package would be named {member.name}.")
        self.digests[member.name] = hashlib.sha256()
        return self.archive.begin(member.name, expected)


class _Hashing:
    """Hashes beside the writing: hashing, checksums and the disk then share two cores."""

    def __init__(self) -> None:
        # Bounded, so that a slow hash holds the writing up and not the memory.
        self._waiting: Queue[tuple[hashlib._Hash, bytes] | None] = Queue(_WAITING)
        self._thread = Thread(target=self._work, name="sha256", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.put(None)
        self._thread.join()

    def add(self, digest: "hashlib._Hash", chunk: bytes) -> None:
        self._waiting.put((digest, chunk))

    def finish(self) -> None:
        """Wait until all that was added is hashed."""
        self._waiting.join()

    def _work(self) -> None:
        while (task := self._waiting.get()) is not None:
            task[0].update(task[1])
            self._waiting.task_done()


def _sums_member(package: _Package) -> Member:
    package.hashing.finish()
    lines = (sum_line(digest.hexdigest(), name) for name, digest in package.digests.items())
    text = b"".join(lines)
    return Member(SUMS, len(text), lambda: [text])


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)


def _verify(path: Path, package: _Package) -> None:
    """Read the archive's directory back from disk and compare it with what was written."""
    try:
        with ZipFile(path) as archive:
            found = [(info.filename, info.file_size, info.CRC) for info in archive.infolist()]
    except BadZipFile as error:
        raise ExportError(f"The ZIP cannot be read back ({error}). Export again.") from error
    entries = package.archive.entries.values()
    if found != [(entry.name, entry.n_bytes, entry.crc) for entry in entries]:
        raise ExportError("The ZIP does not read back as it was written. Export again.")


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


def _unwritable(path: Path, error: OSError) -> str:
    if error.errno in _FULL:
        return (
            f"There is no room for {path}: {error.strerror}. Nothing of it was kept. Make room, "
            "choose another place, or choose fewer pictures."
        )
    return f"{path} cannot be written: {error.strerror or error}. Choose another place."


def _write_pictures(
    package: _Package, shape: Format, plan: ExportPlan, without_missing: bool
) -> list[Picture]:
    """Write the picture files, round by round, and return how each picture stood."""
    _stop_at_missing(plan.missing, plan, without_missing)
    found: dict[int, Picture] = {}
    for number, part, places in _rounds(shape, plan):
        batch = _fetched(plan, places, package.steps)
        found.update(zip(places.tolist(), batch, strict=True))
        _stop_at_missing(standing_of.missing(batch), plan, without_missing)
        if plan.choices.without_pictures:
            continue
        members = list(_picture_members(shape, plan, batch, places))
        if shape.bundle is not None:
            contents = replace(plan.selection.contents(batch, places), part=part)
            members = [shape.bundle(contents, number, members)] if members else []
        package.add_all(members)
    in_order = [found[place] for place in sorted(found)]
    if all(picture.reason for picture in in_order):
        raise ExportError(
            f"None of the {len(found):,} pictures can be had. The first: {in_order[0].reason}"
        )
    return in_order


def _rounds(shape: Format, plan: ExportPlan) -> Iterator[tuple[int, str, Ids]]:
    """The pictures in groups that are fetched and written together.

    Yields:
        A round's number in its part, the part, and the places of its pictures. Where
        pictures are bundled a round keeps to one part; else all are of the part "".
    """
    every = np.arange(len(plan.image_ids))
    parts = plan.selection.parts
    groups = {"": every}
    if shape.bundle is not None and parts is not None:
        groups = {part: every[[name == part for name in parts]] for part in dict.fromkeys(parts)}
    for part, places in groups.items():
        for number, start in enumerate(range(0, len(places), ROUND_PICTURES)):
            yield number, part, places[start : start + ROUND_PICTURES]


def _picture_members(
    shape: Format, plan: ExportPlan, batch: Sequence[Picture], places: Ids
) -> Iterator[Member]:
    parts, longest = plan.selection.parts, plan.choices.longest_side
    ids = [picture.image_id for picture in batch]
    smaller = {} if longest is None else scalings(plan.dataset, ids, longest)
    for place, picture in zip(places.tolist(), batch, strict=True):
        if not picture.reason:
            folder = shape.folder(parts[place] if parts is not None else "")
            scaling = smaller.get(picture.image_id)
            yield _picture_member(f"{folder}/{picture.name}", plan.pictures, picture, scaling)


def _picture_member(
    name: str, pictures: PictureStore, picture: Picture, scaling: Scaling | None
) -> Member:
    if scaling is None:
        return Member(
            name,
            picture.n_bytes,
            lambda: file_chunks(file_of(pictures, picture)),
            find=lambda: file_of(pictures, picture),
            version=picture.version if picture.is_local else "",
        )
    return Member(
        name,
        scaled_bytes(picture.n_bytes, scaling),
        lambda: [resized(file_of(pictures, picture), scaling)],
        is_exact=False,
    )


def _stop_at_missing(
    missing: Sequence[MissingPicture], plan: ExportPlan, without_missing: bool
) -> None:
    # Those of an earlier package somebody has decided on when it was made.
    undecided = [picture for picture in missing if picture.image_id not in plan.selection.left_out]
    if undecided and not without_missing:
        raise MissingPicturesError(undecided, len(plan.image_ids))


def _fetched(plan: ExportPlan, places: Ids, steps: _Steps) -> list[Picture]:
    found = _looked_at_again(plan, places)
    remote = [picture for picture in found if picture.is_remote]
    if not remote:
        return found
    n_bytes = sum(picture.n_bytes for picture in remote)
    failed = plan.pictures.fetch_many(
        [picture.image_id for picture in remote], _FetchSteps(steps, n_bytes)
    )
    return [
        replace(picture, reason=_NOT_KEPT) if picture.is_remote else picture
        for picture in standing(plan.selection, plan.pictures, places, failed)
    ]


def _looked_at_again(plan: ExportPlan, places: Ids) -> list[Picture]:
    """How pictures stand now: a file that is as it was when it was planned is not read again."""
    found = {place: plan.found[place] for place in places.tolist()}
    has_masks = plan.selection.masks is not None
    other = [place for place, p in found.items() if has_masks or not is_as_it_was(p)]
    if other:
        now = standing(plan.selection, plan.pictures, np.array(other, dtype=np.int64))
        found.update(zip(other, now, strict=True))
    return list(found.values())
