"""What the machine is that figures were measured on, and how busy it was."""

import os
import platform
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    *("numpy", "torch", "open_clip_torch", "streamlit", "pyarrow", "pillow"),
    *("openvino", "onnxruntime", "tokenizers"),
)
# Those that decide how fast products of matrices are, and in which precision.
INSTRUCTIONS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "sve")
ROOT = Path(__file__).resolve().parent.parent


def facts() -> dict[str, str]:
    """Return by name what is worth knowing of this machine and of what runs on it."""
    cpu = _cpu()
    has = set(cpu.get("flags", cpu.get("Features", "")).split())
    return {
        "processor": cpu.get("model name", platform.processor() or platform.machine()),
        "cores": f"{len(os.sched_getaffinity(0))} of {os.cpu_count()}",
        "instructions": ", ".join(name for name in INSTRUCTIONS if name in has) or "unknown",
        "GPU": _gpu(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.1f} GB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        **_versions(),
        "commit": _commit(),
    }


def load() -> str:
    """Return how many processes wanted to run: over the last 1, 5 and 15 minutes."""
    return ", ".join(f"{one:.2f}" for one in os.getloadavg())


def as_list(told: Mapping[str, str]) -> str:
    """Return facts as lines of Markdown."""
    return "\n".join(f"- {name}: {value}" for name, value in told.items())


def _cpu() -> dict[str, str]:
    """Return what /proc/cpuinfo says of the first core; nothing where there is no such file."""
    with suppress(OSError):
        first = Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
        lines = (line.partition(":") for line in first.splitlines())
        return {name.strip(): value.strip() for name, _, value in lines}
    return {}


def _gpu() -> str:
    with suppress(OSError, subprocess.CalledProcessError):
        asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        names = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split("\n")
        return ", ".join(name for name in names if name) or "none"
    return "none"


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _commit() -> str:
    with suppress(OSError, subprocess.CalledProcessError):
        git = ["git", "-C", str(ROOT)]
        asked = [[*git, "rev-parse", "--short", "HEAD"], [*git, "status", "--porcelain", "-uno"]]
        commit, changed = (
            subprocess.run(one, check=True, capture_output=True, text=True).stdout.strip()
            for one in asked
        )
        return f"{commit}, with changes" if changed else commit
    return "unknown"
