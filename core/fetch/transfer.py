"""One file from a server: over several connections, resumable, checked, whole or not at all.

Connections take spans of 16 MiB in order; each byte that came is kept, so a broken connection
costs nothing. The checksum follows the front of what is here while those bytes are still in
memory, so it needs no pass of its own.
"""

import errno
import hashlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from core.errors import DownloadError
from core.fetch.asking import Answer, Asker, PassingError, Patience, host_of
from core.fetch.lock import only_one
from core.fetch.part import Identity, Part, PartWriter, Span
from core.progress import Cancelled, NoProgress, Progress

_SPAN = 16 * 2**20
_READ = 2**20
_FRUITFUL = 64 * 1024
_POLL = 0.05
_LAST_WAIT = 1.0
_SAVE_EVERY = 40  # polls: two seconds
_RESTARTS = 3
_ENOUGH_TO_KNOW_A_PAGE = 64
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_PATIENCE = Patience()

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Remote:
    """A file that is wanted.

    Attributes:
        url: http or https; a name and password in it are sent to that host alone.
        size: bytes, when known beforehand.
        sha256, md5: hex, when known beforehand.
        setting: the setting that names another server, for messages.
    """

    url: str
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    setting: str = ""

    @property
    def checksums(self) -> dict[str, str]:
        """The hex checksum by algorithm; empty when none is known."""
        known = {"sha256": self.sha256, "md5": self.md5}
        return {name: value.lower() for name, value in known.items() if value}


def fetch_file(
    remote: Remote,
    target: Path,
    progress: Progress | None = None,
    *,
    connections: int = 4,
    patience: Patience = _PATIENCE,
) -> Path:
    """Have `remote` at `target`, whole and checked.

    What is unfinished lies beside it in `.<name>.part`, and the same call goes on from there,
    after whatever ended the last one. A file that is there and is the one wanted is not
    fetched; one that is not is replaced once the new one is whole.

    Args:
        remote: what is wanted; what it says of size and checksums is checked.
        progress: told bytes, those of earlier calls included; may cancel.
        connections: at once, where the server has ranges; else one.
        patience: how long the server is waited for.

    Returns:
        `target`.

    Raises:
        DownloadError: it cannot be had, what came is another file, or it cannot be written.
        Cancelled: from `progress`, or ^C; what is here stays.
    """
    with disk_errors(target):
        if _is_there(remote, target):
            return target
        with only_one(target.with_name(f".{target.name}.lock"), target.name):
            if _is_there(remote, target):
                return target
            with Part(target) as part:
                _Transfer(remote, target, part, progress, connections, patience).run()
    return target


def size_of(remote: Remote, patience: Patience = _PATIENCE) -> int | None:
    """Ask the server for the size of a file in bytes; None when it does not tell.

    Raises:
        DownloadError: as `fetch_file`.
    """
    with Asker(remote.url, patience, remote.setting) as asker:

        def size() -> int | None:
            with asker.ask(0, 1) as answer:
                return answer.identity.size

        return patiently(size, patience)


def patiently(
    work: Callable[[], Result],
    patience: Patience,
    stop: threading.Event | None = None,
    position: Callable[[], int] = lambda: 0,
) -> Result:
    """Try `work` again after a PassingError, until too many in a row got nowhere.

    Args:
        work: what is tried.
        patience: how often, and after which pauses.
        stop: ends the pauses.
        position: how far the work is; a try that moved it is not counted.

    Raises:
        DownloadError: they did, or the work failed for good.
    """
    fruitless, stop = 0, stop or threading.Event()
    while True:
        before = position()
        try:
            return work()
        except PassingError as error:
            fruitless = 0 if position() - before >= _FRUITFUL else fruitless + 1
            if fruitless >= patience.tries or stop.wait(patience.wait(fruitless, error.wait)):
                raise DownloadError(
                    f"{error} Tried {_times(fruitless)}. Run the same command again: it goes on "
                    "from what is here."
                ) from error


def checksums_of(path: Path, algorithms: dict[str, str]) -> dict[str, str]:
    """Return the hex checksum of a file by each of the algorithms."""
    found = {}
    for name in algorithms:
        with path.open("rb") as file:
            found[name] = hashlib.file_digest(file, name).hexdigest()
    return found


@contextmanager
def disk_errors(target: Path) -> Iterator[None]:
    """Turn an OSError of the block into the DownloadError that `disk_words` writes."""
    try:
        yield
    except OSError as error:
        raise DownloadError(disk_words(error, target)) from error


def disk_words(error: OSError, target: Path) -> str:
    """Say in a sentence why `target` cannot be written, and what to do."""
    name, folder = target.name, target.parent
    if error.errno in _FULL:
        return (
            f"The disk of {folder} is full; what is here of {name} stays. Make room there, then "
            "run the same command again."
        )
    if error.errno == errno.EFBIG:
        return (
            f"The file system of {folder}, or a limit of this session, does not take a file as "
            f"large as {name}. Choose another folder."
        )
    return (
        f"{folder} cannot be written: {error.strerror or error}. Mend that or choose another "
        "folder, then run the same command again."
    )


