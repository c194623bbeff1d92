"""Embedding a dataset: pictures are read by worker processes and encoded in batches.

Workers decode and preprocess only, with Pillow and NumPy; torch stays in this process.
Rows are in the dataset's order whatever the number of workers, and memory is bounded
by the pictures under way. The folder appears whole or not at all.
"""

import csv
import io
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from core import __version__
from core.atomic import atomic_folder, write_text
from core.checkpoint import ModelManifest
from core.coco import CocoDataset, safe_file_name
from core.embeddings import (
    EmbeddingsFiles,
    Manifest,
    VectorsWriter,
    embed_command,
    preprocessing_record,
)
from core.errors import EmbeddingsError, ModelError, PictureError
from core.images import PictureStore, open_picture
from core.progress import NoProgress, Progress
from core.settings import Settings

if TYPE_CHECKING:
    from core.encoder import Encoder

DEFAULT_BATCH_SIZE = 64

_PICTURES_A_TASK = 8
_FEW_PICTURES = 64

Pixels = npt.NDArray[Any]
Item = TypeVar("Item")
Preprocess = Callable[..., Pixels]


@dataclass(frozen=True, slots=True)
class SkippedPicture:
    """A picture without a vector, and why."""

    image_id: int
    file_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class EmbedReport:
    """What a run has done.

    Attributes:
        count: pictures that were embedded.
        skipped: those that were not, in the dataset's order.
        seconds: from the first picture to the finished folder.
    """

    files: EmbeddingsFiles
    count: int
    skipped: tuple[SkippedPicture, ...]
    seconds: float

    @property
    def pictures_per_second(self) -> float:
        return (self.count + len(self.skipped)) / max(self.seconds, 1e-9)


