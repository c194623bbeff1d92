"""Comparison, balance and audit at COCO val2014's real size.

    python -m benchmarks.audit [--folder FOLDER] [--json]

Writes synthetic files of val2014's size (40,504 pictures, 291,875 instances, vectors of 512
numbers) and measures, each in a fresh process:

- `compared`: four subsets of 5,000 pictures side by side, and how two of them differ
- `balanced`: 100 changes of a subset of 1,000 pictures, every picture looked at for each
- `balanced, plain`: the same first changes by the makeup of every candidate worked out anew
- `audited`: what the probe needs of all vectors, once, and then one category after the other
- `audited, plain`: scikit-learn's ridge regression in five folds, for one category

What the app imports when it warms up is imported before the clock starts.
`held ms` is the longest time that another thread of the process had to wait meanwhile.
"""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.val2014_files import PICTURES, write_val2014
from benchmarks.ways import measure_ways
from core.analytics.audit import Probe, suspects
from core.analytics.balance import dataset_target, equal_target, suggest
from core.analytics.comparison import difference, side_by_side
from core.analytics.makeup import presence
from core.coco import CocoDataset, open_dataset
from core.settings import Settings

SUBSET = 5_000
BALANCED = 1_000
CHANGES = 100
PLAIN_CHANGES = 1
CATEGORIES = 10
TICK_S = 0.002
WARM = ("scipy.spatial.distance", "scipy.stats", "sklearn.linear_model")


def main() -> None:
    """Write the files, measure each way in a process of its own, print a table or JSON."""
    measure_ways("benchmarks.audit", __doc__, WAYS, _prepare, digits=1, size="300 MB")


def _prepare(folder: Path) -> None:
    if not (folder / "data/captions_val2014.json").exists():
        write_val2014(folder)
    _opened(folder)


def compared(folder: Path) -> dict[str, float]:
    """Set four subsets side by side, and subtract two."""
    dataset = _opened(folder)
    ids = [_some(dataset, SUBSET, seed) for seed in range(4)]
    subsets = [(str(at), some) for at, some in enumerate(ids)]
    with _held() as held:
        counted, _ = _timed(lambda: presence(dataset))
        first, made = _timed(lambda: side_by_side(dataset, subsets))
        again = _median_ms(lambda: side_by_side(dataset, subsets))
        subtracted, _ = _timed(lambda: difference(dataset, ids[0], ids[1]))
        subtracted_again = _median_ms(lambda: difference(dataset, ids[0], ids[1]))
    assert made.n_images.tolist() == [SUBSET] * 4
    return {
        "counting all once ms": 1e3 * counted,
        "side by side, first ms": 1e3 * first,
        "side by side ms": again,
        "difference, first ms": 1e3 * subtracted,
        "difference ms": subtracted_again,
        "held ms": held(),
    }


def balanced(folder: Path) -> dict[str, float]:
    """Suggest changes toward two targets."""
    dataset = _opened(folder)
    ids = _some(dataset, BALANCED, 0)
    figures = {}
    with _held() as held:
        for name, target in (("equal", equal_target), ("as dataset", dataset_target)):
            seconds, found = _timed(
                lambda target=target: suggest(dataset, ids, target(dataset), most=CHANGES)
            )
            figures[f"{name} ms"] = 1e3 * seconds
            figures[f"{name}: changes"] = found.n_changes
            figures[f"{name}: distance now, thousandths"] = 1e3 * float(found.distances[0])
            figures[f"{name}: distance then, thousandths"] = 1e3 * float(found.distances[-1])
    return figures | {"held ms": held()}


