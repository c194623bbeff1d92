"""Prompts: a noun put into ImageNet's published templates, as Radford et al. ensemble them."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from open_clip import OPENAI_IMAGENET_TEMPLATES, SIMPLE_IMAGENET_TEMPLATES

from core.encoder.protocol import Encoder

_TEMPLATES: Mapping[str, Sequence[Callable[[str], str]]] = {
    "simple": SIMPLE_IMAGENET_TEMPLATES,
    "full": OPENAI_IMAGENET_TEMPLATES,
}


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
