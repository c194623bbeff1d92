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
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit

from core import checkpoint
from core.atomic import move_folder
from core.checkpoint import ModelManifest
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
) -> FetchedEmbeddings:
    """Fetch the embeddings at `url` to `embeddings/<dataset>/<model>/`.

    What was fetched lies in a hidden folder in `embeddings/` until all of it fits; the same call
    goes on from there.

    Args:
        url: of the folder, of its `manifest.json`, or of an archive of it.
        dataset, model: names here of what they were made of and by; as the manifest names
            them when None.
        over: replace other embeddings of the same pair.
        progress: told bytes, file by file; may cancel.

    Raises:
        DownloadError: they cannot be fetched; what is here stays.
        EmbeddingsError: they are damaged, or do not belong to the dataset or the model; or
            other ones are here already.
        DatasetError, ModelError: the dataset or the model is not here.
        Cancelled: from `progress`, or ^C; what is here stays.
    """
    settings = library.settings
    if settings.offline:
        raise DownloadError("Fetching is switched off (COCOSIFT_OFFLINE). Unset it.")
    if urlsplit(url).scheme not in ("http", "https"):
        raise DownloadError(f"Expected an address (http, https) of embeddings, found {url!r:.80}.")
    key = hashlib.sha256(without_password(url).encode()).hexdigest()[:12]
    staging = settings.embeddings / f".{key}.fetch"
    what = f"the embeddings at {host_of(url)}"
    with disk_errors(staging), only_one(staging.with_suffix(".lock"), what):
        staging.mkdir(parents=True, exist_ok=True)
        if urlsplit(url).path.lower().endswith(_ARCHIVES):
            here = _from_archive(url, staging, progress)
        else:
            here = _from_folder(url, staging, progress)
        here = replace(here, dataset=dataset, model=model)
        found = here.into_place(library, over)
        shutil.rmtree(staging, ignore_errors=True)
    return found


@dataclass(frozen=True, slots=True)
class _Here:
    """Files that were fetched to `folder`; `dataset` and `model` are names here, if given."""

    folder: Path
    stated: Manifest
    dataset: str | None = None
    model: str | None = None

    def into_place(self, library: Library, over: bool) -> FetchedEmbeddings:
        """Check the files against what is here, then move them to where they belong."""
        dataset, model = self.dataset or self.stated.dataset, self.model or self.stated.model
        manifest = _model(library, model)
        _check_names(library, dataset)
        target = library.settings.embeddings / dataset / model
        there = find_embeddings(library.settings).get((dataset, model))
        if there is not None and _is_same(there, self.folder):
            return self._told(there.folder, dataset, model, (), was_here=True)
        if there is not None and not over:
            raise EmbeddingsError(
                f"There are other embeddings of {dataset!r} by {model!r} already, in "
                f"{there.folder}. To replace them, add --replace."
            )
        files = EmbeddingsFiles(dataset, model, self.folder, self.stated.dataset)
        try:
            found = load_embeddings(files, library.coco(dataset), manifest)
        except EmbeddingsError as error:
            raise EmbeddingsError(f"The embeddings that were fetched do not fit. {error}") from None
        target.parent.mkdir(parents=True, exist_ok=True)
        warnings = found.warnings
        del found  # it holds the vectors open
        for path in self.folder.iterdir():
            if path.name not in (*_wanted(self.stated), MANIFEST):
                path.unlink()  # the archive that they came in
        move_folder(self.folder, target)
        return self._told(target, dataset, model, warnings)

    def _told(
        self,
        folder: Path,
        dataset: str,
        model: str,
        warnings: tuple[str, ...],
        was_here: bool = False,
    ) -> FetchedEmbeddings:
        return FetchedEmbeddings(
            dataset=dataset,
            model=model,
            folder=folder,
            count=self.stated.count,
            dim=self.stated.dim,
            dtype=self.stated.dtype,
            size=sum(path.stat().st_size for path in folder.iterdir() if path.is_file()),
            checked=bool(self.stated.sha256),
            warnings=warnings,
            was_here=was_here,
        )