@dataclass(frozen=True, slots=True)
class Located:
    """A picture of the dataset and where its file is, or why there is none."""

    image_id: int
    file_name: str
    path: Path | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture as the model's input, or the reason why it is none.

    Attributes:
        pixels: what the model's preprocessing gives; None when the picture is skipped.
    """

    picture: Located
    pixels: Pixels | None
    reason: str = ""


def embed_dataset(
    dataset: CocoDataset,
    encoder: "Encoder",
    model: ModelManifest,
    settings: Settings,
    *,
    precision: str = "fp32",
    images: Path | None = None,
    pictures_from_net: PictureStore | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    workers: int | None = None,
    progress: Progress | None = None,
) -> EmbedReport:
    """Embed every picture of `dataset` into `embeddings/<dataset>/<model>/`.

    Args:
        encoder: the loaded `model`.
        precision: of the arithmetic that `encoder` was loaded for; goes into the manifest.
        images: a folder to take the files from, instead of the dataset's own.
        pictures_from_net: fetches the pictures that have no local file; None skips them.
        batch_size: pictures a forward pass.
        workers: processes that read pictures; 0 reads in this process, None chooses.
        progress: told after each batch, in pictures; may cancel.

    Raises:
        EmbeddingsError: no picture could be read, a worker died, or the folder cannot be
            written. Nothing is left half-written.
        ModelError: the model gives numbers that are not finite, or the batch does not fit
            into the device's memory.
    """
    if batch_size < 1:
        raise EmbeddingsError(f"Expected a --batch-size of at least 1, found {batch_size}.")
    if images is not None and not images.is_dir():
        raise EmbeddingsError(f"Expected a folder of pictures, found none at {images}.")
    folder = settings.embeddings / dataset.name / model.name
    files = EmbeddingsFiles(dataset.name, model.name, folder, dataset.name)
    located = _locate(dataset, images, pictures_from_net)
    workers = _worker_count(workers, len(dataset.images.ids))
    start = time.monotonic()
    try:
        with (
            atomic_folder(folder) as temporary,
            Preparation(workers, encoder.preprocessing, settings) as preparation,
        ):
            run = _Run(dataset, encoder, EmbeddingsFiles(*_names(files), temporary, files.stem))
            run.encode(preparation.prepare(located), batch_size, progress or NoProgress())
            run.write_records(model, precision)
    except OSError as error:
        raise EmbeddingsError(
            f"Cannot write {folder}: {error.strerror or error}. Make room or rights there, then "
            f"run: {files.command}"
        ) from error
    return EmbedReport(files, run.count, tuple(run.skipped), time.monotonic() - start)


class Preparation:
    """Reads and preprocesses pictures, in worker processes or in this one.

    A context manager; leaving it stops the workers.

    Args:
        workers: number of processes, 0 for none.
        preprocess: picklable; takes an RGB picture, gives the model's input.
    """

    def __init__(self, workers: int, preprocess: Preprocess, settings: Settings) -> None:
        self._workers = workers
        self._preprocess = preprocess
        self._settings = settings
        self._pool: ProcessPoolExecutor | None = None
        self._processes: dict[int | None, multiprocessing.process.BaseProcess] = {}

    def __enter__(self) -> Self:
        if self._workers:
            # Before any worker: starting it lets ^C through again.
            resource_tracker.ensure_running()
            self._pool = ProcessPoolExecutor(
                self._workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start_worker,
                initargs=(self._preprocess, self._settings),
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def prepare(self, pictures: Iterable[Located]) -> Iterator[Prepared]:
        """Yield each picture prepared, in order; a bounded number is under way at once.

        Raises:
            EmbeddingsError: a worker died.
        """
        if self._pool is None:
            for picture in pictures:
                yield _prepare(picture, self._preprocess, self._settings)
        else:
            yield from self._prepare_by(self._pool, pictures)

    def _prepare_by(
        self, pool: ProcessPoolExecutor, pictures: Iterable[Located]
    ) -> Iterator[Prepared]:
        under_way: deque[tuple[list[Located], Future[list[Prepared]]]] = deque()
        tasks = _chunks(pictures, _PICTURES_A_TASK)
        for task in islice(tasks, self._workers * 3):
            under_way.append((task, self._submit(pool, task)))
        while under_way:
            task, future = under_way[0]
            try:
                prepared = future.result()
            except BrokenProcessPool:
                # Joins the workers: how one ended is known only then.
                pool.shutdown(wait=True, cancel_futures=True)
                raise EmbeddingsError(self._death(under_way)) from None
            under_way.popleft()
            for next_task in islice(tasks, 1):
                under_way.append((next_task, self._submit(pool, next_task)))
            yield from prepared

    def _submit(self, pool: ProcessPoolExecutor, task: list[Located]) -> "Future[list[Prepared]]":
        try:
            with _interrupts_held():
                future = pool.submit(_prepare_task, task)
        except BrokenProcessPool as error:
            future = Future()
            future.set_exception(error)
        self._processes.update((child.pid, child) for child in multiprocessing.active_children())
        return future

    def _death(self, under_way: Iterable[tuple[list[Located], "Future[list[Prepared]]"]]) -> str:
        """Say which worker died, how, and which pictures it may have been reading."""
        stops = {
            pid: child.exitcode
            for pid, child in self._processes.items()
            if child.exitcode not in (None, 0)
        }
        # The pool ends the workers that are left by SIGTERM: those did not die first.
        first = {pid: code for pid, code in stops.items() if code != -signal.SIGTERM} or stops
        who = ", ".join(f"{pid} ({_exit_words(code)})" for pid, code in first.items() if code)
        names = [picture.file_name for task, _ in under_way for picture in task]
        shown = ", ".join(names[: _PICTURES_A_TASK * self._workers][:5])
        return (
            f"Worker process {who or 'unknown'} died while one of these pictures was read: "
            f"{shown} or one soon after; often memory ran out. Nothing was written. Run again "
            "with fewer --workers, or with --workers 0 to read them in one process."
        )


class _Run:
    """One run's state: what has been written so far into the temporary folder."""

    def __init__(self, dataset: CocoDataset, encoder: "Encoder", files: EmbeddingsFiles) -> None:
        self._dataset = dataset
        self._encoder = encoder
        self._files = files
        self.image_ids: list[int] = []
        self.skipped: list[SkippedPicture] = []

    @property
    def count(self) -> int:
        return len(self.image_ids)

    def encode(self, prepared: Iterable[Prepared], batch_size: int, progress: Progress) -> None:
        """Encode batch by batch into the file of vectors."""
        total = len(self._dataset.images.ids)
        progress.update(0, total)
        with self._files.vectors.open("wb") as file:
            writer = VectorsWriter(file, self._encoder.dim)
            for batch in _chunks(self._usable(prepared), batch_size):
                writer.write(self._encode(batch))
                self.image_ids += [item.picture.image_id for item in batch]
                progress.update(self.count + len(self.skipped), total)
            writer.finish()
        progress.update(self.count + len(self.skipped), total)

    def write_records(self, model: ModelManifest, precision: str) -> None:
        """Write what belongs to the vectors: ids, names, links, manifest, skipped pictures."""
        if not self.image_ids:
            raise EmbeddingsError(self._nothing_read())
        images = self._dataset.images
        rows = self._dataset.images.rows_of(np.array(self.image_ids, dtype=np.int64))
        _save(self._files.image_ids, images.ids[rows])
        _save(self._files.filenames, np.array(images.file_names.take(rows), dtype=np.str_))
        _save(self._files.coco_urls, np.array(images.coco_urls.take(rows), dtype=np.str_))
        write_text(self._files.skipped, skipped_csv(self.skipped))
        manifest = Manifest(
            dataset=self._dataset.name,
            annotation_hash=self._dataset.annotation_hash,
            model=model.name,
            checkpoint_sha256=self._encoder.fingerprint,
            activation=model.activation,
            preprocessing=preprocessing_record(model),
            precision=precision,
            dim=self._encoder.dim,
            count=self.count,
            skipped=len(self.skipped),
            made_by=f"CocoSift {__version__}",
        )
        write_text(self._files.manifest, manifest.to_json() + "\n")

    def _usable(self, prepared: Iterable[Prepared]) -> Iterator[Prepared]:
        for item in prepared:
            if item.pixels is not None:
                yield item
            else:
                picture = item.picture
                self.skipped.append(
                    SkippedPicture(picture.image_id, picture.file_name, item.reason)
                )

    def _encode(self, batch: list[Prepared]) -> npt.NDArray[np.float32]:
        pixels = np.stack([item.pixels for item in batch if item.pixels is not None])
        try:
            vectors = self._encoder.encode_pixels(pixels)
        except RuntimeError as error:
            if "out of memory" not in str(error):
                raise
            raise ModelError(
                f"A batch of {len(batch)} pictures does not fit into the device's memory. "
                "Run again with a smaller --batch-size."
            ) from error
        bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if len(bad):
            raise ModelError(
                f"The model {self._files.model!r} gives numbers that are not finite for "
                f"{batch[int(bad[0])].picture.file_name!r}. Try --precision fp32, or check its "
                f"files: python -m core checkpoint verify models/{self._files.model}"
            )
        return vectors

    def _nothing_read(self) -> str:
        reasons = "; ".join(f"{skip.file_name}: {skip.reason}" for skip in self.skipped[:3])
        return (
            f"None of the {len(self.skipped):,} pictures of {self._dataset.name!r} could be "
            f"embedded ({reasons}). Nothing was written. Name the folder that holds them: "
            f"{embed_command(*_names(self._files))} --images FOLDER"
        )


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold ^C back until the block ends; a process that is started in it never gets any.

    A worker that is just starting would answer ^C with a traceback. Blocking it alone is not
    enough: another thread of this process may take it, and Python then tells the main one.
    """
    is_main = threading.current_thread() is threading.main_thread()
    came: list[int] = []
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    handler = (
        signal.signal(signal.SIGINT, lambda number, _: came.append(number)) if is_main else None
    )
    try:
        yield
    finally:
        if is_main:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if came:
            signal.raise_signal(signal.SIGINT)


def skipped_csv(skipped: Iterable[SkippedPicture]) -> str:
    """Return the content of `skipped.csv`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("image_id", "file_name", "reason"))
    writer.writerows((skip.image_id, skip.file_name, skip.reason) for skip in skipped)
    return text.getvalue()


