"""Trains the demo's small CLIP, from nothing, on scenes that the generator draws.

The loss is CLIP's softmax over a batch both ways, except that every text which is
true of a picture counts as its match, not only the caption written for it: the
generator knows what each scene shows and what each text asserts. Short texts such
as people type are mixed into every batch, and during training a head beside the
model names the categories in the picture, which teaches the image tower faster; it
is thrown away at the end.

What is written is an ordinary open_clip state dict in parts, with `model.json`.
"""

import ctypes
import io
import json
import math
import os
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from open_clip.model import CLIP
from torch import Tensor, nn

from core import checkpoint
from core.atomic import atomic_file, atomic_folder
from core.demo.captions import write_query
from core.demo.samples import IMAGE_SIZE, Samples, training_samples, validation_samples
from core.demo.tokens import UNKNOWN, VOCABULARY, TokenTable, known_words
from core.demo.truth import ClaimArrays, ContentArrays, Vocabulary, drawn_questions
from core.errors import ModelError
from core.evaluation import Evaluation, evaluate
from core.progress import Progress

TITLE = "Demo: a small CLIP that knows drawings"
CONFIG: dict[str, Any] = {
    "embed_dim": 128,
    "vision_cfg": {
        "timm_model_name": "test_resnet",
        "timm_pool": "avg",
        "timm_proj": "linear",
        "image_size": IMAGE_SIZE,
    },
    "text_cfg": {
        "context_length": 77,
        "vocab_size": VOCABULARY,
        "width": 128,
        "heads": 4,
        "layers": 2,
    },
}
PREPROCESSING: dict[str, Any] = {
    "image_size": IMAGE_SIZE,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.25, 0.25, 0.25],
    "interpolation": "bicubic",
    "resize_mode": "squash",
}
PARTS = 3
_TOGETHER = 64  # texts read at once


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run depends on; the same recipe gives the same model on the same machine.

    Attributes:
        steps: batches that are learned from.
        scenes: training scenes that are drawn.
        seed: of the scenes, the texts, the batches and the first weights.
        batch: pictures a step, each with one of its captions.
        queries: short texts a step beside the captions.
        query_pool: short texts that are written in all.
        rate: highest learning rate (AdamW; warm-up, then a cosine down to 0).
        warm_up: share of the steps in which the rate rises.
        decay: weight decay of the matrices.
        unknown: share of texts into which an unknown word is put.
        shift: pixels that a picture is moved at most.
        light: brightness and contrast change by at most this share.
        hints: weight of the loss of the head that names categories.
        validation: scenes with contents that training never sees.
    """

    steps: int = 6_000
    scenes: int = 60_000
    seed: int = 7
    batch: int = 128
    queries: int = 64
    query_pool: int = 60_000
    rate: float = 3e-3
    warm_up: float = 0.06
    decay: float = 0.05
    unknown: float = 0.25
    shift: int = 5
    light: float = 0.15
    hints: float = 0.5
    validation: int = 400


@dataclass(frozen=True, slots=True)
class Step:
    """Where a run stands.

    Attributes:
        done: steps finished, of `total`.
        loss: mean over the steps since the last report.
        seconds_left: estimated.
        figures: of validation, when it was just done.
    """

    done: int
    total: int
    loss: float
    seconds_left: float
    figures: Mapping[str, Any] | None = None


Report = Callable[[Step], None]


def train(
    recipe: Recipe,
    *,
    glyphs: Path,
    output: Path,
    cache: Path,
    resume: bool = False,
    report: Report = lambda step: None,
    progress: Progress | None = None,
    every: int = 500,
) -> dict[str, Any]:
    """Draw the scenes, train on them, write the model to `output`; return its `model.json`.

    Args:
        glyphs: folder of the glyph packages.
        output: folder that is written whole at the end.
        cache: folder for rendered scenes and for the state that `resume` goes on from,
            which is saved every `every` steps, with validation figures.
        report: told every 50 steps.

    Raises:
        GlyphsError: the glyph packages are missing.
        ModelError: nothing to resume, or the saved state is of another recipe.
    """
    _keep_freed_memory()
    drawn = training_samples(
        cache, glyphs, seed=recipe.seed, count=recipe.scenes, progress=progress
    )
    held_out = validation_samples(
        cache, glyphs, seed=recipe.seed, count=recipe.validation, progress=progress
    )
    lesson = Lesson(recipe, drawn)
    learner = Learner(recipe, lesson)
    state = cache / "state.pt"
    if resume:
        learner.load(state)
    started, first, losses = time.perf_counter(), learner.step, []
    while learner.step < recipe.steps:
        losses.append(learner.learn())
        done = learner.step
        figures = None
        if done % every == 0 or done == recipe.steps:
            learner.save(state)
            figures = learner.validate(held_out).figures()
        if figures or done % 50 == 0:
            pace = (time.perf_counter() - started) / (done - first)
            left = pace * (recipe.steps - done)
            report(Step(done, recipe.steps, float(np.mean(losses)), left, figures))
            losses.clear()
    trained = {
        **asdict(recipe),
        "minutes": round(learner.seconds / 60, 1),
        "threads": torch.get_num_threads(),
        "figures": learner.validate(held_out).figures(),
    }
    return write_model(output, learner.model_state(), lesson.words, trained)


class Lesson:
    """The scenes and texts of a run as arrays, and batches of them."""

    def __init__(self, recipe: Recipe, samples: Samples) -> None:
        self.recipe = recipe
        self.samples = samples
        queries = _written_queries(recipe)
        captions = [caption for several in samples.captions for caption in several]
        texts = [caption.text for caption in (*captions, *queries)]
        self.tokens = TokenTable.of(texts)
        self.words = known_words(texts)
        self.caption_numbers = self.tokens.numbers([caption.text for caption in captions])
        self.query_numbers = self.tokens.numbers([query.text for query in queries])
        each = [len(several) for several in samples.captions]
        self._first = np.cumsum([0, *each])
        claims = [caption.claims for caption in (*captions, *queries)]
        self.vocabulary = Vocabulary.of(claims, samples.contents)
        self.contents = ContentArrays.of(samples.contents, self.vocabulary)
        arrays = ClaimArrays.of(claims, self.vocabulary)
        self.caption_claims = arrays[np.arange(len(captions))]
        self.query_claims = arrays[np.arange(len(captions), len(claims))]

    def batch(self, step: int) -> "Batch":
        """Return batch number `step`; it depends on the recipe and the number alone."""
        recipe, rng = self.recipe, np.random.default_rng([self.recipe.seed, 2, step])
        epoch, place = divmod(step, len(self.samples) // recipe.batch)
        order = np.random.default_rng([recipe.seed, 3, epoch]).permutation(len(self.samples))
        scenes = order[place * recipe.batch : (place + 1) * recipe.batch]
        contents = self.contents[scenes]
        first, last = self._first[scenes], self._first[scenes + 1]
        chosen = first + (rng.random(len(scenes)) * (last - first)).astype(np.int64)
        asked = self._useful_queries(rng, contents)
        return Batch(
            pixels=torch.from_numpy(_moved(self.samples.pixels[scenes], rng, recipe.shift)),
            gains=torch.from_numpy(_gains(rng, len(scenes), recipe.light)),
            texts=self._disturbed(
                _stacked(self.caption_numbers[chosen], self.query_numbers[asked]), rng
            ),
            true=torch.from_numpy(
                np.concatenate(
                    [
                        self.caption_claims[chosen].true_of(contents),
                        self.query_claims[asked].true_of(contents),
                    ]
                )
            ),
            shows=torch.from_numpy(
                np.hstack([contents.counts > 0, contents.counts > 1, contents.settings > 0]).astype(
                    np.float32
                )
            ),
        )

    def _useful_queries(self, rng: np.random.Generator, contents: ContentArrays) -> np.ndarray:
        """Return queries of which most are true of some picture of the batch, but not of most."""
        candidates = rng.integers(len(self.query_claims), size=4 * self.recipe.queries)
        share = self.query_claims[candidates].true_of(contents).mean(axis=1)
        dull = (share == 0) | (share > 0.5)
        return np.asarray(candidates[np.argsort(dull, kind="stable")[: self.recipe.queries]])

    def _disturbed(self, numbers: np.ndarray, rng: np.random.Generator) -> Tensor:
        """Return texts cut to the longest one, an unknown word put into some of them."""
        ends = np.argmax(numbers == len(self.tokens) - 1, axis=1)
        put = rng.random(len(numbers)) < self.recipe.unknown
        at = np.where(put, 1 + (rng.random(len(numbers)) * ends).astype(np.int64), 10_000)
        length = int((ends + put).max()) + 1
        column = np.arange(length)
        source = np.minimum(column - (column > at[:, None]), numbers.shape[1] - 1)
        disturbed = np.take_along_axis(numbers, source, axis=1)
        disturbed[column == at[:, None]] = UNKNOWN
        return torch.from_numpy(disturbed)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step learns from.

    Attributes:
        pixels: uint8, shape (pictures, size, size, 3).
        gains: float32, shape (pictures, 2): factor and offset of the light.
        texts: int64 token numbers, shape (pictures + queries, length): captions, then queries.
        true: bool, shape (pictures + queries, pictures): which text is true of which picture.
        shows: float32, shape (pictures, 2 categories + settings), 0 or 1: which categories
            are in each picture, which of them more than once, and which setting it is.
    """

    pixels: Tensor
    gains: Tensor
    texts: Tensor
    true: Tensor
    shows: Tensor


