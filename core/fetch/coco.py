"""A split of COCO from its archives: fetched, unpacked, registered; going on where it stopped.

Below the folder it lies as COCO's archives have it, `<name>/*.jpg` and `annotations/*.json`.
An archive is kept in `.archives` there until all of it is unpacked, then it is removed.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import (
    AbstractContextManager,
    contextmanager,
    nullcontext,
    suppress,
)
from dataclasses import dataclass, field
from pathlib import Path

from core.atomic import write_text
from core.coco import (
    CocoDataset,
    DatasetManifest,
    find_datasets,
    manifest_at,
    open_dataset,
    register_dataset,
)
from core.coco.registry import COCO_EXAMPLES
from core.errors import DownloadError
from core.fetch.archive import ArchiveError, Unpacked, unpack
from core.fetch.asking import Patience
from core.fetch.lock import only_one
from core.fetch.mirror import KNOWN, KnownArchive, KnownDataset, Mirror
from core.fetch.pictures import fetch_pictures, write_failures
from core.fetch.transfer import Remote, disk_errors, fetch_file, size_of
from core.progress import NoProgress, Progress, ProgressWhenNeeded
from core.settings import Settings

__all__ = ["KNOWN", "FetchedDataset", "KnownDataset", "Wanted", "fetch_coco", "known_dataset"]

ARCHIVES = ".archives"
_NEEDED = ("captions", "instances")
_MARGIN = 2**30
_FEW = 200

Stage = Callable[[str, str], AbstractContextManager[Progress]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a split is wanted, and where it goes.

    Attributes:
        annotations, images: fetch them where they are not here.
        image_ids: only these pictures, one by one; None for the whole archive.
        folder: where the files go; None for the dataset's folder in the home.
        archives: a folder that has the archives already; they are used as they are, checked
            by their CRCs, and stay.
        keep: leave the fetched archives in the folder.
        connections: at once.
    """

    annotations: bool = True
    images: bool = True
    image_ids: Sequence[int] | None = None
    folder: Path | None = None
    archives: Path | None = None
    keep: bool = False
    connections: int = 4


@dataclass(frozen=True, slots=True)
class FetchedDataset:
    """What is here after a fetch.

    Attributes:
        name: of the dataset.
        folder: of its files.
        dataset: registered; None when it has no annotations yet.
        n_pictures: files in its picture folder.
        checked: how each archive that was fetched or unpacked was checked, by name.
        failures: pictures that could not be had, with the reason, by file name.
        failures_file: lists them; None without any.
    """

    name: str
    folder: Path
    dataset: CocoDataset | None
    n_pictures: int
    checked: Mapping[str, str] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    failures_file: Path | None = None


def known_dataset(name: str) -> KnownDataset:
    """Return what is known of a split of COCO.

    Raises:
        DownloadError: no such split.
    """
    if name not in KNOWN:
        raise DownloadError(f"COCO's {name!r:.60} is not known. Expected {', '.join(KNOWN)}.")
    return KNOWN[name]


def fetch_coco(
    settings: Settings,
    name: str,
    wanted: Wanted | None = None,
    *,
    stage: Stage = lambda label, unit: nullcontext(NoProgress()),
    patience: Patience | None = None,
) -> FetchedDataset:
    """Have a split of COCO here and registered; what is here is not fetched again.

    Args:
        settings: the home, the mirror, and whether anything may be fetched.
        name: one of `KNOWN`.
        wanted: which of it; everything when left out.
        stage: makes the progress of one step from its label and unit; may cancel.
        patience: how long the server is waited for.

    Raises:
        DownloadError: something cannot be had, is not what was expected, or there is no room.
            What is here stays, and the same call goes on from there.
        DatasetError: the files are not COCO's, or an id is not one of the split's.
        Cancelled: from a progress, or ^C.
    """
    known, wanted = known_dataset(name), wanted or Wanted()
    fetch = _Fetch(settings, known, wanted, stage, patience or Patience())
    with (
        disk_errors(fetch.folder / name),
        _nothing_empty_left(fetch.folder),
        only_one(fetch.folder / f".{name}.lock", f"COCO {name} into {fetch.folder}"),
    ):
        return fetch.run()


@contextmanager
def _nothing_empty_left(folder: Path) -> Iterator[None]:
    ours = [folder / ARCHIVES] if folder.exists() else [folder / ARCHIVES, folder]
    try:
        yield
    finally:
        for path in ours:
            with suppress(OSError):  # it is not empty
                path.rmdir()


@dataclass(frozen=True, slots=True)
class _Source:
    """An archive that is needed: where it is, or comes from."""

    archive: KnownArchive
    path: Path
    remote: Remote | None
    size: int

    @property
    def is_ours(self) -> bool:
        return self.path.parent.name == ARCHIVES


