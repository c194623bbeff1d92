"""An export of 5,000 pictures beside a plain copy of the same files.

    python -m benchmarks.export [--pictures 5000] [--rounds 3] [--cold] [--folder FOLDER] [--json]

Writes pictures of the size of COCO's with seven instances and five captions each, and
measures, in turns: `shutil.copyfile` of every picture (`copy`), looking at what an export
would hold (`plan`), and writing the package (`write`); seconds by the clock and of the
processor, and how much the peak of memory rises. The copy is neither hashed nor looked at and,
as the package, not flushed to the disk. With `--cold` the pictures are not in the
system's file cache when copying, and when writing, begin. Figures of one run belong together.
"""

import argparse
import gc
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.coco import open_dataset, register_dataset
from core.export import plan_export, write_zip
from core.images import PictureStore
from core.settings import Settings

DISTINCT = 40
INSTANCES, CAPTIONS = 7, 5


def main() -> None:
    """Write the files, measure, print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cold", action="store_true", help="read the pictures from the disk")
    parser.add_argument("--folder", type=Path, help="write the files here (2.5 GB)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="export-", dir=options.folder) as temporary:
        figures = measure(Path(temporary), options.pictures, options.rounds, options.cold)
    if options.json:
        print(json.dumps(figures, indent=1))
        return
    for number, one in enumerate(figures["rounds"], 1):
        print(f"round {number}: " + ", ".join(f"{name} {value:.2f}" for name, value in one.items()))
    print(
        f"{figures['megabytes']:.0f} MB; medians of the rounds: copy / write "
        f"{figures['speed']:.2f}, copy / (plan + write) {figures['speed_with_plan']:.2f}"
    )
    print(f"peak of memory: +{figures['more_memory_mb']:.0f} MB")


def measure(home: Path, count: int, rounds: int, is_cold: bool = False) -> dict[str, Any]:
    settings = write_dataset(home, count)
    coco = open_dataset(settings.data / "many", settings)
    store = PictureStore(coco, settings)
    files = sorted((home / "pictures").iterdir())
    scores = np.linspace(0.4, 0.2, count, dtype=np.float32)
    forget_peak()
    before = peak_mb()
    found = []
    for _ in range(rounds):
        one: dict[str, float] = {}
        copies = home / "copy"
        copies.mkdir()
        if is_cold:
            forget_files(files)
        timed("copy", one, lambda to=copies: [shutil.copyfile(f, to / f.name) for f in files])
        shutil.rmtree(copies)
        plan = timed(
            "plan",
            one,
            lambda: plan_export(coco, store, coco.images.ids, scores, all_scores=scores),
        )
        if is_cold:
            forget_files(files)
        report = timed("write", one, lambda plan=plan: write_zip(plan, home / "package.zip"))
        report.path.unlink()
        found.append(one)
    return {
        "pictures": count,
        "megabytes": report.n_bytes / 1e6,
        "rounds": found,
        "speed": float(np.median([one["copy"] / one["write"] for one in found])),
        "speed_with_plan": float(
            np.median([one["copy"] / (one["plan"] + one["write"]) for one in found])
        ),
        "more_memory_mb": peak_mb() - before,
    }


def timed(name: str, figures: dict[str, float], work: Callable[[], Any]) -> Any:
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    figures[name] = time.perf_counter() - wall
    figures[f"{name} (processor)"] = time.process_time() - processor
    return result


def forget_files(files: list[Path]) -> None:
    """Take files out of the system's cache."""
    os.sync()
    for path in files:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def forget_peak() -> None:
    """Count the peak of memory from here on (proc(5), clear_refs)."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def write_dataset(home: Path, count: int) -> Settings:
    """Pictures of 640 x 480 pixels and 160 kB, their instances and captions."""
    random = np.random.default_rng(0)
    pictures = home / "pictures"
    pictures.mkdir()
    (home / "data").mkdir()
    for number in range(DISTINCT):
        coarse = random.integers(0, 255, (120, 160, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC)
        image.save(home / f"{number}.jpg", quality=93)
    images, instances, captions = [], [], []
    for image_id in range(1, count + 1):
        name = f"COCO_val2014_{image_id:012d}.jpg"
        shutil.copyfile(home / f"{image_id % DISTINCT}.jpg", pictures / name)
        images.append(
            {"id": image_id, "file_name": name, "width": 640, "height": 480, "license": 1}
        )
        for _ in range(INSTANCES):
            x, y = random.integers(0, 300, 2).tolist()
            outline = random.integers(0, 480, 60).round(2).tolist()
            instances.append(
                {
                    "id": len(instances) + 1,
                    "image_id": image_id,
                    "category_id": 1 + len(instances) % 80,
                    "iscrowd": 0,
                    "area": 702.1057499999998,
                    "bbox": [x + 0.07, y + 0.93, 38.65, 28.67],
                    "segmentation": [outline],
                }
            )
        for number in range(CAPTIONS):
            text = f"A bicycle replica with a clock as the front wheel, seen {number} times."
            captions.append({"id": len(captions) + 1, "image_id": image_id, "caption": text})
    head = {"info": {}, "licenses": [{"id": 1, "name": "One", "url": ""}], "images": images}
    categories = [{"id": 1 + n, "name": f"thing {n}", "supercategory": ""} for n in range(80)]
    files = {"instances": home / "instances.json", "captions": home / "captions.json"}
    files["instances"].write_text(
        json.dumps({**head, "annotations": instances, "categories": categories})
    )
    files["captions"].write_text(json.dumps({**head, "annotations": captions}))
    settings = Settings(home=home, cache=home / "cache", offline=True)
    register_dataset(settings, "many", **files, pictures=pictures, split="val2014")
    return settings


if __name__ == "__main__":
    main()
