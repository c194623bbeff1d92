"""Vectors that a colleague has computed: fetched, checked against what is here, moved into place.

They lie on any file server as `core embed` writes them: the folder itself, or a `.zip` or `.tar`
of it. What comes is opened as arrays of numbers and texts only; nothing is unpickled.
"""

import hashlib
import json
import re
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from core import checkpoint
from core.atomic import move_folder
from core.content import sha256_of
from core.embeddings import (
    EmbeddingsFiles,
    Manifest,
    find_embeddings,
    load_embeddings,
    read_manifest,
)
from core.errors import DatasetError, DownloadError, EmbeddingsError, ModelError
from core.fetch.asking import host_of, without_password
from core.fetch.lock import only_one
from core.fetch.room import check_room
from core.fetch.transfer import Remote, disk_errors, fetch_file
from core.library import Library
from core.progress import NoProgress, Progress

MANIFEST = "manifest.json"

_ENDINGS = ("_embeddings.npy", "_image_ids.npy", "_filenames.npy", "_coco_urls.npy")
_NAMED = ("skipped.csv", MANIFEST)
_NEEDED = _ENDINGS[:3]
_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
_MOST_MANIFEST = 10 * 2**20
_CHUNK = 1 << 20
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError)
_NO_PROGRESS = NoProgress()


@dataclass(frozen=True, slots=True)
class FetchedEmbeddings:
    """Embeddings that lie in their place now.

    Attributes:
        count: pictures with a vector.
        size: of all files in bytes.
        checked: whether the manifest had a sha256 of each file to compare with.
        warnings: what a person should know, though the vectors can be used.
        was_here: whether they lay there before.
    """

    dataset: str
    model: str
    folder: Path
    count: int
    dim: int
    dtype: str
    size: int
    checked: bool
    warnings: tuple[str, ...] = ()
    was_here: bool = False


def fetch_embeddings(
    url: str,
    library: Library,
    dataset: str | None = None,
    model: str | None = None,
    *,
    over: bool = False,
    progress: Progress = _NO_PROGRESS,
    reading: Progress = _NO_PROGRESS,
) -> FetchedEmbeddings:
    """Fetch the embeddings at `url` to `embeddings/<dataset>/<model>/`.

    What was fetched lies in a hidden folder in `embeddings/` until all of it fits; the same call
    goes on from there.

    Args:
        url: of the folder, of its `manifest.json`, or of an archive of it.
        dataset, model: names here of what they were made of and by; as the manifest names
            them when None.
        over: replace other embeddings of the same pair.
        progress: told bytes of the largest file; may cancel.
        reading: told bytes of the annotations, should they be read for the first time.

    Raises:
        DownloadError: they cannot be fetched; what is here stays.
        EmbeddingsError: they are damaged, or do not belong to the dataset or the model; or
            other ones are here already.
        DatasetError, ModelError: the dataset or the model is not here.
        Cancelled: from `progress`, or ^C; what is here stays.
    """
    settings = library.settings
    if settings.offline:
        raise DownloadError(
            "Nothing is fetched while COCOSIFT_OFFLINE is set. Unset it, or copy the folder to "
            "embeddings/<dataset>/<model>."
        )
    if urlsplit(url).scheme not in ("http", "https"):
        raise DownloadError(f"Expected an address (http, https) of embeddings, found {url!r:.80}.")
    key = hashlib.sha256(without_password(url).encode()).hexdigest()[:12]
    staging = settings.embeddings / f".{key}.fetch"
    what = f"the embeddings at {host_of(url)}"
    with disk_errors(staging), only_one(staging.with_suffix(".lock"), what):
        staging.mkdir(parents=True, exist_ok=True)
        is_archive = urlsplit(url).path.lower().endswith(_ARCHIVES)
        source: _Source = _Archive(url, staging) if is_archive else _Folder(url, staging)
        try:
            stated = source.manifest(progress)
            place = _Place.of(library, stated, staging, dataset, model)
            if not place.has_these:
                place.check(over)
                source.files(stated, progress)
                place.take(stated, reading)
        except EmbeddingsError:
            shutil.rmtree(staging, ignore_errors=True)  # they will not be better next time
            raise
        shutil.rmtree(staging, ignore_errors=True)
    return place.told(stated)


class _Source(Protocol):
    """Where embeddings come from; their files are put into one folder here."""

    def manifest(self, progress: Progress) -> Manifest:
        """Have the manifest here, and return what it states."""

    def files(self, stated: Manifest, progress: Progress) -> None:
        """Have all other files here, those whose sha256 is stated checked."""


