"""Pictures decoded and cropped, by worker processes or in this one, in order."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import islice
from multiprocessing import resource_tracker
from typing import Self

from core.embed_run.pictures import Located, Pixels, Prepared, chunks
from core.errors import EmbeddingsError, PictureError
from core.images import open_picture
from core.settings import Settings

_PICTURES_A_TASK = 8
_FEW_PICTURES = 64

Preprocess = Callable[..., Pixels]


class Preparation:
    """Reads and preprocesses pictures, in worker processes or in this one.

    A context manager; leaving it stops the workers.

    Args:
        workers: number of processes, 0 for none.
        preprocess: picklable; takes an RGB picture, gives what the model sees of it.
        settings: their bounds on pictures hold.
        shortest: decode a JPEG at the smallest scale whose shorter side has so many pixels;
            None decodes all of it.
        ahead: pictures that are prepared beyond those that were taken.
        niceness: of the processes, 0 to 19: what computes beside them goes first.
    """

    def __init__(
        self,
        workers: int,
        preprocess: Preprocess,
        settings: Settings,
        *,
        shortest: int | None = None,
        ahead: int = 0,
        niceness: int = 0,
    ) -> None:
        self._workers = workers
        self._niceness = niceness
        self._read = partial(_prepare, preprocess=preprocess, settings=settings, shortest=shortest)
        self._tasks = workers * 3 + -(-ahead // _PICTURES_A_TASK)
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
                initargs=(self._read, self._niceness),
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
                yield self._read(picture)
        else:
            yield from self._prepare_by(self._pool, pictures)

    def _prepare_by(
        self, pool: ProcessPoolExecutor, pictures: Iterable[Located]
    ) -> Iterator[Prepared]:
        under_way: deque[tuple[list[Located], Future[list[Prepared]]]] = deque()
        tasks = chunks(pictures, _PICTURES_A_TASK)
        for task in islice(tasks, self._tasks):
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
            with interrupts_held():
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
            f"{shown} or one soon after; often memory ran out. What was embedded before is kept. "
            "Run again with fewer --workers, or with --workers 0 to read them in one process."
        )


def worker_count(workers: int | None, n_pictures: int) -> int:
    """Return how many processes read pictures, when `workers` were asked for.

    Raises:
        EmbeddingsError: fewer than none.
    """
    if workers is None:
        # Starting a worker takes as long as reading some dozens of pictures.
        return 0 if n_pictures <= _FEW_PICTURES else min(os.cpu_count() or 1, 8)
    if workers < 0:
        raise EmbeddingsError(f"Expected --workers of 0 or more, found {workers}.")
    return workers


@contextmanager
def interrupts_held() -> Iterator[None]:
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


_read: Callable[[Located], Prepared]  # in a worker process, set when it starts


def _start_worker(read: Callable[[Located], Prepared], niceness: int) -> None:
    """Set up a worker process: ^C is the parent's to handle, and it ends with the parent."""
    global _read
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(niceness)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _read = read


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _prepare_task(task: list[Located]) -> list[Prepared]:
    return [_read(picture) for picture in task]


def _prepare(
    picture: Located, preprocess: Preprocess, settings: Settings, shortest: int | None
) -> Prepared:
    if picture.path is None:
        return Prepared(picture, None, picture.reason)
    try:
        return Prepared(picture, preprocess(open_picture(picture.path, settings, shortest)))
    except PictureError as error:
        return Prepared(picture, None, str(error))
    except MemoryError:
        return Prepared(picture, None, "not enough memory to decode it")


def _exit_words(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"killed by {signal.Signals(-code).name}"
