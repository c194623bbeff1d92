"""The folder of a run that has not finished: `embeddings/<dataset>/.<model>.unfinished/`.

It holds:

- `run.json`: what is made, of what and how (`RunRecord`);
- `<dataset>_embeddings.npy`: the vectors so far; its header counts them at the end only;
- `chunks.jsonl`: a line for each chunk that is finished, written after its vectors have
  reached the disk: `{"stop": row, "skipped": [[row, reason], …], "sha256": of its vectors}`;
- `lock`: held by the run that writes here, and let go of by the system when that dies.

A line that is torn, or whose vectors are not what it says, ends what counts: the run goes on
behind the last line before it. At the end the folder itself becomes the embeddings' folder.
"""

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from core.atomic import atomic_path, move_folder
from core.embed_run.record import RunRecord
from core.embeddings import EmbeddingsFiles, VectorsWriter
from core.errors import EmbeddingsError
from core.settings import Settings

_RECORD = "run.json"
_CHUNKS = "chunks.jsonl"
_LOCK = "lock"
_SUFFIX = ".unfinished"
# Who only looks whether a run is under way holds its lock for a moment.
_PATIENCE_S = 0.5
_READ_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class UnfinishedRun:
    """A run of `embed` that has not finished.

    Attributes:
        dataset, model: the pair.
        done: pictures of the dataset that are finished, skipped ones included.
        total: pictures of the dataset.
        updated: when the last chunk was finished, in seconds since 1970.
        command: what goes on with it.
        runtime: what computes, as the encoder names it.
        is_running: whether a process is at it now.
    """

    dataset: str
    model: str
    done: int
    total: int
    updated: float
    command: str
    runtime: str
    is_running: bool


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk that is finished.

    Attributes:
        stop: the first row of the dataset behind it.
        skipped: rows without a vector, each with the reason.
        sha256: of its vectors as they are in the file, lower-case hex.
    """

    stop: int
    skipped: tuple[tuple[int, str], ...]
    sha256: str

    @classmethod
    def from_line(cls, line: bytes) -> Self | None:
        """Return the chunk of a line; None when it is torn."""
        try:
            found = json.loads(line)
            skipped = tuple((int(row), str(reason)) for row, reason in found["skipped"])
            return cls(int(found["stop"]), skipped, str(found["sha256"]))
        except (ValueError, KeyError, TypeError):
            return None

    def to_line(self) -> bytes:
        record = {"stop": self.stop, "skipped": self.skipped, "sha256": self.sha256}
        return json.dumps(record).encode() + b"\n"


def unfinished_runs(settings: Settings) -> tuple[UnfinishedRun, ...]:
    """Return the runs of `embed` that have not finished, by dataset and model; reads no vector."""
    found = []
    for path in sorted(settings.embeddings.glob(f"*/.*{_SUFFIX}/{_RECORD}")):
        with suppress(OSError):  # it has just finished
            record = RunRecord.from_json(path.read_bytes())
            if record is not None:
                found.append(_told(path.parent, record))
    return tuple(found)


class Unfinished:
    """The folder of a run under way; `begun_or_gone_on_with` opens it.

    Attributes:
        record: what is made; where the run goes on, as it was begun.
        files: where the files are as long as the run is under way.
        chunks: what is finished.
    """

    def __init__(self, folder: Path, record: RunRecord, chunks: Sequence[Chunk]) -> None:
        self.record = record
        self.files = _files(folder, record)
        self.chunks = list(chunks)
        self._folder = folder
        self._vectors = _opened(self.files.vectors)
        self._writer = VectorsWriter(self._vectors, record.dim, record.dtype, count=self.count)
        self._lines = _opened(folder / _CHUNKS)
        self._lines.truncate(sum(len(chunk.to_line()) for chunk in self.chunks))
        self._lines.seek(0, os.SEEK_END)
        _sync_folder(folder)

    @property
    def done(self) -> int:
        """Rows of the dataset that are finished."""
        return self.chunks[-1].stop if self.chunks else 0

    @property
    def count(self) -> int:
        """Vectors so far."""
        return self.done - len(self.skipped)

    @property
    def skipped(self) -> list[tuple[int, str]]:
        return [skip for chunk in self.chunks for skip in chunk.skipped]

    def commit(
        self,
        stop: int,
        vectors: npt.NDArray[np.float32],
        skipped: Sequence[tuple[int, str]],
    ) -> None:
        """Keep the next chunk for good: the vectors reach the disk, then the line on them.

        Args:
            stop: the first row of the dataset behind the chunk.
            vectors: float32, shape (rows with a vector, dim).
            skipped: rows without a vector, each with the reason.
        """
        stored = self._writer.write(vectors)
        _sync(self._vectors)
        chunk = Chunk(stop, tuple(skipped), hashlib.sha256(stored).hexdigest())
        # First: ^C may come while the line is being written, and then it may be there already.
        self.chunks.append(chunk)
        self._lines.write(chunk.to_line())
        _sync(self._lines)

    def finish_vectors(self) -> None:
        """Put the number of vectors into their file."""
        self._writer.finish()
        _sync(self._vectors)

    def put_in_place(self, folder: Path) -> None:
        """Make this folder the embeddings' own at `folder`; what was there goes."""
        self.close()
        _sync_folder(self._folder)
        move_folder(self._folder, folder)
        # Only now: a run that is killed before this goes on from all of its chunks.
        for name in (_RECORD, _CHUNKS, _LOCK):
            (folder / name).unlink(missing_ok=True)
        _sync_folder(folder.parent)

    def close(self) -> None:
        self._vectors.close()
        self._lines.close()


