"""What colleagues notice of somebody's export of 5,000 pictures.

    python -m benchmarks.colleagues [--pictures 5000] [--rounds 4] [--folder FOLDER] [--json]

Two colleagues work while a third exports as the app does it: asked for in the thread of the
page, planned and written by `Downloads`, the cut moved anew each time so that nothing is shared.

- `query`: in the server's process, a warm query with another cut, and what the gallery draws
  of its 24 pictures; milliseconds
- `thumbnail`: from another process over HTTP, a small picture that is made already

Alternates between an export and as long without one; a request counts to where it began.
`ask` is how long the page waits until the download stands, `make` the rest, in seconds. `memory`
is the most that an export takes beside the server, as it begins and ends: what the kept process
and its fork have to themselves (smaps_rollup of proc(5)), and what the server's own grows by.
"""

import argparse
import gc
import http.client
import json
import logging
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette

from benchmarks.export import write_dataset
from benchmarks.memory import descendants, private_mb
from core.downloads import Downloads, State
from core.http import routes
from core.library import Library, open_library
from core.query import Cut, Part, Query
from core.searchable import SearchableDataset
from pages.shared.results import gallery_data

MODEL, DIMENSION = "clip", 512
PAUSE_S = 0.02
Span = tuple[float, float]


def main() -> None:
    """Write the files, measure, print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--folder", type=Path, help="write the files here (2.5 GB)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="colleagues-", dir=options.folder) as temporary:
        library = prepare(Path(temporary), options.pictures)
        figures = measure(library, options.pictures, options.rounds)
    if options.json:
        print(json.dumps(figures, indent=1))
        return
    print(f"ask {figures['ask_s']:.3f} s, make {figures['make_s']:.2f} s (medians)")
    print(f"memory +{figures['memory_mb']:.0f} MB, of it kept {figures['kept_mb']:.0f} MB")
    print(f"{'ms':<12} {'n':>6} {'p50':>7} {'p95':>7} | {'exporting: n':>12} {'p50':>7} {'p95':>7}")
    for name in ("query", "thumbnail"):
        alone, beside = figures[name]["alone"], figures[name]["beside"]
        print(
            f"{name:<12} {alone['n']:>6} {alone['p50']:>7.2f} {alone['p95']:>7.2f} | "
            f"{beside['n']:>12} {beside['p50']:>7.2f} {beside['p95']:>7.2f}   "
            f"p95 x{beside['p95'] / alone['p95']:.2f}"
        )


def prepare(home: Path, count: int) -> Library:
    """Write dataset and vectors; no model is loaded, it only has to be there."""
    settings = write_dataset(home, count)
    folder = home / "embeddings" / "many" / MODEL
    folder.mkdir(parents=True)
    rows = np.random.default_rng(0).standard_normal((count, DIMENSION)).astype(np.float32)
    np.save(folder / "many_embeddings.npy", rows / np.linalg.norm(rows, axis=1, keepdims=True))
    names = [f"COCO_val2014_{image_id:012d}.jpg" for image_id in range(1, count + 1)]
    np.save(folder / "many_filenames.npy", np.array(names))
    (home / "models").mkdir()
    (home / "models/clip_model_part_aa").write_bytes(b"not loaded")
    return open_library(replace(settings, cache=home / "cache"))


def measure(library: Library, count: int, rounds: int) -> dict[str, Any]:
    dataset = library.dataset("many", MODEL)
    downloads = Downloads(library.settings)
    exports: list[Span] = []
    idle: list[Span] = []
    asked: list[float] = []
    with (
        serving(library) as port,
        asking(dataset) as queries,
        fetching(port) as thumbnails,
    ):
        export(dataset, downloads, count)
        gc.collect()
        gc.freeze()  # as the app does when it has warmed up
        for number in range(rounds):
            begun = time.perf_counter()
            asked.append(export(dataset, downloads, count - 1 - number))
            exports.append((begun, time.perf_counter()))
            time.sleep(1)
            begun = time.perf_counter()
            time.sleep(exports[-1][1] - exports[-1][0])
            idle.append((begun, time.perf_counter()))
    server = private_mb([os.getpid()])
    with remembering_the_most(lambda: private_mb([os.getpid(), *descendants()])) as most:
        export(dataset, downloads, count - 1 - rounds)
    kept = private_mb(descendants())
    downloads.close()
    whole = [end - begun for begun, end in exports]
    return {
        "ask_s": float(np.median(asked)),
        "make_s": float(np.median(np.subtract(whole, asked))),
        "memory_mb": max(most) - server,
        "kept_mb": kept,
        "query": {"alone": told(queries, idle), "beside": told(queries, exports)},
        "thumbnail": {"alone": told(thumbnails, idle), "beside": told(thumbnails, exports)},
    }


def export(dataset: SearchableDataset, downloads: Downloads, count: int) -> float:
    """Export the first pictures; return how many seconds asking for it took."""
    found = dataset.find(Query((Part("image", 1),), cut=Cut("top", count)))
    begun = time.perf_counter()
    request = found.all_but([]).request(who="somebody", when="2025-01-01T00:00:00+00:00")
    token = downloads.start(request, "many").token
    asked = time.perf_counter() - begun
    while (download := downloads.get(token)).state is State.PREPARING:
        time.sleep(0.3)  # about as a browser asks
    if download.state is not State.READY or download.path is None:
        raise SystemExit(download.error)
    download.path.unlink()
    return asked


@contextmanager
def remembering_the_most(measured: Callable[[], float]) -> Iterator[list[float]]:
    """Measure twenty times a second; all that was found is there when the block ends."""
    found: list[float] = []
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.05):
            found.append(measured())

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def told(spans: list[Span], when: list[Span]) -> dict[str, float]:
    times = [
        (end - begun) * 1e3
        for begun, end in spans
        if any(first <= begun < last for first, last in when)
    ]
    p50, p95 = np.percentile(times, [50, 95])
    return {"n": len(times), "p50": float(p50), "p95": float(p95)}


@contextmanager
def asking(dataset: SearchableDataset) -> Iterator[list[Span]]:
    """Move the cut of a query in a thread of this process, as the page of a person does."""
    spans: list[Span] = []
    over = threading.Event()

    def work() -> None:
        number = 0
        while not over.wait(PAUSE_S):
            number += 1
            begun = time.perf_counter()
            found = dataset.find(Query((Part("image", 1),), cut=Cut("top", 23 + number % 3)))
            gallery_data(found)
            spans.append((begun, time.perf_counter()))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield spans
    finally:
        over.set()
        thread.join()


@contextmanager
def serving(library: Library) -> Iterator[int]:
    """Serve the routes on a port that is free; tells which."""
    logging.disable(logging.INFO)  # a line for each request
    app = Starlette(routes=routes(library))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise SystemExit("The server that thumbnails are fetched from did not start.")
        time.sleep(0.05)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def fetching(port: int) -> Iterator[list[Span]]:
    """Fetch thumbnails from another process; the times are there when the block ends."""
    spans: list[Span] = []
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    client = context.Process(target=fetch, args=(theirs, port))
    client.start()
    theirs.close()  # so that its end is noticed
    heard(ours)
    yield spans
    ours.send("over")
    spans += heard(ours)
    client.join()


def heard(pipe: Connection) -> Any:
    """What the client says; that it has ended is said, not waited for."""
    try:
        return pipe.recv()
    except EOFError:
        raise SystemExit("The client that fetches thumbnails has ended by itself.") from None


def fetch(pipe: Connection, port: int) -> None:
    """Fetch one thumbnail after the other until told to end, then send the times."""
    server = http.client.HTTPConnection("127.0.0.1", port)
    spans, number = [], 0
    pipe.send("ready")
    while not pipe.poll(PAUSE_S):
        number += 1
        address = f"/api/datasets/many/images/{1 + number % 24}/thumbnail?size=320"
        begun = time.perf_counter()
        server.request("GET", address)
        answer = server.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"{address}: {answer.status}")
        spans.append((begun, time.perf_counter()))
    pipe.send(spans)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
