"""Loading: a model of open_clip's own classes with the weights of a folder; nothing is fetched."""

import re
import warnings as python_warnings
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import fields
from pathlib import Path
from typing import Any

import open_clip
import torch
from torch import Tensor, nn

from core import checkpoint
from core.checkpoint import ModelManifest
from core.encoder.activation import OPENAI_EXTRAS, activation_warnings
from core.encoder.clip import PRECISIONS, ClipEncoder
from core.errors import ModelError

_COMPUTED = ("attn_mask", "position_ids")


def load_encoder(folder: Path, device: str = "auto", precision: str | None = None) -> "ClipEncoder":
    """Return the encoder of the model in `folder`.

    The weights are put into the model as they were read, so memory is that of one copy.
    Weights stored in half precision are widened to fp32; with "bf16" or "fp16" the
    computation, not the weights, is of that precision.

    Args:
        device: "auto" (CUDA if there is any), "cpu" or "cuda".
        precision: "fp32" (also when None), "bf16" or "fp16".

    Raises:
        CheckpointError: as `checkpoint.load_state_dict`.
        ModelError: the weights are of another architecture (with the keys that are missing
            or too many), the config names something else than sizes (a hub, a file), or
            there is no such device or precision.
    """
    manifest = checkpoint.read_manifest(folder)
    target = _device(device)
    if precision not in (None, *PRECISIONS):
        raise ModelError(f"Expected the precision fp32, bf16 or fp16, found {precision!r}.")
    state = checkpoint.load_state_dict(folder)
    warnings = (*activation_warnings(manifest, state), *checkpoint.ignored_notes(folder))
    model = _model(manifest)
    _fill(model, state, manifest)
    return ClipEncoder(manifest, model.to(target), precision or "fp32", warnings)


def _device(name: str) -> torch.device:
    if name not in ("auto", "cpu", "cuda"):
        raise ModelError(f"Expected the device auto, cpu or cuda, found {name!r}.")
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ModelError("PyTorch finds no CUDA device here. Use --device cpu.")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def _model(manifest: ModelManifest, device: str = "meta") -> nn.Module:
    """Build the model; on PyTorch's meta device it takes no memory for its weights."""
    _check_config(manifest)
    config = deepcopy(dict(manifest.config))
    vision = config["vision_cfg"]
    if (size := vision.get("image_size", 224)) != manifest.preprocessing.image_size:
        raise ModelError(
            f"{manifest.folder}: the architecture takes pictures of {size} pixels, but "
            f"preprocessing says {manifest.preprocessing.image_size}. Correct model.json."
        )
    config["quick_gelu"] = manifest.activation == "quickgelu"
    vision.pop("timm_model_pretrained", None)
    config["text_cfg"].pop("hf_tokenizer_name", None)
    kind: type[nn.Module] = (
        open_clip.CustomTextCLIP if config.pop("custom_text", False) else open_clip.CLIP
    )
    try:
        with torch.device(device):
            return kind(**config)
    except Exception as error:
        # open_clip and timm answer a config that cannot be with whatever they trip over.
        raise ModelError(
            f"{manifest.folder}: open_clip cannot build {manifest.architecture!r} from the config "
            f"in model.json ({type(error).__name__}: {error})."
        ) from error


# What a config may hold. Nothing here can name a hub, an address or a file, so a
# model.json from a stranger can neither reach the network nor open anything.
_CONFIG_KEYS = frozenset(
    {"embed_dim", "vision_cfg", "text_cfg", "custom_text", "quick_gelu"}
    | {"init_logit_scale", "init_logit_bias", "nonscalar_logit_scale"}
)
_VISION_KEYS = frozenset(field.name for field in fields(open_clip.CLIPVisionCfg))
_TEXT_KEYS = frozenset(
    field.name
    for field in fields(open_clip.CLIPTextCfg)
    if not field.name.startswith("hf_") and field.name != "tokenizer_mode"
)
_TOKENIZER_KEYS = frozenset({"clean"})
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_-]+)?")


