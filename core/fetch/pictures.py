"""COCO's pictures one by one by their addresses, for who wants only some of them."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from core.atomic import write_text
from core.coco import safe_file_name
from core.errors import DownloadError, PictureError
from core.fetch.asking import without_password
from core.fetch.mirror import SETTING, KnownDataset, Mirror, refuse_offline
from core.fetch.transfer import disk_errors
from core.images import PictureFetcher
from core.progress import Cancelled, NoProgress, Progress
from core.settings import Settings
from core.sheets import csv_text

_POLL = 0.1


def fetch_pictures(
    mirror: Mirror,
    known: KnownDataset,
    names: Sequence[str],
    folder: Path,
    settings: Settings,
    progress: Progress | None = None,
    *,
    connections: int = 8,
    fetcher: PictureFetcher | None = None,
) -> Mapping[str, str]:
    """Have the pictures of these file names in `folder`; those that are there are not asked for.

    Args:
        mirror: where they are.
        names: file names as COCO gives them.
        folder: made if it is missing. Each picture appears whole or not at all.
        settings: bounds of a picture.
        progress: told pictures; may cancel.
        connections: at once.
        fetcher: asks for one picture; None makes one for the mirror.

    Returns:
        Why, by file name, for those that could not be had.

    Raises:
        DownloadError: the folder cannot be written, or the mirror's address has a password.
        Cancelled: from `progress`, or ^C; what is here stays.
    """
    unique = list(dict.fromkeys(names))
    with disk_errors(folder / "pictures"):
        missing = [name for name in unique if not _is_there(folder, name)]
        if missing:
            refuse_offline(settings, missing[0])
            fetcher = fetcher or _fetcher(mirror, settings)
            folder.mkdir(parents=True, exist_ok=True)
            run = _Run(mirror, known, folder, fetcher)
            run.fetch(missing, progress or NoProgress(), len(unique) - len(missing), connections)
            return run.failures
    return {}


def failures_csv(failures: Mapping[str, str]) -> str:
    """Return the list of pictures that could not be had, as CSV: file_name, reason."""
    return csv_text(("file_name", "reason"), failures.items())


def write_failures(path: Path, failures: Mapping[str, str]) -> None:
    """Write the list of what could not be had, or remove an older one when nothing failed."""
    with disk_errors(path):
        if failures:
            write_text(path, failures_csv(failures))
        else:
            path.unlink(missing_ok=True)


class _Run:
    def __init__(
        self, mirror: Mirror, known: KnownDataset, folder: Path, fetcher: PictureFetcher
    ) -> None:
        self._mirror = mirror
        self._known = known
        self._folder = folder
        self._fetcher = fetcher
        self._stop = threading.Event()
        self._guard = threading.Lock()
        self.failures: dict[str, str] = {}

    def fetch(self, names: list[str], progress: Progress, before: int, connections: int) -> None:
        total, done = before + len(names), before
        progress.update(done, total)
        with ThreadPoolExecutor(max(1, connections), thread_name_prefix="fetch") as pool:
            left = {pool.submit(self._fetch_one, name) for name in names}
            try:
                while left:
                    finished, left = wait(left, _POLL, FIRST_EXCEPTION)
                    _raise_any(finished)
                    done += len(finished)
                    progress.update(done, total)
            except (KeyboardInterrupt, Cancelled):
                raise Cancelled(
                    f"Stopped; {done - len(self.failures):,} of {total:,} pictures are here. The "
                    "same command goes on from there."
                ) from None
            finally:
                self._stop.set()
                pool.shutdown(wait=True, cancel_futures=True)

    def _fetch_one(self, name: str) -> None:
        if self._stop.is_set():
            return
        try:
            path = self._folder / safe_file_name(name)
            self._fetcher.fetch(self._mirror.picture_url(self._known, name), path)
        except PictureError as error:
            with self._guard:
                self.failures[name] = str(error)


def _is_there(folder: Path, name: str) -> bool:
    try:
        return (folder / safe_file_name(name)).is_file()
    except PictureError:
        return False


def _raise_any(jobs: set[Future[None]]) -> None:
    for job in jobs:
        job.result()


def _fetcher(mirror: Mirror, settings: Settings) -> PictureFetcher:
    parts = urlsplit(mirror.url)
    if parts.username is not None:
        raise DownloadError(
            f"Pictures are not fetched one by one from {without_password(mirror.url)}, which asks "
            f"for a password. Fetch the archive (without --ids), or name another server in "
            f"{SETTING}."
        )
    host = (parts.hostname or "").lower()
    port = parts.port or (443 if parts.scheme == "https" else 80)
    in_address = f"[{host}]" if ":" in host else host
    hosts = settings.image_hosts | {host, f"{in_address}:{port}"}
    return PictureFetcher(replace(settings, image_hosts=hosts))
