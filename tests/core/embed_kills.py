"""Embeds the tiny dataset in processes that are killed, and goes on until one is through.

    python -m tests.core.embed_kills HOME at-random SEED KILLS
    python -m tests.core.embed_kills HOME at-every-step

Prints JSON: the checksums of a run that nothing stopped, and of each that was killed what was
committed before and after, and the checksums of the folder once a run got through. A process
of its own, without threads, so that it may fork with PyTorch loaded: a kill takes 0.1 s then.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path

import torch
from PIL import Image

from core import checkpoint
from core.coco import open_dataset
from core.embed_run import embed_dataset, unfinished_runs
from core.encoder import load_encoder
from core.settings import Settings

BATCH, CHUNK = 4, 8
# What reaches the disk does so by these.
STEPS = ("fsync", "replace", "unlink", "rename", "mkdir")


def main() -> None:
    settings = Settings(home=Path(sys.argv[1]), offline=True)
    torch.set_num_threads(1)
    embed = prepared(settings)
    run(embed)
    whole = checksums(settings)
    if sys.argv[2] == "at-every-step":
        kills = at_every_step(settings, embed)
    else:
        kills = at_random(settings, embed, random.Random(int(sys.argv[3])), int(sys.argv[4]))
    json.dump({"whole": whole, "kills": kills}, sys.stdout)


def prepared(settings: Settings) -> Callable[[], object]:
    dataset = open_dataset(settings.data / "tiny", settings)
    encoder = load_encoder(settings.models / "tiny", device="cpu")
    manifest = checkpoint.read_manifest(settings.models / "tiny")
    encoder.encode_images([Image.new("RGB", (9, 9))])  # reads the weights: once, before any fork
    return partial(
        *(embed_dataset, dataset, encoder, manifest, settings),
        workers=0,
        batch_size=BATCH,
        chunk_rows=CHUNK,
    )


def at_random(
    settings: Settings, embed: Callable[[], object], chance: random.Random, n: int
) -> list[dict[str, object]]:
    """Kill after some further chunks or after some time, as the dice fall."""
    kills: list[dict[str, object]] = []
    while len(kills) < n or kills[-1]["end"] is None:
        before, older = committed(settings), finished(settings)
        pid = forked(embed)
        if len(kills) >= n:
            pass  # enough: this one may get through
        elif chance.random() < 0.5:
            goal = before + CHUNK * chance.randint(1, 4)
            while committed(settings) < goal and not ended(pid):
                time.sleep(0.0005)
            time.sleep(chance.random() * 0.01)
            os.kill(pid, signal.SIGKILL)
        else:
            time.sleep(chance.random() * 0.2)
            os.kill(pid, signal.SIGKILL)
        # One may be killed when it is through already, and has only to end.
        if exit_code(pid) == 0 or finished(settings) not in (None, older):
            if kills:
                kills[-1]["end"] = checksums(settings)
        else:
            kills.append({"before": before, "after": committed(settings), "end": None})
    return kills


def at_every_step(settings: Settings, embed: Callable[[], object]) -> list[dict[str, object]]:
    """Kill one run before its first step, another before its second, and so on to the last."""
    kills: list[dict[str, object]] = []
    folder = settings.embeddings / "tiny" / "tiny"
    for step in count(1):
        (folder / "of_the_older_ones").touch()
        pid = forked(lambda step=step: (die_at(step), embed()))
        if exit_code(pid) == 0:
            return kills
        after = committed(settings)
        older = checksums(settings) if folder.exists() else None
        run(embed)
        kills.append({"before": 0, "after": after, "older": older, "end": checksums(settings)})
    raise AssertionError("unreachable")


def die_at(step: int) -> None:
    """Have this process killed just before its `step`-th step that changes the disk."""
    left = step

    def counted(function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            nonlocal left
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **named)

        return call

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))


def forked(work: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


def ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def exit_code(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def run(embed: Callable[[], object]) -> None:
    assert exit_code(forked(embed)) == 0


def checksums(settings: Settings) -> dict[str, str]:
    folder = settings.embeddings / "tiny" / "tiny"
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def finished(settings: Settings) -> int | None:
    """What tells the folder of one finished run from that of another, None without one."""
    folder = settings.embeddings / "tiny" / "tiny"
    return (folder / "manifest.json").stat().st_ino if folder.exists() else None


def committed(settings: Settings) -> int:
    return sum(run.done for run in unfinished_runs(settings))


if __name__ == "__main__":
    main()
