"""Towers computed by ONNX Runtime; their weights stay in the mapped file until they are packed."""

import os
import threading
from importlib import import_module
from typing import Any

import numpy as np

from core.preprocessing import Preprocessing
from core.runtime.kept import ONNX, Converted

# More pictures at once are no faster and take more memory.
PICTURES_AT_ONCE = 16
# A single query has too little work for more cores than these.
MOST_TEXT_THREADS = 4
# How long an idle thread looks for more work before it sleeps. By default it goes on for
# milliseconds, which on cores that others use too makes a query several times as slow.
SPIN_US = 50


class _OnnxTower:
    """What both towers share: a session, and one run of it at a time."""

    runtime = ONNX

    def __init__(self, converted: Converted, lock: threading.Lock, threads: int) -> None:
        self._session = _session(converted, threads)
        # At most: the table of tokens stays in the file but for the rows that texts need.
        self.n_bytes = sum(check.size for check in converted.files.values())
        self._lock = lock

    def _unit(self, batch: np.ndarray) -> np.ndarray:
        with self._lock:
            (vectors,) = self._session.run(None, {"batch": batch})
        found: np.ndarray = vectors
        return found


class OnnxTextTower(_OnnxTower):
    """The text tower; cut texts are short, so most queries take a fraction of the full context."""

    def __init__(self, converted: Converted, lock: threading.Lock) -> None:
        super().__init__(converted, lock, min(cores(), MOST_TEXT_THREADS))
        self._end = converted.end

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Return float32, shape (n, dim), unit rows, for tokens (n, context_length)."""
        if self._end is not None:
            longest = int((batch == self._end).argmax(axis=1).max()) + 1
            batch = np.ascontiguousarray(batch[:, : max(2, longest)])
        return self._unit(batch)


class OnnxImageTower(_OnnxTower):
    """The image tower."""

    def __init__(
        self, converted: Converted, lock: threading.Lock, preprocessing: Preprocessing
    ) -> None:
        super().__init__(converted, lock, cores())
        self._preprocessing = preprocessing

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Return float32, shape (n, dim), unit rows, for pixels as `Encoder.encode_pixels`."""
        starts = range(0, len(batch), PICTURES_AT_ONCE)
        return np.concatenate([self._few(batch[s : s + PICTURES_AT_ONCE]) for s in starts])

    def _few(self, pixels: np.ndarray) -> np.ndarray:
        if pixels.dtype == np.uint8:
            pixels = self._preprocessing.normalised(pixels)
        return self._unit(np.ascontiguousarray(pixels))


def cores() -> int:
    """Return how many cores one forward pass may take: `OMP_NUM_THREADS`, else all of ours."""
    stated = os.environ.get("OMP_NUM_THREADS", "")
    available = len(os.sched_getaffinity(0))
    return min(int(stated), available) if stated.isdecimal() and int(stated) else available


def _session(converted: Converted, threads: int) -> Any:
    onnxruntime: Any = import_module(ONNX)  # it has no types
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.spin_duration_us", str(SPIN_US))
    # Its allocator keeps what the largest batch took; the system's gives it back.
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(
        str(converted.graph), options, providers=["CPUExecutionProvider"]
    )