def _locate(
    dataset: CocoDataset,
    images: Path | None,
    pictures_from_net: PictureStore | None,
) -> Iterator[Located]:
    rows = zip(dataset.images.ids.tolist(), dataset.images.file_names, strict=True)
    for block in _chunks(rows, _FEW_PICTURES):
        located = [_locate_one(dataset, images, image_id, name) for image_id, name in block]
        if pictures_from_net is not None:
            located = _fetch(located, pictures_from_net)
        yield from located


def _locate_one(dataset: CocoDataset, images: Path | None, image_id: int, name: str) -> Located:
    try:
        path = _path_below(images, name) if images else dataset.picture_path(image_id)
    except PictureError as error:
        return Located(image_id, name, None, str(error))
    return Located(image_id, name, path, "" if path else _no_file(dataset, images, name))


def _fetch(located: list[Located], pictures: PictureStore) -> list[Located]:
    absent = [picture.image_id for picture in located if picture.path is None]
    failures = pictures.fetch_many(absent, NoProgress()) if absent else {}
    found = []
    for picture in located:
        if picture.path is None and picture.image_id in failures:
            picture = replace(picture, reason=str(failures[picture.image_id]))
        elif picture.path is None:
            picture = _fetched(picture, pictures)
        found.append(picture)
    return found


