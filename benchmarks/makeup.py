"""What pictures are made of, at COCO val2014's real size: each chart, the first time and again.

    python -m benchmarks.makeup [--folder FOLDER] [--json]

Writes synthetic files of val2014's size and measures, each in a fresh process, for a subset of
5,000 of 40,504 pictures with 291,875 instances and 202,654 captions:

- `charts`: figures and specification of each chart of the page Categories, in milliseconds;
  the first time, when the dataset is counted, and the median of those that follow
- `plain`: the pictures and instances a category by a loop over the parsed JSON, as a script would
"""

import json
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.val2014_files import write_val2014
from benchmarks.ways import Figures, measure_ways
from core.analytics import shapes
from core.analytics.caption_terms import caption_terms
from core.analytics.cooccurrence import cooccurrence
from core.analytics.lift import lift_of
from core.analytics.makeup import By, Makeup, makeup, pictures_in
from core.charts import Chart, page_specification
from core.charts.caption_terms import marking_chart
from core.charts.cooccurrence import pairs_chart, together_map
from core.charts.lift import lift_chart
from core.charts.makeup import makeup_chart
from core.charts.shapes import counts_chart, coverage_map, kinds_chart, scale_chart
from core.coco import CocoDataset, open_dataset
from core.settings import Settings

SUBSET = 5_000
REPEATS = 15


def main() -> None:
    """Write the files, measure each way in a process of its own, print a table or JSON."""
    measure_ways(
        "benchmarks.makeup", __doc__, WAYS, _prepare, digits=1, size="300 MB", check=_check
    )


def _prepare(folder: Path) -> None:
    if not (folder / "data/captions_val2014.json").exists():
        write_val2014(folder)
    _opened(folder).caption_words()


def _check(figures: Figures) -> None:
    for name in ("pictures of the first category", "its instances"):
        assert figures["charts"][name] == figures["plain"][name]


def charts(folder: Path) -> dict[str, float]:
    """Make each chart of the page."""
    dataset = _opened(folder)
    ids = _subset(dataset)
    started = time.perf_counter()
    import scipy.sparse
    import scipy.stats  # noqa: F401

    figures = {"import of scipy ms": (time.perf_counter() - started) * 1e3}
    for name, make in _charts(dataset, ids).items():
        first, *rest = (_ms(make) for _ in range(REPEATS + 1))
        figures |= {f"{name}, first ms": first, f"{name} ms": statistics.median(rest)}
    made = makeup(dataset, ids)
    figures["pictures of the first category"] = int(made.images[0])
    figures["its instances"] = int(made.instances[0])
    return figures


def by_plain_script(folder: Path) -> dict[str, float]:
    """Count as a script without the library would, the JSON parsed before."""
    content = json.loads((folder / "data/instances_val2014.json").read_bytes())
    ids = set(_subset(_opened(folder)).tolist())
    started = time.perf_counter()
    instances, pairs = Counter[int](), set()
    for one in content["annotations"]:
        if one["image_id"] in ids:
            instances[one["category_id"]] += 1
            pairs.add((one["image_id"], one["category_id"]))
    pictures = Counter(category for _, category in pairs)
    elapsed = time.perf_counter() - started
    first = content["categories"][0]["id"]
    return {
        "loop ms": elapsed * 1e3,
        "pictures of the first category": pictures[first],
        "its instances": instances[first],
    }


def _charts(dataset: CocoDataset, ids: np.ndarray) -> dict[str, Callable[[], Chart | None]]:
    def of_sorting(
        sort: Callable[[CocoDataset], shapes.Sorting],
        draw: Callable[..., Chart],
    ) -> Callable[[], Chart]:
        title = "{}: {}".format if draw is kinds_chart else "What it shows"

        def make() -> Chart:
            spread = shapes.distribution(sort(dataset), pictures_in(dataset, ids))
            return draw(spread, "chart", title, label="what")

        return make

    return {
        "makeup": lambda: _shares(makeup(dataset, ids)),
        "supercategories": lambda: _shares(makeup(dataset, ids, "supercategory")),
        "lift": lambda: _lifts(dataset, ids, "category"),
        "together": lambda: together_map(cooccurrence(dataset, ids)),
        "pairs": lambda: pairs_chart(cooccurrence(dataset, ids)),
        "size classes": of_sorting(shapes.object_sizes, kinds_chart),
        "sides": of_sorting(shapes.object_sides, scale_chart),
        "aspects": of_sorting(shapes.object_aspects, scale_chart),
        "positions": lambda: coverage_map(shapes.coverage(dataset, ids)),
        "instances a picture": of_sorting(shapes.crowding, counts_chart),
        "crowds": of_sorting(shapes.crowds, kinds_chart),
        "orientations": of_sorting(shapes.orientations, kinds_chart),
        "picture sizes": of_sorting(shapes.picture_sizes, kinds_chart),
        "licences": of_sorting(shapes.licences, kinds_chart),
        "caption lengths": of_sorting(shapes.caption_lengths, counts_chart),
        "words": lambda: marking_chart(caption_terms(dataset, ids)),
    }


def _shares(made: Makeup) -> Chart:
    return makeup_chart(made, np.arange(min(25, len(made))))


def _lifts(dataset: CocoDataset, ids: np.ndarray, by: By) -> Chart:
    made = makeup(dataset, ids, by)
    lift = lift_of(made.images, made.n_images, made.all_images, made.total)
    return lift_chart(made.names, lift, lift.order[:25])


def _subset(dataset: CocoDataset) -> np.ndarray:
    """Pictures that have much in common, as those of a query have: of a word in a caption."""
    has_word = dataset.images.ids[dataset.with_words("dog")]
    rest = np.setdiff1d(dataset.images.ids, has_word)
    ids: np.ndarray = np.concatenate([has_word, rest])[:SUBSET]
    return ids


def _ms(make: Callable[[], Chart | None]) -> float:
    started = time.perf_counter()
    chart = make()
    if chart is not None:
        page_specification(chart, door=[str(name) for name in chart.data.columns])
    return (time.perf_counter() - started) * 1e3


def _opened(folder: Path) -> CocoDataset:
    settings = Settings(home=folder, cache=folder / "cache", offline=True)
    return open_dataset(folder / "data/captions_val2014.json", settings)


WAYS: dict[str, Callable[[Path], dict[str, float]]] = {
    "charts": charts,
    "plain": by_plain_script,
}

if __name__ == "__main__":
    main()
