"""Converting a tower of PyTorch into a graph for ONNX Runtime; runs in a process of its own."""

import shutil
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core import atomic, checkpoint
from core.checkpoint import ModelManifest
from core.encoder.protocol import Kind
from core.encoder.tokenizer import load_tokenizer
from core.errors import ModelError
from core.progress import Progress
from core.runtime.kept import GRAPH, ONNX, Converted, check_of, read, tower_folder
from core.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor, nn

# The largest difference of a unit vector's numbers from PyTorch's.
TOLERANCE = 1e-5
_MOST_ROWS = 4_096
_STEPS = 3


def convert(settings: Settings, arguments: dict[str, Any], progress: Progress) -> None:
    """Make the converted tower `arguments["kind"]` of the model in `arguments["folder"]`.

    A `core.workers.Task`. That a tower cannot be converted is kept as well, so that it is not
    tried at each start.

    Raises:
        CheckpointError: as `checkpoint.load_state_dict`.
        ModelError: the tower cannot be converted.
    """
    manifest, kind = checkpoint.read_manifest(Path(arguments["folder"])), arguments["kind"]
    folder = tower_folder(manifest, kind, settings.cache)
    if read(folder) is not None:
        return
    _need_exporter()
    from core.encoder.architecture import check_weights, load_tower

    signs = check_weights(manifest)
    progress.update(1, _STEPS)
    model = load_tower(manifest, kind, "cpu")
    with atomic.atomic_folder(folder) as temporary:
        try:
            end = _export(model, manifest, kind, temporary / GRAPH)
            progress.update(2, _STEPS)
            files = {path.name: check_of(path) for path in sorted(temporary.iterdir())}
            made = Converted(temporary, signs, end, files)
            _compare(model, made, manifest, kind)
        except Exception as error:  # exporter and runtime fail in ways of their own
            problem = f"ONNX Runtime cannot serve it ({_first_line(error)})."
            for path in temporary.iterdir():
                path.unlink()
            made = Converted(temporary, signs, None, {}, problem)
        made.write()
    _remove_older(folder.parent)
    if made.problem:
        raise ModelError(made.problem)
    progress.update(_STEPS, _STEPS)


def _need_exporter() -> None:
    for package in (ONNX, "onnx", "onnxscript"):
        if find_spec(package) is None:
            raise ModelError(
                f"Converting a model for ONNX Runtime needs the package {package}. "
                "Run: pip install -r requirements.txt"
            )


def _export(model: "nn.Module", manifest: ModelManifest, kind: Kind, path: Path) -> int | None:
    """Write the graph of `model`; return the token behind which texts may be cut, if they may."""
    import torch

    from core.encoder.torch_towers import is_causal

    tokenizer = load_tokenizer(manifest)
    end = tokenizer.end if kind == "text" and is_causal(model) else None
    rows = torch.export.Dim("rows", min=1, max=_MOST_ROWS)
    shapes: dict[int, Any] = {0: rows}
    example = _example(manifest, kind, 2)
    if end is not None:
        shapes[1] = torch.export.Dim("length", min=2, max=tokenizer.context_length)
        example = example[:, :7].contiguous()
    torch.backends.mha.set_fastpath_enabled(False)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _unit_module(model, kind),
            (example,),
            path,
            input_names=["batch"],
            output_names=["vectors"],
            dynamic_shapes=(shapes,),
            dynamo=True,
            external_data=True,
            verbose=False,
        )
    return end


def _example(manifest: ModelManifest, kind: Kind, rows: int) -> "Tensor":
    import torch

    if kind == "text":
        texts = ["a dog on the beach", "two", "a red car by night", ""]
        return torch.from_numpy(load_tokenizer(manifest)(texts[:rows]))
    size = manifest.preprocessing.image_size
    return torch.randn(rows, 3, size, size, generator=torch.Generator().manual_seed(0))


def _unit_module(model: "nn.Module", kind: Kind) -> "nn.Module":
    import torch

    from core.encoder.torch_towers import text_features

    class Unit(torch.nn.Module):
        """The tower with its vectors made of length 1."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, batch: "Tensor") -> "Tensor":
            vectors = text_features(self.model, batch) if kind == "text" else self.model(batch)
            return torch.nn.functional.normalize(vectors, dim=-1)

    return Unit().eval()


def _compare(model: "nn.Module", made: Converted, manifest: ModelManifest, kind: Kind) -> None:
    """Raise ModelError unless the graph gives PyTorch's vectors, alone and in company."""
    import threading

    import torch

    from core.runtime.towers import OnnxImageTower, OnnxTextTower

    lock = threading.Lock()
    example = _example(manifest, kind, 4)
    tower = (
        OnnxTextTower(made, lock)
        if kind == "text"
        else OnnxImageTower(made, lock, manifest.preprocessing)
    )
    with torch.inference_mode():
        expected = _unit_module(model, kind)(example).numpy()
    for rows in (slice(0, 1), slice(1, 4)):
        difference = float(np.abs(tower(example.numpy()[rows]) - expected[rows]).max())
        if not difference <= TOLERANCE:
            raise ModelError(f"its vectors differ from PyTorch's by {difference:.1e}")


def _remove_older(kept: Path) -> None:
    """Remove what was made of the same weights for another version."""
    same, _, _ = kept.name.partition("-onnxruntime-")
    for folder in kept.parent.glob(f"{same}-*"):
        if folder != kept:
            shutil.rmtree(folder, ignore_errors=True)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
