"""Downloads as people ask for them: a ticket each, the ZIP shared by all who want the same.

A download is asked for by one person and made by a job of low priority (`core.jobs`), so that
nobody waits for it; everyone who asks for the same subset meanwhile, or while the finished
file is kept and its pictures are as they were, shares the one file. Each asker holds a token of
their own, so that cancelling takes nothing from a colleague.

Tickets lie in the instance's database and files in the cache folder, so any replica answers
for them, also after a restart.
"""

import hashlib
import logging
import os
import re
import secrets
import shutil
import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from core.downloads.exports import LIFETIME_S, MAX_BYTES, PATIENCE_S, Exports
from core.downloads.following import FOLLOWERS
from core.downloads.records import Download, Follower, State, Then
from core.errors import DatabaseError, ExportError, SettingsError
from core.export import ExportRequest, MissingPicture
from core.export.work import MAKE, Made
from core.jobs import Jobs, Seen, Ticket, Wish, asker_of, shared_jobs
from core.jobs import State as JobState
from core.people.acting import current
from core.rights import Right, may, require
from core.settings import Settings
from core.workers import prepare

# So often it is noted that somebody still asks.
_NOTED_S = 10.0
# What a ticket says may change on another replica once its job is over, when it is swept.
_TICKET_S = 5.0
_MOST_TICKETS = 2_000
_LONGEST_SUBJECT = 200

_log = logging.getLogger(__name__)
_STATES = {
    JobState.WAITING: State.PREPARING,
    JobState.RUNNING: State.PREPARING,
    JobState.DONE: State.READY,
    JobState.FAILED: State.FAILED,
    JobState.INTERRUPTED: State.FAILED,
    JobState.STOPPED: State.CANCELLED,
}


