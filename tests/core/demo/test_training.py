"""A handful of steps on a few scenes: it learns, resumes, and writes what open_clip loads."""

from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch

from core import checkpoint
from core.demo import training
from core.demo.captions import write_captions
from core.demo.samples import Samples, training_samples, validation_samples
from core.demo.scenes import sample_scene
from core.demo.training import CONFIG, Learner, Lesson, Recipe, Step, packed, train, write_model
from core.encoder import load_encoder
from core.errors import ModelError

RECIPE = Recipe(steps=24, scenes=160, batch=32, queries=16, query_pool=400, validation=12)


@pytest.fixture(scope="module")
def samples() -> Samples:
    """Scenes with grey noise for pictures: enough for what does not look at them."""
    rng = np.random.default_rng(5)
    scenes = [sample_scene(rng) for _ in range(96)]
    return Samples(
        pixels=rng.integers(256, size=(96, 96, 96, 3), dtype=np.uint8),
        contents=tuple(scene.content for scene in scenes),
        captions=tuple(write_captions(scene, rng) for scene in scenes),
    )


@pytest.fixture(scope="module")
def lesson(samples: Samples) -> Lesson:
    return Lesson(RECIPE, samples)


@pytest.fixture(scope="module")
def run(
    glyph_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any], list[Step]]:
    """A whole training, small: the model's folder, its manifest, and what was reported."""
    folder = tmp_path_factory.mktemp("training")
    steps: list[Step] = []
    manifest = train(
        RECIPE,
        glyphs=glyph_folder,
        output=folder / "demo",
        cache=folder / "cache",
        report=steps.append,
        every=12,
    )
    return folder, manifest, steps


@pytest.mark.slow
def test_the_loss_falls_and_validation_is_reported(run: Any) -> None:
    _, manifest, steps = run
    assert [step.done for step in steps] == [12, 24]
    assert steps[1].loss < steps[0].loss
    assert 0 <= steps[1].figures["top1_fits"] <= 1
    assert manifest["trained"]["figures"] == steps[1].figures


@pytest.mark.slow
def test_the_parts_load_in_open_clip_from_the_inline_config(run: Any) -> None:
    folder, manifest, _ = run
    assert len(checkpoint.find_parts(folder / "demo")) == training.PARTS
    checkpoint.merge(folder / "demo", folder / "whole.pt")
    state = torch.load(folder / "whole.pt", weights_only=True)
    open_clip.CLIP(**manifest["config"]).load_state_dict(state)
    assert {tensor.dtype for tensor in state.values()} == {torch.float16, torch.int64}
    assert load_encoder(folder / "demo").encode_texts(["a dog on a beach"]).shape == (1, 128)


@pytest.mark.slow
def test_training_scenes_are_never_of_a_reserved_content_and_validation_always_is(
    run: Any, glyph_folder: Path
) -> None:
    cache = run[0] / "cache"
    drawn = training_samples(cache, glyph_folder, seed=RECIPE.seed, count=RECIPE.scenes)
    held_out = validation_samples(cache, glyph_folder, seed=RECIPE.seed, count=RECIPE.validation)
    assert not any(content.reserved for content in drawn.contents)
    assert all(content.reserved for content in held_out.contents)
    assert drawn.pixels.shape == (160, 96, 96, 3)
    assert drawn.pixels.std(axis=(1, 2, 3)).min() > 5  # no picture was left black


def test_open_clip_reads_texts_as_training_does(lesson: Lesson) -> None:
    learner = Learner(RECIPE, lesson)
    learner.model.eval()
    model = open_clip.CLIP(**CONFIG).eval()
    model.load_state_dict(learner.model_state())
    texts = ["a dog on a beach", "two quantum cats and a pizza at night", "snow"]
    tokens = open_clip.get_tokenizer("ViT-B-32")(texts)
    with torch.no_grad():
        expected = model.encode_text(tokens, normalize=True).numpy()
    found = learner._encode_texts(texts)
    assert np.abs(found - expected).max() < 2e-3  # weights are stored in fp16


def test_training_resumed_ends_with_the_same_weights(lesson: Lesson, tmp_path: Path) -> None:
    straight = Learner(RECIPE, lesson)
    for _ in range(4):
        straight.learn()
        if straight.step == 2:
            straight.save(tmp_path / "state.pt")
    resumed = Learner(RECIPE, lesson)
    resumed.load(tmp_path / "state.pt")
    assert resumed.step == 2
    resumed.learn()
    resumed.learn()
    for name, tensor in straight.model.state_dict().items():
        assert torch.allclose(tensor, resumed.model.state_dict()[name], atol=1e-6), name


@pytest.mark.parametrize("saved", [False, True], ids=["nothing saved", "another recipe"])
def test_what_cannot_be_resumed_is_refused(saved: bool, lesson: Lesson, tmp_path: Path) -> None:
    learner = Learner(RECIPE, lesson)
    if saved:
        learner.save(tmp_path / "state.pt")
        learner = Learner(Recipe(steps=3, batch=32, queries=16), lesson)
    with pytest.raises(ModelError, match="without --resume"):
        learner.load(tmp_path / "state.pt")


def test_a_batch_depends_on_its_number_alone_and_each_caption_is_true_of_its_picture(
    lesson: Lesson,
) -> None:
    batch, again = lesson.batch(1), lesson.batch(1)
    assert torch.equal(batch.texts, again.texts)
    assert torch.equal(batch.pixels, again.pixels)
    assert batch.true[: RECIPE.batch].diagonal().all()
    assert not torch.equal(batch.pixels, lesson.batch(2).pixels)


def test_unknown_words_are_put_into_texts_without_losing_any_other(lesson: Lesson) -> None:
    numbers = lesson.caption_numbers[:64]
    texts = lesson._disturbed(numbers, np.random.default_rng(3)).numpy()
    end = len(lesson.tokens) - 1
    put = 0
    for before, after in zip(numbers, texts, strict=True):
        after = after[: int(np.argmax(after == end)) + 1]
        before = before[: int(np.argmax(before == end)) + 1]
        put += len(after) - len(before)
        assert after[after != 0].tolist() == before[before != 0].tolist()
    assert 4 < put < 32


def test_the_written_model_is_whole_and_says_what_it_is(lesson: Lesson, tmp_path: Path) -> None:
    learner = Learner(RECIPE, lesson)
    folder = tmp_path / "demo"
    manifest = write_model(folder, learner.model_state(), lesson.words, {"steps": 0})
    assert list(manifest) == [
        "format_version", "title", "architecture", "config", "activation", "precision",
        "preprocessing", "drawn", "known_words", "trained", "checkpoint", "parts",
    ]  # fmt: skip
    assert [part["name"][-2:] for part in manifest["parts"]] == ["aa", "ab", "ac"]
    assert len(list(folder.iterdir())) == 4
    report = checkpoint.verify(folder)
    assert (report.stated, report.problems) == (True, ())
    assert load_encoder(folder).read_text("a quantum dog").unknown_words == ("quantum",)


def test_the_packed_checkpoint_is_small_and_torch_loads_it_as_any_other(tmp_path: Path) -> None:
    state = {"table": torch.zeros(49_408, 128).half(), "n": torch.tensor(3)}
    state["table"][7] = 1.5
    file = tmp_path / "checkpoint.pt"
    file.write_bytes(packed(state))
    assert file.stat().st_size < 100_000
    loaded = torch.load(file, weights_only=True)
    assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items())
    assert packed(state) == file.read_bytes()
