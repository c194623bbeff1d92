"""The gallery in a real browser at COCO val2014's size: how soon it stands, how it scrolls.

    python -m benchmarks.gallery [--folder FOLDER] [--json]

Writes synthetic files of val2014's size, a ViT-B-32 checkpoint with random weights and
40,504 drawn pictures, starts the app as `make run` does, and measures in Chromium:

- `200`, `1,000`: from pressing Enter until every tile has its place and every picture on the
  screen is decoded; `cold` with thumbnails that must be made first, `warm` with thumbnails
  on the disk and nothing in the browser
- `10,000`: the same, warm, and the time between frames while all of it is scrolled through
- `plain`: a page of 200 `<img>` elements with the same thumbnails, warm, for comparison
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.val2014 import prepare
from benchmarks.ways import ROOT

PORT = 8651
URL = f"http://127.0.0.1:{PORT}/"
BOX = 'input[aria-label="What should the pictures show?"]'
VIEWPORT = {"width": 1440, "height": 900}
QUERIES = ["a dog on a beach", "two people at night", "a red bus in a city", "food", "a cat"]
DRAWN = 64

# What the scripts below share: the list of tiles, and the pictures of it that are on the screen.
FIND = """
window.tiles = () => {
  const nodes = [...document.querySelectorAll('*')];
  const host = nodes.find((node) => node.shadowRoot?.querySelector('.tiles'));
  return host.shadowRoot.querySelector('.tiles');
};
window.inView = (images) => [...images].filter((image) => {
  const box = image.getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight;
});
window.areLoaded = (images) =>
  images.length && images.every((image) => image.complete && image.naturalWidth);
"""

# Waits, frame by frame, until the result of the query stands, and tells how long that took.
MEASURE = """
(count) => new Promise((resolve) => {
  const list = tiles();
  const before = list.dataset.result;
  const box = document.querySelector('BOX');
  let start;
  const ended = (event) => {
    if (event.key !== 'Enter') return;
    start = performance.now();
    requestAnimationFrame(look);
  };
  box.addEventListener('keydown', ended, { once: true, capture: true });
  let placed = null;
  function look() {
    const isNew = list.dataset.result !== before && list.dataset.count === String(count);
    if (isNew) {
      placed ??= performance.now() - start;
      const seen = inView(list.querySelectorAll('.tile img'));
      if (areLoaded(seen)) {
        const decoding = seen.map((image) => image.decode().catch(() => null));
        Promise.all(decoding).then(() => requestAnimationFrame(() => {
          resolve({ placed, decoded: performance.now() - start, seen: seen.length });
        }));
        return;
      }
    }
    requestAnimationFrame(look);
  }
})
""".replace("BOX", BOX.replace('"', '\\"'))

# Scrolls from top to bottom, most of a screen at a time, and notes the time between frames.
SCROLL = """
() => new Promise((resolve) => {
  const main = document.querySelector('[data-testid="stMain"]');
  const gaps = [];
  let last = performance.now();
  main.scrollTop = 0;
  requestAnimationFrame(function step() {
    const now = performance.now();
    gaps.push(now - last);
    last = now;
    const before = main.scrollTop;
    main.scrollTop += 600;
    if (main.scrollTop > before) requestAnimationFrame(step);
    else resolve(gaps);
  });
})
"""

JUMP = """
(share) => new Promise((resolve) => {
  const main = document.querySelector('[data-testid="stMain"]');
  const start = performance.now();
  main.scrollTop = share * main.scrollHeight;
  requestAnimationFrame(function look() {
    const seen = inView(tiles().querySelectorAll('.tile img'));
    if (areLoaded(seen)) resolve(performance.now() - start);
    else requestAnimationFrame(look);
  });
})
"""

PLAIN = """
(addresses) => new Promise((resolve) => {
  const start = performance.now();
  document.body.innerHTML = addresses
    .map((address) => `<img src="${address}" width="253" height="190" loading="lazy">`)
    .join('');
  requestAnimationFrame(function look() {
    if (areLoaded(inView(document.images))) resolve(performance.now() - start);
    else requestAnimationFrame(look);
  });
})
"""


def main() -> None:
    """Write the files, start the app, measure, print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="keep the files here (about 1.5 GB)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gallery-") as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "data/val2014").exists():
            prepare(folder)
            write_pictures(folder)
        figures = measure(folder)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name, values in figures.items():
        print(name)
        for what, value in values.items():
            print(f"    {what:<44} {value:>10,.1f}")


def write_pictures(folder: Path) -> None:
    """Draw some pictures of each shape and give every record one of them, as a file of its own.

    Files that share their content are links to one; each is a picture of its own to the app.
    """
    images = json.loads((folder / "data/captions_val2014.json").read_bytes())["images"]
    target = folder / "data/val2014"
    target.mkdir(parents=True)
    drawn: dict[tuple[int, int, int], Path] = {}
    for number, record in enumerate(images):
        key = (record["width"], record["height"], number % DRAWN)
        path = target / record["file_name"]
        if key in drawn:
            path.hardlink_to(drawn[key])
        else:
            path.write_bytes(draw(*key))
            drawn[key] = path


