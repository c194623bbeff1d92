"""README's "Real COCO in five commands", typed as written, against a mirror on this machine.

    python -m benchmarks.real_coco [--pictures 40504] [--folder FOLDER] [--json]

The mirror (`benchmarks.mirror`) has archives and weights of the official names, shapes and
sizes with made-up content: 6.6 GB of pictures, a ViT-B-32 with random weights. In an empty
home the commands fetch, embed, search and export; the app answers a query; and the package
is verified and its pictures compared with those of the archive. Embedding 40,504 pictures
takes most of the time: 35 minutes on two cores. A run that was stopped goes on from where it
was when the folder is the same. Prints the seconds of each step.
"""

import argparse
import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.mirror import serving as serving_mirror
from benchmarks.mirror import write_mirror
from benchmarks.server import serving
from benchmarks.val2014_files import CAPTIONS, INSTANCES, PICTURES
from benchmarks.visitors import visiting
from benchmarks.ways import ROOT

TITLE = "Real COCO in five commands"
PACKAGE = "dogs.zip"


def main() -> None:
    """Write the mirror, run the commands, tell how long each took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--folder", type=Path, help="write here (20 GB) and go on from there")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="real-coco-") as temporary:
        steps = run(options.folder or Path(temporary), options.pictures)
    if options.json:
        print(json.dumps(steps, indent=1))
        return
    for step, seconds in steps.items():
        print(f"{seconds:>10,.1f} s  {step}")


def run(folder: Path, pictures: int = PICTURES) -> dict[str, float]:
    """Do all of it in `folder`; return the seconds of each step, by what was typed.

    Raises:
        SystemExit: a command failed, or something is not as it should be.
    """
    share = pictures / PICTURES
    mirror = write_mirror(
        folder / "mirror",
        pictures=pictures,
        captions=round(CAPTIONS * share),
        instances=round(INSTANCES * share),
    )
    home = folder / "home"
    home.mkdir(exist_ok=True)
    steps: dict[str, float] = {}
    with serving_mirror(mirror) as address:
        environment = {
            "COCOSIFT_HOME": str(home),
            "COCOSIFT_CACHE": str(folder / "cache"),
            "COCOSIFT_COCO_URL": address,
            "COCOSIFT_HUB_URL": address,
            "PYTHONPATH": str(ROOT),
        }
        for command in commands():
            if command.startswith("make"):
                steps[command] = _answer_of_the_app(home, environment)
            else:
                steps[command] = _typed(command, folder, environment)
        for command in (f"python -m core verify {PACKAGE}", "python -m core check val2014"):
            steps[command] = _typed(command, folder, environment)
    _compare_pictures(folder / PACKAGE, mirror / "zips/val2014.zip")
    return steps


def commands() -> list[str]:
    """The five commands as README has them."""
    readme = (ROOT / "README.md").read_text("utf-8")
    section = readme.partition(f"# {TITLE}\n")[2]
    found = re.search(r"```bash\n(.*?)```", section, re.DOTALL)
    lines = found[1].splitlines() if found else []
    if len(lines) != 5:
        raise SystemExit(f"Expected five commands below {TITLE!r} in README.md, found {lines}.")
    return lines


def _typed(command: str, folder: Path, environment: Mapping[str, str]) -> float:
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *shlex.split(command)[1:]],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
    )
    # 3 is what add and check say of files that are odd but can be worked with.
    if done.returncode not in (0, 3):
        raise SystemExit(f"{command} ended with exit code {done.returncode}.")
    return time.perf_counter() - begun


def _answer_of_the_app(home: Path, environment: Mapping[str, str]) -> float:
    async def ask(url: str) -> int | None:
        async with visiting(url) as visitor:
            return (await visitor.ask("a dog")).pictures

    with serving(home, **environment) as server:
        pictures = asyncio.run(ask(server.url))
        seconds = time.perf_counter() - server.begun
    if not pictures:
        raise SystemExit("The app shows no picture.")
    return seconds


def _compare_pictures(package: Path, archive: Path) -> None:
    """Each picture of the package has the bytes that the mirror's archive has."""
    with zipfile.ZipFile(package) as ours, zipfile.ZipFile(archive) as theirs:
        names = [name for name in ours.namelist() if name.startswith("images/")]
        for name in names:
            if ours.read(name) != theirs.read(f"val2014/{name.removeprefix('images/')}"):
                raise SystemExit(f"{name} is not the picture that was fetched.")
    if not names:
        raise SystemExit(f"{package} holds no picture.")


if __name__ == "__main__":
    main()
