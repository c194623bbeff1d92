"""Finding at COCO val2014's size: 40,504 pictures by vectors of 512 numbers.

    python -m benchmarks.search [--folder FOLDER] [--json]

Writes synthetic files of val2014's size, their vectors in clusters with near-copies among
them, and times `SearchableDataset.find` beside what a plain numpy script does for the same:

- `first find`: a query that was not asked before, its vector at hand
- `moved cut`: the same query with another top-k, score or percentile
- `moved cut, filtered`: the same with six filters
- `near-duplicates`: hide them in the top 1,000, nothing remembered
- `diversity`: order the top 1,000 by maximal marginal relevance
- `both`: both for the top 1,000

Each figure is the median of several runs in milliseconds; no model is needed.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.val2014_files import DIMENSION, PICTURES, write_val2014
from core.library import Library, open_library
from core.query import CategoryTerm, Cut, Filters, Part, Query, SideBound
from core.settings import Settings

TOP = 1_000
SIMILAR = 0.9
DIVERSITY = 0.3
SIX_FILTERS = Filters(
    must=(CategoryTerm("thing 1"), CategoryTerm("group 2", is_supercategory=True)),
    without=(CategoryTerm("thing 9", count=3),),
    crowd=False,
    orientations=("landscape",),
    sides=(SideBound("width", ">=", 600),),
)


def main() -> None:
    """Write the files, measure, print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="keep the files here (about 300 MB)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="search-") as temporary:
        folder = options.folder or Path(temporary)
        prepare(folder)
        library = open_library(Settings(home=folder, cache=folder / "cache", offline=True))
        figures = measure(library)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    print(f"{'':<24} {'find, ms':>12} {'plain numpy, ms':>18}")
    for name, (ours, plain) in figures.items():
        print(f"{name:<24} {ours:>12,.1f} {'' if plain is None else f'{plain:,.1f}':>18}")


def prepare(folder: Path) -> None:
    """Write dataset and vectors unless they are there."""
    if (folder / "models/clip_model_part_aa").exists():
        return
    files = write_val2014(folder)
    np.save(files.embeddings, clustered(PICTURES, DIMENSION))
    # No model is loaded: pictures are compared with pictures. It only has to be there.
    (folder / "models").mkdir(exist_ok=True)
    (folder / "models/clip_model_part_aa").write_bytes(b"not loaded")


def clustered(n: int, dim: int) -> np.ndarray:
    """Return float32 unit rows, shape (n, dim), spread about as CLIP spreads pictures.

    All share a direction, each belongs to one of 400 clusters, and one in twenty is a
    near-copy of another (a cosine above 0.95).
    """
    random = np.random.default_rng(2014)
    centres = random.standard_normal((400, dim)) + 0.7 * random.standard_normal(dim)
    rows = centres[random.integers(0, 400, n)] + 0.8 * random.standard_normal((n, dim))
    copies = random.choice(n, n // 20, replace=False)
    rows[copies] = rows[(copies + 1) % n] + 0.1 * random.standard_normal((len(copies), dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def measure(library: Library) -> dict[str, tuple[float, float | None]]:
    """Return by name the milliseconds of `find` and of a plain script."""
    dataset = library.dataset("val2014", "clip")
    vectors, ids = np.array(dataset.embeddings.vectors), dataset.embeddings.image_ids
    pictures = iter(np.random.default_rng(1).permutation(ids).tolist())
    query = Query((Part("image", next(pictures)),), cut=Cut("top", TOP))
    vector = vectors[np.flatnonzero(ids == query.parts[0].value)[0]]
    dataset.find(query)
    cuts = iter(
        [Cut("top", 24), Cut("score", 0.4), Cut("percentile", 97), Cut("top", 900)] * 50,
    )

    def another_query() -> None:
        dataset.find(Query((Part("image", next(pictures)),)))

    def another_cut(filters: Filters) -> None:
        dataset.find(Query(query.parts, filters=filters, cut=next(cuts)))

    def with_nothing_remembered(**options: float) -> Callable[[], None]:
        def ask() -> None:
            dataset.library.memory.near.clear()
            dataset.find(Query(query.parts, cut=query.cut, **options))

        return ask

    another_cut(SIX_FILTERS)
    ranked = np.argsort(-(vectors @ vector), kind="stable")
    return {
        "first find": (
            median(another_query),
            median(lambda: np.argsort(-(vectors @ vector), kind="stable")[:24]),
        ),
        "moved cut": (median(lambda: another_cut(Filters())), None),
        "moved cut, filtered": (median(lambda: another_cut(SIX_FILTERS)), None),
        "near-duplicates": (
            median(with_nothing_remembered(hide_duplicates=SIMILAR), 5),
            median(lambda: plain_unlike(vectors, ranked, TOP), 3),
        ),
        "diversity": (
            median(with_nothing_remembered(diversity=DIVERSITY), 5),
            median(lambda: plain_diverse(vectors, ranked[: 2 * TOP], vector, TOP), 3),
        ),
        "both": (median(with_nothing_remembered(hide_duplicates=SIMILAR, diversity=0.3), 5), None),
    }


def plain_unlike(vectors: np.ndarray, ranked: np.ndarray, wanted: int) -> list[int]:
    """Keep what is unlike all that was kept before, one picture after the other."""
    kept: list[int] = []
    for row in ranked.tolist():
        if not kept or (vectors[kept] @ vectors[row]).max() < SIMILAR:
            kept.append(row)
        if len(kept) == wanted:
            break
    return kept


def plain_diverse(
    vectors: np.ndarray, pool: np.ndarray, vector: np.ndarray, wanted: int
) -> list[int]:
    """Choose by maximal marginal relevance, with a product over the pool for each choice."""
    chosen: list[int] = []
    rows = vectors[pool]
    relevance = (1 - DIVERSITY) * (rows @ vector)
    likest = np.zeros(len(pool), np.float32)
    free = np.ones(len(pool), bool)
    for _ in range(wanted):
        place = int(np.where(free, relevance - DIVERSITY * likest, -np.inf).argmax())
        free[place] = False
        products = rows @ rows[place]
        likest = np.maximum(likest, products) if chosen else products
        chosen.append(place)
    return chosen


def median(ask: Callable[[], object], runs: int = 15) -> float:
    """Return the median milliseconds of a call."""
    seconds = []
    for _ in range(runs):
        asked = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - asked)
    return 1e3 * float(np.median(seconds))


if __name__ == "__main__":
    main()
