"""Ways of doing one thing, each measured in a process of its own, and the table of figures."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import inputs

ROOT = Path(__file__).resolve().parent.parent
OFFLINE = {"COCOSIFT_OFFLINE": "1"}

Figures = dict[str, dict[str, float]]


def measure_ways(
    module: str,
    about: str,
    ways: Mapping[str, Callable[[Path], dict[str, float]]],
    prepare: Callable[[Path], None],
    *,
    digits: int,
    size: str = "1 GB",
    environment: Callable[[str, Path], Mapping[str, str]] = lambda way, folder: OFFLINE,
    check: Callable[[Figures], None] = lambda figures: None,
) -> None:
    """Be the command of a benchmark: write files, measure each way by itself, tell the figures.

    Args:
        module: of the benchmark, such as "benchmarks.scores".
        about: its docstring; the first line is shown by `--help`.
        ways: by name what measures one way on the files in a folder.
        prepare: writes the files into a folder unless they are there.
        digits: of the figures in the table.
        size: about how much room the files take.
        environment: variables for a way and a folder.
        check: told the figures of all ways before they are; may refuse or take away some.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--folder", type=Path, help=f"keep the files here (about {size})")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", choices=ways, action="append", help="measure these ways alone")
    parser.add_argument("--child", choices=ways, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(ways[options.child](options.folder)))
        return
    # Without a folder of its own it shares what other benchmarks have written.
    folder = options.folder or inputs.folder() / "val2014"
    prepare(folder)
    figures = {
        way: in_fresh_process(module, way, folder, environment(way, folder))
        for way in options.only or ways
    }
    if not options.only:
        check(figures)
    tell(figures, options.json, digits)


def in_fresh_process(
    module: str, way: str, folder: Path, environment: Mapping[str, str]
) -> dict[str, float]:
    """Run one way of the benchmark `module` by itself, so that memory and caches are its own.

    Args:
        module: takes `--child WAY --folder FOLDER` and prints the figures as its last line.
        environment: variables on top of this process's own.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, "--child", way, "--folder", str(folder)],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def tell(figures: Mapping[str, Mapping[str, float]], as_json: bool, digits: int) -> None:
    """Print the figures of each way, as a table with so many digits or as JSON."""
    if as_json:
        print(json.dumps(figures, indent=2))
        return
    for way, measured in figures.items():
        print(way)
        for name, value in measured.items():
            print(f"    {name:<28} {value:>12,.{digits}f}")
