"""Converted towers: where they are kept, when one may be used, and having one made.

    <cache>/runtime/<sha256 of the checkpoint>-<digest>-<version>/<tower>/
        model.onnx, model.onnx.data, tower.json

The digest is of what else decides the numbers (the architecture and its activation), the
version that of ONNX Runtime and of the conversion here. `tower.json` is written last, and the
folder appears whole; sizes and checksums in it tell damage.
"""

import hashlib
import json
import logging
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from core import checkpoint
from core.checkpoint import ModelManifest
from core.encoder.protocol import Kind
from core.errors import ModelError
from core.progress import Progress
from core.settings import Settings
from core.workers import run_apart

ONNX = "onnxruntime"
RECORD = "tower.json"
GRAPH = "model.onnx"
# Rises when what is converted changes.
CONVERSION = 1

_TASK = "core.runtime.conversion:convert"
_CHUNK = 1 << 22
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileCheck:
    """Size in bytes and CRC-32 of a file."""

    size: int
    crc32: int


@dataclass(frozen=True, slots=True)
class Converted:
    """A converted tower that is whole.

    Attributes:
        folder: holds its graph.
        signs: of the wrong activation, found in its weights; "" mostly.
        end: the token to cut texts behind; None where the tower must see the whole context,
            and for pictures.
        files: what it consists of.
        problem: why there is no graph: the tower cannot be converted; "" when there is one.
    """

    folder: Path
    signs: str
    end: int | None
    files: Mapping[str, FileCheck]
    problem: str = ""

    @property
    def graph(self) -> Path:
        return self.folder / GRAPH

    def discard(self) -> None:
        """Remove it, so that it is made again."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self) -> None:
        """Write `tower.json` into the folder."""
        stated = asdict(self) | {"folder": None}
        (self.folder / RECORD).write_text(json.dumps(stated, indent=1) + "\n", "utf-8")


def missing() -> str:
    """Say what ONNX Runtime lacks here, "" if nothing."""
    if find_spec(ONNX) is None:
        return (
            f"The runtime {ONNX} is not installed. Run: pip install -r requirements.txt, "
            "or use the runtime torch."
        )
    return ""


def tower_folder(manifest: ModelManifest, kind: Kind, cache: Path) -> Path:
    """Return where the converted tower of a model is kept, be it there or not.

    Raises:
        CheckpointError: as `checkpoint.fingerprint`.
    """
    decisive = {"config": manifest.config, "activation": manifest.activation}
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True, default=str).encode()).hexdigest()
    fingerprint = manifest.sha256 or checkpoint.fingerprint(manifest.folder)
    name = f"{fingerprint}-{digest[:12]}-{_version()}"
    return cache / "runtime" / name / kind


def find_converted(manifest: ModelManifest, kind: Kind, cache: Path) -> Converted | None:
    """Return the converted tower if it is there and whole; what is damaged is removed."""
    folder = tower_folder(manifest, kind, cache)
    found = read(folder)
    if found is None or found.problem:
        return None
    if problem := _damage(found):
        _log.warning("%s is damaged (%s) and will be made again", folder, problem)
        found.discard()
        return None
    return found


def convert_apart(
    manifest: ModelManifest, kind: Kind, cache: Path, progress: Progress | None = None
) -> None:
    """Make the converted tower in a process of its own, unless it is there. Blocks.

    Args:
        progress: told in steps.

    Raises:
        ModelError: the tower cannot be converted, or the packages for it are missing.
        CheckpointError, WorkerError, RuntimeError: as `run_apart`.
    """
    known = read(tower_folder(manifest, kind, cache))
    if known is not None and known.problem:
        raise ModelError(known.problem)
    arguments = {"folder": str(manifest.folder), "kind": kind}
    run_apart(_TASK, arguments, settings=Settings(cache=cache), progress=progress)


def read(folder: Path) -> Converted | None:
    """Return what `tower.json` in `folder` says; None if it is not there or says nothing."""
    try:
        stated = json.loads((folder / RECORD).read_text("utf-8"))
        files = {name: FileCheck(**check) for name, check in stated["files"].items()}
        return Converted(folder, stated["signs"], stated["end"], files, stated["problem"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        shutil.rmtree(folder, ignore_errors=True)
        return None


def check_of(path: Path) -> FileCheck:
    """Return size and checksum of a file; of one in memory half a gigabyte takes 0.2 s."""
    crc, size = 0, 0
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            crc, size = zlib.crc32(chunk, crc), size + len(chunk)
    return FileCheck(size, crc)


def _damage(found: Converted) -> str:
    if GRAPH not in found.files:
        return f"{GRAPH} is not listed"
    for name, expected in found.files.items():
        path = found.folder / name
        if not path.is_file():
            return f"{name} is missing"
        if check_of(path) != expected:
            return f"{name} is not as it was written"
    return ""


def _version() -> str:
    try:
        return f"{ONNX}-{version(ONNX)}-{CONVERSION}"
    except PackageNotFoundError:
        return f"{ONNX}-none-{CONVERSION}"
