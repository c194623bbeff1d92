"""Downloads: ZIPs made in the background, kept on disk for an hour, named by a token.

A download is asked for by one person and made in a process of low priority (`core.workers`),
so that nobody waits for it; everyone who asks for the same subset meanwhile, or while the
finished file is kept and its pictures are as they were, shares the one file. Each asker holds
a token of their own, so that cancelling takes nothing from a colleague.

Files lie in `cache/downloads/<process>/`, which a lock marks as in use. What a dead
process has left is removed when the next one starts.
"""

import fcntl
import logging
import os
import re
import secrets
import shutil
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import IO
from urllib.parse import quote

from core.errors import CocoSiftError, ExportError, SettingsError
from core.export import ExportReport, ExportRequest, MissingPicture, MissingPicturesError
from core.export.work import MAKE, Made
from core.progress import Cancelled
from core.settings import Settings
from core.workers import prepare, run_apart

LIFETIME_S = 3600.0
# A browser asks how its download stands several times a second, but only once a minute from a
# tab that has been in the background for long.
PATIENCE_S = 150.0
MAX_BYTES = 20 * 2**30
URL_PREFIX = "/api/downloads"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finished:
    """A ZIP that has just become whole, as one of its askers is told of it.

    Attributes:
        filename: what the browser saves it as.
        is_first: no other asker who shares the file was told of it.
    """

    report: ExportReport
    filename: str
    is_first: bool


Then = Callable[[Finished], str]
"""Told of a finished ZIP; returns a sentence for the person, or ""."""


class State(StrEnum):
    """Where a download stands."""

    PREPARING = "preparing"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Download:
    """One person's download as it stands at this moment; ask `Downloads.get` for news.

    Attributes:
        token: names it; cannot be guessed.
        filename: what the browser saves it as, ending in `.zip`.
        waiting: downloads that are to be made before this one begins; 0 once it has begun.
        done, total: bytes of the work, for a progress bar; equal when ready.
        path: the finished file, None until it is ready.
        report: what the finished file holds, None until it is ready.
        error: what went wrong, in words for the person; empty unless it failed or was
            given up because nobody asked for it any more.
        missing: the pictures that could not be had, if that is why it failed.
        note: a sentence on the finished file, or "".
        created, finished: seconds since the epoch; `finished` is None while it is made.
    """

    token: str
    filename: str
    state: State
    waiting: int
    done: int
    total: int
    path: Path | None
    report: ExportReport | None
    error: str
    missing: tuple[MissingPicture, ...]
    note: str
    created: float
    finished: float | None

    @property
    def url(self) -> str:
        """The path of the route that serves the finished file."""
        return f"{URL_PREFIX}/{self.token}/{quote(self.filename)}"