def _check_config(manifest: ModelManifest) -> None:
    """Refuse a config that asks for anything but CLIP's own tokenizer and plain networks."""
    config = manifest.config
    text, vision = config["text_cfg"], config["vision_cfg"]
    tokenizer = text.get("tokenizer_kwargs") or {}
    known = {"hf_tokenizer_name"} if manifest.tokenizer else set()
    hub = sorted(key for key in text if key.startswith("hf_") and key not in known)
    if hub or "multimodal_cfg" in config:
        raise ModelError(
            f"{manifest.folder}: the architecture {manifest.architecture!r} needs a tokenizer or "
            f"a text model from a hub, which CocoSift does not fetch (it has "
            f"{hub[0] if hub else 'multimodal_cfg'}). A tokenizer of its own comes along with: "
            f"python -m core fetch model {manifest.architecture} --pretrained TAG"
        )
    for where, keys, allowed in (
        ("config", config, _CONFIG_KEYS),
        ("vision_cfg", vision, _VISION_KEYS),
        ("text_cfg", text, _TEXT_KEYS | known),
        ("tokenizer_kwargs", tokenizer, _TOKENIZER_KEYS),
    ):
        if not isinstance(keys, Mapping) or (strange := sorted(keys.keys() - allowed)):
            found = ", ".join(strange) if isinstance(keys, Mapping) else repr(keys)
            raise ModelError(
                f"{manifest.folder}: expected nothing in {where} but {', '.join(sorted(allowed))}, "
                f"found {found:.120}. Take it out of {checkpoint.MANIFEST}."
            )
    name = vision.get("timm_model_name")
    if name is not None and not (isinstance(name, str) and _PLAIN_NAME.fullmatch(name)):
        raise ModelError(
            f"{manifest.folder}: expected the plain name of a network in timm_model_name, as "
            f"resnet50, found {name!r:.120}. Nothing is fetched or opened for it."
        )


def _fill(model: nn.Module, state: dict[str, Tensor], manifest: ModelManifest) -> None:
    """Put `state` into `model` without copying; what is not learned is worked out anew."""
    for name in [name for name in state if name in OPENAI_EXTRAS or name.endswith(_COMPUTED)]:
        del state[name]
    _check_fit(model, state, manifest)
    for name, tensor in state.items():
        if tensor.is_floating_point():
            state[name] = tensor.float()
    with python_warnings.catch_warnings():
        # Assigning buffers of another dtype is meant.
        python_warnings.simplefilter("ignore")
        model.load_state_dict(state, assign=True)
    model.requires_grad_(False)
    tower: Any = getattr(model, "text", model)
    if tower.attn_mask is not None:
        length = tower.positional_embedding.shape[0]
        tower.attn_mask = torch.full((length, length), float("-inf")).triu_(1)
    hollow = [name for name, tensor in model.named_buffers() if tensor.is_meta]
    built = _model(manifest, "cpu") if hollow else model
    for name in hollow:  # a few towers of timm keep tables that no state dict holds
        owner, _, own_name = name.rpartition(".")
        model.get_submodule(owner).register_buffer(own_name, built.get_buffer(name), False)


def _check_fit(model: nn.Module, state: Mapping[str, Tensor], manifest: ModelManifest) -> None:
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    misfits = [
        f"{name} is {_shape(found[name])} instead of {_shape(shape)}"
        for name, shape in wanted.items()
        if name in found and found[name] != shape
    ]
    said = [
        _listed("missing", [name for name in wanted if name not in found]),
        _listed("too many", [name for name in found if name not in wanted]),
        _listed("of another shape", misfits),
    ]
    if any(said):
        raise ModelError(
            f"The weights in {manifest.folder} are not those of the architecture "
            f"{manifest.architecture!r}: {'; '.join(filter(None, said))}. "
            f"Correct architecture or config in {manifest.folder / checkpoint.MANIFEST}."
        )


def _listed(what: str, names: list[str], limit: int = 4) -> str:
    if not names:
        return ""
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    keys = "key" if len(names) == 1 else "keys"
    return f"{len(names):,} {keys} {what} ({', '.join(names[:limit])}{more})"


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"