class _Place:
    """Where embeddings belong here, and what they are checked against."""

    def __init__(self, library: Library, pair: tuple[str, str], staging: Path) -> None:
        self._library = library
        self._pair = pair
        self._staging = staging
        self._folder = library.settings.embeddings / pair[0] / pair[1]
        self._warnings: tuple[str, ...] = ()
        there = find_embeddings(library.settings).get(pair)
        self._there = there
        self.has_these = there is not None and _is_same(there, staging)
        if self.has_these and there is not None:
            self._folder = there.folder

    @classmethod
    def of(
        cls,
        library: Library,
        stated: Manifest,
        staging: Path,
        dataset: str | None,
        model: str | None,
    ) -> "_Place":
        """Return the place of the pair that `stated` names, or the one given.

        Raises:
            DatasetError, ModelError: one of the two is not here.
        """
        pair = (dataset or stated.dataset, model or stated.model)
        if pair[1] not in checkpoint.find_models(library.settings.models):
            raise ModelError(
                f"The embeddings were made by the model {pair[1]!r}, which is not here. Fetch it "
                "(python -m core fetch model --list), or say what it is called here: --model NAME"
            )
        if pair[0] not in library.datasets():
            raise DatasetError(
                f"The embeddings are of the dataset {pair[0]!r}, which is not here. Fetch it or "
                "add it (python -m core fetch --help, python -m core add --help), or say what it "
                "is called here: --dataset NAME"
            )
        return cls(library, pair, staging)

    def check(self, over: bool) -> None:
        """Raise if other embeddings lie here that are not to be replaced."""
        if self._there is not None and not over:
            dataset, model = self._pair
            raise EmbeddingsError(
                f"There are other embeddings of {dataset!r} by {model!r} already, in "
                f"{self._there.folder}. To replace them, add --replace."
            )

    def take(self, stated: Manifest, reading: Progress) -> None:
        """Check the files against the dataset and the model, then move them to their place."""
        dataset, model = self._pair
        files = EmbeddingsFiles(dataset, model, self._staging, stated.dataset)
        manifest = checkpoint.read_manifest(
            checkpoint.find_models(self._library.settings.models)[model]
        )
        try:
            found = load_embeddings(files, self._library.coco(dataset, reading), manifest)
        except EmbeddingsError as error:
            raise EmbeddingsError(f"The embeddings that were fetched do not fit. {error}") from None
        self._warnings = found.warnings
        del found  # it holds the vectors open
        for path in self._staging.iterdir():
            if path.name not in (*_wanted(stated), MANIFEST):
                path.unlink()  # the archive that they came in
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        move_folder(self._staging, self._folder)

    def told(self, stated: Manifest) -> FetchedEmbeddings:
        """Return what lies in the place now."""
        return FetchedEmbeddings(
            *self._pair,
            folder=self._folder,
            count=stated.count,
            dim=stated.dim,
            dtype=stated.dtype,
            size=sum(path.stat().st_size for path in self._folder.iterdir() if path.is_file()),
            checked=bool(stated.sha256),
            warnings=self._warnings,
            was_here=self.has_these,
        )


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder on a file server."""

    url: str
    staging: Path

    def manifest(self, progress: Progress) -> Manifest:
        fresh, old = self.staging / f"{MANIFEST}.new", self.staging / MANIFEST
        fresh.unlink(missing_ok=True)
        fetch_file(self._remote(MANIFEST), fresh)
        stated = _stated(fresh, self.staging)
        if old.is_file() and old.read_bytes() != fresh.read_bytes():
            for path in self.staging.iterdir():
                if path != fresh and path.is_file():
                    path.unlink()  # of embeddings that have been replaced over there
        fresh.replace(old)
        return stated

    def files(self, stated: Manifest, progress: Progress) -> None:
        for name, sha256 in _wanted(stated).items():
            # One bar, for the file that takes the time.
            told = progress if name.endswith(_ENDINGS[0]) else None
            fetch_file(self._remote(name, sha256), self.staging / name, told)

    def _remote(self, name: str, sha256: str | None = None) -> Remote:
        parts = urlsplit(self.url)
        folder = parts.path.removesuffix(MANIFEST).rstrip("/")
        return Remote(url=urlunsplit(parts._replace(path=f"{folder}/{name}")), sha256=sha256)


@dataclass(frozen=True, slots=True)
class _Archive:
    """A `.zip` or `.tar` of the folder on a file server."""

    url: str
    staging: Path

    @property
    def _file(self) -> Path:
        return self.staging / PurePosixPath(urlsplit(self.url).path).name

    def manifest(self, progress: Progress) -> Manifest:
        fetch_file(Remote(url=self.url), self._file, progress)
        try:
            with _members(self._file) as members:
                check_room(self.staging, sum(size for size, _ in members.values()))
                for name, (size, source) in members.items():
                    _unpack(source, self.staging / name, size)
        except _DAMAGED as error:
            raise EmbeddingsError(
                f"{self._file.name} cannot be read as an archive ({error}). It was removed. Ask "
                "who made it, then run the same command again."
            ) from error
        return _stated(self.staging / MANIFEST, self.staging)

    def files(self, stated: Manifest, progress: Progress) -> None:
        for name, sha256 in _wanted(stated).items():
            path = self.staging / name
            if not path.is_file():
                raise EmbeddingsError(
                    f"Expected {name} in {self._file.name} beside {MANIFEST}, found none."
                )
            if sha256 is not None and (found := sha256_of(path)) != sha256:
                raise EmbeddingsError(
                    f"{name} in {self._file.name} is damaged: expected sha256 {sha256}, found "
                    f"{found}. Ask who made it, then run the same command again."
                )


def _stated(manifest: Path, staging: Path) -> Manifest:
    """Read a manifest that came from elsewhere; nothing in it may be a path.

    Raises:
        EmbeddingsError: it is none, or names something that cannot be a name.
    """
    if manifest.stat().st_size > _MOST_MANIFEST:
        raise EmbeddingsError(f"Expected a small {MANIFEST}, found a file of another kind.")
    record: Any = None
    with suppress(ValueError, RecursionError):
        record = json.loads(manifest.read_bytes())
    stated = record if isinstance(record, dict) else {}
    dataset, model = str(stated.get("dataset")), str(stated.get("model"))
    if not stated or not (_STEM.fullmatch(dataset) and _STEM.fullmatch(model)):
        raise EmbeddingsError(
            f"What was fetched as {MANIFEST} does not say of which dataset and by which model the "
            "embeddings are. Give the address of a folder that `python -m core embed` has written."
        )
    beside = staging / ".stated"
    beside.mkdir(exist_ok=True)
    try:
        shutil.copyfile(manifest, beside / MANIFEST)
        found = read_manifest(EmbeddingsFiles(dataset, model, beside, dataset))
    except EmbeddingsError as error:
        raise EmbeddingsError(f"The {MANIFEST} that was fetched cannot be used. {error}") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    if found is None:
        raise EmbeddingsError(f"The {MANIFEST} that was fetched cannot be read.")
    return found


def _wanted(stated: Manifest) -> dict[str, str | None]:
    """Return the files that belong to a manifest, each with its sha256 where that is stated."""
    if not stated.sha256:
        return {f"{stated.dataset}{ending}": None for ending in _NEEDED}
    known = {f"{stated.dataset}{ending}" for ending in _ENDINGS} | {"skipped.csv"}
    wanted: dict[str, str | None] = {
        name: digest for name, digest in stated.sha256.items() if name in known
    }
    if missing := [f"{stated.dataset}{e}" for e in _NEEDED if f"{stated.dataset}{e}" not in wanted]:
        raise EmbeddingsError(
            f"Expected a sha256 of {', '.join(missing)} in {MANIFEST}, found none. Embed again "
            "over there."
        )
    return wanted


@contextmanager
def _members(archive: Path) -> Iterator[Mapping[str, tuple[int, IO[bytes]]]]:
    """Yield the files of an archive that may be embeddings, by name: size, and an opened stream."""
    if archive.name.lower().endswith(".zip"):
        with zipfile.ZipFile(archive) as file:
            entries = [entry for entry in file.infolist() if not entry.is_dir()]
            chosen = _chosen({entry.filename: entry for entry in entries})
            yield {name: (one.file_size, file.open(one)) for name, one in chosen.items()}
        return
    with tarfile.open(archive) as tar:
        regular = {one.name: one for one in tar.getmembers() if one.isfile()}
        found = {}
        for name, one in _chosen(regular).items():
            if (source := tar.extractfile(one)) is not None:
                found[name] = (one.size, source)
        yield found


def _chosen(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries beside the one manifest, by their plain names.

    Raises:
        EmbeddingsError: there is no manifest, or more than one.
    """
    manifests = [path for path in entries if PurePosixPath(path).name == MANIFEST]
    if len(manifests) != 1:
        raise EmbeddingsError(
            f"Expected one {MANIFEST} in the archive, found {len(manifests)}. Give an archive of "
            "one folder that `python -m core embed` has written."
        )
    folder = PurePosixPath(manifests[0]).parent
    return {
        PurePosixPath(path).name: entry
        for path, entry in entries.items()
        if PurePosixPath(path).parent == folder
        and (PurePosixPath(path).name in _NAMED or path.endswith(_ENDINGS))
    }


def _unpack(source: IO[bytes], target: Path, size: int) -> None:
    """Write at most the `size` bytes that the archive states."""
    left = size
    with source, target.open("wb") as file:
        while left and (chunk := source.read(min(_CHUNK, left))):
            file.write(chunk)
            left -= len(chunk)
    if left:
        raise EOFError(f"{target.name} ends {left:,} bytes early")


def _is_same(there: EmbeddingsFiles, folder: Path) -> bool:
    """Whether the embeddings that lie `there` are those in `folder`, by their manifests."""
    try:
        return there.manifest.read_bytes() == (folder / MANIFEST).read_bytes()
    except OSError:
        return False