@contextmanager
def begun_or_gone_on_with(
    folder: Path, record: RunRecord, *, restart: bool = False
) -> Iterator[Unfinished]:
    """Yield the unfinished run that becomes `folder`: a new one, or the one that was left there.

    A run that holds no vector yet is begun anew without asking, since nothing can be lost.
    Leaving the block without an error or with one keeps what is finished.

    Args:
        folder: of the finished embeddings; the unfinished ones lie beside it.
        record: what is to be made.
        restart: begin anew whatever was left.

    Raises:
        EmbeddingsError: another process is at it, or what was left was made of something
            else than `record` says, so the two must not be mixed.
    """
    aside = folder.with_name(f".{folder.name}{_SUFFIX}")
    with _locked(aside, record):
        _sweep(folder)
        chunks = () if restart else _left(aside, record)
        if chunks:
            kept = RunRecord.from_json((aside / _RECORD).read_bytes()) or record
        else:
            kept = record
            _clear(aside)
            _write(aside / _RECORD, record.to_json() + "\n")
        unfinished = Unfinished(aside, kept, chunks)
        try:
            yield unfinished
        finally:
            unfinished.close()
            if not unfinished.count:
                shutil.rmtree(aside, ignore_errors=True)


def _told(folder: Path, record: RunRecord) -> UnfinishedRun:
    chunks = folder / _CHUNKS
    last, updated = None, (folder / _RECORD).stat().st_mtime
    if chunks.exists():
        lines = chunks.read_bytes().splitlines(keepends=True)
        whole = (Chunk.from_line(line) for line in reversed(lines) if line.endswith(b"\n"))
        last = next((chunk for chunk in whole if chunk is not None), None)
        updated = chunks.stat().st_mtime
    return UnfinishedRun(
        dataset=record.dataset,
        model=record.model,
        done=last.stop if last else 0,
        total=record.n_rows,
        updated=updated,
        command=record.command,
        runtime=record.runtime,
        is_running=_is_locked(folder),
    )


