"""The wrong activation still runs and is silently worse: signs that weights need QuickGELU."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core import checkpoint
from core.checkpoint import ModelManifest

if TYPE_CHECKING:
    from torch import Tensor

# In OpenAI's archives beside the weights; open_clip's models work them out themselves.
OPENAI_EXTRAS = frozenset({"input_resolution", "context_length", "vocab_size"})


def published_activation(sha256: str) -> str | None:
    """Return "quickgelu" if `sha256` is that of a checkpoint OpenAI published, else None.

    OpenAI's download addresses contain the sha256; open_clip lists them.
    """
    import open_clip

    for name, tag in open_clip.list_pretrained():
        if tag == "openai" and sha256 in open_clip.get_pretrained_url(name, tag).split("/"):
            return "quickgelu"
    return None


def activation_signs(
    manifest: ModelManifest, names: frozenset[str], sample: "Mapping[str, Tensor]"
) -> str:
    """Say what tells that the weights need another activation than they are set to, or "".

    Args:
        names: of all tensors of the checkpoint.
        sample: some of its larger matrices.
    """
    if manifest.activation == "quickgelu":
        return ""
    if manifest.sha256 and published_activation(manifest.sha256):
        return f"by their sha256 ({manifest.sha256[:12]}…) these are OpenAI's published weights"
    if OPENAI_EXTRAS & names:
        return "these weights come from an archive by OpenAI"
    if manifest.config.get("embed_dim", 0) >= 512 and _are_widened_halves(sample):
        return (
            "these weights look like OpenAI's (stored in fp32, but each number is one of half "
            "precision)"
        )
    return ""


def activation_warnings(manifest: ModelManifest, signs: str) -> tuple[str, ...]:
    """Return what a person should read of `signs`, as `activation_signs` finds them."""
    if not signs:
        return ()
    return (
        f"The model {manifest.name!r} is set to plain GELU, but {signs}, which need QuickGELU: "
        f'results are silently worse. Put "activation": "quickgelu" into '
        f"{manifest.folder / checkpoint.MANIFEST} and embed the pictures again.",
    )


def _are_widened_halves(sample: "Mapping[str, Tensor]") -> bool:
    """Whether weights are fp32 numbers that fp16 would hold exactly.

    OpenAI published half-precision weights; training in fp32 leaves no such numbers.
    """
    import torch

    return bool(sample) and all(
        tensor.dtype == torch.float32
        and tensor.abs().max() > 0
        and torch.equal(part := tensor.flatten()[:10_000], part.half().float())
        for tensor in sample.values()
    )
