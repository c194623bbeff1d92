"""The map at COCO val2014's real size: laying out, regions, colours, and frames in a browser.

    python -m benchmarks.map [--folder FOLDER] [--json] [--only WAY]

Writes synthetic files of val2014's size and measures, each in a fresh process:

- `page's work`: what the page does in Python, first with nothing warm, then again: principal
  axes, regions with their words, classes by category, and the text for the browser
- `clusters`: k-means of 40,504 x 512 in 8 clusters, once scikit-learn is imported
- `frames`: 40,504 points panned and zoomed in Chromium; where no GPU is used (`software`
  is 1) the processor draws them, many times slower than any GPU
- `umap`: the command's work on 5,000 of the vectors (`COCOSIFT_BENCHMARK_UMAP` says another
  number), and on the demo's
- `scikit-learn pca`: the same axes by its full decomposition, as a reference
"""

import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.val2014_files import PICTURES, write_val2014
from benchmarks.ways import OFFLINE, measure_ways
from core.embeddings import FLAT_STEM

_UMAP_PICTURES = 5_000
_FRAMES = 120
_DRAG = """async ([frames]) => {
  const hosts = [...document.querySelectorAll("*")].map((node) => node.shadowRoot);
  const root = hosts.find((shadow) => shadow?.querySelector(".stage"));
  const stage = root.querySelector(".stage");
  const gl = root.querySelector("canvas").getContext("webgl2");
  const told = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer = gl.getParameter(told ? told.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  const box = stage.getBoundingClientRect();
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
  stage.setPointerCapture = () => {};
  const fire = (name, left, top) => stage.dispatchEvent(new PointerEvent(name, {
    pointerId: 1, pointerType: "mouse", button: 0, clientX: left, clientY: top, bubbles: true,
  }));
  const wheel = (turn) => stage.dispatchEvent(new WheelEvent("wheel", {
    clientX: x, clientY: y, deltaY: turn, bubbles: true, cancelable: true,
  }));
  // A frame ends when its pixels are there.
  const end = () => gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  const measure = async (act) => {
    const times = [];
    for (let frame = 0; frame < frames; frame++) {
      const start = performance.now();
      act(frame);
      await new Promise((done) => requestAnimationFrame(() => done(end())));
      times.push(performance.now() - start);
    }
    return times.sort((one, other) => one - other);
  };
  fire("pointerdown", x, y);
  const pan = await measure((frame) => fire("pointermove", x + 20 + 90 * Math.sin(frame / 9), y));
  fire("pointerup", x, y);
  const zoom = await measure((frame) => wheel(frame < frames / 2 ? -40 : 40));
  return { renderer, pan, zoom };
}"""


def main() -> None:
    """Write the files, measure each way in a process of its own, print a table or JSON."""
    measure_ways(
        *("benchmarks.map", __doc__, WAYS, prepare),
        digits=1,
        size="300 MB",
        environment=environment,
    )


def prepare(folder: Path) -> None:
    """Write the files, and parts that stand for a model: it is not loaded, but must be there."""
    if not (folder / "data/captions_val2014.json").exists():
        write_val2014(folder)
    if not (folder / "models/clip_model_part_aa").exists():
        (folder / "models").mkdir(exist_ok=True)
        (folder / "models/clip_model_part_aa").write_bytes(b"not loaded")


def environment(way: str, folder: Path) -> dict[str, str]:
    """Return what tells the library where the files are."""
    return {"COCOSIFT_HOME": str(folder), "COCOSIFT_CACHE": str(folder / "cache"), **OFFLINE}


def page_work(folder: Path) -> dict[str, float]:
    """Do in Python what the page does; a second time it is remembered."""
    import logging

    logging.disable(logging.WARNING)  # Streamlit misses a page to run on
    from core import open_library
    from core.map import by_category, layout_of, regions_of
    from core.query import Query
    from pages.shared.map.drawn import map_data

    dataset = open_library().dataset("val2014", "clip")
    _ = dataset.coco, dataset.embeddings
    found = dataset.find(Query())
    figures = {}
    for turn in ("first", "again"):
        steps: dict[str, Callable[[], Any]] = {
            "principal axes": lambda: layout_of(dataset, "pca"),
            "regions": lambda: regions_of(dataset, "pca"),
            "categories": lambda: by_category(dataset.coco, layout_of(dataset, "pca").image_ids),
        }
        done = {}
        for name, step in steps.items():
            figures[f"{turn} {name} ms"], done[name] = _timed(step)
        layout, regions, colouring = done.values()
        figures[f"{turn} text ms"], data = _timed(
            lambda layout=layout, regions=regions, colouring=colouring: map_data(
                dataset, layout, colouring, regions, found, labels=True, light_up=True
            )
        )
        figures["text kB"] = len(json.dumps(data)) / 1e3
    return figures


