"""The wrong activation still runs and is silently worse: signs that weights need QuickGELU."""

from collections.abc import Mapping

import open_clip
import torch
from torch import Tensor

from core import checkpoint
from core.checkpoint import ModelManifest

# In OpenAI's archives beside the weights; open_clip's models work them out themselves.
OPENAI_EXTRAS = frozenset({"input_resolution", "context_length", "vocab_size"})


def published_activation(sha256: str) -> str | None:
    """Return "quickgelu" if `sha256` is that of a checkpoint OpenAI published, else None.

    OpenAI's download addresses contain the sha256; open_clip lists them.
    """
    for name, tag in open_clip.list_pretrained():
        if tag == "openai" and sha256 in open_clip.get_pretrained_url(name, tag).split("/"):
            return "quickgelu"
    return None


def activation_warnings(manifest: ModelManifest, state: Mapping[str, Tensor]) -> tuple[str, ...]:
    if manifest.activation == "quickgelu":
        return ()
    if manifest.sha256 and published_activation(manifest.sha256):
        signs = f"by their sha256 ({manifest.sha256[:12]}…) these are OpenAI's published weights"
    elif OPENAI_EXTRAS & state.keys():
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