def _fetched(picture: Located, pictures: PictureStore) -> Located:
    try:
        return replace(picture, path=pictures.path(picture.image_id), reason="")
    except PictureError as error:
        # The cache is full of later ones, and this one could not be had again.
        return replace(picture, reason=str(error))


def _no_file(dataset: CocoDataset, images: Path | None, name: str) -> str:
    folder = images or dataset.picture_folder
    where = f"in {folder}" if folder else "on this machine; --fetch gets it by its URL"
    return f"no file {name!r} {where}"


def _path_below(folder: Path, name: str) -> Path | None:
    """Return the file `name` in `folder`, with or without its own folders; None if absent."""
    safe = safe_file_name(name)
    candidates = (folder / safe, folder / safe.name)
    return next((path for path in candidates if path.is_file()), None)


def _worker_count(workers: int | None, n_pictures: int) -> int:
    if workers is None:
        # Starting a worker takes as long as reading some dozens of pictures.
        return 0 if n_pictures <= _FEW_PICTURES else min(os.cpu_count() or 1, 8)
    if workers < 0:
        raise EmbeddingsError(f"Expected --workers of 0 or more, found {workers}.")
    return workers


_read: Callable[[Located], Prepared]  # in a worker process, set when it starts


def _start_worker(preprocess: Preprocess, settings: Settings) -> None:
    """Set up a worker process: ^C is the parent's to handle, and it ends with the parent."""
    global _read
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _read = partial(_prepare, preprocess=preprocess, settings=settings)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _prepare_task(task: list[Located]) -> list[Prepared]:
    return [_read(picture) for picture in task]


def _prepare(picture: Located, preprocess: Preprocess, settings: Settings) -> Prepared:
    if picture.path is None:
        return Prepared(picture, None, picture.reason)
    try:
        return Prepared(picture, preprocess(open_picture(picture.path, settings)))
    except PictureError as error:
        return Prepared(picture, None, str(error))
    except MemoryError:
        return Prepared(picture, None, "not enough memory to decode it")


def _exit_words(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"killed by {signal.Signals(-code).name}"


def _save(path: Path, array: npt.NDArray[Any]) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def _names(files: EmbeddingsFiles) -> tuple[str, str]:
    return files.dataset, files.model


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