class Learner:
    """The model, its optimiser, and how far they are."""

    def __init__(self, recipe: Recipe, lesson: Lesson) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.lesson = lesson
        self.step = 0
        self.seconds = 0.0
        self.model = CLIP(**_config(len(lesson.tokens)))
        self.model.to(memory_format=torch.channels_last)
        with torch.no_grad():
            self.model.token_embedding.weight[0] = 0
        features = self.model.visual.head.proj.in_features
        vocabulary = lesson.vocabulary
        self.head = nn.Linear(features, 2 * len(vocabulary.categories) + len(vocabulary.settings))
        parameters = [*self.model.named_parameters(), *self.head.named_parameters()]
        plain = [p for name, p in parameters if p.ndim < 2 or "embedding" in name]
        matrices = [p for name, p in parameters if not (p.ndim < 2 or "embedding" in name)]
        groups: list[dict[str, Any]] = [
            {"params": matrices, "weight_decay": recipe.decay},
            {"params": plain},
        ]
        self.optimizer = torch.optim.AdamW(
            groups,
            lr=recipe.rate,
            betas=(0.9, 0.98),
            weight_decay=0.0,
            fused=True,
        )
        self._parameters = [p for _, p in parameters]

    def learn(self) -> float:
        """Do one step and return its loss."""
        started = time.perf_counter()
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        loss = self._loss(self.lesson.batch(self.step))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self.optimizer.step()
        with torch.no_grad():
            self.model.logit_scale.clamp_(max=math.log(100))
        self.step += 1
        self.seconds += time.perf_counter() - started
        return float(loss.detach())

    def validate(self, samples: Samples) -> Evaluation:
        """Return the figures of search on `samples`."""
        self.model.eval()
        captions = [caption for several in samples.captions for caption in several]
        own = np.repeat(np.arange(len(samples)), [len(several) for several in samples.captions])
        return evaluate(
            drawn_questions(samples.contents, captions, own),
            self._encode_images(samples.pixels),
            self._encode_texts,
        )

    def save(self, path: Path) -> None:
        """Write everything that `load` needs to go on."""
        with atomic_file(path) as file:
            torch.save(
                {
                    "recipe": asdict(self.recipe),
                    "step": self.step,
                    "seconds": self.seconds,
                    "tokens": torch.from_numpy(self.lesson.tokens.token_ids),
                    "model": self.model.state_dict(),
                    "head": self.head.state_dict(),
                    "optimizer": self.optimizer.state_dict(),
                },
                file,
            )

    def load(self, path: Path) -> None:
        """Go on from what `save` wrote.

        Raises:
            ModelError: there is nothing there, or it is of another recipe.
        """
        if not path.is_file():
            raise ModelError(
                f"There is no training to go on with: expected {path}. Run it without --resume."
            )
        saved = torch.load(path, weights_only=True)
        if saved["recipe"] != asdict(self.recipe) or not np.array_equal(
            saved["tokens"].numpy(), self.lesson.tokens.token_ids
        ):
            raise ModelError(
                f"{path} is of a training with another recipe or generator: {saved['recipe']}. "
                "Run it with the same options, or without --resume."
            )
        self.model.load_state_dict(saved["model"])
        self.head.load_state_dict(saved["head"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.step, self.seconds = saved["step"], saved["seconds"]

    def model_state(self) -> dict[str, Tensor]:
        """Return the state dict that open_clip loads: fp16, the whole vocabulary."""
        state = {name: tensor.contiguous() for name, tensor in self.model.state_dict().items()}
        rows = state["token_embedding.weight"].numpy()
        state["token_embedding.weight"] = torch.from_numpy(self.lesson.tokens.scattered(rows))
        return {
            name: tensor.half() if tensor.is_floating_point() else tensor
            for name, tensor in state.items()
        }

    def _rate(self) -> float:
        rising = max(1, round(self.recipe.warm_up * self.recipe.steps))
        if self.step < rising:
            return self.recipe.rate * (self.step + 1) / rising
        done = (self.step - rising) / max(1, self.recipe.steps - rising)
        return self.recipe.rate * 0.5 * (1 + math.cos(math.pi * done))

    def _loss(self, batch: Batch) -> Tensor:
        features = self.model.visual.trunk(_normalised(batch.pixels, batch.gains))
        images = F.normalize(self.model.visual.head(features), dim=-1)
        texts = self._text_features(batch.texts)
        logits = self.model.logit_scale.exp() * texts @ images.T
        matching = 0.5 * (_match(logits, batch.true) + _match(logits.T, batch.true.T))
        if not self.recipe.hints:
            return matching
        hints = F.binary_cross_entropy_with_logits(self.head(features), batch.shows)
        # Times the number of labels: the mean over them would drown in what is not there.
        return matching + self.recipe.hints * 0.1 * hints * batch.shows.shape[1]

    def _text_features(self, numbers: Tensor) -> Tensor:
        """Return unit rows, one a text. Texts of about the same length are read together."""
        ends = numbers.argmax(dim=-1)
        order = ends.argsort()
        parts = torch.split(order, _TOGETHER)
        rows = [self._read(numbers[part, : int(ends[part[-1]]) + 1]) for part in parts]
        return torch.cat(rows)[order.argsort()]

    def _read(self, numbers: Tensor) -> Tensor:
        """As `CLIP.encode_text`, but on texts that are cut to their length."""
        model, length = self.model, numbers.shape[1]
        x = F.embedding(numbers, model.token_embedding.weight, padding_idx=UNKNOWN)
        x = x + model.positional_embedding[:length]
        x = model.transformer(x, attn_mask=model.attn_mask[:length, :length])
        x = model.ln_final(x[torch.arange(len(x)), numbers.argmax(dim=-1)])
        return F.normalize(x @ model.text_projection, dim=-1)

    @torch.no_grad()
    def _encode_images(self, pixels: np.ndarray) -> np.ndarray:
        gains = torch.tensor([[1.0, 0.0]])
        rows = [
            self.model.encode_image(
                _normalised(torch.tensor(pixels[start : start + 128]), gains), normalize=True
            )
            for start in range(0, len(pixels), 128)
        ]
        return np.asarray(torch.cat(rows).numpy())

    @torch.no_grad()
    def _encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        numbers = torch.from_numpy(self.lesson.tokens.numbers(texts))
        return np.asarray(self._text_features(numbers).numpy())


def write_model(
    folder: Path, state: Mapping[str, Tensor], words: Sequence[str], trained: Mapping[str, Any]
) -> dict[str, Any]:
    """Write `state` in parts with `model.json` to `folder`, whole or not at all."""
    described = {
        "title": TITLE,
        "architecture": "demo",
        "config": CONFIG,
        "activation": "gelu",
        "precision": "fp16",
        "preprocessing": PREPROCESSING,
        "drawn": True,
        "known_words": list(words),
        "trained": dict(trained),
    }
    with atomic_folder(folder) as fresh:
        whole = fresh / "checkpoint.pt"
        whole.write_bytes(packed(state))
        checkpoint.split(whole, fresh, -(-whole.stat().st_size // PARTS), model=described)
        whole.unlink()
        manifest: dict[str, Any] = json.loads((fresh / checkpoint.MANIFEST).read_bytes())
    return manifest


def packed(state: Mapping[str, Tensor]) -> bytes:
    """Return `state` as `torch.save` writes it, with the zip's entries deflated.

    `torch.load` reads that like any other (it cannot map it into memory), and the
    token table, nearly all zeros, takes 1% of the room.
    """
    plain, small = io.BytesIO(), io.BytesIO()
    torch.save(dict(state), plain)
    with (
        zipfile.ZipFile(plain) as source,
        zipfile.ZipFile(small, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target,
    ):
        for entry in source.infolist():
            fresh = zipfile.ZipInfo(entry.filename)  # 1980-01-01: the same bytes every time
            target.writestr(fresh, source.read(entry), zipfile.ZIP_DEFLATED, 9)
    return small.getvalue()


def _config(vocabulary: int) -> dict[str, Any]:
    return {**CONFIG, "text_cfg": {**CONFIG["text_cfg"], "vocab_size": vocabulary}}


def _written_queries(recipe: Recipe) -> list[Any]:
    rng = np.random.default_rng([recipe.seed, 4])
    return [write_query(rng) for _ in range(recipe.query_pool)]


def _stacked(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the rows of both, filled up with 0 to the same length."""
    length = max(first.shape[1], second.shape[1])
    return np.concatenate(
        [np.pad(rows, ((0, 0), (0, length - rows.shape[1]))) for rows in (first, second)]
    )


def _match(logits: Tensor, true: Tensor) -> Tensor:
    """Cross entropy of each row's softmax against all its true columns alike; rows without one
    are left out."""
    rows = true.any(dim=1)
    target = true[rows].float()
    target /= target.sum(dim=1, keepdim=True)
    return F.cross_entropy(logits[rows], target)


def _moved(pixels: np.ndarray, rng: np.random.Generator, shift: int) -> np.ndarray:
    """Return pictures moved by up to `shift` pixels, the edge repeated, half of them mirrored."""
    n, height, width = pixels.shape[:3]
    down, right = rng.integers(-shift, shift + 1, size=(2, n, 1))
    rows = np.clip(np.arange(height) + down, 0, height - 1)
    columns = np.clip(np.arange(width) + right, 0, width - 1)
    mirrored = rng.random(n) < 0.5
    columns[mirrored] = columns[mirrored, ::-1]
    return np.asarray(pixels[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]])


def _gains(rng: np.random.Generator, n: int, light: float) -> np.ndarray:
    """Return factor and offset (of pixels from 0 to 1) for each picture: contrast, brightness."""
    contrast, brightness = rng.uniform(1 - light, 1 + light, size=(2, n))
    factor = contrast * brightness
    return np.stack([factor, 0.5 * (1 - contrast)], axis=1).astype(np.float32)


def _normalised(pixels: Tensor, gains: Tensor) -> Tensor:
    """Return float32, shape (n, 3, size, size), channels last, ready for the image tower."""
    mean, std = (torch.tensor(PREPROCESSING[name]) for name in ("mean", "std"))
    factor = gains[:, :1] / 255 / std
    offset = (gains[:, 1:] - mean) / std
    images = torch.addcmul(offset[:, None, None], pixels.float(), factor[:, None, None])
    return images.permute(0, 3, 1, 2)


def _keep_freed_memory() -> None:
    """Ask glibc to keep large freed blocks: mapping them anew costs a quarter of a step."""
    if os.name != "posix":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        m_trim_threshold, m_mmap_threshold, large = -1, -3, 2**30
        mallopt(m_mmap_threshold, large)
        mallopt(m_trim_threshold, 2**31 - 1)
