"""The pictures of one dataset: files of its folder, else fetched and cached."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from core.coco import CocoDataset, safe_file_name
from core.errors import PictureError
from core.images.cache import DiskCache, KeyedLocks
from core.images.fetch import PictureFetcher
from core.images.raster import write_thumbnail
from core.progress import NoProgress, Progress
from core.settings import Settings

THUMBNAIL_SIZES = (320, 640)
_NO_ADDRESS = "Its record names no coco_url either."
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"})


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a picture can be had, told without fetching it.

    Attributes:
        state: `local` in the picture folder, `cached` from an earlier fetch, `remote`
            to be fetched, `missing` not to be had.
        n_bytes: size of the file; None when it is not here.
        reason: why it is missing, else "".
        version: 8 hex digits that change when its file, or the address it is fetched from,
            does; "" when it is missing.
    """

    state: Literal["local", "cached", "remote", "missing"]
    n_bytes: int | None = None
    reason: str = ""
    version: str = ""


class PictureStore:
    """Finds, fetches and makes small the pictures of a dataset. Threads may share it.

    Fetched pictures and thumbnails lie in the settings' cache folder and are dropped,
    least recently used first, when they outgrow its limit.
    """

    def __init__(
        self, dataset: CocoDataset, settings: Settings, fetcher: PictureFetcher | None = None
    ) -> None:
        self._dataset = dataset
        self._settings = settings
        self._fetcher = fetcher or PictureFetcher(settings)
        self._cache = DiskCache(settings.cache / "pictures", settings.picture_cache_bytes)
        self._fetched = self._cache.folder / "fetched" / dataset.name
        self._thumbnails = self._cache.folder / "thumbnails" / dataset.name
        self._making = KeyedLocks()

    def path(self, image_id: int) -> Path:
        """Return the file of a picture, fetching it when the dataset's folder lacks it.

        Raises:
            PictureError: it cannot be had, and why.
            DatasetError: no such picture.
        """
        local = self._dataset.picture_path(image_id)
        if local is not None:
            return local
        url = self._address(image_id)
        target = Path(self._cached_path(image_id, self._name(image_id), url))
        if cached := self._cache.get(target):
            return cached
        with self._making.holding(str(target)):
            if cached := self._cache.get(target):
                return cached
            with _cache_errors(target):
                self._fetcher.fetch(url, target)
            self._cache.added(target)
        return target

    def availability(self, image_ids: Iterable[int]) -> dict[int, Availability]:
        """Tell for each picture whether it is here or could be fetched, without fetching."""
        ids = np.fromiter(image_ids, dtype=np.int64)
        names = self._dataset.images.file_names.take(self._dataset.images.rows_of(ids))
        urls = self._dataset.coco_urls_of(ids)
        return {
            image_id: self._availability(image_id, name, url)
            for image_id, name, url in zip(ids.tolist(), names, urls, strict=True)
        }

    def thumbnail(self, image_id: int, size: int) -> Path:
        """Return a WebP of the picture with its longest side at most `size` pixels.

        Made once and kept until the picture's file changes. Not rotated by EXIF.

        Args:
            image_id: the picture.
            size: one of `THUMBNAIL_SIZES`.

        Raises:
            PictureError: the picture cannot be had or read, or no such size.
        """
        target = self._thumbnail_path(image_id, size)
        if cached := self._cache.get(target):
            return cached
        with self._making.holding(str(target)):
            if cached := self._cache.get(target):
                return cached
            self._write_thumbnail(image_id, target, size)
            self._cache.added(target)
        return target

    def needs_fetching(self, image_id: int, size: int | None = None) -> bool:
        """Tell whether `path`, or the `thumbnail` of `size`, would ask another host.

        Raises:
            PictureError: as `path` and `thumbnail`, as far as it can be told beforehand.
            DatasetError: no such picture.
        """
        if size is not None and self._thumbnail_path(image_id, size).is_file():
            return False
        return self.availability([image_id])[image_id].state == "remote"

    def fetch_many(
        self, image_ids: Sequence[int], progress: Progress | None = None, *, workers: int = 8
    ) -> dict[int, PictureError]:
        """Have each picture here, fetching `workers` at a time.

        Returns:
            Why, for those that cannot be had.

        Raises:
            Cancelled: from `progress`; fetches under way end, others do not begin.
        """
        progress = progress or NoProgress()
        failures: dict[int, PictureError] = {}
        with ThreadPoolExecutor(workers, thread_name_prefix="fetch") as pool:
            jobs = {pool.submit(self.path, int(image_id)): int(image_id) for image_id in image_ids}
            try:
                for done, job in enumerate(as_completed(jobs), start=1):
                    error = _picture_error(job)
                    if error is not None:
                        failures[jobs[job]] = error
                    progress.update(done, len(jobs))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return failures

    def _thumbnail_path(self, image_id: int, size: int) -> Path:
        if size not in THUMBNAIL_SIZES:
            sizes = " or ".join(str(known) for known in THUMBNAIL_SIZES)
            raise PictureError(f"There are no thumbnails of {size} pixels. Ask for {sizes}.")
        local = self._dataset.picture_path(image_id)
        key = _key_of(local) if local is not None else _digest(self._address(image_id))
        return self._thumbnails / str(size) / f"{image_id % 256:02x}" / f"{image_id}-{key}.webp"

    def _write_thumbnail(self, image_id: int, target: Path, size: int) -> None:
        source = self.path(image_id)
        if not source.exists():  # the cache has just dropped it, for pictures of other threads
            source = self.path(image_id)
        with _cache_errors(target):
            write_thumbnail(source, target, size, self._settings)

    def _availability(self, image_id: int, name: str, url: str | None) -> Availability:
        try:
            safe = safe_file_name(name)
        except PictureError as error:
            return Availability("missing", reason=str(error))
        folder = self._dataset.picture_folder
        if folder is not None and (found := _stat(path := f"{folder}/{safe}")) is not None:
            return Availability("local", found.st_size, version=_file_key(path, found)[:8])
        if url is None:
            return Availability("missing", reason=self._not_here(name, _NO_ADDRESS))
        version = _digest(url)[:8]
        if (found := _stat(self._cached_path(image_id, name, url))) is not None:
            return Availability("cached", found.st_size, version=version)
        refusal = self._fetcher.why_not(url)
        if refusal is not None:
            return Availability("missing", reason=self._not_here(name, refusal))
        return Availability("remote", version=version)

    def _address(self, image_id: int) -> str:
        url = self._dataset.coco_url(image_id)
        if url is None:
            raise PictureError(self._not_here(self._name(image_id), _NO_ADDRESS))
        return url

    def _name(self, image_id: int) -> str:
        images = self._dataset.images
        return images.file_names[images.row_of(image_id)]

    def _not_here(self, name: str, then: str) -> str:
        folder = self._dataset.picture_folder
        # Where all lies on the server is not for those who read this in a browser.
        where = "on this machine" if folder is None else f"in {folder.name}"
        return f"{name} is not {where}. {then}"

    def _cached_path(self, image_id: int, name: str, url: str) -> str:
        suffix = "." + name.rpartition(".")[2].lower()
        suffix = suffix if suffix in _SUFFIXES else ".picture"
        return f"{self._fetched}/{image_id % 256:02x}/{image_id}-{_digest(url)}{suffix}"


@contextmanager
def _cache_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PictureError(
            f"{path.parent} cannot be written: {error.strerror or error}. Make room there, or "
            f"name another folder in COCOSIFT_CACHE."
        ) from error


def _stat(path: str) -> os.stat_result | None:
    try:
        found = os.stat(path)  # noqa: PTH116  (text paths: asked for 40,000 pictures at once)
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _picture_error(job: "Future[Path]") -> PictureError | None:
    try:
        job.result()
    except PictureError as error:
        return error
    return None


def _key_of(path: Path) -> str:
    try:
        found = path.stat()
    except OSError as error:
        raise PictureError(f"{path} cannot be read: {error.strerror}.") from error
    return _file_key(str(path), found)


def _file_key(path: str, found: os.stat_result) -> str:
    return _digest(f"{path}|{found.st_size}|{found.st_mtime_ns}")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
