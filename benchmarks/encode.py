"""Encoding texts and pictures beside PyTorch's plain call and the machine's matrix product.

    python -m benchmarks encode

Each way computes in a process of its own, so that the threads of one library do not disturb
another's; the processes take turns.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from benchmarks import inputs
from benchmarks.rows import Repeats, Row, at_least, at_most, bounded, faster, multiple, unmeasured
from benchmarks.ways import OFFLINE, ROOT

# As people ask: one word, a few, a caption.
TEXTS = ("beach", "a dog on the beach", "two people riding bicycles in the rain")
PICTURES = 16
# Of the image tower of a ViT-B-32: tokens a picture, width, layers.
TOKENS, WIDTH, LAYERS, PATCH = 50, 768, 12, 32 * 32 * 3


def rows(quick: bool) -> list[Row]:
    """Measure a text beside open_clip's own call; a text's vector beside that call's."""
    with at_work("text", "plain-text") as (text, plain):
        ours, theirs = text.vectors(), plain.vectors()
        repeats = turns(text, plain, times=5 if quick else 15)
    return [
        faster(
            *("text encoding", repeats, at_least(6)),
            note=f"mean of {len(TEXTS)} texts of 1 to 7 words; reference: open_clip's encode_text "
            "on 77 tokens by PyTorch, as many threads",
        ),
        bounded(
            *("text encoding, cosine", [1 - cosine(ours, theirs)], at_most(1e-6)),
            unit="1 - cosine",
            note="the smallest of these texts",
        ),
    ]


def picture_rows(quick: bool) -> list[Row]:
    """Measure pictures beside the matrix products of the same shapes; vectors beside PyTorch's."""
    with at_work("pictures", "products", "plain-pictures") as (pictures, products, plain):
        ours, theirs = pictures.vectors(), plain.vectors()
        repeats = turns(pictures, products, times=3 if quick else 9)
        beside_torch = turns(pictures, plain, times=2 if quick else 5)
    times_torch = float(np.median(np.divide(beside_torch.reference, beside_torch.ours)))
    return [
        multiple(
            "embedding, fp32",
            Repeats(*([PICTURES / s for s in one] for one in (repeats.ours, repeats.reference))),
            at_least(0.85),
            unit="pictures/s",
            note=f"{PICTURES} pictures as decoded at once; reference: the tower's products alone "
            f"by NumPy's library. {times_torch:.2f} times as fast as PyTorch in fp32",
        ),
        bounded(
            *("embedding, fp32 cosine", [1 - cosine(ours, theirs)], at_most(1e-5)),
            unit="1 - cosine",
            note="the smallest; reference: PyTorch in fp32",
        ),
        *bf16_rows(),
    ]


def bf16_rows() -> list[Row]:
    """Say that this processor has no bf16, or that it was left to PyTorch."""
    from core.encoder.loading import _has_bf16

    why = (
        "computed by PyTorch, whose product is its own limit"
        if _has_bf16()
        else "this processor has no arithmetic in bf16"
    )
    return [
        unmeasured("embedding, bf16", "pictures/s", at_least(0.85), why),
        unmeasured("embedding, bf16 cosine", "1 - cosine", at_most(1e-3), why),
    ]


