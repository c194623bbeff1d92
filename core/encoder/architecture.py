"""Towers of open_clip's own classes with the weights of a folder; nothing is fetched."""

import re
import warnings as python_warnings
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import fields
from typing import Any

import open_clip
import torch
from torch import Tensor, nn

from core import checkpoint
from core.checkpoint import ModelManifest
from core.encoder.activation import OPENAI_EXTRAS, activation_signs
from core.encoder.protocol import Kind
from core.errors import ModelError

_COMPUTED = ("attn_mask", "position_ids")
_IMAGE_PREFIX = "visual."
# Signs of the wrong activation are looked for in that many of the smaller matrices.
_SAMPLE = 8


def check_weights(manifest: ModelManifest) -> str:
    """Compare names and shapes of the weights with the architecture; read few of them.

    Returns:
        Signs that they need another activation, as `activation_signs`.

    Raises:
        CheckpointError: as `checkpoint.load_state_dict`.
        ModelError: the weights are of another architecture (with the keys that are missing
            or too many), or the config names something else than sizes (a hub, a file).
    """
    hollow = checkpoint.list_tensors(manifest.folder)
    model = _model(manifest)
    sample = _sample(hollow)
    learned = {name: tensor for name, tensor in hollow.items() if _is_learned(name)}
    _check_fit(model, learned, manifest)
    state = checkpoint.load_state_dict(manifest.folder, lambda name: name in sample)
    return activation_signs(manifest, frozenset(hollow), state)


def load_tower(manifest: ModelManifest, kind: Kind, device: str) -> nn.Module:
    """Read one tower's weights and put them into it without copying.

    Weights stored in half precision are widened to fp32.

    Returns:
        For "image" the model's `visual`; for "text" the model without it.

    Raises:
        CheckpointError, ModelError: as `check_weights`.
    """
    is_image = kind == "image"
    model: Any = _model(manifest)
    state = checkpoint.load_state_dict(
        manifest.folder,
        lambda name: name.startswith(_IMAGE_PREFIX) is is_image and _is_learned(name),
    )
    if is_image:
        _fill(model.visual, {name.removeprefix(_IMAGE_PREFIX): t for name, t in state.items()})
        kept: nn.Module = model.visual
    else:
        model.visual = nn.Identity()
        _fill(model, state)
        _see_only_what_stands_before(getattr(model, "text", model))
        kept = model
    _work_out_tables(kept, manifest, is_image)
    return kept.to(device)


def is_cuda_there() -> bool:
    """Whether PyTorch finds a CUDA device."""
    return torch.cuda.is_available()


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


def _is_learned(name: str) -> bool:
    return name not in OPENAI_EXTRAS and not name.endswith(_COMPUTED)


def _sample(hollow: Mapping[str, Tensor]) -> frozenset[str]:
    """Names of a few matrices that are large enough to show how they were trained."""
    large = [name for name, found in hollow.items() if found.ndim >= 2 and found.numel() > 10_000]
    return frozenset(sorted(large, key=lambda name: hollow[name].numel())[:_SAMPLE])


def _fill(tower: nn.Module, state: dict[str, Tensor]) -> None:
    for name, tensor in state.items():
        if tensor.is_floating_point():
            state[name] = tensor.float()
    with python_warnings.catch_warnings():
        # Assigning buffers of another dtype is meant.
        python_warnings.simplefilter("ignore")
        tower.load_state_dict(state, assign=True, strict=False)
    tower.requires_grad_(False)


def _see_only_what_stands_before(tower: Any) -> None:
    if tower.attn_mask is not None:
        length = tower.positional_embedding.shape[0]
        tower.attn_mask = torch.full((length, length), float("-inf")).triu_(1)


def _work_out_tables(tower: nn.Module, manifest: ModelManifest, is_image: bool) -> None:
    """Give `tower` what no state dict holds: a few towers of timm keep such tables."""
    hollow = [name for name, tensor in tower.named_buffers() if tensor.is_meta]
    if not hollow:
        return
    built: Any = _model(manifest, "cpu")
    whole: nn.Module = built.visual if is_image else built
    for name in hollow:
        owner, _, own_name = name.rpartition(".")
        tower.get_submodule(owner).register_buffer(own_name, whole.get_buffer(name), False)


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