class _Changed(Exception):
    """The server has another file than the one whose bytes are here."""


class _Transfer:
    """One call of `fetch_file`, once the part is locked."""

    def __init__(
        self,
        remote: Remote,
        target: Path,
        part: Part,
        progress: Progress | None,
        connections: int,
        patience: Patience,
    ) -> None:
        self._remote = remote
        self._target = target
        self._part = part
        self._progress = progress or NoProgress()
        self._connections = max(1, connections)
        self._patience = patience
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._guard = threading.Lock()
        self._answers: set[Answer] = set()
        self._workers: list[threading.Thread] = []

    def run(self) -> None:
        try:
            for _ in range(_RESTARTS):
                with suppress(_Changed):
                    self._attempt()
                    return
                self._wait_for_workers()
            raise DownloadError(
                f"{self._target.name} keeps changing on {self._host} while it is fetched. Run the "
                "same command later."
            )
        except (KeyboardInterrupt, Cancelled):
            raise Cancelled(self._stopped()) from None
        finally:
            # One that still waits for a server may stay: it writes nothing wrong, and does not
            # keep the process.
            self._wait_for_workers(_LAST_WAIT)

    def _attempt(self) -> None:
        has_ranges, found = patiently(self._probe, self._patience, self._stop)
        self._check_size(found.size)
        kept = self._part.identity
        decides = bool(self._remote.checksums)
        is_same = kept is not None and kept.is_same_file(found, checksum_decides=decides)
        if not (has_ranges and is_same):
            self._part.begin(found)
        self._check_room()
        if has_ranges:
            self._in_ranges(found)
        else:
            self._as_stream()

    def _probe(self) -> tuple[bool, Identity]:
        """Ask for one byte: are there ranges, and of which file?"""
        with self._asker() as asker, asker.ask(0, 1) as answer:
            for _ in answer.pieces(1 if answer.has_ranges else _ENOUGH_TO_KNOW_A_PAGE):
                pass
            return answer.has_ranges and answer.identity.size is not None, answer.identity

    def _in_ranges(self, identity: Identity) -> None:
        self._tell(identity.size)
        todo = list(self._part.missing(_SPAN))
        spans = iter(todo)
        with _Checksums(self._part, self._remote.checksums) as checksums:
            for _ in range(min(self._connections, len(todo))):
                self._start(self._work, spans, identity)
            self._watch(identity.size)
            self._finish(checksums, identity.size)

    def _work(self, spans: Iterator[Span], identity: Identity) -> None:
        try:
            with self._asker() as asker, self._part.writer() as writer:
                while (span := self._next(spans)) is not None:
                    self._fetch_span(asker, writer, span, identity)
        except BaseException as error:  # it is raised where the work was begun
            with self._guard:
                self._error = self._error or error
            self._stop.set()

    def _next(self, spans: Iterator[Span]) -> Span | None:
        with self._guard:
            return None if self._stop.is_set() else next(spans, None)

    def _fetch_span(self, asker: Asker, writer: PartWriter, span: Span, identity: Identity) -> None:
        position, end = span

        def rest() -> None:
            nonlocal position
            with self._asking(asker, position, end) as answer:
                self._check_identity(answer, identity)
                for data in answer.pieces(end - position):
                    position = writer.write(position, data)
                    if self._stop.is_set():
                        return
            if position < end:
                raise PassingError(f"{self._host} ended its answer too early.")

        patiently(rest, self._patience, self._stop, lambda: position)

    def _check_identity(self, answer: Answer, identity: Identity) -> None:
        decides = bool(self._remote.checksums)
        if not identity.is_same_file(answer.identity, checksum_decides=decides):
            raise _Changed
        if not answer.has_ranges:
            raise PassingError(f"{self._host} no longer sends parts of the file.")

    def _as_stream(self) -> None:
        """From a server without ranges: one connection, and each try begins anew."""

        def whole() -> None:
            with self._asker() as asker, self._asking(asker) as answer:
                self._check_size(answer.identity.size)
                self._refuse_unmeasured(answer)
                self._part.begin(answer.identity)
                with _Checksums(self._part, self._remote.checksums) as checksums:
                    self._start(self._pour, answer)
                    self._watch(answer.identity.size)
                    self._finish(checksums, answer.identity.size)

        patiently(whole, self._patience, self._stop)

    def _pour(self, answer: Answer) -> None:
        try:
            with self._part.writer() as writer:
                position = 0
                for data in answer.pieces(None):
                    position = writer.write(position, data)
                    if self._stop.is_set():
                        return
        except BaseException as error:  # it is raised where the work was begun
            self._error = error

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        worker = threading.Thread(target=work, args=arguments, name="fetch", daemon=True)
        self._workers.append(worker)
        worker.start()

    def _watch(self, size: int | None) -> None:
        """Tell the progress and write the note until the workers are done, or one failed."""
        n_polls = 0
        while self._error is None and any(worker.is_alive() for worker in self._workers):
            self._tell(size)
            next((w for w in self._workers if w.is_alive()), self._workers[0]).join(_POLL)
            n_polls += 1
            if n_polls % _SAVE_EVERY == 0:
                self._part.save()
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        self._workers.clear()
        self._tell(size)

    def _wait_for_workers(self, at_most: float | None = None) -> None:
        """End the workers: none of an earlier attempt may write into the next one."""
        self._end_all()
        deadline = None if at_most is None else time.monotonic() + at_most
        for worker in self._workers:
            worker.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        self._workers.clear()
        self._error = None
        self._stop.clear()

    def _tell(self, size: int | None) -> None:
        done = self._part.n_bytes
        self._progress.update(done, max(done, size or 0))

    def _end_all(self) -> None:
        self._stop.set()
        with self._guard:
            answers = list(self._answers)
        for answer in answers:
            answer.shutdown()

    def _finish(self, checksums: "_Checksums", size: int | None) -> None:
        n_bytes = self._part.n_bytes
        expected = self._remote.size if size is None else size
        if expected is not None and n_bytes != expected:
            raise PassingError(
                f"{self._host} sent {n_bytes:,} bytes of {self._target.name}; expected "
                f"{expected:,}."
            )
        for name, found in checksums.of(n_bytes).items():
            if found != self._remote.checksums[name]:
                self._part.discard()
                raise DownloadError(
                    f"{self._target.name} from {self._host} is not the file that is published: "
                    f"expected {name} {self._remote.checksums[name]}, found {found}. It was "
                    f"removed. Run the same command again; if it happens again, "
                    f"{self._other_server()}."
                )
        self._part.finish()

    def _check_size(self, found: int | None) -> None:
        expected = self._remote.size
        if expected is not None and found is not None and found != expected:
            raise DownloadError(
                f"{self._target.name} on {self._host} has {found:,} bytes; expected "
                f"{expected:,}. It is another file, or not whole there: "
                f"{self._other_server()}."
            )

    def _check_room(self) -> None:
        identity = self._part.identity
        size = (identity.size if identity else None) or self._remote.size
        if size is None:
            return
        needed = size - self._part.n_bytes
        free = shutil.disk_usage(self._target.parent).free
        if needed > free:
            raise DownloadError(
                f"{self._target.parent} has {free:,} bytes free; {self._target.name} needs "
                f"{needed:,} more. Make room there, then run the same command again."
            )

    def _refuse_unmeasured(self, answer: Answer) -> None:
        is_known = self._remote.size is not None or bool(self._remote.checksums)
        if not answer.is_measured and not is_known:
            raise DownloadError(
                f"{self._host} does not say how long {self._target.name} is, so a cut could not "
                f"be noticed: {self._other_server()}."
            )

    def _other_server(self) -> str:
        named = f" in {self._remote.setting}" if self._remote.setting else ""
        return f"name another server{named}"

    def _asker(self) -> Asker:
        return Asker(self._remote.url, self._patience, self._remote.setting)

    @contextmanager
    def _asking(
        self, asker: Asker, start: int | None = None, end: int | None = None
    ) -> Iterator[Answer]:
        with asker.ask(start, end) as answer:
            with self._guard:
                self._answers.add(answer)
            try:
                yield answer
            finally:
                with self._guard:
                    self._answers.discard(answer)

    @property
    def _host(self) -> str:
        return host_of(self._remote.url)

    def _stopped(self) -> str:
        identity = self._part.identity
        size = identity.size if identity else None
        of = f" of {size:,}" if size else ""
        return (
            f"Stopped; {self._part.n_bytes:,}{of} bytes of {self._target.name} are here. The same "
            "command goes on from there."
        )


