"""Towers computed by PyTorch: the way that always works, on any device and in any precision."""

import threading
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.preprocessing import Preprocessing

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class _TorchTower:
    """What both towers share: one forward pass at a time, in the precision asked for."""

    runtime = "torch"

    def __init__(self, model: nn.Module, precision: str, lock: threading.Lock) -> None:
        # Any: the towers' attributes are open_clip's, which has no types.
        self.model: Any = model.eval()
        self._device = next(model.parameters()).device
        self.n_bytes = sum(tensor.nbytes for tensor in model.parameters())
        self._precision = precision
        self._lock = lock

    def _unit(self, batch: Tensor) -> np.ndarray:
        with self._lock, torch.inference_mode(), self._autocast():
            vectors = self._features(batch).float()
            unit: np.ndarray = nn.functional.normalize(vectors, dim=-1).cpu().numpy()
            return unit

    def _features(self, batch: Tensor) -> Tensor:
        raise NotImplementedError

    def _autocast(self) -> AbstractContextManager[None]:
        if self._precision == "fp32":
            return nullcontext()
        return torch.autocast(self._device.type, PRECISIONS[self._precision])

    def _moved(self, batch: np.ndarray) -> Tensor:
        rows = torch.from_numpy(batch)
        if self._device.type != "cuda":
            return rows
        # Pinned memory is copied while the device still computes the batch before.
        return rows.pin_memory().to(self._device, non_blocking=True)


class TorchTextTower(_TorchTower):
    """The text tower of a model of open_clip.

    Args:
        model: the whole model; its image tower may be missing.
        precision: "fp32", "bf16" or "fp16".
        lock: held while it computes.
        end: the token behind a text's last.
    """

    def __init__(self, model: nn.Module, precision: str, lock: threading.Lock, end: int) -> None:
        super().__init__(model, precision, lock)
        self._end = end

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Return float32, shape (n, dim), unit rows, for tokens (n, context_length)."""
        if is_causal(self.model):
            batch = cut_behind_end(batch, self._end)
        return self._unit(self._moved(batch))

    def _features(self, batch: Tensor) -> Tensor:
        return text_features(self.model, batch)


class TorchImageTower(_TorchTower):
    """The image tower of a model of open_clip.

    Args:
        model: its `visual`.
        precision: "fp32", "bf16" or "fp16".
        lock: held while it computes.
        preprocessing: how pixels are normalised.
    """

    def __init__(
        self, model: nn.Module, precision: str, lock: threading.Lock, preprocessing: Preprocessing
    ) -> None:
        super().__init__(model, precision, lock)
        self._mean = torch.tensor(preprocessing.mean, device=self._device).view(3, 1, 1)
        self._std = torch.tensor(preprocessing.std, device=self._device).view(3, 1, 1)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Return float32, shape (n, dim), unit rows, for pixels as `Encoder.encode_pixels`."""
        pixels = self._moved(batch)
        if pixels.dtype == torch.uint8:
            pixels = pixels.permute(0, 3, 1, 2).float().div_(255).sub_(self._mean).div_(self._std)
        return self._unit(pixels)

    def _features(self, batch: Tensor) -> Tensor:
        found: Tensor = self.model(batch)
        return found


def text_features(model: Any, tokens: Tensor) -> Tensor:
    """Return what `model` makes of `tokens`, which may be shorter than its context if causal."""
    if not is_causal(model):
        found: Tensor = model.encode_text(tokens, normalize=True)
        return found
    prefix = "text." if hasattr(model, "text") else ""
    tower, length = getattr(model, "text", model), tokens.shape[1]
    shorter = {
        f"{prefix}positional_embedding": tower.positional_embedding[:length],
        f"{prefix}attn_mask": tower.attn_mask[:length, :length],
    }
    outputs = torch.func.functional_call(model, shorter, (None, tokens))
    vectors: Tensor = outputs["text_features"] if isinstance(outputs, dict) else outputs[1]
    return vectors


def cut_behind_end(tokens: np.ndarray, end: int) -> np.ndarray:
    """Return `tokens` cut behind the longest text.

    A causal tower's answer at the end token is the same, whatever stands behind it.
    """
    longest = int((tokens == end).argmax(axis=1).max()) + 1
    return np.ascontiguousarray(tokens[:, :longest])


def is_causal(model: Any) -> bool:
    """Whether the text tower of `model` sees at each token only what stands before it."""
    tower = getattr(model, "text", model)
    pool = getattr(tower, "pool_type", None) or getattr(tower, "text_pool_type", None)
    return bool(
        tower.attn_mask is not None
        and getattr(tower, "cls_emb", None) is None
        and pool in ("argmax", "eos")
    )
