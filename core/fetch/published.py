"""What weights are published: open_clip's own table, read as it is.

It says for each architecture and tag which repository of a hub has the weights, which activation
they were trained with and how they want their pictures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from core.errors import ModelError
from core.preprocessing import Preprocessing

LIST_COMMAND = "python -m core fetch model --list"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """Published weights that are worth beginning with.

    Attributes:
        size: of the weights in bytes, about.
        why: in a few words.
    """

    architecture: str
    pretrained: str
    size: int
    why: str

    @property
    def name(self) -> str:
        """The model's name here, unless another is given."""
        return default_name(self.architecture, self.pretrained)

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.architecture}, {self.pretrained}"

    @property
    def command(self) -> str:
        """The command that fetches it."""
        return f"python -m core fetch model {self.architecture} --pretrained {self.pretrained}"


@dataclass(frozen=True, slots=True)
class Published:
    """Weights as open_clip's table has them.

    Attributes:
        config: the architecture's, with open_clip's own keys.
        quick_gelu: whether they were trained with QuickGELU.
        preprocessing: how they want their pictures.
        repo: of the hub, `owner/name`.
        files: names of the weights there, the best first.
        digest: sha256 of the file at OpenAI's or open_clip's own address, or its first digits;
            "" where no address has it. It holds for `digest_of` alone.
        tokenizer_repo: where the tokenizer is; "" for CLIP's own.
    """

    architecture: str
    pretrained: str
    config: Mapping[str, Any]
    quick_gelu: bool
    preprocessing: Preprocessing
    repo: str
    files: tuple[str, ...]
    digest: str = ""
    digest_of: str = ""
    tokenizer_repo: str = ""

    @property
    def activation(self) -> str:
        """As `model.json` says it."""
        return "quickgelu" if self.quick_gelu else "gelu"

    @property
    def is_open_clips_own(self) -> bool:
        """Whether the architecture's name is enough for open_clip."""
        return self.architecture in _configs()


KNOWN = (
    KnownModel("ViT-B-32", "laion2b_s34b_b79k", 605_000_000, "the usual beginning: small and good"),
    KnownModel("ViT-B-32", "openai", 605_000_000, "OpenAI's own, to compare with papers"),
    KnownModel("ViT-B-16", "laion2b_s34b_b88k", 599_000_000, "finer, at about a third the speed"),
    KnownModel("ViT-B-16-SigLIP", "webli", 813_000_000, "finds more; its own tokenizer"),
    KnownModel("convnext_base_w", "laion2b_s13b_b82k", 718_000_000, "a convolutional network"),
    KnownModel("ViT-L-14", "openai", 1_711_000_000, "OpenAI's large one"),
    KnownModel("ViT-L-14", "datacomp_xl_s13b_b90k", 1_711_000_000, "large, for a graphics card"),
)
"""Models to begin with, smallest first."""


def default_name(architecture: str, pretrained: str) -> str:
    """The name that a model has when no other is given."""
    return f"{architecture}-{pretrained}"


def fetchable() -> tuple[tuple[str, str], ...]:
    """Return each architecture and tag of open_clip's table that can be fetched and used here."""
    import open_clip

    usable = {name: not _why_not(config) for name, config in _configs().items()}
    return tuple(
        (name, tag) for name, tag in open_clip.list_pretrained() if usable.get(name, False)
    )


def published(architecture: str, pretrained: str) -> Published:
    """Return what open_clip's table says of an architecture's weights.

    Raises:
        ModelError: it has no such architecture or tag, or the architecture needs a text model
            that cannot be used here.
    """
    import open_clip
    from open_clip.constants import HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME

    config = _config(architecture)
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    entry = open_clip.get_pretrained_cfg(architecture, pretrained)
    if not entry:
        known = ", ".join(tags) if tags else "none"
        raise ModelError(
            f"open_clip knows no weights {pretrained!r} of {architecture}. It knows: {known}. "
            f"All are listed by: {LIST_COMMAND}"
        )
    tag = next(tag for tag in tags if open_clip.get_pretrained_cfg(architecture, tag) is entry)
    where = PurePosixPath(entry["hf_hub"])
    repo, file = str(where), HF_WEIGHTS_NAME
    if not entry["hf_hub"].endswith("/"):
        repo, file = str(where.parent), where.name
    safe = HF_SAFE_WEIGHTS_NAME if file == HF_WEIGHTS_NAME else f"{Path(file).stem}.safetensors"
    digest, digest_of = _digest(entry["url"])
    return Published(
        architecture=architecture,
        pretrained=tag,
        config=config,
        quick_gelu=bool(entry.get("quick_gelu", False)),
        preprocessing=Preprocessing(
            image_size=int(config["vision_cfg"].get("image_size", 224)),
            mean=tuple(entry["mean"]),
            std=tuple(entry["std"]),
            interpolation=entry["interpolation"],
            resize_mode=entry["resize_mode"],
        ),
        repo=repo,
        files=tuple(dict.fromkeys((safe, file))),
        digest=digest,
        digest_of=digest_of,
        tokenizer_repo=config["text_cfg"].get("hf_tokenizer_name", ""),
    )


def _config(architecture: str) -> Mapping[str, Any]:
    configs = _configs()
    if architecture not in configs:
        near = get_close_matches(architecture, configs, n=3, cutoff=0.5) or ["ViT-B-32"]
        raise ModelError(
            f"open_clip has no architecture {architecture!r}; the nearest are {', '.join(near)}. "
            f"All are listed by: {LIST_COMMAND}"
        )
    if reason := _why_not(configs[architecture]):
        raise ModelError(
            f"{architecture} cannot be used here: {reason}. Those that can are listed by: "
            f"{LIST_COMMAND}"
        )
    return configs[architecture]


@lru_cache(maxsize=1)
def _configs() -> dict[str, dict[str, Any]]:
    import open_clip

    return {name: open_clip.get_model_config(name) for name in open_clip.list_models()}


def _why_not(config: Mapping[str, Any]) -> str:
    """Say why CocoSift cannot use an architecture, "" when it can."""
    text = config.get("text_cfg", {})
    if "multimodal_cfg" in config:
        return "it writes captions as well, by a decoder that search has no use for"
    if "hf_model_name" in text:
        return f"its text model, {text['hf_model_name']}, is not open_clip's own"
    if "hf_tokenizer_name" in text and (text.get("tokenizer_kwargs") or {}).keys() - {"clean"}:
        return f"its tokenizer, {text['hf_tokenizer_name']}, is changed in a way that is not known"
    return ""


def _digest(url: str) -> tuple[str, str]:
    """Return what an address says of its file's sha256, as open_clip reads it, and its name."""
    path = PurePosixPath(urlsplit(url).path)
    if "openaipublic" in url:
        return path.parent.name, path.name
    if "mlfoundations" in url:
        return path.stem.rpartition("-")[2], path.name
    return "", ""