class _Checksums:
    """Computes checksums of a part behind its front, in a thread. A context manager."""

    def __init__(self, part: Part, wanted: dict[str, str]) -> None:
        self._part = part
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in wanted}
        self._position = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="checksum", daemon=True)

    def __enter__(self) -> "_Checksums":
        if self._hashes:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._hashes:
            self._thread.join()

    def of(self, n_bytes: int) -> dict[str, str]:
        """Return the hex checksum of the first `n_bytes` by algorithm, once all are here."""
        self._stop.set()
        if self._hashes:
            self._thread.join()
            self._read_to(n_bytes)
        return {name: digest.hexdigest() for name, digest in self._hashes.items()}

    def _follow(self) -> None:
        with suppress(OSError):  # what cannot be read is read again at the end, and said there
            while not self._stop.wait(_POLL):
                self._read_to(self._part.front, self._stop)

    def _read_to(self, end: int, stop: threading.Event | None = None) -> None:
        while self._position < end and not (stop and stop.is_set()):
            data = self._part.read(self._position, min(_READ, end - self._position))
            if not data:
                return
            for digest in self._hashes.values():
                digest.update(data)
            self._position += len(data)


def _times(number: int) -> str:
    return "once" if number <= 1 else f"{number} times"


def _is_there(remote: Remote, target: Path) -> bool:
    if not target.is_file() or remote.size not in (None, target.stat().st_size):
        return False
    checksums = remote.checksums
    return checksums == checksums_of(target, checksums)
