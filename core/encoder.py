"""Encoders: a CLIP model of a folder as a function from texts and pictures to unit vectors.

Built by open_clip's own classes; nothing is ever fetched.
"""

import re
import threading
import warnings as python_warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import open_clip
import torch
from open_clip import OPENAI_IMAGENET_TEMPLATES, SIMPLE_IMAGENET_TEMPLATES
from open_clip.tokenizer import SimpleTokenizer
from PIL import Image
from torch import Tensor, nn

from core import checkpoint
from core.checkpoint import ModelManifest
from core.errors import ModelError
from core.preprocessing import Preprocessing
from core.words import unknown_words

_TEXTS_AT_ONCE = 256
_PICTURES_AT_ONCE = 64

# In OpenAI's archives beside the weights; open_clip's models work them out themselves.
_OPENAI_EXTRAS = frozenset({"input_resolution", "context_length", "vocab_size"})
_COMPUTED = ("attn_mask", "position_ids")

_TEMPLATES: Mapping[str, Sequence[Callable[[str], str]]] = {
    "simple": SIMPLE_IMAGENET_TEMPLATES,
    "full": OPENAI_IMAGENET_TEMPLATES,
}

_PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True)
class ReadText:
    """What the tokenizer makes of a text.

    Attributes:
        n_tokens: how many the text has, with the start and the end token, before any cut.
        cut: the end of the text that the model does not see, from the first word that is
            not seen whole; "" when it sees everything.
        unknown_words: words that the model never learned, in the text's order, once each;
            empty when the model does not list its words.
    """

    n_tokens: int
    cut: str
    unknown_words: tuple[str, ...]


class Encoder(Protocol):
    """Turns texts and pictures into vectors of one space; may be used by several threads.

    Attributes:
        dim: length of a vector.
        drawn: whether the model knows drawings only.
        fingerprint: sha256 of the checkpoint.
        context_length: tokens that the model sees of a text, start and end included.
        precision: of the computation: "fp32", "bf16" or "fp16".
        preprocessing: how pictures become the input of `encode_pixels`; picklable.
        warnings: sentences a person should read before trusting the results.
    """

    name: str
    dim: int
    drawn: bool
    context_length: int
    precision: str
    preprocessing: Preprocessing
    warnings: tuple[str, ...]

    @property
    def fingerprint(self) -> str: ...

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32, shape (n, dim), unit rows."""

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Return float32, shape (n, dim), unit rows.

        For notebooks, on pictures that are in no dataset; embedding a dataset prepares
        pictures in other processes and calls `encode_pixels`.
        """

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """The same for preprocessed pictures: float32, shape (n, 3, size, size)."""

    def read_text(self, text: str) -> ReadText:
        """Return what the tokenizer makes of `text`."""


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
    if precision not in (None, *_PRECISIONS):
        raise ModelError(f"Expected the precision fp32, bf16 or fp16, found {precision!r}.")
    state = checkpoint.load_state_dict(folder)
    warnings = (*_activation_warnings(manifest, state), *checkpoint.ignored_notes(folder))
    model = _model(manifest)
    _fill(model, state, manifest)
    return ClipEncoder(manifest, model.to(target), precision or "fp32", warnings)


def prompted(noun: str, prompts: str) -> list[str]:
    """Return `noun` put into each of ImageNet's published templates, as open_clip lists them.

    Args:
        prompts: "simple" (7 templates) or "full" (80).
    """
    return [template(noun) for template in _TEMPLATES[prompts]]


def encode_prompts(encoder: Encoder, noun: str, prompts: str) -> np.ndarray:
    """Return the mean direction of the prompts made of a noun: float32, shape (dim,), unit.

    The mean of the unit vectors of all prompts, made of length 1 again, as Radford et al.,
    "Learning transferable visual models from natural language supervision" (2021), section
    3.1.4, ensemble them.

    Args:
        noun: such as "dog"; a whole sentence makes odd prompts.
        prompts: "simple" (7 templates) or "full" (80).
    """
    vectors = encoder.encode_texts(prompted(noun, prompts)).astype(np.float64)
    mean = vectors.mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


