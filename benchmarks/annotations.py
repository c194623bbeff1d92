"""The annotation index: building it once, and opening it later, beside `json.load`.

Captions and instances of val2014's size (181 MB of JSON). Each way runs in a process of its
own; peak memory is the most that the whole process held. The reference is what everybody else
does: `json.load` of the same two files, each time that a process starts.

    python -m benchmarks annotations
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import inputs
from benchmarks.rows import Repeats, Row, at_most, faster, multiple
from benchmarks.ways import in_fresh_process

_FILES = ("captions_val2014.json", "instances_val2014.json")
_REPEATS = 3
_PICTURES = 100


def rows(quick: bool) -> list[Row]:
    """Measure, ours and the reference in turns.

    Args:
        quick: once, with files of a twentieth of the size.
    """
    measured: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    source = inputs.val2014(small=quick)
    for _ in range(1 if quick else _REPEATS):
        with tempfile.TemporaryDirectory(prefix="annotations-") as temporary:
            # Linked: the index lies beside the files, and these are others' inputs too.
            home = Path(temporary)
            (home / "data").mkdir()
            for name in _FILES:
                (home / "data" / name).symlink_to(source / "data" / name)
            for way in WAYS:
                measured[way].append(in_fresh_process("benchmarks.annotations", way, home, {}))

    def repeats(way: str, figure: str) -> Repeats:
        return Repeats(
            [one[figure] for one in measured[way]], [one[figure] for one in measured["json"]]
        )

    note = "reference: json.load of both files"
    return [
        faster(
            "annotation index, built",
            repeats("build", "seconds"),
            at_most(12),
            unit="s",
            note=note,
            slow=True,
        ),
        multiple(
            "annotation index, peak memory",
            repeats("build", "peak_mb"),
            at_most(600),
            unit="MB",
            note=note,
            slow=True,
        ),
        faster(
            "annotation index, opened later",
            repeats("open", "seconds"),
            at_most(0.2),
            unit="s",
            note=note,
            slow=True,
        ),
        multiple(
            "annotation index, memory when opened",
            repeats("open", "growth_mb"),
            at_most(150),
            unit="MB",
            note=f"{note}; ours with all instances and {_PICTURES} pictures' annotations asked for",
            slow=True,
        ),
    ]


def build(home: Path) -> dict[str, float]:
    """Index both files and open the dataset."""
    from core.coco import find_datasets, needs_index, open_dataset
    from core.settings import Settings

    settings = Settings(home=home, cache=home / "cache")
    path = find_datasets(settings)["val2014"]
    if not needs_index(path, settings):
        raise SystemExit(f"{path} has an index already; nothing would be measured.")
    return _measured(lambda: open_dataset(path, settings))


def open_later(home: Path) -> dict[str, float]:
    """Open what is indexed; its memory is told after questions that touch all columns."""
    from core.coco import find_datasets, needs_index, open_dataset
    from core.settings import Settings

    settings = Settings(home=home, cache=home / "cache")
    path = find_datasets(settings)["val2014"]
    if needs_index(path, settings):
        raise SystemExit(f"{path} has no index; `build` comes first.")
    before = _megabytes("VmRSS")
    figures = _measured(lambda: open_dataset(path, settings))
    dataset = open_dataset(path, settings)
    kept = [dataset.summary(), dataset.instances, dataset.caption_image_rows]
    some = dataset.images.ids[:_PICTURES]
    kept += [dataset.captions_of(some), dataset.annotations_of(some, "instances")]
    return figures | {"growth_mb": _megabytes("VmRSS") - before}


def load_json(home: Path) -> dict[str, float]:
    """Parse both files whole."""

    def load() -> list[object]:
        return [json.loads((home / "data" / name).read_bytes()) for name in _FILES]

    before = _megabytes("VmRSS")
    kept: list[object] = []
    figures = _measured(lambda: kept.extend(load()))
    return figures | {"growth_mb": _megabytes("VmRSS") - before}


WAYS = {"build": build, "open": open_later, "json": load_json}


def _measured(work: Callable[[], object]) -> dict[str, float]:
    began = time.perf_counter()
    kept = work()
    seconds = time.perf_counter() - began
    del kept
    return {"seconds": seconds, "peak_mb": _megabytes("VmHWM")}


def _megabytes(field: str) -> float:
    """Return a figure of /proc/self/status in MB of 1,000,000 bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise SystemExit("This benchmark reads /proc, which only Linux has.")


def main() -> None:
    """Be one way in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--child", choices=WAYS, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    json.dump(WAYS[options.child](options.folder), sys.stdout)


if __name__ == "__main__":
    main()