class Worker:
    """A process that does one way when it is told to, and times it."""

    def __init__(self, way: str) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.encode", "--child", way]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | OFFLINE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self) -> float:
        """Let it work once, warm, and return how long that took."""
        return float(self._answer("seconds"))

    def vectors(self) -> np.ndarray:
        """Return float32, shape (n, dim), of its texts or pictures."""
        return np.asarray(json.loads(self._answer("vectors")), np.float32)

    def close(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self, question: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(question, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("a process that encodes has failed: see above")
        return answer


@contextmanager
def at_work(*ways: str) -> Iterator[list[Worker]]:
    """Have a process for each way."""
    inputs.converted("text" if "text" in ways else "image")
    workers = [Worker(way) for way in ways]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.close()


def turns(ours: Worker, reference: Worker, *, times: int) -> Repeats:
    """Let two processes work in turns."""
    pairs = []
    for turn in range(times):
        order = (reference, ours) if turn % 2 else (ours, reference)
        taken = {worker: worker.seconds() for worker in order}
        pairs.append((taken[ours], taken[reference]))
    return Repeats([one for one, _ in pairs], [other for _, other in pairs])


def cosine(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the smallest cosine between rows of two tables."""
    one, other = ours.astype(np.float64), theirs.astype(np.float64)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(((one * other).sum(axis=1) / lengths).min())


Way = Callable[[], list[np.ndarray]]


def texts_by_encoder() -> Way:
    """Each text by itself, as a query is."""
    from core.encoder import load_encoder

    encoder = load_encoder(inputs.vit_b_32(), device="cpu", cache=inputs.cache())
    return lambda: [encoder.encode_texts([text])[0] for text in TEXTS]


def texts_by_open_clip() -> Way:
    """Each text by open_clip's own tokenizer and `encode_text`, 77 tokens of it."""
    import open_clip
    import torch

    model = plain_model()
    tokenizer = open_clip.get_tokenizer("ViT-B-32")

    def encode() -> list[np.ndarray]:
        with torch.inference_mode():
            return [
                model.encode_text(tokenizer([text]), normalize=True)[0].numpy() for text in TEXTS
            ]

    return encode


def pictures_by_encoder() -> Way:
    """Pictures as decoded and cropped."""
    from core.encoder import load_encoder

    encoder = load_encoder(inputs.vit_b_32(), device="cpu", cache=inputs.cache())
    pixels = squares()
    return lambda: list(encoder.encode_pixels(pixels))


def pictures_by_open_clip() -> Way:
    """The same pictures, normalised before, by open_clip's `encode_image`."""
    import torch

    from core.preprocessing import Preprocessing

    model, pixels = plain_model(), torch.from_numpy(Preprocessing().normalised(squares()))

    def encode() -> list[np.ndarray]:
        with torch.inference_mode():
            return list(model.encode_image(pixels, normalize=True).numpy())

    return encode


def products() -> Way:
    """The products with weights alone: attention's own, a hundredth of them, are left out."""
    generator = np.random.default_rng(0)

    def table(height: int, width: int) -> np.ndarray:
        return generator.standard_normal((height, width), dtype=np.float32)

    tokens = PICTURES * TOKENS
    layer = [
        (table(tokens, WIDTH), table(WIDTH, 3 * WIDTH)),
        (table(tokens, WIDTH), table(WIDTH, WIDTH)),
        (table(tokens, WIDTH), table(WIDTH, 4 * WIDTH)),
        (table(tokens, 4 * WIDTH), table(4 * WIDTH, WIDTH)),
    ]
    patches = (table(PICTURES * (TOKENS - 1), PATCH), table(PATCH, WIDTH))
    outputs = [np.empty((len(left), right.shape[1]), np.float32) for left, right in layer]

    def multiply() -> list[np.ndarray]:
        for _ in range(LAYERS):
            for (left, right), output in zip(layer, outputs, strict=True):
                np.matmul(left, right, out=output)
        np.matmul(*patches)
        return []

    return multiply


WAYS: dict[str, Callable[[], Way]] = {
    "text": texts_by_encoder,
    "plain-text": texts_by_open_clip,
    "pictures": pictures_by_encoder,
    "plain-pictures": pictures_by_open_clip,
    "products": products,
}
# One round of texts is short, so several are timed together.
ROUNDS = {"text": 4, "plain-text": 4}


def plain_model():
    """Return the ViT-B-32 as open_clip builds it, with the same weights."""
    import open_clip

    from core import checkpoint

    model = open_clip.create_model("ViT-B-32", pretrained=None).eval()
    model.load_state_dict(checkpoint.load_state_dict(inputs.vit_b_32()))
    return model


def squares() -> np.ndarray:
    """Return pictures of noise as they are decoded and cropped: uint8, shape (n, 224, 224, 3)."""
    generator = np.random.default_rng(1)
    return generator.integers(0, 256, (PICTURES, 224, 224, 3), dtype=np.uint8)


def child(way: str) -> None:
    """Be the process of a way: answer each line of the input by one."""
    with contextlib.redirect_stdout(sys.stderr):
        work = WAYS[way]()
        work()
    rounds = ROUNDS.get(way, 1)
    for question in sys.stdin:
        if question.strip() == "vectors":
            print(json.dumps([vector.tolist() for vector in work()]), flush=True)
            continue
        work()  # others have worked meanwhile: the caches are theirs
        began = time.perf_counter()
        for _ in range(rounds):
            work()
        per_round = (time.perf_counter() - began) / rounds
        print(per_round / len(TEXTS) if way in ROUNDS else per_round, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", choices=WAYS, required=True)
    child(parser.parse_args().child)
