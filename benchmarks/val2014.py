"""The running tool at COCO val2014's real size: start time, memory, query latency.

    python -m benchmarks.val2014 [--folder FOLDER] [--json]

Writes synthetic files of val2014's size and a ViT-B-32 checkpoint with random weights in
parts, in the older flat layout, and measures in fresh processes:

- `first start`: open the library when the annotation index must still be built
- `start`: open it again; ready means that a query has been answered
- `plain`: what a script does: parse both JSON files, join the parts and load them, read
  the vectors, answer the same queries by sorting all scores

- `app`, `app on the demo`: start the app as `make run` does and search in a real browser;
  from pressing Enter to the first new tile
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.inputs import write_vit_b_32
from benchmarks.val2014_files import write_val2014
from benchmarks.ways import ROOT, measure_ways

QUERIES = [
    f"{what} {where}"
    for what in ("a dog", "two people", "a red bus", "food", "a cat")
    for where in ("on a beach", "in a city", "at night", "in the snow", "in a kitchen")
]


def main() -> None:
    """Write the files, measure each way in a process of its own, print a table or JSON."""
    measure_ways("benchmarks.val2014", __doc__, WAYS, prepare, digits=3, environment=environment)


def prepare(folder: Path) -> None:
    """Write dataset, vectors and checkpoint unless they are there; remove an old index."""
    if not (folder / "data/captions_val2014.json").exists():
        write_val2014(folder)
    if not any((folder / "models").glob("clip_model_part_*")):
        write_vit_b_32(folder / "models")
    for index in list(folder.rglob(".index")):
        shutil.rmtree(index)


def environment(way: str, folder: Path) -> dict[str, str]:
    """Return what tells the library where one way's files are."""
    return {
        "COCOSIFT_HOME": str(HOMES.get(way, folder)),
        "COCOSIFT_CACHE": str(folder / "cache"),
        "COCOSIFT_OFFLINE": "1",
    }


def by_library(folder: Path) -> dict[str, float]:
    """Open val2014 by the library and search it."""
    started = time.perf_counter()
    from core import open_library

    dataset = open_library().dataset("val2014", "clip")
    opened = dataset.coco
    annotations_s = time.perf_counter() - started
    found = dataset.search("a warm-up", top_k=24)
    ready_s = time.perf_counter() - started
    assert len(opened.images) == 40_504
    assert len(found) == 24
    return {
        "annotations open s": annotations_s,
        "ready s": ready_s,
        **_memory(),
        **_latency(lambda text: dataset.search(text, top_k=24)),
        **_latency(lambda text: dataset.encoder.encode_texts([text]), "of it, the text's vector"),
    }


def by_plain_script(folder: Path) -> dict[str, float]:
    """Do the same as a script without the library would."""
    started = time.perf_counter()
    import io

    import open_clip
    import torch

    data = {
        name: json.loads((folder / f"data/{name}_val2014.json").read_bytes())
        for name in ("captions", "instances")
    }
    annotations_s = time.perf_counter() - started
    joined = b"".join(part.read_bytes() for part in sorted((folder / "models").glob("clip_*")))
    model = open_clip.create_model("ViT-B-32", pretrained=None)
    model.load_state_dict(torch.load(io.BytesIO(joined), weights_only=True))
    model.eval()
    tokenize = open_clip.get_tokenizer("ViT-B-32")
    stem = folder / "embeddings/image_coco_validation_2014"
    vectors = np.load(f"{stem}_embeddings.npy")

    def vector(text: str) -> np.ndarray:
        with torch.inference_mode():
            return model.encode_text(tokenize([text]), normalize=True).numpy()[0]

    def search(text: str) -> np.ndarray:
        return np.argsort(-(vectors @ vector(text)))[:24]

    search("a warm-up")
    ready_s = time.perf_counter() - started
    assert len(data["instances"]["annotations"]) == 291_875
    return {
        "annotations open s": annotations_s,
        "ready s": ready_s,
        **_memory(),
        **_latency(search),
        **_latency(vector, "of it, the text's vector"),
    }


def by_app(folder: Path) -> dict[str, float]:
    """Start the app and open a page with a query in a real browser."""
    from playwright.sync_api import sync_playwright

    from tests.browser.chromium import FLAGS, find_chromium

    chromium = find_chromium()
    port = 8650
    started = time.perf_counter()
    with (folder / "app.log").open("wb") as log:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "streamlit", "run", "streamlit_app.py"),
                *("--server.address=127.0.0.1", f"--server.port={port}"),
            ],
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
            page = browser.new_page()
            _open_when_up(page, f"http://127.0.0.1:{port}/?q=a+dog")
            page.wait_for_selector(".tile .score", timeout=120_000)
            first_s = time.perf_counter() - started
            latencies = []
            box = page.get_by_role("searchbox", name="What should the pictures show?")
            for text in QUERIES[:10]:
                before = page.locator(".tile").first.evaluate("tile => (tile.dataset.old = 1)")
                assert before == 1
                box.fill(text)
                asked = time.perf_counter()
                box.press("Enter")
                page.wait_for_selector(".tile:first-child:not([data-old])", timeout=60_000)
                latencies.append(time.perf_counter() - asked)
            browser.close()
        resident = _resident_of(server.pid)
    finally:
        server.terminate()
        server.wait(30)
    return {
        "start to first result s": first_s,
        "Enter to tiles, median ms": 1e3 * float(np.median(latencies)),
        "Enter to tiles, worst ms": 1e3 * max(latencies),
        "server resident MB": resident,
    }


WAYS: dict[str, Callable[[Path], dict[str, float]]] = {
    "first start": by_library,
    "start": by_library,
    "plain": by_plain_script,
    "app": by_app,
    "app on the demo": by_app,
}
HOMES = {"app on the demo": ROOT}


def _open_when_up(page: Any, url: str) -> None:
    from playwright.sync_api import Error

    for _ in range(600):
        try:
            page.goto(url)
        except Error:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"{url} does not answer")


def _latency(ask: Callable[[str], Any], label: str = "query") -> dict[str, float]:
    seconds = []
    for text in QUERIES * 2:
        asked = time.perf_counter()
        ask(text)
        seconds.append(time.perf_counter() - asked)
    return {
        f"{label}, median ms": 1e3 * float(np.median(seconds)),
        f"{label}, 95% ms": 1e3 * float(np.quantile(seconds, 0.95)),
    }


def _memory() -> dict[str, float]:
    return {
        "resident MB": _resident_of(os.getpid()),
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


def _resident_of(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
