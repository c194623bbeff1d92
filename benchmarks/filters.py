"""Filters at COCO val2014's real size: the words of captions indexed and opened, masks, counts.

    python -m benchmarks.filters [--folder FOLDER] [--json]

Writes synthetic files of val2014's size and measures, each in a fresh process:

- `words built`: index the words of 202,654 captions, the first time and once only
- `words opened`: open that index again and look a word up
- `filters`: six filters at once on 40,504 pictures and 291,875 instances: the
  mask and the counts of each filter; first with nothing warm, then the median
- `plain`: the same mask by a loop over the parsed JSON, as a script would
"""

import json
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.val2014_files import CAPTIONS, PICTURES, write_val2014
from benchmarks.ways import Figures, measure_ways
from core.coco import CocoDataset, open_dataset
from core.filters import filtered
from core.query.record import CategoryTerm, Filters, SideBound, Words
from core.settings import Settings

# Six conditions: a count of a category, small instances of a supercategory, one that is
# absent, words in a row, a licence's terms, and a bound.
SIX = Filters(
    must=(CategoryTerm("thing 1"), CategoryTerm("group 3", True, "small")),
    without=(CategoryTerm("thing 40", count=3),),
    words=(Words("in the city"),),
    licenses=("commercial",),
    sides=(SideBound("width", ">=", 640),),
)
REPEATS = 50


def main() -> None:
    """Write the files, measure each way in a process of its own, print a table or JSON."""
    measure_ways(
        "benchmarks.filters", __doc__, WAYS, prepare, digits=2, size="300 MB", check=_check
    )


def _check(figures: Figures) -> None:
    assert figures["filters"]["pictures that pass"] == figures["plain"]["pictures that pass"]


def prepare(folder: Path) -> None:
    """Write the dataset unless it is there, and index its annotations but not its words."""
    if not (folder / "data/captions_val2014.json").exists():
        write_val2014(folder)
    for words in folder.rglob("caption_words.arrow"):
        words.unlink()
    _opened(folder)


def words_built(folder: Path) -> dict[str, float]:
    """Index the words of the captions."""
    dataset = _opened(folder)
    seconds, words = _timed(dataset.caption_words)
    assert len(words.starts) == CAPTIONS
    file = next(folder.rglob("caption_words.arrow"))
    return {"build s": seconds, "file MB": file.stat().st_size / 1e6}


def words_opened(folder: Path) -> dict[str, float]:
    """Open the words again and look one up."""
    dataset = _opened(folder)
    opened, words = _timed(dataset.caption_words)
    found, _ = _timed(lambda: words.find("in the city"))
    return {
        "open ms": opened * 1e3,
        "first look-up ms": found * 1e3,
        "look-up ms": _median_ms(lambda: words.find("in the city")),
        "most frequent word ms": _median_ms(lambda: dataset.with_words("a")),
    }


def by_filters(folder: Path) -> dict[str, float]:
    """Mask and counts of six filters."""
    dataset = _opened(folder)
    first, found = _timed(lambda: filtered(dataset, SIX))
    assert found.passes.shape == (PICTURES,)
    assert len(found.counts) == 6
    return {
        "pictures that pass": int(found.passes.sum()),
        "first ms": first * 1e3,
        "ms": _median_ms(lambda: filtered(dataset, SIX)),
    }


def by_plain_script(folder: Path) -> dict[str, float]:
    """Do the same as a script without the library would, reading the files apart."""
    captions = json.loads((folder / "data/captions_val2014.json").read_bytes())
    instances = json.loads((folder / "data/instances_val2014.json").read_bytes())
    seconds, found = _timed(lambda: _plain(captions, instances))
    return {"pictures that pass": found, "loop ms": seconds * 1e3}


def _plain(captions: dict[str, Any], instances: dict[str, Any]) -> int:
    thing = {one["name"]: one["id"] for one in instances["categories"]}
    group = {one["id"]: one["supercategory"] for one in instances["categories"]}
    with_thing, with_small, with_absent = Counter[int](), Counter[int](), Counter[int]()
    for one in instances["annotations"]:
        with_thing[one["image_id"]] += one["category_id"] == thing["thing 1"]
        with_absent[one["image_id"]] += one["category_id"] == thing["thing 40"]
        is_small = group[one["category_id"]] == "group 3" and one["area"] < 32**2
        with_small[one["image_id"]] += is_small
    phrase = re.compile(r"\bin the city\b", re.IGNORECASE)
    said = {one["image_id"] for one in captions["annotations"] if phrase.search(one["caption"])}
    commercial = {one["id"] for one in instances["licenses"] if "-nc" not in one["url"]}
    return sum(
        with_thing[image["id"]] >= 1
        and with_small[image["id"]] >= 1
        and with_absent[image["id"]] < 3
        and image["id"] in said
        and image["license"] in commercial
        and image["width"] >= 640
        for image in instances["images"]
    )


def _opened(folder: Path) -> CocoDataset:
    settings = Settings(home=folder, cache=folder / "cache", offline=True)
    return open_dataset(folder / "data/captions_val2014.json", settings)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    value = work()
    return time.perf_counter() - started, value


def _median_ms(work: Callable[[], Any]) -> float:
    work()
    return statistics.median(_timed(work)[0] for _ in range(REPEATS)) * 1e3


WAYS: dict[str, Callable[[Path], dict[str, float]]] = {
    "words built": words_built,
    "words opened": words_opened,
    "filters": by_filters,
    "plain": by_plain_script,
}

if __name__ == "__main__":
    main()