def _from_folder(url: str, staging: Path, progress: Progress) -> _Here:
    parts = urlsplit(url)
    folder = parts.path.removesuffix(MANIFEST).rstrip("/")

    def remote(name: str, sha256: str | None = None) -> Remote:
        at = urlunsplit(parts._replace(path=f"{folder}/{name}"))
        return Remote(url=at, sha256=sha256)

    fresh = staging / f"{MANIFEST}.new"
    fresh.unlink(missing_ok=True)
    fetch_file(remote(MANIFEST), fresh)
    stated = _stated(fresh, staging)
    if (staging / MANIFEST).is_file() and sha256_of(staging / MANIFEST) != sha256_of(fresh):
        for old in staging.iterdir():
            if old != fresh and old.is_file():
                old.unlink()  # of embeddings that have been replaced over there
    fresh.replace(staging / MANIFEST)
    for name, sha256 in _wanted(stated).items():
        fetch_file(remote(name, sha256), staging / name, progress)
    return _Here(staging, stated)


def _from_archive(url: str, staging: Path, progress: Progress) -> _Here:
    archive = staging / PurePosixPath(urlsplit(url).path).name
    fetch_file(Remote(url=url), archive, progress)
    try:
        with _members(archive) as members:
            _check_members(members, archive, staging)
            for name, (size, source) in members.items():
                _unpack(source, staging / name, size)
    except _DAMAGED as error:
        archive.unlink()
        raise EmbeddingsError(
            f"{archive.name} cannot be read as an archive ({error}). It was removed. Ask who made "
            "it, then run the same command again."
        ) from error
    stated = _stated(staging / MANIFEST, staging)
    wanted = _wanted(stated)
    if missing := [name for name in wanted if not (staging / name).is_file()]:
        raise EmbeddingsError(
            f"Expected {', '.join(missing)} in {archive.name} beside {MANIFEST}, found none."
        )
    for name, sha256 in wanted.items():
        if sha256 is not None and (found := sha256_of(staging / name)) != sha256:
            raise EmbeddingsError(
                f"{name} in {archive.name} is damaged: expected sha256 {sha256}, found {found}."
            )
    return _Here(staging, stated)


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


def _check_members(
    members: Mapping[str, tuple[int, IO[bytes]]], archive: Path, staging: Path
) -> None:
    total = sum(size for size, _ in members.values())
    check_room(staging, total)
    if not members:
        raise EmbeddingsError(f"{archive.name} holds no embeddings.")


def _unpack(source: IO[bytes], target: Path, size: int) -> None:
    """Write at most the `size` bytes that the archive states."""
    left = size
    with source, target.open("wb") as file:
        while left and (chunk := source.read(min(_CHUNK, left))):
            file.write(chunk)
            left -= len(chunk)
    if left:
        raise EOFError(f"{target.name} ends {left:,} bytes early")


def _model(library: Library, name: str) -> ModelManifest:
    folders = checkpoint.find_models(library.settings.models)
    if name not in folders:
        raise ModelError(
            f"The embeddings were made by the model {name!r}, which is not here. Fetch it "
            "(python -m core fetch model --list), or say what it is called here: --model NAME"
        )
    return checkpoint.read_manifest(folders[name])


def _check_names(library: Library, dataset: str) -> None:
    if dataset not in library.datasets():
        raise DatasetError(
            f"The embeddings are of the dataset {dataset!r}, which is not here. Fetch it or add it "
            "(python -m core fetch --help, python -m core add --help), or say what it is called "
            "here: --dataset NAME"
        )


def _is_same(there: EmbeddingsFiles, folder: Path) -> bool:
    """Whether the embeddings that lie `there` are those in `folder`, by their manifests."""
    try:
        return there.manifest.read_bytes() == (folder / MANIFEST).read_bytes()
    except OSError:
        return False
