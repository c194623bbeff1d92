"""Batches through one encoder or several, by a thread each; results in the batches' order."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from core.embed_run.pictures import Prepared
from core.errors import ModelError

if TYPE_CHECKING:
    from core.encoder import Encoder

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures for one forward pass, the next of their chunk.

    Attributes:
        rows: of the dataset, one a picture.
        pictures: prepared; all have pixels. There may be none.
        stop: the first row of the dataset behind those that this batch settles.
        skipped: rows of the chunk without a vector, each with the reason; only where it ends.
        ends_chunk: whether it is the last one of its chunk.
    """

    rows: tuple[int, ...]
    pictures: tuple[Prepared, ...]
    stop: int
    skipped: tuple[tuple[int, str], ...]
    ends_chunk: bool


class Forward:
    """Encodes batches; a context manager, which waits for those under way when it is left.

    Args:
        encoders: of one model, such as one a GPU; each works on one batch at a time.
        model: its name, for errors.
    """

    def __init__(self, encoders: Sequence["Encoder"], model: str) -> None:
        self._encoders = encoders
        self._model = model
        self._free: SimpleQueue[Encoder] = SimpleQueue()
        for encoder in encoders:
            self._free.put(encoder)
        self._pool = ThreadPoolExecutor(len(encoders), thread_name_prefix="forward")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def encode(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Vectors]]:
        """Yield each batch with its vectors, in order; one more waits than is computed.

        Raises:
            ModelError: numbers that are not finite, or a device without the memory.
        """
        under_way: deque[tuple[Batch, Future[Vectors]]] = deque()
        for batch in batches:
            under_way.append((batch, self._pool.submit(self._encode, batch)))
            if len(under_way) > len(self._encoders):
                first, vectors = under_way.popleft()
                yield first, vectors.result()
        for batch, vectors in under_way:
            yield batch, vectors.result()

    def _encode(self, batch: Batch) -> Vectors:
        encoder = self._free.get()
        try:
            return self._encode_by(encoder, batch)
        finally:
            self._free.put(encoder)

    def _encode_by(self, encoder: "Encoder", batch: Batch) -> Vectors:
        if not batch.pictures:
            return np.empty((0, encoder.dim), dtype=np.float32)
        pixels = np.stack([item.pixels for item in batch.pictures if item.pixels is not None])
        try:
            vectors = encoder.encode_pixels(pixels)
        except RuntimeError as error:
            if "out of memory" not in str(error):
                raise
            raise ModelError(
                f"A batch of {len(batch.pictures)} pictures does not fit into the device's memory. "
                "Run again with a smaller --batch-size."
            ) from error
        bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if len(bad):
            raise ModelError(
                f"The model {self._model!r} gives numbers that are not finite for "
                f"{batch.pictures[int(bad[0])].picture.file_name!r}. Try --precision fp32, or "
                f"check its files: python -m core checkpoint verify models/{self._model}"
            )
        return vectors


def devices_named(name: str) -> tuple[str, ...]:
    """Return the devices that `name` means, each of which gets an encoder.

    Args:
        name: "auto" or "cuda" for every GPU here ("auto" falls back on the CPU), or devices
            with commas between them, such as "cuda:0,cuda:1"; `load_encoder` checks them.
    """
    if name in ("auto", "cuda"):
        import torch  # here: who only asks for unfinished runs does not wait for it

        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        return tuple(f"cuda:{number}" for number in range(gpus)) if gpus > 1 else (name,)
    return tuple(part.strip() for part in name.split(","))
