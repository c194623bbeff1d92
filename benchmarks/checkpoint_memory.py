"""Peak memory of reading a checkpoint in parts, against joining the parts first.

Writes a synthetic ViT-B-32 (605 MB of random weights, in seven parts of 94,371,840 bytes)
into a temporary folder, then runs each way of loading in a process of its own and reads
the kernel's high-water mark of its resident memory. A model is loaded when both of its towers
have been used. Linux only.

    python -m benchmarks checkpoint_memory [--json]                       the row of the table
    python -m benchmarks.checkpoint_memory [--json] [--format legacy]     all ways, other formats
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import inputs
from benchmarks.rows import Row, at_most
from benchmarks.ways import ROOT

LIMIT = 1.35  # of the checkpoint's size, above what the process held before


def main() -> None:
    """Make the checkpoint, measure each way, print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument(
        "--format", choices=("zip", "legacy", "safetensors"), default="zip", dest="kind"
    )
    parser.add_argument("--folder", type=Path, help="where to put the 1.2 GB of temporary files")
    parser.add_argument("--child", choices=("make", *WAYS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child == "make":
        make(arguments.folder, arguments.kind)
    elif arguments.child:
        print(json.dumps(measure(arguments.child, arguments.folder)))
    else:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            report(Path(folder), arguments.kind, as_json=arguments.json)


def rows(quick: bool) -> list[Row]:
    """Load what the app loads, and compare the most that it took with the checkpoint's size."""
    folder = inputs.vit_b_32()
    size = sum(path.stat().st_size for path in folder.glob("clip_model_part_*"))
    asked = [way for way, (_, is_ours, _) in WAYS.items() if is_ours or not quick]
    peaks = {way: json.loads(child(folder, way, "zip"))["peak_above_baseline"] for way in asked}
    ours = max(peak for way, peak in peaks.items() if WAYS[way][1])
    told = (f"{WAYS[way][2]} {peak / size:.2f}x" for way, peak in peaks.items())
    note = f"beside the checkpoint's size; {', '.join(told)}"
    return [
        Row(
            *("checkpoint load, peak", ours / 1e6, "MB", at_most(LIMIT, of="ratio")),
            *(size / 1e6, ours / size),
            note=note,
        )
    ]


def report(folder: Path, kind: str, *, as_json: bool) -> None:
    child(folder, "make", kind)
    sizes = [path.stat().st_size for path in sorted(folder.glob("clip_model_part_*"))]
    rows = [json.loads(child(folder, way, kind)) | {"way": way} for way in WAYS]
    for row in rows:
        row["ratio"] = round(row["peak_above_baseline"] / sum(sizes), 3)
    figures = {
        "format": kind,
        "checkpoint_bytes": sum(sizes),
        "parts": sizes,
        "limit": LIMIT,
        "within_limit": all(row["ratio"] <= LIMIT for row in rows if WAYS[row["way"]][1]),
        "ways": rows,
    }
    if as_json:
        print(json.dumps(figures, indent=1))
    else:
        print(f"{sum(sizes):,} bytes in {len(sizes)} parts, {kind}; limit {LIMIT} x")
        print(f"{'way':<38} {'before':>9} {'peak above':>11} {'x size':>7} {'seconds':>8}")
        for row in rows:
            print(
                f"{WAYS[row['way']][2]:<38} {row['baseline'] / 1e6:>6,.0f} MB "
                f"{row['peak_above_baseline'] / 1e6:>8,.0f} MB {row['ratio']:>7.2f} "
                f"{row['seconds']:>8.2f}"
            )
    sys.exit(0 if figures["within_limit"] else 1)


def child(folder: Path, way: str, kind: str) -> str:
    command = [
        *(sys.executable, "-m", "benchmarks.checkpoint_memory", "--child", way),
        *("--folder", str(folder), "--format", kind),
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    return done.stdout


def make(folder: Path, kind: str) -> None:
    """Write a randomly initialised ViT-B-32 in parts, with its `model.json`."""
    import open_clip
    import safetensors.torch
    import torch

    from core import checkpoint

    torch.manual_seed(0)
    state = open_clip.CLIP(**open_clip.get_model_config("ViT-B-32")).state_dict()
    file = folder / "whole"
    if kind == "safetensors":
        safetensors.torch.save_file(state, file)
    else:
        torch.save(state, file, _use_new_zipfile_serialization=kind == "zip")
    checkpoint.split(file, folder)
    file.unlink()


def measure(way: str, folder: Path) -> dict[str, float]:
    """Load once in this process and return what it took above what was held before."""
    import open_clip  # noqa: F401 - part of the baseline, not of what is measured

    load = WAYS[way][0]
    import core.encoder
    import core.state_dict  # noqa: F401

    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts from here
    baseline, began = _memory("VmRSS"), time.perf_counter()
    kept = load(folder)
    seconds = time.perf_counter() - began
    assert kept is not None
    return {
        "baseline": baseline,
        "peak_above_baseline": _memory("VmHWM") - baseline,
        "seconds": round(seconds, 2),
    }


def state_dict_by_stream(folder: Path) -> object:
    from core import checkpoint

    return checkpoint.load_state_dict(folder)


def model_by_stream(folder: Path) -> object:
    import numpy as np

    from core.encoder import load_encoder

    encoder = load_encoder(folder, device="cpu")
    encoder.encode_texts(["a dog"])
    side = encoder.preprocessing.image_size
    encoder.encode_pixels(np.zeros((1, 3, side, side), np.float32))
    return encoder


def state_dict_by_joining(folder: Path) -> object:
    """The plain way: join the parts, then load."""
    import io

    import safetensors.torch
    import torch

    joined = b"".join(path.read_bytes() for path in sorted(folder.glob("clip_model_part_*")))
    if joined[8:9] == b"{":
        return safetensors.torch.load(joined)
    return torch.load(io.BytesIO(joined), weights_only=True)


def model_by_joining(folder: Path) -> object:
    import open_clip

    model = open_clip.CLIP(**open_clip.get_model_config("ViT-B-32"))
    model.load_state_dict(state_dict_by_joining(folder))
    return model


# Name: how, whether the limit holds for it, and what the table calls it.
WAYS = {
    "state_dict_by_stream": (state_dict_by_stream, True, "parts as a stream: state dict"),
    "model_by_stream": (model_by_stream, True, "parts as a stream: model"),
    "state_dict_by_joining": (state_dict_by_joining, False, "joined, then loaded: state dict"),
    "model_by_joining": (model_by_joining, False, "joined, then loaded: model"),
}


def _memory(field: str) -> int:
    """Return a figure of /proc/self/status in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise SystemExit("This benchmark reads /proc, which only Linux has.")


if __name__ == "__main__":
    main()
