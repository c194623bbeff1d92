"""Figures of this process for Prometheus, in a registry of their own.

| name | labels | what |
|---|---|---|
| `cocosift_requests_total` | `route`, `method`, `status` | requests that were answered |
| `cocosift_request_seconds` | `route` | how long they took |
| `cocosift_query_seconds` | `stage` | how long the stages of a query took, see `Stage` |
| `cocosift_rerun_seconds` | `page` | how long pages took to be drawn; its count is the reruns |
| `cocosift_sessions` | | browsers that are connected |
| `cocosift_sign_ins_total` | `way`, `outcome` | attempts to sign in |
| `cocosift_jobs_total` | `kind`, `state` | jobs that have ended, by how |
| `cocosift_jobs_now` | `state` | jobs that wait and that run |
| `cocosift_cache_hits_total` | `cache` | what was asked for and kept |
| `cocosift_cache_misses_total` | `cache` | what was asked for and made |
| `cocosift_unexpected_errors_total` | | errors that are bugs |
| `cocosift_held_bytes` | `kind`, `name` | models, vectors and datasets in memory |
| `cocosift_disk_free_bytes` | `holds` | room on the disks |
| `process_…` | | memory, processor time and open files of the process |

A name never holds what a person has typed, and every label has few values. What is read only
when somebody asks for the figures is given by `watch`.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from threading import Lock
from typing import Protocol, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import disable_created_metrics as _without_times_of_making
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

Value = TypeVar("Value")

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
REGISTRY = CollectorRegistry()
# Each counter would come with a second figure that nobody asks for.
_without_times_of_making()  # type: ignore[no-untyped-call]

_REQUEST_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
_STAGE_S = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.7, 1, 5)
_RERUN_S = (0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1, 2, 5, 15)


class Stage(StrEnum):
    """What a query spends its time on.

    TEXT: its texts and pictures become vectors. SCAN: these are compared with the dataset's.
    ORDER: scores become a ranking, look-alikes are hidden, variety is made. ANNOTATIONS:
    filters. ALL: all of it together.
    """

    TEXT = "text"
    SCAN = "scan"
    ORDER = "order"
    ANNOTATIONS = "annotations"
    ALL = "all"


_requests = Counter(
    "cocosift_requests",
    "Requests that were answered.",
    ("route", "method", "status"),
    registry=REGISTRY,
)
_request_seconds = Histogram(
    "cocosift_request_seconds",
    "How long requests took until their answer was sent.",
    ("route",),
    buckets=_REQUEST_S,
    registry=REGISTRY,
)
_query_seconds = Histogram(
    "cocosift_query_seconds",
    "How long the stages of a query took.",
    ("stage",),
    buckets=_STAGE_S,
    registry=REGISTRY,
)
_STAGES = {stage: _query_seconds.labels(stage.value) for stage in Stage}
_rerun_seconds = Histogram(
    "cocosift_rerun_seconds",
    "How long pages took to be drawn.",
    ("page",),
    buckets=_RERUN_S,
    registry=REGISTRY,
)
_sessions = Gauge("cocosift_sessions", "Browsers that are connected.", registry=REGISTRY)
_sign_ins = Counter(
    "cocosift_sign_ins", "Attempts to sign in.", ("way", "outcome"), registry=REGISTRY
)
_jobs = Counter("cocosift_jobs", "Jobs that have ended.", ("kind", "state"), registry=REGISTRY)
_cache_hits = Counter(
    "cocosift_cache_hits", "What was asked for and kept.", ("cache",), registry=REGISTRY
)
_cache_misses = Counter(
    "cocosift_cache_misses", "What was asked for and had to be made.", ("cache",), registry=REGISTRY
)
_unexpected = Counter("cocosift_unexpected_errors", "Errors that are bugs.", registry=REGISTRY)


def requests(route: str, method: str, status: int, seconds: float) -> None:
    """Count a request that was answered with `status` after so many seconds.

    Args:
        route: the pattern that its path fits, such as `/api/downloads/{token}`.
    """
    _requests.labels(route, method, str(status)).inc()
    _request_seconds.labels(route).observe(seconds)


def stage_seconds(stage: Stage) -> AbstractContextManager[object]:
    """Time what is done within as a stage of a query."""
    return _STAGES[stage].time()


def reruns(page: str) -> AbstractContextManager[object]:
    """Time what is done within as a rerun of `page`."""
    return _rerun_seconds.labels(page).time()


@contextmanager
def sessions() -> Iterator[None]:
    """Count a browser as connected meanwhile."""
    _sessions.inc()
    try:
        yield
    finally:
        _sessions.dec()


def connected() -> int:
    """Return how many browsers are connected now."""
    return int(next(iter(_sessions.collect())).samples[0].value)


def sign_ins(way: str, *, worked: bool) -> None:
    """Count an attempt to sign in by `way`, which is one of few words."""
    _sign_ins.labels(way, "in" if worked else "refused").inc()


def jobs(kind: str, state: str) -> None:
    """Count a job that has ended in `state`."""
    _jobs.labels(kind, state).inc()


def cache_hits(cache: str) -> None:
    """Count that what was asked for was kept in `cache`."""
    _cache_hits.labels(cache).inc()


def cache_misses(cache: str) -> None:
    """Count that what was asked for was not kept in `cache`."""
    _cache_misses.labels(cache).inc()


class Keeps(Protocol[Value]):
    """What keeps values by key, as `core.recent.Recent` does."""

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value: ...


def counted(cache: str, kept: Keeps[Value], key: Hashable, make: Callable[[], Value]) -> Value:
    """Return what `kept.get(key, make)` does, counted as a hit or a miss of `cache`.

    Raises:
        Whatever `make` raises.
    """
    was_made = False

    def made() -> Value:
        nonlocal was_made
        was_made = True
        return make()

    try:
        return kept.get(key, made)
    finally:
        (cache_misses if was_made else cache_hits)(cache)


def unexpected_error() -> None:
    """Count an error that is a bug."""
    _unexpected.inc()


def watch(
    name: str,
    what: str,
    labels: tuple[str, ...],
    read: Callable[[], Mapping[tuple[str, ...], float]],
) -> None:
    """Have `read` give the figures of `name` whenever somebody asks for all of them.

    Who watches the same name again takes the place of the one before. A `read` that fails
    gives no figures, and takes nothing from the others.

    Args:
        labels: names of the labels; the keys that `read` returns are their values.
    """
    _watched.put(name, _Watched(name, what, labels, read))


def exposition() -> bytes:
    """Return all figures as Prometheus reads them; see `CONTENT_TYPE`."""
    return generate_latest(REGISTRY)


class _Watched:
    def __init__(
        self,
        name: str,
        what: str,
        labels: tuple[str, ...],
        read: Callable[[], Mapping[tuple[str, ...], float]],
    ) -> None:
        self._name = name
        self._what = what
        self._labels = labels
        self._read = read

    def metric(self) -> Metric:
        family = GaugeMetricFamily(self._name, self._what, labels=self._labels)
        try:
            figures = self._read()
        except Exception:  # a database that is away takes no other figure along
            return family
        for values, figure in figures.items():
            family.add_metric(list(values), figure)
        return family


class _AllWatched(Collector):
    def __init__(self) -> None:
        self._lock = Lock()
        self._by_name: dict[str, _Watched] = {}

    def put(self, name: str, one: _Watched) -> None:
        with self._lock:
            self._by_name[name] = one

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            watched = list(self._by_name.values())
        return [one.metric() for one in watched]

    def describe(self) -> Iterable[Metric]:
        return []  # names come and go


_watched = _AllWatched()
REGISTRY.register(_watched)
ProcessCollector(registry=REGISTRY)
