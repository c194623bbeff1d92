"""Loading: which computer serves a model, and its towers when they are first used.

Needs no PyTorch where a tower was converted for ONNX Runtime: its import alone takes seconds
and more memory than the tower.
"""

import logging
import threading
from pathlib import Path

from core import checkpoint
from core.checkpoint import ModelManifest
from core.encoder.activation import activation_warnings
from core.encoder.clip import ClipEncoder
from core.encoder.protocol import Kind, Tower
from core.errors import CocoSiftError, ModelError
from core.progress import Progress
from core.runtime import ONNX, Converted, convert_apart, find_converted, missing
from core.runtime.towers import OnnxImageTower, OnnxTextTower

PRECISIONS = ("fp32", "bf16", "fp16")
RUNTIMES = ("auto", "torch", ONNX)

_log = logging.getLogger(__name__)


def load_encoder(
    folder: Path,
    device: str = "auto",
    precision: str | None = None,
    runtime: str = "auto",
    cache: Path | None = None,
) -> ClipEncoder:
    """Return the encoder of the model in `folder`.

    Weights are compared with the architecture now and read when a tower is first used, put
    into it as they were read, so memory is that of one copy. Weights stored in half precision
    are widened to fp32; with "bf16" or "fp16" the computation, not the weights, is of that
    precision.

    Args:
        device: "auto" (CUDA if there is any), "cpu", "cuda" or one of several, as "cuda:1".
        precision: "fp32" (also when None), "bf16" or "fp16".
        runtime: "auto" is ONNX Runtime for towers that were converted for it (see
            `ClipEncoder.prepare`) and PyTorch for the others; "torch" and "onnxruntime" insist,
            the latter converting a tower before its first use.
        cache: folder that keeps what is converted; None: nothing is.

    Raises:
        CheckpointError: as `checkpoint.load_state_dict`.
        ModelError: the weights are of another architecture (with the keys that are missing
            or too many), the config names something else than sizes (a hub, a file), or
            there is no such device, precision or runtime.
    """
    manifest = checkpoint.read_manifest(folder)
    checkpoint.find_parts(folder)
    if precision not in (None, *PRECISIONS):
        raise ModelError(f"Expected the precision fp32, bf16 or fp16, found {precision!r}.")
    towers = FolderTowers(manifest, _device(device), precision or "fp32", runtime, cache)
    warnings = (
        *activation_warnings(manifest, towers.signs()),
        *checkpoint.ignored_notes(folder),
        *_precision_notes(towers.device, towers.precision),
    )
    return ClipEncoder(manifest, towers, towers.precision, towers.device, warnings)


