"""Routes for those who look after the instance.

    GET /health/live     200 as long as the process answers; looks at nothing
    GET /health/ready    200 when people may be sent here, else 503 with what fails
    GET /metrics         figures for Prometheus, see `core.observe.metrics`

What fails is one of `stopping`, `model`, `database`, `disk`; why it does is in the log and on
the page Admin, and not for everybody. Who may read `/metrics` the gate decides.
"""

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from core import __version__
from core.database import shared_database
from core.errors import CocoSiftError
from core.http.answers import json_answer
from core.observe import metrics
from core.observe.stopping import STOPPING, Stopping
from core.people import OPERATOR
from core.people.acting import acting_as
from core.settings import Settings

if TYPE_CHECKING:
    from core.library import Library

DATABASE_S = 2.0
# So long an answer stands: whoever asks faster costs nothing more.
STANDS_S = 1.0

logger = logging.getLogger("cocosift")


class Readiness:
    """Whether people may be sent to this process. Safe to share by threads.

    Args:
        settings_of: returns the settings.
        stopping: whether the process is about to end.
        database_s: how long the database, and a disk, may take to answer, in seconds.
    """

    def __init__(
        self,
        settings_of: Callable[[], Settings],
        stopping: Stopping = STOPPING,
        database_s: float = DATABASE_S,
    ) -> None:
        self._settings_of = settings_of
        self._stopping = stopping
        self._database_s = database_s
        self._is_warm = False
        self._said: tuple[str, ...] | None = None
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="readiness")
        self._asked: dict[str, Future[bool]] = {}
        self._known: tuple[float, tuple[str, ...]] | None = None
        self._turn = anyio.Lock()

    def warmed_up(self) -> None:
        """Note that the warm-up is over, also where there was nothing to warm up."""
        self._is_warm = True

    async def failing(self) -> tuple[str, ...]:
        """Return which of `stopping`, `model`, `database` and `disk` fail; none when ready."""
        if self._stopping.is_under_way:
            return ("stopping",)
        async with self._turn:
            now = time.monotonic()
            if self._known is None or now - self._known[0] > STANDS_S:
                self._known = (time.monotonic(), await anyio.to_thread.run_sync(self._look))
                self._tell(self._known[1])
            return self._known[1]

    def _look(self) -> tuple[str, ...]:
        fails = {
            "model": not self._is_warm,
            "database": not self._answers("database", self._ask_database),
            "disk": not self._answers("disk", self._has_room),
        }
        return tuple(name for name, does in fails.items() if does)

    def _answers(self, name: str, ask: Callable[[], bool]) -> bool:
        """Ask in a thread, which one may stop waiting for; while it hangs, none joins it."""
        asked = self._asked.get(name)
        if asked is None or asked.done():
            asked = self._asked[name] = self._threads.submit(ask)
        try:
            return asked.result(self._database_s)
        except TimeoutError:
            return False

    def _ask_database(self) -> bool:
        try:
            with shared_database(self._settings_of()).reading() as session:
                session.execute(text("SELECT 1"))
        except CocoSiftError:
            return False
        return True

    def _has_room(self) -> bool:
        settings = self._settings_of()
        try:
            free = _free_bytes(settings).values()
        except OSError:
            return False
        return min(free) >= settings.min_free_disk_bytes

    def _tell(self, failing: tuple[str, ...]) -> None:
        """Write it down when it changes, not each time somebody asks."""
        if failing == self._said:
            return
        self._said = failing
        if failing:
            logger.warning("Not ready: %s", ", ".join(failing))
        else:
            logger.info("Ready")


def routes(
    library: "Library | Callable[[], Library]",
    readiness: Readiness,
    base_path: str = "",
    stopping: Stopping = STOPPING,
) -> list[BaseRoute]:
    """Return the routes, and have the figures of `library` among the metrics.

    Args:
        library: whose models and disks are told of, or what returns it.
        readiness: what `/health/ready` says.
        base_path: what stands before each, "" or "/…".
        stopping: told that somebody asks.
    """
    found: Callable[[], Library] = library if callable(library) else lambda: library
    _watch(found)

    async def live(_request: Request) -> Response:
        return json_answer({"status": "alive"})

    async def ready(_request: Request) -> Response:
        stopping.asked()
        failing = await readiness.failing()
        if not failing:
            return json_answer({"status": "ready"})
        headers = {"Cache-Control": "no-store", "Retry-After": "5"}
        return json_answer({"status": "not ready", "failing": list(failing)}, 503, headers)

    async def figures(_request: Request) -> Response:
        body = await anyio.to_thread.run_sync(metrics.exposition)
        return Response(
            body, headers={"Cache-Control": "no-store", "Content-Type": metrics.CONTENT_TYPE}
        )

    return [
        Route(f"{base_path}/health/live", live),
        Route(f"{base_path}/health/ready", ready),
        Route(f"{base_path}/metrics", figures),
    ]


def _watch(library: Callable[[], "Library"]) -> None:
    """Have metrics read what is held, what room there is, and how the queue stands."""
    metrics.watch(
        "cocosift_held_bytes",
        "What models, vectors and datasets in memory take.",
        ("kind", "name"),
        lambda: {(one.kind, one.name): one.n_bytes for one in library().loaded()},
    )
    metrics.watch(
        "cocosift_disk_free_bytes",
        "Room on the disks that hold the home and the cache folder.",
        ("holds",),
        lambda: _free_bytes(library().settings),
    )
    metrics.watch(
        "cocosift_jobs_now",
        "Jobs that wait and that run, on all replicas.",
        ("state",),
        lambda: _jobs_now(library().settings),
    )
    metrics.watch("cocosift_info", "What runs here.", ("version",), lambda: {(__version__,): 1})


def _free_bytes(settings: Settings) -> dict[tuple[str, ...], float]:
    """Return the free bytes of the disks of the home and the cache folder.

    Raises:
        OSError: a disk that is not there.
    """
    folders = {"home": settings.home, "cache": settings.cache}
    return {
        (name,): float(shutil.disk_usage(_nearest(folder)).free) for name, folder in folders.items()
    }


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _jobs_now(settings: Settings) -> Mapping[tuple[str, ...], float]:
    from core.jobs import shared_jobs

    counts: dict[tuple[str, ...], float] = {("waiting",): 0, ("running",): 0}
    with acting_as(OPERATOR):
        for seen in shared_jobs(settings).list():
            if (seen.state.value,) in counts:
                counts[seen.state.value,] += 1
    return counts