class ClipEncoder:
    """An `Encoder` round a model of open_clip; `load_encoder` makes it."""

    def __init__(
        self,
        manifest: ModelManifest,
        model: nn.Module,
        precision: str = "fp32",
        warnings: tuple[str, ...] = (),
    ) -> None:
        text = manifest.config["text_cfg"]
        self.manifest = manifest
        self.name = manifest.name
        self.dim = int(manifest.config["embed_dim"])
        self.drawn = manifest.drawn
        self.preprocessing = manifest.preprocessing
        self.warnings = warnings
        self.precision = precision
        self.context_length = int(text.get("context_length", 77))
        # Any: the towers' attributes are open_clip's, which has no types.
        self._model: Any = model.eval()
        self._device = next(model.parameters()).device
        self._tokenizer = SimpleTokenizer(
            context_length=self.context_length, **(text.get("tokenizer_kwargs") or {})
        )
        # One forward pass at a time: PyTorch uses all cores for it anyway, and the text
        # tower's position table is swapped while it runs.
        self._lock = threading.Lock()

    @cached_property
    def fingerprint(self) -> str:
        return checkpoint.fingerprint(self.manifest.folder)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32, shape (n, dim), unit rows; what goes beyond the context is cut."""
        tokens = self._tokenizer(list(texts)) if texts else torch.empty(0, 1, dtype=torch.long)
        return self._batched(tokens, _TEXTS_AT_ONCE, self._text_features)

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Return float32, shape (n, dim), unit rows."""
        batches = [
            self.encode_pixels(np.stack([self.preprocessing(image) for image in batch]))
            for start in range(0, len(images), _PICTURES_AT_ONCE)
            if (batch := images[start : start + _PICTURES_AT_ONCE])
        ]
        return np.concatenate(batches) if batches else np.empty((0, self.dim), np.float32)

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Return float32, shape (n, dim), for preprocessed pictures (n, 3, size, size)."""
        return self._batched(
            torch.from_numpy(pixels),
            max(1, len(pixels)),
            lambda batch: self._model.encode_image(batch, normalize=True),
        )

    def read_text(self, text: str) -> ReadText:
        """Return what the tokenizer makes of `text`."""
        length, cut = self._cut(text)
        return ReadText(length, cut, self._unknown_words(text))

    def _batched(self, rows: Tensor, at_once: int, features: Callable[[Tensor], Any]) -> np.ndarray:
        found = [
            self._forward(rows[start : start + at_once].to(self._device), features)
            for start in range(0, len(rows), at_once)
        ]
        return np.concatenate(found) if found else np.empty((0, self.dim), np.float32)

    def _forward(self, batch: Tensor, features: Callable[[Tensor], Any]) -> np.ndarray:
        with (
            self._lock,
            torch.inference_mode(),
            self._precision(),
        ):
            vectors = features(batch).float()
            unit: np.ndarray = nn.functional.normalize(vectors, dim=-1).cpu().numpy()
            return unit

    def _precision(self) -> AbstractContextManager[None]:
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self._device.type, _PRECISIONS[self.precision])

    def _text_features(self, tokens: Tensor) -> Any:
        """Encode `tokens` cut behind the longest text.

        The text tower is causal, so what stands behind the end token changes nothing.
        """
        prefix: str = "text." if hasattr(self._model, "text") else ""
        tower = getattr(self._model, "text", self._model)
        if not _is_causal(tower):
            return self._model.encode_text(tokens, normalize=True)
        longest = int((tokens == self._tokenizer.eot_token_id).int().argmax(dim=1).max()) + 1
        shorter = {
            f"{prefix}positional_embedding": tower.positional_embedding[:longest],
            f"{prefix}attn_mask": tower.attn_mask[:longest, :longest],
        }
        outputs = torch.func.functional_call(
            self._model, shorter, (None, tokens[:, :longest].contiguous())
        )
        return outputs["text_features"] if isinstance(outputs, dict) else outputs[1]

    def _cut(self, text: str) -> tuple[int, str]:
        """Return the number of tokens and the end of `text` that is not seen."""
        room = self.context_length - 2
        cleaned = self._tokenizer.clean_fn(text)
        length, seen_until = 0, len(cleaned)
        for piece in self._tokenizer.pat.finditer(cleaned):
            letters = (self._tokenizer.byte_encoder[byte] for byte in piece[0].encode("utf-8"))
            length += len(self._tokenizer.bpe("".join(letters)).split(" "))
            if length > room:
                seen_until = min(seen_until, piece.start())
        if length <= room:
            return length + 2, ""
        whole_words = len(cleaned[:seen_until].split())
        if seen_until and not cleaned[seen_until - 1].isspace():
            whole_words -= 1  # the cut falls inside a word
        words = text.split()
        if len(words) != len(cleaned.split()):
            words = cleaned.split()
        return length + 2, " ".join(words[max(0, whole_words) :])

    def _unknown_words(self, text: str) -> tuple[str, ...]:
        known = self.manifest.known_words
        return () if known is None else unknown_words(text, known)


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
    hub = sorted(key for key in text if key.startswith("hf_"))
    if hub or "multimodal_cfg" in config:
        raise ModelError(
            f"{manifest.folder}: the architecture {manifest.architecture!r} needs a tokenizer or "
            f"a text model from a hub, which CocoSift does not fetch (it has "
            f"{hub[0] if hub else 'multimodal_cfg'}). Use one with CLIP's own tokenizer, as "
            "ViT-B-32."
        )
    for where, keys, known in (
        ("config", config, _CONFIG_KEYS),
        ("vision_cfg", vision, _VISION_KEYS),
        ("text_cfg", text, _TEXT_KEYS),
        ("tokenizer_kwargs", tokenizer, _TOKENIZER_KEYS),
    ):
        if not isinstance(keys, Mapping) or (strange := sorted(keys.keys() - known)):
            found = ", ".join(strange) if isinstance(keys, Mapping) else repr(keys)
            raise ModelError(
                f"{manifest.folder}: expected nothing in {where} but {', '.join(sorted(known))}, "
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
    for name in [name for name in state if name in _OPENAI_EXTRAS or name.endswith(_COMPUTED)]:
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


def _is_causal(tower: Any) -> bool:
    pool = getattr(tower, "pool_type", None) or getattr(tower, "text_pool_type", None)
    return bool(
        tower.attn_mask is not None
        and getattr(tower, "cls_emb", None) is None
        and pool in ("argmax", "eos")
    )


def published_activation(sha256: str) -> str | None:
    """Return "quickgelu" if `sha256` is that of a checkpoint OpenAI published, else None.

    OpenAI's download addresses contain the sha256; open_clip lists them.
    """
    for name, tag in open_clip.list_pretrained():
        if tag == "openai" and sha256 in open_clip.get_pretrained_url(name, tag).split("/"):
            return "quickgelu"
    return None


def _activation_warnings(manifest: ModelManifest, state: Mapping[str, Tensor]) -> tuple[str, ...]:
    if manifest.activation == "quickgelu":
        return ()
    if manifest.sha256 and published_activation(manifest.sha256):
        signs = f"by their sha256 ({manifest.sha256[:12]}…) these are OpenAI's published weights"
    elif _OPENAI_EXTRAS & state.keys():
        signs = "these weights come from an archive by OpenAI"
    elif manifest.config.get("embed_dim", 0) >= 512 and _are_widened_halves(state):
        signs = (
            "these weights look like OpenAI's (stored in fp32, but each number is one of half "
            "precision)"
        )
    else:
        return ()
    return (
        f"The model {manifest.name!r} is set to plain GELU, but {signs}, which need QuickGELU: "
        f'results are silently worse. Put "activation": "quickgelu" into '
        f"{manifest.folder / checkpoint.MANIFEST} and embed the pictures again.",
    )


def _are_widened_halves(state: Mapping[str, Tensor]) -> bool:
    """Whether the larger weights are fp32 numbers that fp16 would hold exactly.

    OpenAI published half-precision weights; training in fp32 leaves no such numbers.
    """
    large = [tensor for tensor in state.values() if tensor.ndim >= 2 and tensor.numel() > 10_000]
    sample = large[:8]
    return bool(sample) and all(
        tensor.dtype == torch.float32
        and tensor.abs().max() > 0
        and torch.equal(part := tensor.flatten()[:10_000], part.half().float())
        for tensor in sample
    )