class Downloads:
    """The downloads of an instance. All methods may be called from any thread."""

    def __init__(
        self,
        settings: Settings,
        *,
        workers: int | None = None,
        lifetime_s: float = LIFETIME_S,
        patience_s: float = PATIENCE_S,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.time,
        jobs: Jobs | None = None,
        followers: Mapping[str, Follower] = FOLLOWERS,
    ) -> None:
        """Get ready to work.

        Args:
            settings: `settings.cache` is where the files go, which all replicas share.
            workers: how many ZIPs are made at once here; more wait their turn. None is
                `settings.jobs_at_once`.
            lifetime_s: how long a finished file is kept after its last use.
            patience_s: how long a file is made for somebody who does not ask how it
                stands; a closed tab asks no more.
            max_bytes: when the finished files take more, the longest unused go first.
            clock: seconds since the epoch.
            jobs: the queue; None makes one for these alone.
            followers: what can be done with finished files, by name.

        Raises:
            SettingsError: the cache folder cannot be written.
        """
        self._lifetime_s = lifetime_s
        self._settings = settings
        self._clock = clock if jobs is None else jobs.clock
        self._lock = threading.Lock()
        self._tickets: OrderedDict[str, _Known] = OrderedDict()
        self._folder = _writable(settings.cache / "downloads")
        self._jobs = Jobs(settings, clock=clock) if jobs is None else jobs
        self._exports = Exports(
            self._jobs,
            self._folder,
            followers,
            at_once=settings.jobs_at_once if workers is None else workers,
            lifetime_s=lifetime_s,
            patience_s=patience_s,
            max_bytes=max_bytes,
        )
        self._jobs.register(self._exports)
        prepare(MAKE)

    @property
    def is_closed(self) -> bool:
        return self._jobs.is_closed

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
            then: what is done once with the finished ZIP, before it counts as ready, acting
                for the asker. Not done for one who has cancelled. What goes wrong with it is
                logged and takes nothing from the person.

        Raises:
            RightsError: who acts may not download.
            JobError: they have as much under way as they may.
            DatabaseError: it cannot be noted now.
        """
        require(Right.READ)
        token = secrets.token_urlsafe(24)
        details = {
            "filename": _file_name(title),
            "then": None if then is None else then.what,
            "details": None if then is None else dict(then.details),
            "may_save": may(current(), Right.SAVE),
        }
        wish = Wish(
            self._exports.name,
            f"{request.key}-{'without' if without_missing else 'with'}",
            self._exports.name,
            _line(title) or "a subset",
            {"request": request.described(), "without_missing": without_missing},
        )
        asker = asker_of(self._settings, ticket=_digest(token), details=details)
        self._jobs.ask(wish, asker)
        return self.get(token)

    def get(self, token: str, *, shared: bool = False) -> Download:
        """Return how the download of `token` stands now.

        Args:
            shared: also for somebody else than its owner, who has shared it on purpose.

        Raises:
            ExportError: no such download, or it has expired, or it is somebody else's.
            DatabaseError: nothing is known of it and the database is away.
        """
        ticket, seen = self._known(token, shared)
        self._note_use(token, ticket, seen)
        return self._snapshot(token, ticket, seen)

    def cancel(self, token: str) -> Download:
        """Give up the download of `token`; the work stops if nobody else waits for it.

        Raises:
            ExportError: as `get`.
            DatabaseError: it cannot be noted now.
        """
        ticket, _ = self._known(token, shared=False)
        self._jobs.withdraw(ticket)
        with self._lock:
            self._tickets.pop(token, None)
        return self._snapshot(token, *self._known(token, shared=False))

    def close(self) -> None:
        """Stop working: what is not done is put back for others, or for the next start.

        Finished files stay.
        """
        self._jobs.close()

    def _known(self, token: str, shared: bool) -> tuple[Ticket, Seen]:
        """The ticket of `token` and its job, when who acts may see them."""
        known = self._ticket(token)
        if known is None or not (shared or known.ticket.owner_id == current().id):
            raise self._unknown()
        seen = self._jobs.get(known.ticket.job_id)
        if seen is not None and not seen.is_under_way and not known.is_of_one_over:
            # Its note was written before its job was over.
            known = self._ticket(token, anew=True)
        if known is None or seen is None or self._is_expired(known, seen):
            raise self._unknown()
        return known.ticket, seen

    def _ticket(self, token: str, anew: bool = False) -> "_Known | None":
        now = time.monotonic()
        with self._lock:
            known = self._tickets.get(token)
        if known is not None and not anew:
            is_fresh = not known.is_of_one_over or now - known.read < _TICKET_S
            if is_fresh:
                return known
        try:
            ticket = self._jobs.book.ticket(_digest(token))
        except DatabaseError:
            if known is None:
                raise
            return known
        with self._lock:
            if ticket is None:
                self._tickets.pop(token, None)
                return None
            noted = max(ticket.seen, 0.0 if known is None else known.noted)
            found = _Known(ticket, now, noted, is_of_one_over=anew or known is not None)
            self._tickets[token] = found
            while len(self._tickets) > _MOST_TICKETS:
                self._tickets.popitem(last=False)
            return found

    def _note_use(self, token: str, ticket: Ticket, seen: Seen) -> None:
        """Remember that somebody asks: what nobody asks for is given up, or removed."""
        self._jobs.asked(ticket.job_id)
        now = self._clock()
        with self._lock:
            known = self._tickets.get(token)
            if known is None or now - known.noted < _NOTED_S:
                return
            self._tickets[token] = replace(known, noted=now)
        try:
            self._jobs.book.seen([ticket.id], now)
        except DatabaseError as error:
            _log.warning("that a download is still wanted cannot be noted: %s", error)

    def _is_expired(self, known: "_Known", seen: Seen) -> bool:
        if seen.is_under_way:
            return False
        last_use = max(seen.ended or 0.0, known.noted)
        if last_use >= self._clock() - self._lifetime_s:
            return False
        self._exports.sweep()
        return self._jobs.get(seen.id) is None

    def _snapshot(self, token: str, ticket: Ticket, seen: Seen) -> Download:
        state = State.CANCELLED if ticket.withdrawn else _STATES[seen.state]
        is_ready = state is State.READY
        made = Made.read(seen.result, self._folder) if is_ready else None
        missing = seen.result if seen.state is JobState.FAILED and seen.result else []
        return Download(
            token=token,
            owner=ticket.owner_id,
            job_id=seen.id,
            filename=ticket.details["filename"],
            state=state,
            waiting=0 if ticket.withdrawn else seen.place,
            done=int(seen.total if is_ready else seen.done),
            total=int(seen.total),
            path=made.report.path if made else None,
            report=made.report if made else None,
            error=seen.error,
            missing=tuple(MissingPicture(*one) for one in missing),
            note=ticket.note,
            created=ticket.made,
            finished=seen.ended,
        )

    def _unknown(self) -> ExportError:
        return ExportError(
            "This download is not there any more: a ZIP is kept for "
            f"{self._lifetime_s / 60:.0f} minutes. Make it again from its subset."
        )


@dataclass(frozen=True, slots=True)
class _Known:
    """A ticket as this replica remembers it.

    Attributes:
        read: when it was read, by the steady clock.
        noted: when its use was noted last, seconds since the epoch.
        is_of_one_over: it was read after its job was over.
    """

    ticket: Ticket
    read: float
    noted: float
    is_of_one_over: bool


_shared: dict[tuple[Path, Path, str, int], Downloads] = {}
_shared_lock = threading.Lock()


def shared_downloads(settings: Settings) -> Downloads:
    """Return this process's one `Downloads` for these settings; routes and pages share it.

    Raises:
        SettingsError: as `Downloads`.
    """
    key = (settings.home, settings.cache, settings.database_url, os.getpid())
    with _shared_lock:
        shared = _shared.get(key)
        if shared is None or shared.is_closed:
            shared = _shared[key] = Downloads(settings, jobs=shared_jobs(settings))
        return shared


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _file_name(title: str) -> str:
    """A file name of the title's letters and digits, of any script."""
    words = re.sub(r"[^\w]+", "-", unicodedata.normalize("NFC", title)).strip("-_")
    return f"{words[:60].strip('-_') or 'subset'}.zip"


def _line(text: str) -> str:
    """The text as one line that any database can hold."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split())[:_LONGEST_SUBJECT]


def _writable(folder: Path) -> Path:
    """Make the folder, try it, and remove what servers of earlier versions have left in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{secrets.token_hex(4)}"
        probe.touch()
        probe.unlink()
        for left in folder.iterdir():
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
    except OSError as error:
        raise SettingsError(
            f"{folder} cannot be written: {error.strerror or error}. Downloads are made there: "
            "let this user write in it, or name another folder in COCOSIFT_CACHE."
        ) from error
    return folder