def by_clusters(folder: Path) -> dict[str, float]:
    """Cluster all vectors, with scikit-learn imported before."""
    from core.map import cluster_rows

    cluster_rows(np.eye(4, dtype=np.float32), 2)
    vectors = _vectors(folder)
    ms, found = _timed(lambda: cluster_rows(vectors, 8))
    assert len(found) == PICTURES
    return {"8 clusters ms": ms}


def by_full_decomposition(folder: Path) -> dict[str, float]:
    """Find the axes with scikit-learn's own, which takes the singular values of all rows."""
    from sklearn.decomposition import PCA

    from core.map import principal_points

    vectors = np.array(_vectors(folder))
    ours, (points, _) = _timed(lambda: principal_points(vectors))
    theirs, expected = _timed(lambda: PCA(2, svd_solver="full").fit_transform(vectors))
    assert np.allclose(np.abs(points), np.abs(expected), atol=1e-3)
    return {"full decomposition ms": theirs, "ours, in memory ms": ours}


def by_umap(folder: Path) -> dict[str, float]:
    """Map some of the vectors and the demo's with umap-learn, compiled before."""
    from core import open_library
    from core.map import umap_points
    from core.settings import Settings

    demo = open_library(Settings()).embeddings("demo", "demo")
    compiled, _ = _timed(lambda: umap_points(demo.vectors))
    again, _ = _timed(lambda: umap_points(demo.vectors))
    n = int(os.environ.get("COCOSIFT_BENCHMARK_UMAP", _UMAP_PICTURES))
    rows = np.array(_vectors(folder)[:n])
    large, _ = _timed(lambda: umap_points(rows))
    return {
        "demo, compiling s": compiled / 1e3,
        "demo s": again / 1e3,
        "pictures": float(n),
        "these s": large / 1e3,
    }


def by_frames(folder: Path) -> dict[str, float]:
    """Pan and zoom in Chromium, drawn by whatever it has."""
    import socket
    import subprocess
    import sys
    import urllib.request

    from playwright.sync_api import sync_playwright

    from tests.browser.chromium import FLAGS, find_chromium

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "streamlit", "run", "streamlit_app.py"),
            *("--server.address=127.0.0.1", f"--server.port={port}"),
        ],
        env=os.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(lambda: urllib.request.urlopen(f"{url}/_stcore/health", timeout=2).close())
        path = find_chromium()
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
            page = chromium.new_page(viewport={"width": 1440, "height": 900})
            loads = []
            for _ in range(4):
                started = time.perf_counter()
                page.goto(f"{url}/map")
                page.wait_for_selector(f'.stage[data-drawn="{PICTURES}"]', timeout=180_000)
                loads.append(time.perf_counter() - started)
            found = page.evaluate(_DRAG, [_FRAMES])
            chromium.close()
    finally:
        server.terminate()
        server.wait(20)
    figures: dict[str, float] = {
        "first page s": loads[0],
        "page s": statistics.median(loads[1:]),
        "software": float("swiftshader" in found["renderer"].lower()),
    }
    for name in ("pan", "zoom"):
        figures[f"{name} frame ms"] = statistics.median(found[name])
        figures[f"{name} frame, 95 of 100 below ms"] = found[name][int(0.95 * _FRAMES)]
    return figures


def _wait_for(look: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 180
    while True:
        try:
            look()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
        else:
            return


def _vectors(folder: Path) -> np.ndarray:
    return np.load(folder / "embeddings" / f"{FLAT_STEM}_embeddings.npy", mmap_mode="r")


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    value = work()
    return (time.perf_counter() - started) * 1e3, value


WAYS: dict[str, Callable[[Path], dict[str, float]]] = {
    "page's work": page_work,
    "clusters": by_clusters,
    "scikit-learn pca": by_full_decomposition,
    "frames": by_frames,
    "umap": by_umap,
}

if __name__ == "__main__":
    main()
