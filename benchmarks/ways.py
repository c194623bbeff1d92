"""Ways of doing one thing, each measured in a process of its own, and the table of figures."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


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
