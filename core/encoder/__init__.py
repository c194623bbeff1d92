"""Encoders: a CLIP model of a folder as a function from texts and pictures to unit vectors.

Built by open_clip's own classes; nothing is ever fetched. PyTorch is imported with the first
name that needs it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from core.encoder.protocol import Encoder, ReadText

if TYPE_CHECKING:
    from core.encoder.activation import published_activation
    from core.encoder.clip import ClipEncoder
    from core.encoder.loading import load_encoder
    from core.encoder.prompts import encode_prompts, prompted

__all__ = [
    "ClipEncoder",
    "Encoder",
    "ReadText",
    "encode_prompts",
    "load_encoder",
    "prompted",
    "published_activation",
]

_MODULES = {
    "ClipEncoder": "clip",
    "encode_prompts": "prompts",
    "load_encoder": "loading",
    "prompted": "prompts",
    "published_activation": "activation",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
