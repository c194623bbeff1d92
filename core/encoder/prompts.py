"""Prompts: a noun put into ImageNet's published templates, as Radford et al. ensemble them."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path

import numpy as np

from core.encoder.protocol import Encoder
from core.errors import ModelError

_LISTS = {"simple": "SIMPLE_IMAGENET_TEMPLATES", "full": "OPENAI_IMAGENET_TEMPLATES"}


def prompted(noun: str, prompts: str) -> list[str]:
    """Return `noun` put into each of ImageNet's published templates, as open_clip lists them.

    Args:
        prompts: "simple" (7 templates) or "full" (80).
    """
    return [template(noun) for template in _templates(prompts)]


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


@lru_cache(maxsize=len(_LISTS))
def _templates(prompts: str) -> Sequence[Callable[[str], str]]:
    """Read a list of open_clip from its file: importing the package would import PyTorch."""
    package = find_spec("open_clip")
    if package is None or package.origin is None:
        raise ModelError("open_clip is not installed. Run: make install")
    found = run_path(str(Path(package.origin).parent / "zero_shot_metadata.py"))
    templates: Sequence[Callable[[str], str]] = found[_LISTS[prompts]]
    return templates
