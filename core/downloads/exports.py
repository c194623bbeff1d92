"""Exports as jobs: each makes one ZIP in the cache folder that all replicas share."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from core.audit import note as note_in_trail
from core.downloads.records import Finished, Follower
from core.errors import CocoSiftError, PeopleError
from core.export import MissingPicturesError
from core.export.work import MAKE, Made
from core.jobs import JSON, Begun, Jobs, Kind, Run, Ticket
from core.people import NOBODY, OPERATOR, Person, Role, shared_people
from core.people.acting import acting_as

LIFETIME_S = 3600.0
# A browser asks how its download stands several times a second, but only once a minute from a
# tab that has been in the background for long.
PATIENCE_S = 150.0
MAX_BYTES = 20 * 2**30
# What no job knows is another instance's, or was left by a server that was killed.
STRANGERS_STAY_S = 86_400.0

_log = logging.getLogger(__name__)


class Exports(Kind):
    """Makes ZIPs, tells their askers, and removes what nobody has used for long.

    Args:
        jobs: the queue that they stand in.
        folder: where finished files go.
        followers: what can be done with a finished file, by name.
        at_once, lifetime_s, patience_s, max_bytes: as of `Downloads`.
    """

    name = "export"
    noun = "download"
    words = "ZIP"
    kept_s = None
    mistake = "The ZIP could not be made; see the server's log."
    given_up = "Nobody waited for this download, so it was given up. Ask for it again."

    def __init__(
        self,
        jobs: Jobs,
        folder: Path,
        followers: Mapping[str, Follower],
        *,
        at_once: int,
        lifetime_s: float,
        patience_s: float,
        max_bytes: int,
    ) -> None:
        self.patience_s = patience_s
        self._jobs = jobs
        self._book = jobs.book
        self._folder = folder
        self._followers = followers
        self._at_once = at_once
        self._lifetime_s = lifetime_s
        self._max_bytes = max_bytes

    def at_once(self, lane: str) -> int:
        return self._at_once

    def work(self, begun: Begun, run: Run) -> JSON:
        while True:
            earlier = self._patiently(partial(self._earlier, begun.key))
            arguments = {
                **begun.arguments,
                "path": self._path(begun),
                "earlier": earlier,
            }
            made: Made | None = run(MAKE, arguments)
            if made is not None:
                return made.described()
            if earlier is not None and earlier.report.path.exists():  # else swept meanwhile
                return earlier.described()

    def trouble(self, error: CocoSiftError) -> JSON:
        if not isinstance(error, MissingPicturesError):
            return None
        return [[one.image_id, one.file_name, one.reason] for one in error.missing]

    def completed(self, begun: Begun, result: JSON) -> None:
        made = Made.read(result, self._folder)
        self._tell(begun, made)
        self._patiently(partial(self.sweep, made.report.path))

    def settled(self, begun: Begun, result: JSON) -> None:
        # Those who came while the others were told.
        if result is not None and "report" in result:
            self._tell(begun, Made.read(result, self._folder))

    def sweep(self, new: Path | None = None) -> None:
        """Remove what has expired, then the longest unused until the rest fits.

        Args:
            new: a file that is whole, and that no job is known to have made yet.
        """
        now = self._jobs.clock()
        over = sorted(self._book.over(self.name), key=lambda one: _last_use(*one))
        rows = [(row.id, _last_use(row, seen), self._file(row.result)) for row, seen in over]
        sizes = {file: _size(file) for *_, file in rows if file is not None}
        if new is not None:
            sizes[new] = _size(new)
        newest = new or next((file for *_, file in reversed(rows) if file is not None), None)
        last_uses = {file: used for _, used, file in rows if file is not None}
        gone = {file for file, used in last_uses.items() if used < now - self._lifetime_s}
        gone.discard(new or Path())
        kept = sum(size for file, size in sizes.items() if file not in gone)
        for file in sorted(last_uses, key=lambda one: last_uses[one]):
            if kept > self._max_bytes and file not in gone and file != newest:
                kept -= sizes[file]
                gone.add(file)
        old = [
            job_id
            for job_id, used, file in rows
            if file in gone or (file is None and used < now - self._lifetime_s)
        ]
        self._jobs.forget(old)
        for file in gone:
            file.unlink(missing_ok=True)
        self._sweep_strangers({file for *_, file in rows if file is not None})

    def discarded(self, begun: Begun) -> None:
        path = self._path(begun)
        with suppress(OSError):
            # A process that could not be stopped gently has left its half of it.
            for file in (path, *self._folder.glob(f".{path.name}.*")):
                file.unlink(missing_ok=True)

    def _path(self, begun: Begun) -> Path:
        """Where a job is made; of each claim its own, as who was taken for dead may still write."""
        hold = begun.hold
        return self._folder / f"{hold.job_id}-{hold.claim}-{hold.replica[-6:]}.zip"

    def _earlier(self, key: str) -> Made | None:
        """What was made of the same request before, when its file is there."""
        for _, result in self._book.newest_results(self.name, key):
            made = Made.read(result, self._folder)
            if made.report.path.exists():
                return made
        return None

    def _tell(self, begun: Begun, made: Made) -> None:
        """Tell the askers of a finished file who were not told yet."""
        for ticket in self._patiently(partial(self._book.untold, begun.id)):
            if self._patiently(partial(self._book.begin_to_tell, ticket)):
                note = self._told(begun, ticket, made)
                if note:
                    self._patiently(partial(self._book.note, ticket, note))

    def _told(self, begun: Begun, ticket: Ticket, made: Made) -> str:
        """Do for an asker what was wished for; return the sentence that they are to read."""
        details = ticket.details
        person = self._person(ticket.owner_id)
        report = made.report
        if not details["may_save"]:  # whatever the person may, their token could not
            person = replace(person, role=Role.READER)
        with acting_as(person):
            facts = {
                "file": details["filename"],
                "bytes": report.n_bytes,
                "images": report.n_images,
            }
            with suppress(CocoSiftError):
                note_in_trail(self._jobs.settings, "exported", begun.subject, facts, person)
            if details["then"] is None:
                return ""
            finished = Finished(report, details["filename"], self._is_first(begun, ticket, made))
            try:
                follower = self._followers[details["then"]]
                return follower(self._jobs.settings, finished, details["details"])
            except CocoSiftError as error:
                _log.warning("a finished download could not be noted: %s", error)
                return str(error)
            except Exception:
                _log.exception("a finished download could not be noted")
                return ""

    def _is_first(self, begun: Begun, ticket: Ticket, made: Made) -> bool:
        def is_any_told() -> bool:
            before = self._book.newest_results(self.name, begun.key)
            name = made.report.path.name
            same = [job_id for job_id, result in before if result["report"]["path"] == name]
            return self._book.is_any_told([begun.id, *same], but=ticket.id)

        return not self._patiently(is_any_told)

    def _person(self, owner_id: int) -> Person:
        if owner_id == OPERATOR.id:
            return OPERATOR
        try:
            return shared_people(self._jobs.settings).get(owner_id)
        except PeopleError:
            return NOBODY

    def _patiently(self, act: Callable[[], Any]) -> Any:
        return self._jobs.patiently(act)

    def _file(self, result: JSON) -> Path | None:
        is_made = isinstance(result, dict) and "report" in result
        return Made.read(result, self._folder).report.path if is_made else None

    def _sweep_strangers(self, known: set[Path]) -> None:
        try:
            files = [*self._folder.glob("*.zip")]
        except OSError:
            return
        for file in files:
            with suppress(OSError):
                age = self._jobs.clock() - file.stat().st_mtime
                if file not in known and age > STRANGERS_STAY_S:
                    file.unlink()


def _last_use(row: Any, seen: float) -> float:
    return max(row.ended or 0.0, seen)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
