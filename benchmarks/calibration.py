"""What a score means, and the human check, at COCO val2014's real size.

    python -m benchmarks.calibration [--folder FOLDER] [--json]

Writes synthetic files of val2014's size (40,504 pictures, 291,875 instances, 202,654
captions) and a ViT-B-32 checkpoint with random weights, and measures in fresh processes, in
milliseconds, with the query's scores at hand:

- `calibration`: labels, precision, recall and F1 at each threshold with all intervals,
  the suggestion of a threshold, and the three charts; the first time (what it imports
  included) and the median of those that follow. `longest stretch` is the longest time for
  which another thread of the process, asking every millisecond, had to wait
- `human check`: draw a sample and reckon with its answers
- `reference`: the same curve, average precision and isotonic fit by scikit-learn, and the
  same bootstrap by its `average_precision_score` (five samples, reckoned up to as many)
"""

import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.val2014 import prepare
from benchmarks.ways import Figures, measure_ways
from core.analytics.calibration import calibration_of
from core.analytics.human_check import checked, draw_sample
from core.analytics.labels import Labels, labelled
from core.charts import page_specification
from core.charts.calibration import check_chart, recall_chart, reliability_chart, threshold_chart
from core.found import Found
from core.library import Library
from core.settings import Settings

QUERY = "a dog on a beach"
LABELS = Labels(("thing 1",), ("city",), "any")
TOP_K = 500
REPEATS = 7
SAMPLES = 197


def main() -> None:
    """Write the files, measure each way in a process of its own, print a table or JSON."""
    measure_ways("benchmarks.calibration", __doc__, WAYS, prepare, digits=1, check=_check)


def _check(figures: Figures) -> None:
    areas = [figures[way].pop("average precision") for way in ("calibration", "reference")]
    assert abs(areas[0] - areas[1]) < 1e-9, areas


def by_library(folder: Path) -> dict[str, float]:
    """Calibrate as the page does."""
    found = _searched(folder)
    coco = found.dataset.coco
    labels_s, is_right = _timed(lambda: labelled(coco, LABELS))
    first_s, made = _timed(lambda: calibration_of(found, is_right))
    cut = float(found.scores.min())

    def charts() -> Any:
        drawn = (
            threshold_chart(made, cut, "thing 1"),
            reliability_chart(made, cut),
            recall_chart(made, cut),
        )
        return [page_specification(chart) for chart in drawn]

    charts()
    return {
        "labels, once": labels_s * 1e3,
        "labels": _median_ms(lambda: labelled(coco, LABELS)),
        "calibration, first": first_s * 1e3,
        "calibration": _median_ms(lambda: calibration_of(found, is_right)),
        "suggested threshold": _median_ms(lambda: made.threshold_for("precision", 0.5)),
        "3 charts": _median_ms(charts),
        "longest stretch": _longest_stretch_ms(lambda: calibration_of(found, is_right)),
        "average precision": made.average_precision.value,
    }


def by_person(folder: Path) -> dict[str, float]:
    """Draw a sample around the cut and answer all of it."""
    found = _searched(folder)
    first_s, sample = _timed(lambda: draw_sample(found, 80))
    answers = dict.fromkeys(sample.image_ids.tolist(), "yes")
    check = checked(sample, answers)
    return {
        "sample, first": first_s * 1e3,
        "sample": _median_ms(lambda: draw_sample(found, 80)),
        "answers": _median_ms(lambda: checked(sample, answers)),
        "chart": _median_ms(lambda: page_specification(check_chart(check))),
    }


def by_reference(folder: Path) -> dict[str, float]:
    """Do the same by the libraries' plain calls."""
    from sklearn.isotonic import IsotonicRegression
    from sklearn.metrics import average_precision_score, precision_recall_curve

    found = _searched(folder)
    is_right = labelled(found.dataset.coco, LABELS)[found.ranking.rows]
    scores = found.ranking.scores.astype(np.float64)

    def once() -> Any:
        precision_recall_curve(is_right, scores)
        IsotonicRegression(y_min=0, y_max=1).fit(scores, is_right.astype(np.float64))
        return average_precision_score(is_right, scores)

    random = np.random.default_rng(0)

    def sampled() -> None:
        for _ in range(5):
            drawn = random.integers(0, len(scores), len(scores))
            average_precision_score(is_right[drawn], scores[drawn])

    return {
        "curve, area, isotonic": _median_ms(once),
        "bootstrap": _timed(sampled)[0] * 1e3 * SAMPLES / 5,
        "average precision": float(once()),
    }


def _searched(folder: Path) -> Found:
    settings = Settings(home=folder, cache=folder / "cache", offline=True)
    return Library(settings).dataset("val2014").search(QUERY, top_k=TOP_K)


def _longest_stretch_ms(work: Callable[[], Any]) -> float:
    """Return the longest time for which another thread had no turn while `work` went on."""
    waits: list[float] = []
    over = threading.Event()

    def ask() -> None:
        before = time.perf_counter()
        while not over.is_set():
            time.sleep(0.001)
            now = time.perf_counter()
            waits.append(now - before)
            before = now

    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(3):
        work()
    over.set()
    asking.join()
    return max(waits) * 1e3


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    value = work()
    return time.perf_counter() - started, value


def _median_ms(work: Callable[[], Any]) -> float:
    return statistics.median(_timed(work)[0] for _ in range(REPEATS)) * 1e3


WAYS: dict[str, Callable[[Path], dict[str, float]]] = {
    "calibration": by_library,
    "human check": by_person,
    "reference": by_reference,
}

if __name__ == "__main__":
    main()