def draw(width: int, height: int, seed: int) -> bytes:
    """Return a JPEG of shapes on a gradient, without noise; the same seed gives the same."""
    random = np.random.default_rng(seed)
    ramp = np.linspace(0, 1, height)[:, None, None]
    top, bottom = random.integers(40, 250, size=(2, 3))
    ground = (top * (1 - ramp) + bottom * ramp).repeat(width, axis=1).astype(np.uint8)
    image = Image.fromarray(ground)
    pen = ImageDraw.Draw(image)
    for _ in range(24):
        x, y = random.integers(0, (width, height))
        side = int(random.integers(20, 160))
        color = tuple(random.integers(0, 255, size=3).tolist())
        shape = pen.ellipse if random.random() < 0.5 else pen.rectangle
        shape((int(x), int(y), int(x) + side, int(y) + side), fill=color)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def measure(folder: Path) -> dict[str, dict[str, float]]:
    """Start the app on a cache without thumbnails and let a browser search it."""
    from playwright.sync_api import sync_playwright

    from tests.browser.chromium import FLAGS, find_chromium

    chromium = find_chromium()
    figures: dict[str, dict[str, float]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="cache-") as cache,
        _app(folder, Path(cache)),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for count in (200, 1_000):
            figures[f"{count:,} tiles, cold"] = _searches(browser, count)
            figures[f"{count:,} tiles, warm"] = _searches(browser, count)
        figures["10,000 tiles, warm"] = _ten_thousand(browser)
        figures["200 plain <img>, warm"] = _plain(browser)
        browser.close()
    return figures


@contextmanager
def _app(folder: Path, cache: Path) -> Iterator[None]:
    with (folder / "gallery.log").open("wb") as log:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "streamlit", "run", "streamlit_app.py"),
                *("--server.address=127.0.0.1", f"--server.port={PORT}"),
            ],
            cwd=ROOT,
            env=os.environ
            | {
                "COCOSIFT_HOME": str(folder),
                "COCOSIFT_CACHE": str(cache),
                "COCOSIFT_OFFLINE": "1",
            },
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        server.terminate()
        server.wait(30)


def _opened(browser: Any, address: str) -> Any:
    from playwright.sync_api import Error

    page = _page(browser)
    page.set_default_timeout(180_000)
    for _ in range(600):
        try:
            page.goto(address)
        except Error:
            page.wait_for_timeout(200)
        else:
            break
    page.wait_for_selector(".tile .score")
    page.wait_for_timeout(1_500)
    return page


def _searches(browser: Any, count: int) -> dict[str, float]:
    page = _opened(browser, f"{URL}?q=a+picture&k={count}")
    found = [_search(page, text, count) for text in QUERIES]
    page.context.close()
    return {
        "Enter to all tiles placed, median ms": _median(found, "placed"),
        "Enter to all in view decoded, median ms": _median(found, "decoded"),
        "Enter to all in view decoded, worst ms": max(one["decoded"] for one in found),
        "pictures in view": _median(found, "seen"),
    }


def _search(page: Any, text: str, count: int) -> dict[str, float]:
    page.fill(BOX, text)
    page.evaluate(f"(count) => {{ window.measured = ({MEASURE})(count); }}", count)
    page.press(BOX, "Enter")
    measured: dict[str, float] = page.evaluate("() => window.measured")
    page.wait_for_timeout(500)
    return measured


def _ten_thousand(browser: Any) -> dict[str, float]:
    page = _opened(browser, f"{URL}?q=a+picture&k=10000")
    found = [_search(page, text, 10_000) for text in QUERIES]
    gaps = page.evaluate(SCROLL)
    jumps = [page.evaluate(JUMP, share) for share in (0.31, 0.77, 0.12, 0.93)]
    elements = page.locator(".tile").count()
    page.context.close()
    return {
        "Enter to all tiles placed, median ms": _median(found, "placed"),
        "Enter to all in view decoded, median ms": _median(found, "decoded"),
        "frames of a scroll through all": len(gaps),
        "between frames, median ms": float(np.median(gaps)),
        "between frames, 95% ms": float(np.quantile(gaps, 0.95)),
        "between frames, worst ms": max(gaps),
        "a jump until pictures are made and decoded, ms": float(np.median(jumps)),
        "elements of tiles at the end": elements,
    }


def _plain(browser: Any) -> dict[str, float]:
    page = _opened(browser, f"{URL}?q={QUERIES[0].replace(' ', '+')}&k=200")
    addresses = page.locator(".tile img").evaluate_all("images => images.map((one) => one.src)")
    page.context.close()
    plain = _page(browser)
    plain.goto(f"{URL}_stcore/health")
    measured = plain.evaluate(PLAIN, addresses)
    plain.context.close()
    return {"all in view decoded ms": measured}


def _page(browser: Any) -> Any:
    context = browser.new_context(viewport=VIEWPORT)
    context.add_init_script(FIND)
    return context.new_page()


def _median(found: list[dict[str, float]], name: str) -> float:
    return float(np.median([one[name] for one in found]))


if __name__ == "__main__":
    main()