def balanced_plainly(folder: Path) -> dict[str, float]:
    """Find the best change by working out the makeup with and without each picture."""
    dataset = _opened(folder)
    ids, table = _some(dataset, BALANCED, 0), presence(dataset)
    counts = np.zeros((PICTURES, len(table.names)), np.int64)
    counts[table.rows, table.groups] = table.counts
    rows = dataset.images.rows_of(ids)
    now, wanted = counts[rows].sum(axis=0), equal_target(dataset).shares
    sign = np.ones((PICTURES, 1), np.int64)
    sign[rows] = -1

    def best() -> float:
        from scipy.spatial.distance import jensenshannon

        apart = jensenshannon((now + sign * counts).T, wanted[:, None], base=2)
        return float(np.nanmin(apart))

    seconds, distance = _timed(best)
    found = suggest(dataset, ids, equal_target(dataset), most=PLAIN_CHANGES)
    assert np.isclose(distance, found.distances[-1])
    return {f"{CHANGES} changes at this pace, ms": 1e3 * CHANGES * seconds}


def audited(folder: Path) -> dict[str, float]:
    """Look over the labels of some categories."""
    dataset = _opened(folder)
    vectors, table = _vectors(folder), presence(dataset)
    has = _labels(dataset)
    ids, random = dataset.images.ids, np.random.default_rng(0)
    text = (vectors @ random.standard_normal(vectors.shape[1], np.float32)).astype(np.float64)
    most = np.argsort(-table.images)[:CATEGORIES]

    def one(at: int) -> Any:
        return suspects(ids, has(at), (text, probe.held_out(vectors, has(at))))

    with _held() as held:
        once, probe = _timed(lambda: Probe.of(vectors))
        first, _ = _timed(lambda: one(most[0]))
        later = [_timed(lambda at=at: one(at))[0] for at in most[1:]]
    return {
        "probe, once ms": 1e3 * once,
        "first category ms": 1e3 * first,
        "category ms": 1e3 * statistics.median(later),
        "held ms": held(),
    }


def audited_plainly(folder: Path) -> dict[str, float]:
    """Score one category by scikit-learn, out of fold."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import cross_val_predict

    dataset, vectors = _opened(folder), _vectors(folder)
    most = int(np.argmax(presence(dataset).images))
    labels = _labels(dataset)(most).astype(np.float32)
    seconds, _ = _timed(lambda: cross_val_predict(Ridge(alpha=4.0), vectors, labels, cv=5))
    return {"category ms": 1e3 * seconds}


def _opened(folder: Path) -> CocoDataset:
    for name in WARM:
        import_module(name)
    settings = Settings(home=folder, cache=folder / "cache", offline=True)
    return open_dataset(folder / "data/captions_val2014.json", settings)


def _vectors(folder: Path) -> np.ndarray:
    path = folder / "embeddings/image_coco_validation_2014_embeddings.npy"
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _labels(dataset: CocoDataset) -> Callable[[int], np.ndarray]:
    table = presence(dataset)

    def has(at: int) -> np.ndarray:
        marked = np.zeros(table.n_images, np.bool_)
        marked[table.rows[table.groups == at]] = True
        return marked

    return has


def _some(dataset: CocoDataset, count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice(dataset.images.ids, count, replace=False)


@contextmanager
def _held() -> Iterator[Callable[[], float]]:
    """Measure how long, at most, another thread waits for its turn, in milliseconds."""
    longest, over = 0.0, threading.Event()

    def tick() -> None:
        nonlocal longest
        while not over.is_set():
            started = time.perf_counter()
            time.sleep(TICK_S)
            longest = max(longest, time.perf_counter() - started - TICK_S)

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield lambda: 1e3 * longest
    finally:
        over.set()
        thread.join()


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    value = work()
    return time.perf_counter() - started, value


def _median_ms(work: Callable[[], Any]) -> float:
    return 1e3 * statistics.median(_timed(work)[0] for _ in range(5))


WAYS: dict[str, Callable[[Path], dict[str, float]]] = {
    "compared": compared,
    "balanced": balanced,
    "balanced, plain": balanced_plainly,
    "audited": audited,
    "audited, plain": audited_plainly,
}

if __name__ == "__main__":
    main()