class FolderTowers:
    """The towers of the model in a folder, by ONNX Runtime where it may and can, else PyTorch."""

    def __init__(
        self,
        manifest: ModelManifest,
        device: str,
        precision: str,
        runtime: str,
        cache: Path | None,
    ) -> None:
        self.device = device
        self.precision = precision
        self._manifest = manifest
        self._cache = cache
        self._insists = runtime == ONNX
        self._problem = _why_not_onnx(device, precision, runtime, cache)
        if self._insists and self._problem:
            raise ModelError(self._problem)
        self._chosen: dict[Kind, Converted | None] = {}
        # One forward pass at a time: it takes all cores anyway.
        self._lock = threading.Lock()

    def signs(self) -> str:
        """Check the weights, unless that was done when they were converted.

        Returns:
            Signs of the wrong activation, as `activation.activation_signs`.

        Raises:
            CheckpointError, ModelError: as `load_encoder`.
        """
        for kind in ("text", "image"):
            if (found := self._choice(kind)) is not None:
                return found.signs
        from core.encoder.architecture import check_weights

        return check_weights(self._manifest)

    def open(self, kind: Kind) -> Tower:
        """Read a tower's weights, or map those of the converted one."""
        found = self._choice(kind)
        if found is None and self._insists:
            self.prepare(kind)
            found = self._choice(kind)
            if found is None:
                raise ModelError(
                    f"The {kind} tower of {self._manifest.name!r} cannot be converted for ONNX "
                    "Runtime; the log says why. Use the runtime torch."
                )
        if found is not None:
            try:
                return self._onnx_tower(kind, found)
            except Exception:
                # Whatever it cannot do, PyTorch can.
                _log.exception("ONNX Runtime cannot open %s: PyTorch serves it", found.folder)
                found.discard()
                self._chosen[kind] = None
        return self._torch_tower(kind)

    def runtime(self, kind: Kind) -> str:
        """Return what computes the tower that `open` gives."""
        return ONNX if self._insists or self._choice(kind) is not None else "torch"

    def prepare(self, kind: Kind, progress: Progress | None = None) -> bool:
        """Convert a tower for ONNX Runtime unless that was done; return whether `open` changes."""
        if self._problem or self._cache is None or self._choice(kind) is not None:
            return False
        try:
            convert_apart(self._manifest, kind, self._cache, progress)
        except (CocoSiftError, RuntimeError) as error:
            _log.warning(
                "The %s tower of %r stays with PyTorch: %s", kind, self._manifest.name, error
            )
            return False
        self._chosen.pop(kind, None)
        return self._choice(kind) is not None

    def _choice(self, kind: Kind) -> Converted | None:
        """The converted tower, if there is one; the answer is kept until `prepare` changes it."""
        if self._problem or self._cache is None:
            return None
        if kind not in self._chosen:
            self._chosen[kind] = find_converted(self._manifest, kind, self._cache)
        return self._chosen[kind]

    def _onnx_tower(self, kind: Kind, found: Converted) -> Tower:
        if kind == "text":
            return OnnxTextTower(found, self._lock)
        return OnnxImageTower(found, self._lock, self._manifest.preprocessing)

    def _torch_tower(self, kind: Kind) -> Tower:
        from core.encoder.architecture import load_tower
        from core.encoder.tokenizer import load_tokenizer
        from core.encoder.torch_towers import TorchImageTower, TorchTextTower

        model = load_tower(self._manifest, kind, self.device)
        if kind == "text":
            end = load_tokenizer(self._manifest).end
            return TorchTextTower(model, self.precision, self._lock, end)
        return TorchImageTower(model, self.precision, self._lock, self._manifest.preprocessing)


def _why_not_onnx(device: str, precision: str, runtime: str, cache: Path | None) -> str:
    """Say why ONNX Runtime may not serve, "" if it may."""
    if runtime not in RUNTIMES:
        raise ModelError(
            f"Expected the runtime to be one of {', '.join(RUNTIMES)}, found {runtime!r}."
        )
    if runtime == "torch":
        return "PyTorch was asked for."
    if device != "cpu":
        return (
            f"Expected --device cpu for the runtime {ONNX}, found {device}. Use the runtime torch."
        )
    if precision != "fp32":
        return (
            f"The runtime {ONNX} computes in fp32, found the precision {precision}. "
            "Use the runtime torch for others."
        )
    if cache is None:
        return f"The runtime {ONNX} needs a folder for what it converts: give a cache."
    return missing()


def _device(name: str) -> str:
    kind, _, number = name.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (
        number and not (kind == "cuda" and number.isdecimal())
    ):
        raise ModelError(f"Expected the device auto, cpu or cuda, found {name!r}.")
    if kind == "cpu" or (kind == "auto" and not _may_have_cuda()):
        return "cpu"
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "auto":
        return "cuda:0" if count else "cpu"
    if not count:
        raise ModelError("PyTorch finds no CUDA device here. Use --device cpu.")
    if int(number or 0) >= count:
        raise ModelError(
            f"PyTorch finds {count} CUDA devices here, cuda:0 to cuda:{count - 1}, but not {name}."
        )
    return f"cuda:{number or 0}"


def _may_have_cuda() -> bool:
    """Whether NVIDIA's driver is here: without it PyTorch need not be imported to be asked."""
    return any(map(Path.exists, map(Path, ("/dev/nvidiactl", "/proc/driver/nvidia", "/dev/dxg"))))


# What processors call arithmetic in bf16: Intel's and AMD's, and ARM's.
_BF16_FLAGS = {"avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16"}


def _precision_notes(device: str, precision: str) -> tuple[str, ...]:
    if device != "cpu" or precision == "fp32" or (precision == "bf16" and _has_bf16()):
        return ()
    return (
        f"This processor has no arithmetic in {precision}: it will be slower than fp32, "
        "and no more exact.",
    )


def _has_bf16() -> bool:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return False
    return bool(_BF16_FLAGS & set(text.split()))
