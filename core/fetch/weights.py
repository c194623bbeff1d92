"""Fetched weights made ready: the names and shapes that the architecture has, as safetensors.

A safetensors file that fits already is left as it is, so its sha256 stays the one that the hub
states. Anything else is read by `core.state_dict`, which runs nothing, and written once.
Numbers keep the precision they are stored in.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.atomic import atomic_path
from core.errors import CheckpointError, ModelError

if TYPE_CHECKING:
    from torch import Tensor, nn

_PRECISIONS = {"F32": "fp32", "F16": "fp16", "BF16": "bf16"}
_LONGEST_HEADER = 100 * 2**20
# In OpenAI's archives and older checkpoints; open_clip works them out.
_COMPUTED = ("input_resolution", "context_length", "vocab_size")
_COMPUTED_ENDS = ("attn_mask", "position_ids")


@dataclass(frozen=True, slots=True)
class Stored:
    """What a safetensors file holds, by its header alone.

    Attributes:
        shapes: of each tensor.
        precision: "fp32", "fp16" or "bf16", the one of most of its bytes.
    """

    shapes: Mapping[str, tuple[int, ...]]
    precision: str


def make_ready(
    file: Path, target: Path, architecture: str, config: Mapping[str, Any], quick_gelu: bool
) -> Path:
    """Return a safetensors file with the weights in `file` as `architecture` names them.

    That is `file` itself when it is one, else `target`, written whole or not at all.

    Raises:
        CheckpointError: `file` is damaged, or asks for code to be run.
        ModelError: the weights are not those of the architecture.
    """
    model = _hollow(architecture, config, quick_gelu)
    wanted = _learned({name: tuple(part.shape) for name, part in model.state_dict().items()})
    if _is_safetensors(file) and _learned(read_header(file).shapes) == wanted:
        return file
    state = _as_open_clip_has_it(model, _read(file))
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    if _learned(found) != wanted:
        raise ModelError(
            f"The weights fetched are not those of {architecture}: {_difference(wanted, found)}. "
            "Check the architecture and the tag with: python -m core fetch model --list"
        )
    _write({name: state[name] for name in wanted}, target)
    return target


def read_header(file: Path) -> Stored:
    """Return what the safetensors file `file` holds; its data are not read.

    Raises:
        CheckpointError: it is no such file.
    """
    try:
        with file.open("rb") as source:
            length = int.from_bytes(source.read(8), "little")
            if length > _LONGEST_HEADER:
                raise ValueError("a header longer than the format allows")
            header = json.loads(source.read(length))
        header.pop("__metadata__", None)
        sizes: Counter[str] = Counter()
        for entry in header.values():
            sizes[str(entry["dtype"])] += entry["data_offsets"][1] - entry["data_offsets"][0]
        shapes = {name: tuple(entry["shape"]) for name, entry in header.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise CheckpointError(
            f"{file} is not a safetensors file that can be read ({error}). Fetch it again."
        ) from error
    kinds = [kind for kind, _ in sizes.most_common() if kind in _PRECISIONS]
    return Stored(shapes, _PRECISIONS[kinds[0]] if kinds else "fp32")


def _is_safetensors(file: Path) -> bool:
    with file.open("rb") as source:
        return source.read(9)[8:] == b"{"


def _learned(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    return {
        name: shape
        for name, shape in shapes.items()
        if name not in _COMPUTED and not name.endswith(_COMPUTED_ENDS)
    }


def _hollow(architecture: str, config: Mapping[str, Any], quick_gelu: bool) -> "nn.Module":
    """Build the architecture without memory for its weights."""
    import open_clip
    import torch

    keys = deepcopy(dict(config))
    keys["quick_gelu"] = quick_gelu
    keys["vision_cfg"].pop("timm_model_pretrained", None)  # by default nothing is fetched
    kind = open_clip.CustomTextCLIP if keys.pop("custom_text", False) else open_clip.CLIP
    try:
        with torch.device("meta"):
            model: nn.Module = kind(**keys)
    except Exception as error:
        # open_clip and timm answer a config that cannot be with whatever they trip over.
        raise ModelError(
            f"open_clip cannot build {architecture!r} ({type(error).__name__}: {error})."
        ) from error
    return model


def _read(file: Path) -> "dict[str, Tensor]":
    from core.state_dict import read_state_dict

    with file.open("rb") as stream:
        try:
            return read_state_dict(stream)
        except CheckpointError as error:
            raise CheckpointError(f"{file.name}: {error}") from error.__cause__


def _as_open_clip_has_it(model: Any, state: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """Rename and reshape as open_clip does when it loads a checkpoint of another making."""
    import torch
    from open_clip.convert import convert_state_dict
    from open_clip.model import (
        convert_to_custom_text_state_dict,
        resize_pos_embed,
        resize_text_pos_embed,
    )

    state = convert_state_dict(model, state)
    if "positional_embedding" in state and not hasattr(model, "positional_embedding"):
        state = convert_to_custom_text_state_dict(state)
    for name in ("logit_scale", "logit_bias"):
        own = getattr(model, name, None)
        if own is not None and name in state:
            state[name] = state[name].reshape(own.shape)
    if getattr(model, "logit_bias", None) is not None and "logit_bias" not in state:
        state["logit_bias"] = torch.zeros_like(state["logit_scale"])
    resize_pos_embed(state, model)
    resize_text_pos_embed(state, model)
    return state


def _difference(wanted: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> str:
    kept = _learned(found)
    said = {
        "missing": [name for name in wanted if name not in kept],
        "too many": [name for name in kept if name not in wanted],
        "of another shape": [
            name for name, shape in wanted.items() if name in kept and kept[name] != shape
        ],
    }
    return "; ".join(
        f"{len(names):,} tensors {what} ({', '.join(names[:3])}{'…' if len(names) > 3 else ''})"
        for what, names in said.items()
        if names
    )


def _write(state: "Mapping[str, Tensor]", target: Path) -> None:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    apart: dict[str, Tensor] = {}
    places = set()
    for name, tensor in state.items():
        # The format has no tensor that is part of another.
        is_shared = tensor.untyped_storage().data_ptr() in places
        places.add(tensor.untyped_storage().data_ptr())
        apart[name] = (
            tensor.clone(memory_format=torch.contiguous_format)
            if is_shared
            else (tensor.contiguous())
        )
    with atomic_path(target) as temporary:
        try:
            save_file(apart, temporary, metadata={"format": "pt"})
        except SafetensorError as error:
            found = re.search(r"os error ([0-9]+)", str(error))
            code = int(found[1]) if found else 0
            raise OSError(code, os.strerror(code) if code else str(error)) from error
