"""`ClipEncoder`: a model of open_clip as an `Encoder`."""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from core import checkpoint
from core.checkpoint import ModelManifest
from core.encoder.protocol import ReadText
from core.encoder.tokenizer import load_tokenizer
from core.words import unknown_words

_TEXTS_AT_ONCE = 256
_PICTURES_AT_ONCE = 64

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class ClipEncoder:
    """An `Encoder` round a model of open_clip; `load_encoder` makes it."""

    def __init__(
        self,
        manifest: ModelManifest,
        model: nn.Module,
        precision: str = "fp32",
        warnings: tuple[str, ...] = (),
    ) -> None:
        self.manifest = manifest
        self.name = manifest.name
        self.dim = int(manifest.config["embed_dim"])
        self.drawn = manifest.drawn
        self.preprocessing = manifest.preprocessing
        self.warnings = warnings
        self.precision = precision
        # Any: the towers' attributes are open_clip's, which has no types.
        self._model: Any = model.eval()
        self._device = next(model.parameters()).device
        self._tokenizer = load_tokenizer(manifest)
        self.context_length = self._tokenizer.context_length
        # One forward pass at a time: PyTorch uses all cores for it anyway, and the text
        # tower's position table is swapped while it runs.
        self._lock = threading.Lock()

    @cached_property
    def fingerprint(self) -> str:
        return checkpoint.fingerprint(self.manifest.folder)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32, shape (n, dim), unit rows; what goes beyond the context is cut."""
        tokens = torch.from_numpy(self._tokenizer(texts))
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
        n_tokens, cut = self._tokenizer.read(text)
        known = self.manifest.known_words
        unknown = () if known is None else unknown_words(text, known)
        return ReadText(n_tokens, cut, unknown)

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
        return torch.autocast(self._device.type, PRECISIONS[self.precision])

    def _text_features(self, tokens: Tensor) -> Any:
        """Encode `tokens` cut behind the longest text.

        The text tower is causal, so what stands behind the end token changes nothing.
        """
        prefix: str = "text." if hasattr(self._model, "text") else ""
        tower = getattr(self._model, "text", self._model)
        if not is_causal(tower):
            return self._model.encode_text(tokens, normalize=True)
        longest = int((tokens == self._tokenizer.end).int().argmax(dim=1).max()) + 1
        shorter = {
            f"{prefix}positional_embedding": tower.positional_embedding[:longest],
            f"{prefix}attn_mask": tower.attn_mask[:longest, :longest],
        }
        outputs = torch.func.functional_call(
            self._model, shorter, (None, tokens[:, :longest].contiguous())
        )
        return outputs["text_features"] if isinstance(outputs, dict) else outputs[1]


def is_causal(tower: Any) -> bool:
    pool = getattr(tower, "pool_type", None) or getattr(tower, "text_pool_type", None)
    return bool(
        tower.attn_mask is not None
        and getattr(tower, "cls_emb", None) is None
        and pool in ("argmax", "eos")
    )