def _left(folder: Path, record: RunRecord) -> tuple[Chunk, ...]:
    """Return the chunks that a run of the same kind left whole; none if they hold no vector."""
    try:
        before = RunRecord.from_json((folder / _RECORD).read_bytes())
    except FileNotFoundError:
        return ()
    if before is None:
        raise EmbeddingsError(
            f"Expected the record of an unfinished run in {folder / _RECORD}, found none that "
            "this version reads. Add --restart to begin anew."
        )
    chunks = tuple(_whole_chunks(folder, before))
    if chunks and chunks[-1].stop == sum(len(chunk.skipped) for chunk in chunks):
        return ()
    if chunks and (differences := before.differences(record)):
        raise EmbeddingsError(
            f"A run for {record.dataset!r} with {record.model!r} is unfinished "
            f"({chunks[-1].stop:,} of {before.n_rows:,} pictures) and was begun otherwise: "
            f"{'; '.join(differences)}. Add --restart to begin anew, or go on as it was begun: "
            f"{before.command}"
        )
    return chunks


def _whole_chunks(folder: Path, record: RunRecord) -> Iterator[Chunk]:
    """Yield the chunks whose lines and vectors are whole, up to the first that is not."""
    lines, vectors = folder / _CHUNKS, _files(folder, record).vectors
    if not (lines.exists() and vectors.exists()):
        return
    row_size = record.dim * np.dtype(record.dtype).itemsize
    with lines.open("rb") as listed, vectors.open("rb") as file:
        if not _seek_to_rows(file):
            return
        start = 0
        for line in listed:
            chunk = Chunk.from_line(line) if line.endswith(b"\n") else None
            stop = min(start + record.chunk_rows, record.n_rows)
            if chunk is None or chunk.stop != stop or stop == start:
                return
            n_bytes = (stop - start - len(chunk.skipped)) * row_size
            if _sha256(file, n_bytes) != chunk.sha256:
                return
            yield chunk
            start = stop


def _seek_to_rows(file: IO[bytes]) -> bool:
    try:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
    except ValueError:
        return False
    return True


def _sha256(file: IO[bytes], n_bytes: int) -> str:
    digest = hashlib.sha256()
    while n_bytes > 0 and (block := file.read(min(n_bytes, _READ_AT_ONCE))):
        digest.update(block)
        n_bytes -= len(block)
    return digest.hexdigest()


@contextmanager
def _locked(folder: Path, record: RunRecord) -> Iterator[None]:
    """Make `folder` and hold its lock, unless another process does."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / _LOCK).open("ab") as lock:
            if _lock(lock) and _is_at(lock, folder / _LOCK):
                yield
                return
        if time.monotonic() > end:
            raise EmbeddingsError(
                f"Another run embeds {record.dataset!r} with {record.model!r} already. "
                "Wait until it has finished, or stop it: this one goes on from where it was."
            )
        time.sleep(0.02)


def _lock(lock: IO[bytes], kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _is_at(lock: IO[bytes], path: Path) -> bool:
    """Whether the file at `path` is still this one: its folder may have been moved away."""
    try:
        return os.path.samestat(os.fstat(lock.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _is_locked(folder: Path) -> bool:
    try:
        with (folder / _LOCK).open("rb") as lock:
            return not _lock(lock, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def _clear(folder: Path) -> None:
    """Remove what an earlier run left; its record first, without which nothing counts."""
    (folder / _RECORD).unlink(missing_ok=True)
    _sync_folder(folder)
    for path in folder.iterdir():
        if path.name != _LOCK:
            path.unlink()


def _sweep(folder: Path) -> None:
    """Remove what a run left that was killed while it put its folder in place."""
    if folder.exists():
        for path in folder.parent.iterdir():
            if path.name.startswith(f".{folder.name}.") and path.suffix == ".old":
                shutil.rmtree(path, ignore_errors=True)


def _files(folder: Path, record: RunRecord) -> EmbeddingsFiles:
    return EmbeddingsFiles(record.dataset, record.model, folder, record.dataset)


def _opened(path: Path) -> IO[bytes]:
    """Open for reading and writing without cutting what is there."""
    path.touch()
    return path.open("r+b")


def _write(path: Path, text: str) -> None:
    """Write `text` whole or not at all, whenever the power goes."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(text.encode())
        _sync(file)
    _sync_folder(path.parent)


def _sync(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Have the names in `folder` reach the disk."""
    with suppress(OSError):  # a file system that cannot
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