class Downloads:
    """The downloads of one process. All methods may be called from any thread."""

    def __init__(
        self,
        settings: Settings,
        *,
        workers: int = 2,
        lifetime_s: float = LIFETIME_S,
        patience_s: float = PATIENCE_S,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Remove what dead processes have left and get ready to work.

        Args:
            settings: `settings.cache` is where the files go.
            workers: how many ZIPs are made at once; more wait their turn.
            lifetime_s: how long a finished file is kept after its last use.
            patience_s: how long a file is made for somebody who does not ask how it
                stands; a closed tab asks no more.
            max_bytes: when the finished files take more, the longest unused go first.
            clock: seconds since the epoch.

        Raises:
            SettingsError: the cache folder cannot be written.
        """
        self._settings = settings
        self._lifetime_s = lifetime_s
        self._patience_s = patience_s
        self._max_bytes = max_bytes
        self._clock = clock
        self.is_closed = False
        self._lock = threading.RLock()
        self._tickets: dict[str, _Ticket] = {}
        self._jobs: dict[str, _Job] = {}  # by key: those that a new asker may share
        self._numbers = count(1)
        self._folder, self._folder_lock = _claim_folder(settings.cache / "downloads")
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="download")
        prepare(MAKE)

    def start(
        self,
        request: ExportRequest,
        title: str,
        without_missing: bool = False,
        *,
        then: Then | None = None,
    ) -> Download:
        """Start making the ZIP of `request`, or share the one that is there or on its way.

        What cannot be made says so in the download's `error` and `missing`.

        Args:
            request: of a dataset that `settings` know.
            title: words for the file name, such as the query.
            without_missing: go on without the pictures that cannot be had.
            then: called once with the finished ZIP, before it counts as ready, in a thread of
                this process. Not called for an asker who has cancelled. What it raises is
                logged and takes nothing from the person.
        """
        key = f"{request.key}-{'without' if without_missing else 'with'}"
        with self._lock:
            self._sweep()
            job = self._jobs.get(key)
            if job is None or job.state is not State.PREPARING:
                job = self._new_job(key, request, without_missing, job)
            job.last_used = self._clock()
            token = secrets.token_urlsafe(24)
            ticket = _Ticket(token, _file_name(title), job, self._clock(), then=then)
            self._tickets[token] = ticket
            return self._snapshot(ticket)

    def get(self, token: str) -> Download:
        """Return how the download of `token` stands now.

        Raises:
            ExportError: no such download, or it has expired.
        """
        with self._lock:
            self._sweep()
            ticket = self._ticket(token)
            ticket.job.last_used = self._clock()
            return self._snapshot(ticket)

    def cancel(self, token: str) -> Download:
        """Give up the download of `token`; the work stops if nobody else waits for it.

        Raises:
            ExportError: no such download, or it has expired.
        """
        with self._lock:
            ticket = self._ticket(token)
            ticket.cancelled = True
            job = ticket.job
            if job.state is State.PREPARING and not self._is_awaited(job):
                job.stop.set()
                self._forget(job)
            return self._snapshot(ticket)

    def close(self) -> None:
        """Stop all work and remove all files."""
        with self._lock:
            self.is_closed = True
            for ticket in self._tickets.values():
                ticket.job.stop.set()
        self._pool.shutdown(cancel_futures=True)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder_lock.close()

    def _new_job(
        self, key: str, request: ExportRequest, without_missing: bool, earlier: "_Job | None"
    ) -> "_Job":
        path = self._folder / f"{next(self._numbers)}.zip"
        job = _Job(key, path, check=self._give_up_if_abandoned, earlier=earlier)
        self._jobs[key] = job
        self._pool.submit(self._work, job, request, without_missing)
        return job

    def _work(self, job: "_Job", request: ExportRequest, without_missing: bool) -> None:
        try:
            job.look()  # may have been cancelled while it waited
            job.has_begun = True
            made = self._made(job, request, without_missing)
        except Cancelled:
            self._finish(job, State.CANCELLED, error=job.error)
        except CocoSiftError as error:
            job.missing = error.missing if isinstance(error, MissingPicturesError) else ()
            self._finish(job, State.FAILED, error=str(error))
        except Exception:
            _log.exception("a download failed")
            self._finish(
                job, State.FAILED, error="The ZIP could not be made; see the server's log."
            )
        else:
            self._hand_out(job, made)

    def _made(self, job: "_Job", request: ExportRequest, without_missing: bool) -> Made | None:
        arguments = {
            "request": request,
            "path": job.path,
            "without_missing": without_missing,
            "earlier": self._kept(job.earlier),
        }
        made: Made | None = run_apart(
            MAKE, arguments, settings=self._settings, progress=job, cancelled=job.is_over
        )
        if made is None and self._kept(job.earlier) is None:  # swept away meanwhile
            return self._made(job, request, without_missing)
        return made

    def _kept(self, job: "_Job | None") -> Made | None:
        """What an earlier job has made, when its file is there; it is then kept for longer."""
        with self._lock:
            if job is None or job.made is None or not job.path.exists():
                return None
            job.last_used = self._clock()
            return job.made

    def _hand_out(self, job: "_Job", made: Made | None) -> None:
        """Tell of the file and let it count as ready; None stands for the earlier one."""
        earlier, job.earlier = job.earlier, None
        if made is None and earlier is not None:
            job.made, job.was_told = earlier.made, earlier.was_told
            self._tell(job)
            self._move_tickets(job, earlier)
            job = earlier
        else:
            job.made = made
            self._tell(job)
            self._finish(job, State.READY)
        self._tell(job)  # those who came while the others were told

    def _move_tickets(self, job: "_Job", earlier: "_Job") -> None:
        with self._lock:
            earlier.was_told = job.was_told
            earlier.last_used = self._clock()
            for ticket in self._tickets.values():
                if ticket.job is job:
                    ticket.job = earlier
            if self._jobs.get(job.key) is job:
                self._jobs[job.key] = earlier

    def _tell(self, job: "_Job") -> None:
        """Tell the askers of a finished file who want to know and were not told yet."""
        while True:
            with self._lock:
                waiting = (t for t in self._tickets.values() if t.job is job and t.is_curious)
                ticket = next(waiting, None)
                if ticket is None or ticket.then is None or job.report is None:
                    return
                then, ticket.then = ticket.then, None
                finished = Finished(job.report, ticket.filename, is_first=not job.was_told)
                job.was_told = True
            try:
                ticket.note = then(finished)
            except CocoSiftError as error:
                _log.warning("a finished download could not be noted: %s", error)
                ticket.note = str(error)
            except Exception:
                _log.exception("a finished download could not be noted")

    def _finish(self, job: "_Job", state: State, error: str = "") -> None:
        with self._lock:
            job.error = error
            job.finished = job.last_used = self._clock()
            job.state = state
            if state is State.READY:
                job.done = job.total
            else:
                self._forget(job)
            if job.stop.is_set():
                job.path.unlink(missing_ok=True)
            self._sweep()

    def _give_up_if_abandoned(self, job: "_Job") -> None:
        with self._lock:
            if self._clock() - job.last_used > self._patience_s:
                job.error = "Nobody waited for this download, so it was given up. Ask for it again."
                job.stop.set()
                self._forget(job)

    def _snapshot(self, ticket: "_Ticket") -> Download:
        job, waiting = ticket.job, 0
        if job.state is State.PREPARING and not job.has_begun and not job.stop.is_set():
            # Those that may still be shared are the ones that nobody has given up.
            unfinished = [j for j in self._jobs.values() if j.state is State.PREPARING]
            waiting = unfinished.index(job)
        return ticket.snapshot(waiting)

    def _ticket(self, token: str) -> "_Ticket":
        ticket = self._tickets.get(token)
        if ticket is None:
            raise ExportError(
                "This download is not there any more: a ZIP is kept for "
                f"{self._lifetime_s / 60:.0f} minutes. Make it again from its subset."
            )
        return ticket

    def _is_awaited(self, job: "_Job") -> bool:
        return any(t.job is job and not t.cancelled for t in self._tickets.values())

    def _forget(self, job: "_Job") -> None:
        """Let no new asker share `job`; the earlier file may still do."""
        if self._jobs.get(job.key) is job:
            del self._jobs[job.key]
            if job.earlier is not None and job.earlier.path.exists():
                self._jobs[job.key] = job.earlier

    def _sweep(self) -> None:
        """Remove what has expired, then the longest unused until the rest fits."""
        finished = {id(t.job): t.job for t in self._tickets.values() if t.job.finished is not None}
        by_use = sorted(finished.values(), key=lambda job: job.last_used)
        kept = sum(job.size for job in by_use)
        oldest_allowed = self._clock() - self._lifetime_s
        for job in by_use:
            too_much = kept > self._max_bytes and job is not by_use[-1]
            if job.last_used < oldest_allowed or (too_much and job.state is State.READY):
                kept -= job.size
                self._remove(job)

    def _remove(self, job: "_Job") -> None:
        self._forget(job)
        job.path.unlink(missing_ok=True)
        for token in [t.token for t in self._tickets.values() if t.job is job]:
            del self._tickets[token]


_shared: dict[Path, Downloads] = {}
_shared_lock = threading.Lock()


def shared_downloads(settings: Settings) -> Downloads:
    """Return this process's one `Downloads` for `settings.cache`; routes and pages share it."""
    with _shared_lock:
        shared = _shared.get(settings.cache)
        if shared is None or shared.is_closed:
            shared = _shared[settings.cache] = Downloads(settings)
        return shared


@dataclass(slots=True, eq=False)
class _Job:
    """One ZIP in the making or made; the progress that `run_apart` reports to.

    Attributes:
        earlier: the job of the same request whose file may still do.
    """

    key: str
    path: Path
    done: int = 0
    total: int = 1
    check: "Callable[[_Job], None]" = lambda job: None
    earlier: "_Job | None" = None
    has_begun: bool = False
    state: State = State.PREPARING
    made: Made | None = None
    was_told: bool = False
    error: str = ""
    missing: tuple[MissingPicture, ...] = ()
    finished: float | None = None
    last_used: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def report(self) -> ExportReport | None:
        return self.made.report if self.made is not None else None

    @property
    def size(self) -> int:
        return self.made.report.n_bytes if self.made is not None else 0

    def is_over(self) -> bool:
        self.check(self)
        return self.stop.is_set()

    def look(self) -> None:
        if self.is_over():
            raise Cancelled

    def update(self, done: int, total: int) -> None:
        self.look()
        self.done, self.total = done, total


@dataclass(slots=True, eq=False)
class _Ticket:
    """One person's claim on a job."""

    token: str
    filename: str
    job: _Job
    created: float
    then: Then | None = None
    note: str = ""
    cancelled: bool = False

    @property
    def is_curious(self) -> bool:
        return self.then is not None and not self.cancelled

    def snapshot(self, waiting: int) -> Download:
        job = self.job
        state = State.CANCELLED if self.cancelled else job.state
        is_ready = state is State.READY
        return Download(
            token=self.token,
            filename=self.filename,
            state=state,
            waiting=waiting,
            done=job.done,
            total=job.total,
            path=job.path if is_ready else None,
            report=job.report if is_ready else None,
            error=job.error,
            missing=job.missing,
            note=self.note,
            created=self.created,
            finished=job.finished,
        )


def _file_name(title: str) -> str:
    """A file name of the title's letters and digits, of any script."""
    words = re.sub(r"[^\w]+", "-", unicodedata.normalize("NFC", title)).strip("-_")
    return f"{words[:60].strip('-_') or 'subset'}.zip"


def _claim_folder(downloads: Path) -> tuple[Path, IO[bytes]]:
    """Make a locked folder for this process, after removing those of dead ones.

    The lock file is held as long as it is open, so also a killed process lets it go.
    """
    try:
        downloads.mkdir(parents=True, exist_ok=True)
        with _locked(downloads / ".starting"):
            for folder in downloads.iterdir():
                if folder.is_dir() and _is_abandoned(folder):
                    shutil.rmtree(folder, ignore_errors=True)
            mine = downloads / f"{os.getpid()}-{secrets.token_hex(4)}"
            mine.mkdir()
            lock = (mine / ".lock").open("wb")
            fcntl.flock(lock, fcntl.LOCK_EX)
            return mine, lock
    except OSError as error:
        raise SettingsError(
            f"{downloads} cannot be written: {error.strerror or error}. Downloads are made there: "
            "let this user write in it, or name another folder in COCOSIFT_CACHE."
        ) from error


def _is_abandoned(folder: Path) -> bool:
    try:
        with (folder / ".lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
