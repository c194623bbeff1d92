"""The figures and charts of the page Scores at COCO val2014's real size.

    python -m benchmarks.scores [--folder FOLDER] [--json]

Writes synthetic files of val2014's size (40,504 pictures, 291,875 instances, 202,654
captions) and a ViT-B-32 checkpoint with random weights, and measures in fresh processes, in
milliseconds, the median of several runs with the query's scores at hand, and the chart with it:

- `figures`: histogram, density, rank curve; by category, caption word and number of
  instances; overlap of six queries; seven other phrasings
- `reference`: the same areas under the curve of 80 categories one by one by scikit-learn,
  and the density on a grid by SciPy on all scores
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.val2014 import prepare
from benchmarks.ways import Figures, measure_ways
from core.analytics.by_label import (
    caption_word_labels,
    category_labels,
    scores_by_instances,
    scores_by_label,
)
from core.analytics.overlap import overlap_of
from core.analytics.ranks import rank_curve, standing
from core.analytics.scores import density, score_densities, score_histogram
from core.analytics.stability import stability_of
from core.charts import page_specification
from core.charts.by_label import auc_chart, instances_chart, label_strips_chart
from core.charts.overlap import jaccard_chart, query_densities_chart, upset_chart
from core.charts.scores import density_chart, histogram_chart, rank_chart
from core.charts.stability import kept_chart
from core.found import Found
from core.library import Library, SearchableDataset
from core.settings import Settings

QUERY = "a dog on a beach"
OTHERS = ("a dog", "a beach", "two people", "a red bus", "food at night")
TOP_K = 500
REPEATS = 7


def main() -> None:
    """Write the files, measure each way in a process of its own, print a table or JSON."""
    measure_ways("benchmarks.scores", __doc__, WAYS, prepare, digits=1, check=_check)


def _check(figures: Figures) -> None:
    worst = figures["figures"].pop("largest difference to scikit-learn")
    assert worst < 1e-9, worst


def by_library(folder: Path) -> dict[str, float]:
    """Make each figure and its chart, as the page does."""
    dataset, found = _searched(folder)
    coco = dataset.coco
    scores = found.ranking.scores_by_row(len(coco.images))
    first_s, categories = _timed(lambda: category_labels(coco))
    words_s, words = _timed(lambda: caption_word_labels(coco))
    cut = standing(found.all_scores, float(found.scores.min()))
    others = [dataset.search(text, top_k=TOP_K) for text in (QUERY, *OTHERS)]

    def spread() -> Any:
        histogram = score_histogram(found)
        return [
            page_specification(histogram_chart(histogram, cut.n_at_least)),
            page_specification(density_chart(score_densities(found), histogram)),
            page_specification(rank_chart(rank_curve(found.all_scores, TOP_K), cut)),
        ]

    def by_category() -> Any:
        return _charts_of(scores_by_label(scores, categories), "category")

    def by_word() -> Any:
        return _charts_of(
            scores_by_label(scores, words, most=60, by_lower_bound=True).first(15), "word"
        )

    def by_instances() -> Any:
        return page_specification(instances_chart(scores_by_instances(scores, coco)))

    def together() -> Any:
        names = [one.words for one in others]
        overlap = overlap_of(names, [one.image_ids for one in others])
        densities = [density(one.words, one.all_scores) for one in others]
        cuts = [float(one.scores.min()) for one in others]
        charts = (
            query_densities_chart(densities, cuts),
            upset_chart(overlap),
            jaccard_chart(overlap),
        )
        return [page_specification(chart) for chart in charts]

    stable_s, stability = _timed(lambda: stability_of(dataset, found))
    kept_ms = _median_ms(lambda: page_specification(kept_chart(stability)))
    return {
        "categories of pictures, once": first_s * 1e3,
        "words of captions, once": words_s * 1e3,
        "distribution, 3 charts": _median_ms(spread),
        "80 categories, 2 charts": _median_ms(by_category),
        "caption words, 2 charts": _median_ms(by_word),
        "instances, 1 chart": _median_ms(by_instances),
        "6 queries, 3 charts": _median_ms(together),
        "stability, texts encoded": stable_s * 1e3,
        "stability, asked again": _median_ms(lambda: stability_of(dataset, found)) + kept_ms,
        "largest difference to scikit-learn": _difference(scores, categories),
    }


def by_reference(folder: Path) -> dict[str, float]:
    """Do the same by the libraries' plain calls."""
    from scipy.stats import gaussian_kde
    from sklearn.metrics import roc_auc_score

    dataset, found = _searched(folder)
    scores = found.ranking.scores_by_row(len(dataset.coco.images)).astype(np.float64)
    categories = category_labels(dataset.coco)
    member = np.zeros((len(categories.names), len(scores)), dtype=np.bool_)
    member[categories.places, categories.image_rows] = True
    grid = np.linspace(scores.min(), scores.max(), 200)
    areas = _median_ms(lambda: [roc_auc_score(has, scores) for has in member], 1)
    curve = _median_ms(lambda: gaussian_kde(scores)(grid), 1)
    return {"80 areas, scikit-learn": areas, "1 density, SciPy": curve}


def _charts_of(scores: Any, noun: str) -> Any:
    return [
        page_specification(label_strips_chart(scores, "benchmark", noun)),
        page_specification(auc_chart(scores, "benchmark", noun)),
    ]


def _difference(scores: np.ndarray, labels: Any) -> float:
    """Return by how much an area of ours differs from scikit-learn's at most."""
    from sklearn.metrics import roc_auc_score

    ours = scores_by_label(scores, labels)
    worst = 0.0
    for name, area in zip(ours.names, ours.auc, strict=True):
        has = np.zeros(len(scores), dtype=np.bool_)
        has[labels.image_rows[labels.places == labels.names.index(name)]] = True
        worst = max(worst, abs(float(area) - float(roc_auc_score(has, scores))))
    return worst


def _searched(folder: Path) -> tuple[SearchableDataset, Found]:
    library = Library(Settings(home=folder, cache=folder / "cache", offline=True))
    dataset = library.dataset("val2014", "clip")
    return dataset, dataset.search(QUERY, top_k=TOP_K)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    value = work()
    return time.perf_counter() - started, value


def _median_ms(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    if repeats > 1:
        work()
    return statistics.median(_timed(work)[0] for _ in range(repeats)) * 1e3


WAYS: dict[str, Callable[[Path], dict[str, float]]] = {
    "figures": by_library,
    "reference": by_reference,
}

if __name__ == "__main__":
    main()
