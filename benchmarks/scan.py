"""The scan of all vectors: one query beside reading the bytes, 64 beside the matrix product.

Every vector must be read, so one query takes as long at least as reading the same bytes with as
many threads: here torch's sum, which does little else. For 64 at once the arithmetic is the
limit: the product of the same matrices by numpy's or torch's library, whichever is faster here.
What is compared takes turns, and the fastest of each counts, which others disturb least.
"""

import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from benchmarks import inputs
from benchmarks.rows import (
    Row,
    at_least,
    at_most,
    bounded,
    faster,
    interleaved,
    seconds,
    unmeasured,
)
from core.index import blocks, compiled, make_index
from core.query.record import Part
from core.ranking import Ranking, scores_of

PICTURES, DIMENSION, QUERIES = 40_504, 512, 64
MANY = 1_000_000
AT_ONCE = 32_768
LIMIT = 0.8
MANY_MS = 40


def rows(quick: bool) -> list[Row]:
    """Measure; `quick` leaves out the million, which takes 1 GB."""
    import torch

    torch.set_num_threads(blocks.threads())
    times = 40 if quick else 120
    single, half = unit_rows(PICTURES), unit_rows(PICTURES, np.float16)
    measured = [
        scan("scan, one query", single, times),
        scan("scan, one query, fp16", half, times),
        many_at_once("scan, 64 queries at once", single, times // 4),
        many_at_once("scan, 64 queries at once, fp16", half, times // 4),
        order("scan, order against float64"),
        unmeasured(
            "int8 with exact re-ranking",
            "ms",
            at_least(1.8),
            "not made: it takes a second copy of the vectors, and fp16 reads at the memory's speed",
        ),
    ]
    if not quick:
        measured.insert(2, million())
    return measured


def scan(name: str, vectors: npt.NDArray[np.floating], times: int) -> Row:
    """One query beside a plain read of the same bytes."""
    index, query = make_index(vectors), unit_rows(1, seed=1)[0]
    repeats = interleaved(lambda: index.scores(query), reading(vectors), times, warm=2)
    return faster(name, repeats, at_least(LIMIT), best=True, note=_read(vectors))


def million() -> Row:
    """One query on a file of a million float16 vectors, memory-mapped as it is served."""
    path = inputs.folder() / "scan" / "million.npy"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        unfinished = path.with_name("unfinished.npy")
        file = np.lib.format.open_memmap(unfinished, "w+", np.float16, (MANY, DIMENSION))
        some = unit_rows(AT_ONCE, np.float16)
        for start in range(0, MANY, AT_ONCE):
            # What the numbers are changes no time: the same ones in another order.
            block = file[start : start + AT_ONCE]
            block[:] = np.roll(some, start // AT_ONCE, axis=1)[: len(block)]
        file.flush()
        unfinished.rename(path)
    vectors = np.load(path, mmap_mode="r")
    index, query = make_index(vectors), unit_rows(1, seed=1)[0]
    repeats = interleaved(lambda: index.scores(query), reading(vectors), 15, warm=2)
    return faster(
        "scan, one query, 1 M x 512 fp16",
        repeats,
        at_most(MANY_MS),
        best=True,
        note=f"memory-mapped; {_read(vectors)}",
    )


def many_at_once(name: str, vectors: npt.NDArray[np.floating], times: int) -> Row:
    """64 queries beside the product of the same shapes in float32."""
    index, queries = make_index(vectors), unit_rows(QUERIES, seed=1)
    library, product = fastest_product(queries, vectors.astype(np.float32))
    repeats = interleaved(lambda: index.scores_of_many(queries), product, times)
    rate = 2 * QUERIES * vectors.size / min(repeats.reference) / 1e9
    note = f"the product by {library}, {rate:.0f} GFLOP/s"
    return faster(name, repeats, at_least(LIMIT), best=True, note=note)


def order(name: str) -> Row:
    """Places of rankings by one text, several and an image that float64 gives otherwise."""
    vectors = unit_rows(PICTURES)
    random = np.random.default_rng(7)
    copied, near = random.integers(0, PICTURES, (2, 4_000)), random.integers(0, PICTURES, 4_000)
    vectors[copied[0]] = vectors[copied[1]]
    vectors[near] = vectors[np.roll(near, 1)] + 1e-7 * unit_rows(len(near), seed=3)
    wrong = [
        places_otherwise(vectors.astype(dtype), query)
        for dtype in (np.float32, np.float16)
        for query in unit_rows(10, seed=2)
    ]
    return bounded(name, [float(sum(wrong))], at_most(0), unit="places", note="of 20 rankings")


def places_otherwise(vectors: npt.NDArray[np.floating], query: npt.NDArray[np.float32]) -> int:
    """How many pictures stand where float64 has one that is not within a millionth of it."""
    ids = np.arange(len(vectors))
    ours = Ranking.of(
        scores_of(make_index(vectors), [Part("text", "a query")], [query], "any"), ids, ids
    )
    exact = np.concatenate(
        [
            vectors[at : at + AT_ONCE].astype(np.float64) @ query.astype(np.float64)
            for at in range(0, len(vectors), AT_ONCE)
        ]
    )
    theirs = np.lexsort((ids, -exact))
    return int((np.abs(exact[ours.rows] - exact[theirs]) > 1e-6).sum())


def unit_rows(
    n: int, dtype: type[np.floating] = np.float32, seed: int = 0
) -> npt.NDArray[np.floating]:
    """Random rows of length 1, shape (n, 512)."""
    found = np.random.default_rng(seed).standard_normal((n, DIMENSION), dtype=np.float32)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found.astype(dtype)


def reading(vectors: npt.NDArray[np.floating]) -> Callable[[], object]:
    """Read the same bytes with as many threads and do as little else as may be."""
    import torch

    with warnings.catch_warnings():
        # That a mapped file cannot be written to: nothing is written.
        warnings.simplefilter("ignore")
        words = torch.from_numpy(np.asarray(vectors).view(np.float32))
    return words.sum


def fastest_product(
    queries: npt.NDArray[np.floating], vectors: npt.NDArray[np.floating]
) -> tuple[str, Callable[[], object]]:
    """The product of both by the library that is faster here."""
    import torch

    table, turned = torch.from_numpy(vectors), torch.from_numpy(queries)
    out = np.empty((len(queries), len(vectors)), np.float32)
    there, back = torch.from_numpy(out), torch.empty((len(vectors), len(queries)))
    ways: dict[str, Callable[[], object]] = {
        "numpy": lambda: np.matmul(queries, vectors.T, out=out),
        "torch": lambda: torch.mm(turned, table.T, out=there),
        "torch, the other way round": lambda: torch.mm(table, turned.T, out=back),
    }
    best = min(ways, key=lambda name: min(seconds(ways[name]) for _ in range(6)))
    return best, ways[best]


def _read(vectors: npt.NDArray[np.floating]) -> str:
    by = "numba" if vectors.dtype == np.float16 and compiled.can_take(vectors) else "numpy"
    return f"{vectors.nbytes / 1e6:,.0f} MB summed by {blocks.threads()} threads; scanned by {by}"
