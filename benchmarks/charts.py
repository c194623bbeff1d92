"""Charts drawn as files, and a report of a subset, at COCO val2014's real size.

    python -m benchmarks.charts [--folder FOLDER] [--json]

Writes synthetic files of val2014's size and a ViT-B-32 checkpoint with random weights, and
measures in fresh processes. `held ms` is the longest time that no other thread of the main
process could run: a colleague's page waits so long.

- `page`: the specification of a chart for a page, the first time and when it is asked for again
- `drawn here`: one chart as SVG and PNG by vl-convert in the same process, the reference
- `drawn apart`: the same in a process of its own, as the app does
- `report`: a report of 5,000 pictures without their thumbnails, its charts drawn apart
"""

import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.val2014 import prepare
from benchmarks.ways import measure_ways
from core.analytics.makeup import makeup
from core.charts import Chart, page_specification, specification
from core.charts.drawing import draw_specification
from core.charts.makeup import makeup_chart
from core.library import Library
from core.replay import recipe_of
from core.report import report_of, to_html
from core.settings import Settings
from core.subset import Subset
from core.workers import run_apart

QUERY = "a dog on a beach"
TOP_K = 5_000
REPEATS = 5
TICK_S = 0.002


class Holds:
    """Notes while it is entered how long at most another thread had to wait."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick)

    def __enter__(self) -> "Holds":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _tick(self) -> None:
        last = time.perf_counter()
        while not self._stop.is_set():
            time.sleep(TICK_S)
            now = time.perf_counter()
            self.longest_ms = max(self.longest_ms, (now - last - TICK_S) * 1e3)
            last = now


def main() -> None:
    """Write the files, measure each way in a process of its own, print a table or JSON."""
    measure_ways("benchmarks.charts", __doc__, WAYS, prepare, digits=1)


def for_a_page(folder: Path) -> dict[str, float]:
    """Make the specification of a chart that is new, and of one that is kept."""
    chart = _chart(folder)
    first, _ = _timed(lambda: page_specification(chart))
    kept, _ = _timed(lambda: page_specification(chart))
    new = [_timed(lambda: page_specification(_chart(folder)))[0] for _ in range(REPEATS)]
    return {"first ms": first * 1e3, "chart and specification ms": _ms(new), "kept ms": kept * 1e3}


def drawn_here(folder: Path) -> dict[str, float]:
    """Draw in this process."""
    return _drawn(folder, draw_specification)


def drawn_apart(folder: Path) -> dict[str, float]:
    """Draw in a process of its own."""

    def draw(spec: dict[str, Any], kind: str) -> bytes:
        arguments = {"spec": spec, "kind": kind}
        return run_apart("core.charts.drawing:draw", arguments, settings=_settings(folder))

    return _drawn(folder, draw)


def report(folder: Path) -> dict[str, float]:
    """Make a report as the app does."""
    library = Library(_settings(folder))
    found = library.dataset("val2014").search(QUERY, top_k=TOP_K)
    recipe = recipe_of(Subset.found(found))

    def make() -> str:
        return to_html(report_of(library, recipe), draw)

    def draw(specs: Any) -> list[str]:
        arguments = {"specs": list(specs)}
        return run_apart("core.charts.drawing:draw_all", arguments, settings=library.settings)

    first, html = _timed(make)
    with Holds() as holds:
        times = [_timed(make)[0] for _ in range(REPEATS)]
    return {
        "first s": first,
        "s": statistics.median(times),
        "held ms": holds.longest_ms,
        "file kB": len(html.encode()) / 1e3,
    }


WAYS: dict[str, Callable[[Path], dict[str, float]]] = {
    "page": for_a_page,
    "drawn here": drawn_here,
    "drawn apart": drawn_apart,
    "report": report,
}


def _drawn(folder: Path, draw: Callable[[dict[str, Any], Any], bytes]) -> dict[str, float]:
    spec = specification(_chart(folder))
    figures = {}
    with Holds() as holds:
        first, _ = _timed(lambda: draw(spec, "svg"))
        figures["first SVG ms"] = first * 1e3
        for kind in ("svg", "png"):
            times = [_timed(lambda kind=kind: draw(spec, kind))[0] for _ in range(REPEATS)]
            figures[f"{kind.upper()} ms"] = _ms(times)
    return {**figures, "held ms": holds.longest_ms}


def _chart(folder: Path) -> Chart:
    dataset = Library(_settings(folder)).coco("val2014")
    made = makeup(dataset, dataset.images.ids[:TOP_K])
    return makeup_chart(made, range(25))


def _settings(folder: Path) -> Settings:
    return Settings(home=folder, cache=folder / "cache", offline=True)


def _timed(do: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = do()
    return time.perf_counter() - start, result


def _ms(times: list[float]) -> float:
    return statistics.median(times) * 1e3


if __name__ == "__main__":
    main()
