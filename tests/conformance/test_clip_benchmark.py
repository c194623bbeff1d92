"""Recall is that of CLIP_benchmark's own code, to the last digit that it has."""

import json
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from core.quality.ranks import rank
from tests.conformance.conftest import reader

PICTURES, DIM = 60, 16
KS = (1, 5, 10)


class Vectors:
    """A model whose pictures and texts are their vectors already; both are taken as they are."""

    def encode_image(self, images):
        return images

    def encode_text(self, texts):
        return texts


def units(random: np.random.Generator, n: int) -> np.ndarray:
    rows = random.normal(size=(n, DIM))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def captions_of(random: np.random.Generator, counts: Sequence[int]) -> np.ndarray:
    """The row of each caption's picture."""
    return np.repeat(np.arange(len(counts)), counts)


def theirs(images: np.ndarray, texts: np.ndarray, own: np.ndarray) -> dict[str, float]:
    """What CLIP_benchmark's `evaluate` says, fed with batches as its loaders make them."""
    import torch

    retrieval = reader("clip_benchmark.metrics.zeroshot_retrieval")

    def batches() -> Iterator[tuple[torch.Tensor, list[list[np.ndarray]]]]:
        for start in range(0, len(images), 25):
            rows = range(start, min(start + 25, len(images)))
            yield (
                torch.from_numpy(images[rows.start : rows.stop]),
                [list(texts[own == row]) for row in rows],
            )

    def tokenizer(some: list[np.ndarray]) -> torch.Tensor:
        return torch.from_numpy(np.stack(some))

    return retrieval.evaluate(
        Vectors(), list(batches()), tokenizer, "cpu", amp=False, recall_k_list=list(KS)
    )


def ours(images: np.ndarray, texts: np.ndarray, own: np.ndarray) -> dict[str, float]:
    order = np.random.default_rng(1).permutation(len(own))

    def blocks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for rows in np.array_split(order, 7):
            yield np.sort(rows), texts[np.sort(rows)]

    found = rank(images, own, blocks)
    return {
        f"{name}_retrieval_recall@{k}": float((ranks <= k).mean())
        for k in KS
        for name, ranks in (("image", found.of_captions), ("text", found.of_pictures))
    }


@pytest.mark.parametrize(
    "counts",
    [[5] * PICTURES, [5, 6, 7, 5, 5, 5] * (PICTURES // 6), [1] * PICTURES],
    ids=["five captions a picture", "five to seven, as COCO has", "one caption a picture"],
)
@pytest.mark.parametrize("closeness", [0.0, 0.15, 0.6], ids=["chance", "weak", "strong"])
def test_recall_is_clip_benchmarks_own(counts: list[int], closeness: float) -> None:
    random = np.random.default_rng(len(counts) + int(100 * closeness))
    images, own = units(random, PICTURES), captions_of(random, counts)
    texts = units(random, len(own)) + closeness * 3 * images[own]
    texts = (texts / np.linalg.norm(texts, axis=1, keepdims=True)).astype(np.float32)
    expected = theirs(images, texts, own)
    assert expected.keys() == ours(images, texts, own).keys()
    assert ours(images, texts, own) == {
        name: pytest.approx(value, abs=1e-6) for name, value in expected.items()
    }


def opened_demo(cache):
    from core.library import open_library
    from core.settings import Settings

    return open_library(Settings(cache=cache, offline=True)).dataset("demo", "demo")


def assert_as_theirs(dataset, image_ids: np.ndarray, recalls: dict[str, dict[int, float]]) -> None:
    """Hold `recalls` (by "captions" and "pictures") to CLIP_benchmark's on the same pictures.

    Scenes of the demo share captions, whose scores are equal, and of equal ones
    CLIP_benchmark takes any. Both must lie between the figures where each tie is lost and where
    each is won; where none is, both are the same.
    """
    from core.quality.sample import sample_of

    order = np.argsort(dataset.embeddings.image_ids)
    rows = order[np.searchsorted(dataset.embeddings.image_ids[order], image_ids)]
    sample = sample_of(dataset.coco, image_ids, len(image_ids))
    texts = dataset.encoder.encode_texts(sample.texts)
    images = np.array(dataset.embeddings.vectors[rows], np.float32)
    expected = theirs(images, texts, sample.own)
    scores = texts @ images.T
    belongs = sample.own[:, None] == np.arange(len(images))
    for direction, name, table, right in (
        ("captions", "image", scores, belongs),
        ("pictures", "text", scores.T, belongs.T),
    ):
        for k, value in recalls[direction].items():
            lost, won = (recall_with_ties(table, right, k, by) for by in (-1e-6, 1e-6))
            assert won - lost < 0.02
            for figure in (value, expected[f"{name}_retrieval_recall@{k}"]):
                assert lost - 1e-6 <= figure <= won + 1e-6


def test_the_figures_of_the_demo_are_clip_benchmarks_own(tmp_path) -> None:
    """The whole way, from files to figures."""
    from core.quality.work import measured

    dataset = opened_demo(tmp_path)
    found = measured(dataset)
    recalls = {
        direction: {k: figure.value for k, figure in found.overall(direction).recall.items()}
        for direction in ("captions", "pictures")
    }
    assert_as_theirs(dataset, np.sort(dataset.embeddings.image_ids), recalls)


def test_the_figures_of_a_split_are_clip_benchmarks_own(tmp_path) -> None:
    """`evaluate --ids`: the pictures of a list in Karpathy's form, and no others, compete."""
    from core.quality.retrieval import measure_retrieval
    from core.quality.split import read_split

    dataset = opened_demo(tmp_path)
    known = np.sort(dataset.embeddings.image_ids)
    images = [
        {"cocoid": int(image_id), "split": "test" if number % 3 else "val"}
        for number, image_id in enumerate(known)
    ]
    (tmp_path / "dataset_coco.json").write_text(json.dumps({"images": images}))
    ids = read_split(tmp_path / "dataset_coco.json")
    found = measure_retrieval(dataset, ids)
    recalls = {
        "captions": {k: figure.value for k, figure in found.captions.recall.items()},
        "pictures": {k: figure.value for k, figure in found.pictures.recall.items()},
    }
    assert_as_theirs(dataset, np.sort(np.array(ids)), recalls)


def recall_with_ties(scores: np.ndarray, right: np.ndarray, k: int, by: float) -> float:
    """Recall where what is right gets so much on top of its score."""
    best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True) + by
    return float((((scores > best) & ~right).sum(axis=1) < k).mean())