class _Fetch:
    """One call of `fetch_coco`."""

    def __init__(
        self,
        settings: Settings,
        known: KnownDataset,
        wanted: Wanted,
        stage: Stage,
        patience: Patience,
    ) -> None:
        self._settings = settings
        self._known = known
        self._wanted = wanted
        self._stage = stage
        self._patience = patience
        self._mirror = Mirror(settings, patience)
        registered = find_datasets(settings).get(known.name)
        self._manifest = manifest_at(registered) if registered else None
        self.folder = _folder(settings, known, wanted.folder, registered, self._manifest)
        self._pictures = self.folder / known.name
        self._checked: dict[str, str] = {}
        self._failures: Mapping[str, str] = {}

    def run(self) -> FetchedDataset:
        needs_annotations = self._wanted.annotations and not self._has_annotations()
        by_archive = self._wanted.images and self._wanted.image_ids is None
        lost: Sequence[str] = ()
        needs_pictures = by_archive and not self._has_pictures()
        if needs_pictures and not needs_annotations:
            lost = self._lost()
            needs_pictures = not lost
        archives = [self._known.annotations] if needs_annotations else []
        archives += [self._known.pictures] if needs_pictures else []
        sources = [self._source(archive) for archive in archives]
        self._check_room(sources)
        if needs_annotations:
            self._have(sources.pop(0), set(self._known.annotation_files.values()).__contains__)
            self._register()
        if needs_pictures:
            prefix = f"{self._known.name}/"
            self._have(sources.pop(0), lambda name: name.startswith(prefix))
        if self._wanted.images and self._wanted.image_ids is not None:
            lost = self._names(self._wanted.image_ids)
        if lost:
            self._fetch_one_by_one(lost)
        dataset = self._register()
        return FetchedDataset(
            name=self._known.name,
            folder=self.folder,
            dataset=dataset,
            n_pictures=_count_files(self._pictures),
            checked=self._checked,
            failures=self._failures,
            failures_file=self._failures_file if self._failures else None,
        )

    def _has_annotations(self) -> bool:
        if self._stash(self._known.annotations).exists():  # its unpacking was not finished
            return False
        files = self._annotations()
        return all(kind in files for kind in _NEEDED)

    def _annotations(self) -> dict[str, Path]:
        """The annotation files that are here by kind: those registered, else those fetched."""
        registered = self._manifest.annotations if self._manifest else {}
        found = {kind: path for kind, path in registered.items() if path.is_file()}
        for kind, member in self._known.annotation_files.items():
            if kind not in found and (self.folder / member).is_file():
                found[kind] = self.folder / member
        return found

    def _has_pictures(self) -> bool:
        if self._stash(self._known.pictures).exists():
            return False
        return _count_files(self._pictures) >= _noted_count(self._note, self._known.n_pictures)

    def _source(self, archive: KnownArchive) -> _Source:
        for folder in (self._wanted.archives, self.folder):
            if folder is not None and (folder / archive.name).is_file():
                path = folder / archive.name
                return _Source(archive, path, None, path.stat().st_size)
        if self._wanted.archives is not None:
            raise DownloadError(
                f"There is no {archive.name} in {self._wanted.archives}. Put it there, or leave "
                "--from out to fetch it."
            )
        remote = self._mirror.remote(archive)
        size = remote.size or size_of(remote, self._patience) or archive.size
        return _Source(archive, self._stash(archive), remote, size)

    def _stash(self, archive: KnownArchive) -> Path:
        return self.folder / ARCHIVES / archive.name

    def _check_room(self, sources: Sequence[_Source]) -> None:
        """Archives come one after the other; each is unpacked, then removed unless it is kept."""
        needed = stays = 0
        for source in sources:
            unpacked = self._unpacked_size(source)
            fetched = max(0, source.size - _bytes_here(source.path)) if source.remote else 0
            needed = max(needed, stays + fetched + unpacked)
            stays += unpacked + (fetched if self._wanted.keep else 0)
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise DownloadError(
                f"{self.folder} has {_gigabytes(free)} free; {self._known.title} needs "
                f"{_gigabytes(needed)} for the archive and what is unpacked. Make room there, or "
                "choose another folder with --dest."
            )

    def _unpacked_size(self, source: _Source) -> int:
        if source.archive is self._known.pictures:
            here = sum(path.stat().st_size for path in _files(self._pictures))
            return max(0, source.size - here)
        is_published = source.size == source.archive.size
        return self._known.annotation_bytes if is_published else 4 * source.size

    def _have(self, source: _Source, is_wanted: Callable[[str], bool]) -> None:
        name = source.archive.name
        if source.remote is not None:
            with self._stage(f"Fetching {name}", "B") as progress:
                fetch_file(
                    source.remote,
                    source.path,
                    progress,
                    connections=self._wanted.connections,
                    patience=self._patience,
                )
            self._checked[name] = self._mirror.words(source.remote)
        else:
            self._checked[name] = f"the CRC of each file of {source.path}"
        with self._stage(f"Unpacking {name}", "B") as progress:
            unpacked = self._unpack(source, is_wanted, progress)
        if not unpacked.files:
            raise self._refused(source, f"{source.path} holds nothing of {self._known.name}.")
        if source.archive is self._known.pictures:
            self._write_note(source, unpacked)
        self._put_away(source)

    def _unpack(
        self, source: _Source, is_wanted: Callable[[str], bool], progress: Progress
    ) -> Unpacked:
        size = source.path.stat().st_size
        at_most = (3 if source.archive is self._known.pictures else 30) * size + _MARGIN
        try:
            return unpack(source.path, self.folder, is_wanted, progress, at_most=at_most)
        except ArchiveError as error:
            raise self._refused(source, error.reason) from None

    def _refused(self, source: _Source, reason: str) -> DownloadError:
        if not source.is_ours:
            return ArchiveError(reason, "Put a whole one there, or leave --from out to fetch it.")
        source.path.unlink(missing_ok=True)
        return ArchiveError(
            reason,
            "It was removed. Run the same command again; if it happens again, name another "
            "server in COCOSIFT_COCO_URL.",
        )

    def _put_away(self, source: _Source) -> None:
        if source.is_ours and self._wanted.keep:
            source.path.replace(self.folder / source.archive.name)
        elif source.is_ours:
            source.path.unlink(missing_ok=True)

    def _lost(self) -> Sequence[str]:
        """The few pictures that are gone since all were unpacked; empty when they are many."""
        dataset = self._register() if self._note.exists() else None
        if dataset is None or self._stash(self._known.pictures).exists():
            return ()
        names = list(dataset.images.file_names)
        lost = [name for name in names if not (self._pictures / name).is_file()]
        return lost if len(lost) <= _FEW else ()

    def _fetch_one_by_one(self, names: Sequence[str]) -> None:
        with self._stage("Fetching pictures", "pictures") as progress:
            self._failures = fetch_pictures(
                self._mirror,
                self._known,
                names,
                self._pictures,
                self._settings,
                progress,
                connections=self._wanted.connections,
            )
        write_failures(self._failures_file, self._failures)

    def _names(self, image_ids: Sequence[int]) -> Sequence[str]:
        dataset = self._register()
        if dataset is None:
            return [self._known.picture_file(image_id) for image_id in image_ids]
        images = dataset.images
        names: Sequence[str] = images.file_names.take(images.rows_of(list(image_ids)))
        return names

    def _register(self) -> CocoDataset | None:
        """Register what is here, unless it is registered as it is; open it."""
        files = self._annotations()
        if not files:
            return None
        known, registered = self._known, find_datasets(self._settings).get(self._known.name)
        before = manifest_at(registered) if registered else None
        pictures = self._pictures if self._pictures.is_dir() else None
        pictures = pictures or (before.pictures if before else None)
        if before is None or (dict(before.annotations), before.pictures) != (files, pictures):
            with self._reading() as progress:
                register_dataset(
                    self._settings,
                    known.name,
                    **files,
                    pictures=pictures,
                    title=before.title if before else known.title,
                    split=before.split if before else known.name,
                    url=before.url if before else None,
                    uses=before.uses if before else (),
                    examples=before.examples if before else COCO_EXAMPLES,
                    replace=before is not None,
                    progress=progress,
                )
        with self._reading() as progress:
            path = find_datasets(self._settings)[known.name]
            return open_dataset(path, self._settings, progress)

    def _reading(self) -> ProgressWhenNeeded:
        """A stage that begins when there is something to tell: an index may be there already."""
        return ProgressWhenNeeded(lambda: self._stage("Reading annotations", "B"))

    def _write_note(self, source: _Source, unpacked: Unpacked) -> None:
        note = {
            "archive": source.archive.name,
            "checked": self._checked[source.archive.name],
            "files": len(unpacked.files),
            "bytes": unpacked.n_bytes,
        }
        write_text(self._note, json.dumps(note) + "\n")

    @property
    def _note(self) -> Path:
        return self.folder / f".{self._known.name}.fetched.json"

    @property
    def _failures_file(self) -> Path:
        return self.folder / f"{self._known.name}_not_fetched.csv"


def _folder(
    settings: Settings,
    known: KnownDataset,
    dest: Path | None,
    registered: Path | None,
    manifest: DatasetManifest | None,
) -> Path:
    if dest is not None:
        return dest.expanduser().resolve()
    if manifest and manifest.pictures and manifest.pictures.name == known.name:
        return manifest.pictures.parent
    if registered is not None and not registered.is_dir():  # the flat layout, data/<name>/*.jpg
        return settings.data
    return settings.data / known.name


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]


def _count_files(folder: Path) -> int:
    return len(_files(folder))


def _noted_count(note: Path, otherwise: int) -> int:
    """How many pictures were unpacked, as noted then."""
    try:
        count = json.loads(note.read_text("utf-8"))["files"]
    except (OSError, ValueError, LookupError, TypeError):
        return otherwise
    return count if isinstance(count, int) and count > 0 else otherwise


def _bytes_here(target: Path) -> int:
    """The bytes on disk of a file and its unfinished part."""
    n_bytes = 0
    for path in (target, target.with_name(f".{target.name}.part")):
        with suppress(OSError):
            n_bytes += path.stat().st_blocks * 512
    return n_bytes


def _gigabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:,.2f} GB"
