"""The pictures of one dataset: files of its folder, else fetched and cached."""

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from core.coco import CocoDataset
from core.errors import PictureError
from core.images.cache import DiskCache, KeyedLocks
from core.images.fetch import PictureFetcher
from core.images.raster import write_thumbnail
from core.progress import NoProgress, Progress
from core.settings import Settings

THUMBNAIL_SIZES = (320, 640)
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"})


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a picture can be had, told without fetching it.

    Attributes:
        state: `local` in the picture folder, `cached` from an earlier fetch, `remote`
            to be fetched, `missing` not to be had.
        n_bytes: size of the file; None when it is not here.
        reason: why it is missing, else "".
    """

    state: Literal["local", "cached", "remote", "missing"]
    n_bytes: int | None = None
    reason: str = ""


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
        target = self._cached_path(image_id, url)
        if cached := self._cache.get(target):
            return cached
        with self._making.holding(str(target)):
            if cached := self._cache.get(target):
                return cached
            self._fetcher.fetch(url, target)
            self._cache.added(target)
        return target

    def availability(self, image_ids: Iterable[int]) -> dict[int, Availability]:
        """Tell for each picture whether it is here or could be fetched, without fetching."""
        return {int(image_id): self._availability(int(image_id)) for image_id in image_ids}

    def thumbnail(self, image_id: int, size: int) -> Path:
        """Return a WebP of the picture with its longest side at most `size` pixels.

        Made once and kept until the picture's file changes. Not rotated by EXIF.

        Args:
            image_id: the picture.
            size: one of `THUMBNAIL_SIZES`.

        Raises:
            PictureError: the picture cannot be had or read, or no such size.
        """
        if size not in THUMBNAIL_SIZES:
            sizes = " or ".join(str(known) for known in THUMBNAIL_SIZES)
            raise PictureError(f"There are no thumbnails of {size} pixels. Ask for {sizes}.")
        local = self._dataset.picture_path(image_id)
        key = _file_key(local) if local is not None else _digest(self._address(image_id))
        folder = self._folder("thumbnails") / str(size) / f"{image_id % 256:02x}"
        target = folder / f"{image_id}-{key}.webp"
        if cached := self._cache.get(target):
            return cached
        with self._making.holding(str(target)):
            if cached := self._cache.get(target):
                return cached
            write_thumbnail(self.path(image_id), target, size, self._settings)
            self._cache.added(target)
        return target

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

    def _availability(self, image_id: int) -> Availability:
        try:
            local = self._dataset.picture_path(image_id)
            if local is not None:
                return Availability("local", local.stat().st_size)
            url = self._address(image_id)
        except PictureError as error:
            return Availability("missing", reason=str(error))
        cached = self._cached_path(image_id, url)
        if cached.is_file():
            return Availability("cached", cached.stat().st_size)
        refusal = self._fetcher.why_not(url)
        if refusal is not None:
            return Availability("missing", reason=self._not_here(image_id, refusal))
        return Availability("remote")

    def _address(self, image_id: int) -> str:
        url = self._dataset.coco_url(image_id)
        if url is None:
            raise PictureError(self._not_here(image_id, "Its record names no coco_url either."))
        return url

    def _not_here(self, image_id: int, then: str) -> str:
        images = self._dataset.images
        name = images.file_names[images.row_of(image_id)]
        folder = self._dataset.picture_folder
        if folder is None:
            return f"{name} is not on this machine. {then}"
        return f"{name} is not in {folder}. {then}"

    def _folder(self, noun: str) -> Path:
        return self._cache.folder / noun / self._dataset.name

    def _cached_path(self, image_id: int, url: str) -> Path:
        images = self._dataset.images
        suffix = PurePosixPath(images.file_names[images.row_of(image_id)]).suffix.lower()
        suffix = suffix if suffix in _SUFFIXES else ".picture"
        folder = self._folder("fetched") / f"{image_id % 256:02x}"
        return folder / f"{image_id}-{_digest(url)}{suffix}"


def _picture_error(job: "Future[Path]") -> PictureError | None:
    try:
        job.result()
    except PictureError as error:
        return error
    return None


def _file_key(path: Path) -> str:
    stat = path.stat()
    return _digest(f"{path}|{stat.st_size}|{stat.st_mtime_ns}")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
