"""The catalogue: saving, changing, listing, and twenty who write at once.

    python -m benchmarks.catalogue [--url URL] [--entries N] [--json]

Fills a catalogue with N subsets of 5,000 pictures (on SQLite in a temporary folder, or in the
empty database at URL) and measures, in milliseconds unless it says otherwise:

- `save`: one more such subset, median of 50
- `rename`: one entry, median of 50
- `list`: the newest 50 of all; `search`: those with two words in them, median of 50 each
- `writers`: renames a second of 20 threads at once, each with an entry of its own, and the
  slowest of them
- `plain`: the reference: one UPDATE of one row, committed with Python's sqlite3 in the same
  mode (write-ahead log, each commit synced), median of 50, and how many a second that makes
"""

import argparse
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from core.catalogue import Catalogue
from core.query import query_of
from core.recipe import DatasetStamp, ModelStamp, QueryOrigin, Recipe
from core.settings import Settings

PICTURES, REPEATS, WRITERS, TIMES = 5_000, 50, 20, 10
WORDS = ["dog", "cat", "beach", "street", "snow", "kitchen", "night", "red", "two", "small"]


def main() -> None:
    """Fill a catalogue, measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="", help="an empty database; SQLite when left out")
    parser.add_argument("--entries", type=int, default=2_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="catalogue-") as folder:
        settings = Settings(home=Path(folder), database_url=options.url)
        figures = measure(Catalogue(settings), options.entries) | plain(Path(folder))
    if options.json:
        print(json.dumps(figures, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:<24}{value:>12,.1f}")


def measure(catalogue: Catalogue, n_entries: int) -> dict[str, float]:
    """Return the figures of a catalogue that is filled first."""
    ids = [
        catalogue.save(recipe(number), tags=[WORDS[number % 3]]).id for number in range(n_entries)
    ]
    some = ids[:: max(len(ids) // REPEATS, 1)]
    figures = {
        "save": median(lambda number: catalogue.save(recipe(number))),
        "rename": median(lambda number: rename(catalogue, some[number % len(some)])),
        "list": median(lambda _: catalogue.list()),
        "search": median(lambda _: catalogue.list("beach red")),
    }
    return figures | writers(catalogue, ids[:WRITERS])


def writers(catalogue: Catalogue, ids: list[int]) -> dict[str, float]:
    """Have one thread an entry rename it again and again."""

    def write(entry_id: int) -> list[float]:
        return [timed(lambda: rename(catalogue, entry_id)) for _ in range(TIMES)]

    start = time.perf_counter()
    with ThreadPoolExecutor(len(ids)) as pool:
        times = [one for of_one in pool.map(write, ids) for one in of_one]
    took = time.perf_counter() - start
    return {"writers, a second": len(times) / took, "writers, slowest": max(times) * 1000}


def plain(folder: Path) -> dict[str, float]:
    """Return the figures of Python's sqlite3 alone."""
    connection = sqlite3.connect(folder / "plain.sqlite3", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)")
    connection.execute("INSERT INTO t VALUES (1, '')")
    update = median(lambda number: connection.execute("UPDATE t SET name = ?", (str(number),)))
    connection.close()
    return {"plain": update, "plain, a second": 1000 / update}


def recipe(number: int) -> Recipe:
    """A recipe of 5,000 pictures, of words that change with `number`."""
    words = " ".join(WORDS[number // 10**place % 10] for place in range(3))
    return Recipe(
        title=words,
        origin=QueryOrigin(query_of(words)),
        dataset=DatasetStamp("val2014", "val2014", "0" * 64, {"instances": "1" * 64}, 40_504),
        model=ModelStamp("clip", "2" * 64, "quickgelu"),
        image_ids=tuple(range(number, number + 8 * PICTURES, 8)),
        scores=tuple(round(0.35 - place / 100_000, 6) for place in range(PICTURES)),
    )


def rename(catalogue: Catalogue, entry_id: int) -> Any:
    """Change one entry, as a page does."""
    version = catalogue.get(entry_id).version
    return catalogue.rename(entry_id, version, f"renamed {version}")


def median(work: Callable[[int], Any]) -> float:
    """Return the median of some calls of `work` in milliseconds."""
    return statistics.median(timed(work, number) for number in range(REPEATS)) * 1000


def timed(work: Callable[..., Any], *arguments: Any) -> float:
    """Return how many seconds a call takes."""
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
