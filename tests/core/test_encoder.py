"""Encoders: unit vectors of texts and pictures, and what a wrong model is answered with."""

import json
import os
import shutil
import subprocess
import sys
import threading
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from open_clip.tokenizer import SimpleTokenizer
from PIL import Image

from core import checkpoint
from core.encoder import (
    ClipEncoder,
    encode_prompts,
    load_encoder,
    prompted,
    published_activation,
)
from core.errors import ModelError

SMALL = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "head_width": 32, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
# The shape of the demo's model: an image tower of timm.
DEMO_LIKE = {
    **SMALL,
    "vision_cfg": {
        "timm_model_name": "test_resnet",
        "timm_pool": "avg",
        "timm_proj": "linear",
        "image_size": 96,
    },
}
OPENAI_VIT_B_32 = "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"
TOKENIZER = SimpleTokenizer()
LONG = "a photo of two dogs on a beach with umbrellas and kites at night " * 8


def built(config: dict, *, seed: int = 0) -> torch.nn.Module:
    """A model of open_clip with random weights, built the ordinary way."""
    torch.manual_seed(seed)
    config = deepcopy(config)
    kind = open_clip.CustomTextCLIP if config.pop("custom_text", False) else open_clip.CLIP
    return kind(**config).eval()


def stored(folder: Path, state: dict, **model: object) -> Path:
    """`folder` with `state` split into parts, and the keys of `model` in `model.json`."""
    file = folder.with_suffix(".pt")
    torch.save(state, file)
    checkpoint.split(file, folder, part_size=2_000_000, model=model)
    return folder


@pytest.fixture(scope="module")
def model():
    return built(SMALL)


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    return stored(
        tmp_path_factory.mktemp("models") / "small",
        model.state_dict(),
        config=SMALL,
        architecture="small",
        known_words=["a", "dog", "on", "the", "beach", "don't", "2"],
        drawn=True,
    )


@pytest.fixture(scope="module")
def encoder(folder):
    return load_encoder(folder, device="cpu")


@pytest.fixture
def pictures():
    generator = np.random.default_rng(1)
    return [
        Image.fromarray(generator.integers(0, 256, (height, 60, 3), dtype=np.uint8))
        for height in (40, 60, 90)
    ]


def text_features(model: torch.nn.Module, texts: list[str]) -> np.ndarray:
    """open_clip's own answer, of the full context."""
    with torch.inference_mode():
        return model.encode_text(TOKENIZER(texts), normalize=True).numpy()


def tower(encoder: ClipEncoder, kind: str) -> torch.nn.Module:
    """The module that computes a tower, its weights read."""
    return encoder._tower(kind).model


class TestVectors:
    def test_are_float32_of_length_one(self, encoder, pictures):
        for vectors in (encoder.encode_texts(["a dog", LONG, ""]), encoder.encode_images(pictures)):
            assert vectors.dtype == np.float32
            assert vectors.shape == (3, encoder.dim)
            assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)

    def test_of_nothing_are_none(self, encoder):
        assert encoder.encode_texts([]).shape == (0, encoder.dim)
        assert encoder.encode_images([]).shape == (0, encoder.dim)
        assert encoder.encode_pixels(np.empty((0, 3, 32, 32), np.float32)).shape == (0, encoder.dim)

    def test_of_pictures_are_open_clips(self, encoder, model, pictures):
        pixels = np.stack([encoder.preprocessing(image) for image in pictures])
        with torch.inference_mode():
            expected = model.encode_image(torch.from_numpy(pixels), normalize=True).numpy()
        assert np.allclose(encoder.encode_images(pictures), expected, atol=1e-6)
        assert np.allclose(encoder.encode_pixels(pixels), expected, atol=1e-6)

    def test_of_a_text_do_not_depend_on_its_company(self, encoder):
        texts = ["a dog", LONG, "", "beach umbrella", *(f"text {i}" for i in range(300))]
        together = encoder.encode_texts(texts)
        for row in (0, 1, 2, 3, 280):
            alone = encoder.encode_texts([texts[row]])[0]
            assert np.allclose(together[row], alone, atol=1e-6)

    def test_are_the_same_from_many_threads(self, encoder, pictures):
        texts = ["a dog", "a long walk on the beach with a dog", LONG, "night"] * 4
        expected = [encoder.encode_texts([text])[0] for text in texts]
        expected_pictures = encoder.encode_images(pictures)
        found, problems = {}, []

        def work(row: int) -> None:
            try:
                found[row] = encoder.encode_texts([texts[row]])[0]
                assert np.allclose(encoder.encode_images(pictures), expected_pictures, atol=1e-6)
            except BaseException as error:
                problems.append(error)

        threads = [threading.Thread(target=work, args=(row,)) for row in range(len(texts))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not problems
        for row, vector in enumerate(expected):
            assert np.allclose(found[row], vector, atol=1e-6)


class TestPrompts:
    @pytest.mark.parametrize(("prompts", "count"), [("simple", 7), ("full", 80)])
    def test_are_the_published_templates(self, prompts, count):
        texts = prompted("dog", prompts)
        assert len(texts) == len(set(texts)) == count
        assert all("dog" in text for text in texts)
        assert "itap of a dog." in texts

    @pytest.mark.parametrize("prompts", ["simple", "full"])
    def test_give_the_mean_direction_of_their_vectors(self, encoder, model, prompts):
        features = text_features(model, prompted("dog", prompts)).astype(np.float64)
        mean = features.mean(axis=0)
        vector = encode_prompts(encoder, "dog", prompts)
        assert vector.dtype == np.float32
        assert vector.shape == (encoder.dim,)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
        assert np.allclose(vector, mean / np.linalg.norm(mean), atol=1e-6)


class TestTextCutAtItsEnd:
    TEXTS = ("a dog", "", "a photo of two dogs on a beach", LONG, "犬", "<end_of_text> a dog")

    @pytest.mark.parametrize(
        "config",
        [
            SMALL,
            DEMO_LIKE,
            {**SMALL, "quick_gelu": True},
            {**SMALL, "custom_text": True},
            {**SMALL, "text_cfg": {**SMALL["text_cfg"], "no_causal_mask": True}, "custom_text": 1},
        ],
        ids=["vit", "demo-like", "quickgelu", "custom text", "not causal"],
    )
    def test_gives_the_vectors_of_the_full_context(self, tmp_path, config):
        model = built(config)
        encoder = load_encoder(stored(tmp_path / "m", model.state_dict(), config=config))
        texts = list(self.TEXTS)
        expected = text_features(model, texts)
        assert np.abs(encoder.encode_texts(texts) - expected).max() < 1e-6
        for text, vector in zip(texts, expected, strict=True):
            assert np.abs(encoder.encode_texts([text])[0] - vector).max() < 1e-6

    @pytest.mark.slow
    def test_gives_the_vectors_of_the_full_context_of_a_vit_b_32(self, tmp_path):
        model = built(open_clip.get_model_config("ViT-B-32"))
        encoder = load_encoder(stored(tmp_path / "clip", model.state_dict()), device="cpu")
        texts = list(self.TEXTS)
        assert np.abs(encoder.encode_texts(texts) - text_features(model, texts)).max() < 1e-6

    def test_runs_the_tower_on_the_short_text_only(self, encoder):
        lengths = []
        encoder.encode_texts(["a dog"])
        model = encoder._open["text"].model
        handle = model.ln_final.register_forward_hook(
            lambda _module, inputs, _output: lengths.append(inputs[0].shape[1])
        )
        encoder.encode_texts(["a dog"])
        encoder.encode_texts(["a dog", LONG])
        handle.remove()
        assert lengths == [4, 77]
        assert model.positional_embedding.shape[0] == 77


class TestReadText:
    @settings(deadline=None)
    # Letters of a Unicode version to come are letters to one library and not yet to the other.
    @given(st.text(st.characters(codec="utf-8", exclude_categories=["Cn"]), max_size=300))
    def test_counts_tokens_as_the_tokenizer_does(self, encoder, text):
        assert encoder.read_text(text).n_tokens == len(TOKENIZER.encode(text)) + 2

    @pytest.mark.parametrize(
        ("text", "cut"),
        [
            ("dog " * 75, ""),
            ("dog " * 75 + "Beach", "Beach"),
            ("dog " * 74 + "Dog  at NIGHT", "at NIGHT"),
            ("dog " * 74 + "dog-beach end", "dog-beach end"),
            ("dog " * 74 + "qzxqzx end", "qzxqzx end"),
            ("x" * 2 + "犬" * 200, "xx" + "犬" * 200),
            ("", ""),
        ],
        ids=["fits", "one word", "two", "inside a word", "inside a rare word", "one word only", ""],
    )
    def test_names_what_is_cut(self, encoder, text, cut):
        assert encoder.read_text(text).cut == cut

    def test_what_is_cut_changes_nothing(self, encoder):
        text = "dog " * 75 + "beach"
        read = encoder.read_text(text)
        kept = text.removesuffix(read.cut)
        assert np.array_equal(encoder.encode_texts([text]), encoder.encode_texts([kept]))
        other = encoder.encode_texts(["dog " * 74])
        assert not np.array_equal(encoder.encode_texts([text]), other)

    @pytest.mark.parametrize(
        ("text", "unknown"),
        [
            ("A Dog on the BEACH", ()),
            ("a quantum dog, a quantum beach!", ("quantum",)),
            ("the dog's beach", ()),
            ("don’t", ()),
            ("they've a dog", ("they",)),
            ("2 dogs, 3 dogs", ("dogs", "3")),
            ("dog-house", ("house",)),
            ("собака dog 犬", ("собака", "犬")),
            ("कुत्ता", ("कुत्ता",)),
            ("Café dog", ("café",)),
            ("dog 🐶", ("🐶",)),
            ("?!, ' -", ()),
            ("", ()),
        ],
        ids=lambda value: str(value)[:20],
    )
    def test_names_words_that_the_model_never_learned(self, encoder, text, unknown):
        assert encoder.read_text(text).unknown_words == unknown

    def test_names_no_word_where_the_model_lists_none(self, encoder):
        manifest = replace(encoder.manifest, known_words=None)
        assert ClipEncoder(manifest, encoder._towers).read_text("quantum").unknown_words == ()


class TestLoading:
    def test_gives_what_model_json_says(self, encoder, folder):
        assert (encoder.name, encoder.dim, encoder.drawn) == ("small", 32, True)
        assert encoder.context_length == 77
        assert encoder.precision == "fp32"
        assert encoder.warnings == ()
        assert encoder.preprocessing.image_size == 32
        stated = json.loads((folder / "model.json").read_text())
        assert encoder.fingerprint == stated["checkpoint"]["sha256"]

    def test_tells_of_a_stranger_among_the_parts(self, tmp_path, folder):
        copied = Path(shutil.copytree(folder, tmp_path / "small"))
        (copied / "clip_model_part_ab.bak").write_bytes(b"stranger")
        (warning,) = load_encoder(copied, device="cpu").warnings
        assert "clip_model_part_ab.bak is not one of the parts" in warning

    def test_weights_are_those_read_without_a_second_copy(self, folder, monkeypatch):
        state = checkpoint.load_state_dict(folder)
        monkeypatch.setattr(
            checkpoint,
            "load_state_dict",
            lambda _, wanted: {name: tensor for name, tensor in state.items() if wanted(name)},
        )
        encoder = load_encoder(folder, device="cpu")
        image = {f"visual.{name}": p for name, p in tower(encoder, "image").named_parameters()}
        text = dict(tower(encoder, "text").named_parameters())
        assert (image | text).keys() == state.keys()
        for name, parameter in (image | text).items():
            assert parameter.data_ptr() == state[name].data_ptr(), name
            assert not parameter.requires_grad

    def test_halves_are_computed_in_fp32(self, tmp_path, model, encoder):
        halves = {name: tensor.half() for name, tensor in model.state_dict().items()}
        half = load_encoder(stored(tmp_path / "half", halves, config=SMALL, precision="fp16"))
        for kind in ("text", "image"):
            assert {p.dtype for p in tower(half, kind).parameters()} == {torch.float32}
        assert np.allclose(half.encode_texts(["a dog"]), encoder.encode_texts(["a dog"]), atol=1e-3)

    def test_quickgelu_is_used_where_it_is_stated(self, tmp_path, model):
        state = model.state_dict()
        plain = load_encoder(stored(tmp_path / "plain", state, config=SMALL, activation="gelu"))
        quick = load_encoder(
            stored(tmp_path / "quick", state, config=SMALL, activation="quickgelu")
        )
        twin = built({**SMALL, "quick_gelu": True})
        twin.load_state_dict(state)
        texts = ["a dog on a beach"]
        assert np.abs(quick.encode_texts(texts) - text_features(twin, texts)).max() < 1e-6
        assert np.abs(quick.encode_texts(texts) - plain.encode_texts(texts)).max() > 1e-4

    @pytest.mark.parametrize("precision", ["bf16", "fp16"])
    def test_lower_precision_is_near(self, folder, encoder, pictures, precision):
        lower = load_encoder(folder, device="cpu", precision=precision)
        vectors = lower.encode_images(pictures)
        assert lower.precision == precision
        assert vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
        cosine = (vectors * encoder.encode_images(pictures)).sum(axis=1)
        assert cosine.min() > 0.99
        assert not np.array_equal(vectors, encoder.encode_images(pictures))

    def test_openais_extra_keys_are_no_misfit(self, tmp_path, model):
        state = dict(model.state_dict())
        state |= {
            "input_resolution": torch.tensor(32),
            "context_length": torch.tensor(77),
            "vocab_size": torch.tensor(49408),
            "transformer.resblocks.0.attn_mask": torch.zeros(77, 77),
        }
        folder = stored(tmp_path / "m", state, config=SMALL, activation="quickgelu")
        assert load_encoder(folder).warnings == ()

    @pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
    @pytest.mark.filterwarnings("ignore:.*trace.*")
    def test_a_torchscript_archive_of_the_model_is_loaded(self, tmp_path, model, encoder):
        inputs = (torch.zeros(1, 3, 32, 32), torch.zeros(1, 77, dtype=torch.long))
        file = tmp_path / "script.pt"
        torch.jit.save(torch.jit.trace(model, inputs, check_trace=False), file)
        folder = tmp_path / "script"
        checkpoint.split(file, folder, 200_000, model={"config": SMALL})
        texts = ["a dog on a beach"]
        assert np.array_equal(load_encoder(folder).encode_texts(texts), encoder.encode_texts(texts))

    def test_tables_that_no_state_dict_holds_are_worked_out(self, tmp_path):
        config = deepcopy(SMALL)
        config["vision_cfg"] = {
            "timm_model_name": "vit_relpos_small_patch16_224",
            "timm_pool": "avg",
            "image_size": 224,
        }
        model = built(config)
        encoder = load_encoder(stored(tmp_path / "m", model.state_dict(), config=config))
        pixels = torch.rand(1, 3, 224, 224)
        with torch.inference_mode():
            expected = model.encode_image(pixels, normalize=True).numpy()
        assert np.allclose(encoder.encode_pixels(pixels.numpy()), expected, atol=1e-6)

    @pytest.mark.slow
    def test_asks_no_hub_and_needs_no_network(self, folder):
        code = (
            "import socket\n"
            "def refuse(*a, **k): raise SystemExit('asked the network')\n"
            "socket.socket.connect = socket.getaddrinfo = refuse\n"
            "from pathlib import Path\n"
            "from core.encoder import load_encoder\n"
            f"print(load_encoder(Path({str(folder)!r})).encode_texts(['a dog']).shape)\n"
        )
        environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
        found = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment
        )
        assert found.stdout.strip() == "(1, 32)", found.stderr


class TestTowers:
    """Each is read when it is first used, and not before."""

    @pytest.fixture
    def read(self, monkeypatch):
        """Names of the tensors that were read into towers, as they come."""
        found: list[str] = []
        original = checkpoint.load_state_dict

        def spy(folder: Path, wanted: object = None) -> dict:
            state = original(folder, wanted)
            found.extend(state)
            return state

        monkeypatch.setattr(checkpoint, "load_state_dict", spy)
        return found

    def test_a_text_reads_no_image_tower(self, folder, read):
        encoder = load_encoder(folder, device="cpu")
        read.clear()
        encoder.encode_texts(["a dog"])
        assert "token_embedding.weight" in read
        assert not any(name.startswith("visual.") for name in read)

    def test_a_picture_reads_no_text_tower(self, folder, read, pictures):
        encoder = load_encoder(folder, device="cpu")
        read.clear()
        encoder.encode_images(pictures)
        assert read
        assert all(name.startswith("visual.") for name in read)

    def test_are_read_once(self, folder, read, pictures):
        encoder = load_encoder(folder, device="cpu")
        read.clear()
        for _ in range(3):
            encoder.encode_texts(["a dog"])
            encoder.encode_images(pictures)
        assert len(read) == len(set(read))

    def test_once_released_are_read_again(self, folder, read, pictures):
        encoder = load_encoder(folder, device="cpu")
        expected = encoder.encode_images(pictures)
        read.clear()
        encoder.release("image")
        encoder.release("text")  # which was never read
        assert np.array_equal(encoder.encode_images(pictures), expected)
        assert read

    def test_of_a_custom_text_model_are_told_apart(self, tmp_path, pictures):
        config = {**SMALL, "custom_text": True}
        model = built(config)
        encoder = load_encoder(stored(tmp_path / "m", model.state_dict(), config=config))
        texts = ["a dog", LONG]
        assert np.allclose(encoder.encode_texts(texts), text_features(model, texts), atol=1e-6)
        pixels = np.stack([encoder.preprocessing(image) for image in pictures])
        with torch.inference_mode():
            expected = model.encode_image(torch.from_numpy(pixels), normalize=True).numpy()
        assert np.allclose(encoder.encode_images(pictures), expected, atol=1e-6)

    def test_that_are_there_are_counted_in_bytes(self, folder, model, pictures):
        encoder = load_encoder(folder, device="cpu")
        assert encoder.n_bytes == 0
        encoder.encode_images(pictures)
        assert encoder.n_bytes == sum(p.nbytes for p in model.visual.parameters())
        encoder.encode_texts(["a dog"])
        assert encoder.n_bytes == sum(p.nbytes for p in model.parameters())
        encoder.release("text")
        encoder.release("image")
        assert encoder.n_bytes == 0

    def test_wait_for_none_but_their_own_reading(self, folder, pictures, monkeypatch):
        encoder = load_encoder(folder, device="cpu")
        may_go_on, original = threading.Event(), encoder._towers.open

        def slow(kind: str) -> object:
            if kind == "image":
                assert may_go_on.wait(60)
            return original(kind)

        monkeypatch.setattr(encoder._towers, "open", slow)
        thread = threading.Thread(target=encoder.encode_images, args=(pictures,))
        thread.start()
        assert encoder.encode_texts(["a dog"]).shape == (1, 32)
        assert thread.is_alive()
        may_go_on.set()
        thread.join()


class TestPixels:
    def test_as_decoded_give_the_vectors_of_normalised_ones(self, encoder, pictures):
        squares = np.stack([encoder.preprocessing.square(image) for image in pictures])
        assert squares.dtype == np.uint8
        expected = encoder.encode_images(pictures)
        assert np.abs(encoder.encode_pixels(squares) - expected).max() < 1e-6

    def test_stay_as_they_were(self, encoder, pictures):
        squares = np.stack([encoder.preprocessing.square(image) for image in pictures])
        before = squares.copy()
        encoder.encode_pixels(squares)
        assert np.array_equal(squares, before)


class TestPrecision:
    @pytest.mark.parametrize("precision", ["bf16", "fp16"])
    def test_that_the_processor_lacks_is_said(self, folder, monkeypatch, precision):
        monkeypatch.setattr("core.encoder.loading._has_bf16", lambda: False)
        (warning,) = load_encoder(folder, "cpu", precision).warnings
        assert warning.startswith(f"This processor has no arithmetic in {precision}")

    def test_that_the_processor_has_needs_no_word(self, folder, monkeypatch):
        monkeypatch.setattr("core.encoder.loading._has_bf16", lambda: True)
        assert load_encoder(folder, "cpu", "bf16").warnings == ()

    def test_bf16_is_near_fp32(self, folder, encoder, pictures):
        halves = load_encoder(folder, "cpu", "bf16")
        for made, expected in (
            (halves.encode_images(pictures), encoder.encode_images(pictures)),
            (halves.encode_texts([LONG]), encoder.encode_texts([LONG])),
        ):
            assert (made * expected).sum(axis=1).min() > 0.999


class TestAnotherArchitecture:
    def test_missing_keys_are_named(self, tmp_path, model):
        state = dict(model.state_dict())
        del state["visual.proj"], state["ln_final.weight"]
        with pytest.raises(ModelError, match=r"2 keys missing \(.*visual\.proj.*model\.json"):
            load_encoder(stored(tmp_path / "m", state, config=SMALL))

    def test_keys_too_many_are_named(self, tmp_path, model):
        state = dict(model.state_dict()) | {"visual.extra": torch.ones(3)}
        with pytest.raises(ModelError, match=r"1 key too many \(visual\.extra\)"):
            load_encoder(stored(tmp_path / "m", state, config=SMALL))

    def test_shapes_that_differ_are_named(self, tmp_path, model):
        state = dict(model.state_dict())
        state["text_projection"] = torch.ones(32, 48)
        with pytest.raises(ModelError, match="text_projection is 32 x 48 instead of 32 x 32"):
            load_encoder(stored(tmp_path / "m", state, config=SMALL))

    def test_a_small_model_is_no_vit_b_32(self, tmp_path, model):
        folder = stored(tmp_path / "m", model.state_dict())
        with pytest.raises(
            ModelError, match=r"are not those of the architecture 'ViT-B-32': 240 keys missing"
        ):
            load_encoder(folder)

    @pytest.mark.parametrize(
        ("keys", "message"),
        [
            ({"architecture": "roberta-ViT-B-32"}, "from a hub, which CocoSift does not fetch"),
            (
                {"config": {**SMALL, "vision_cfg": {"image_size": 32, "layers": "x"}}},
                "cannot build",
            ),
            ({"preprocessing": {"image_size": 64}}, "takes pictures of 32 pixels, but"),
        ],
        ids=["hub", "config", "image size"],
    )
    def test_a_model_json_that_does_not_fit_is_named(self, tmp_path, model, keys, message):
        keys = {"config": SMALL} | keys
        if "architecture" in keys:
            del keys["config"]
        with pytest.raises(ModelError, match=message):
            load_encoder(stored(tmp_path / "m", model.state_dict(), **keys))

    @pytest.mark.parametrize(
        ("where", "key", "value", "message"),
        [
            ("vision_cfg", "timm_model_name", "hf-hub:x/y", "plain name of a network"),
            ("vision_cfg", "timm_model_name", "local-dir:/etc", "plain name of a network"),
            ("vision_cfg", "timm_model_name", "../other", "plain name of a network"),
            ("vision_cfg", "depth", 3, "nothing in vision_cfg but"),
            ("text_cfg", "hf_model_name", "x/y", "from a hub"),
            ("text_cfg", "hf_tokenizer_name", "x/y", "from a hub"),
            ("text_cfg", "tokenizer_mode", "x", "nothing in text_cfg but"),
            ("text_cfg", "tokenizer_kwargs", {"bpe_path": "/etc/passwd"}, "found bpe_path"),
            ("text_cfg", "tokenizer_kwargs", "x", "nothing in tokenizer_kwargs but clean"),
            ("", "multimodal_cfg", {}, "from a hub"),
            ("", "output_dict", True, "nothing in config but"),
        ],
    )
    def test_a_config_that_would_fetch_or_open_anything_is_refused(
        self, tmp_path, monkeypatch, where, key, value, message
    ):
        for builder in ("CLIP", "CustomTextCLIP"):
            monkeypatch.setattr(open_clip, builder, pytest.fail)
        config = deepcopy(SMALL)
        (config[where] if where else config)[key] = value
        folder = stored(tmp_path / "m", {"a": torch.ones(1)}, config=config)
        with pytest.raises(ModelError, match=message):
            load_encoder(folder)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"device": "tpu"}, "auto, cpu or cuda, found 'tpu'"),
            ({"device": "cuda:x"}, "auto, cpu or cuda, found 'cuda:x'"),
            ({"device": "cpu:1"}, "auto, cpu or cuda, found 'cpu:1'"),
            ({"precision": "int8"}, "fp32, bf16 or fp16, found 'int8'"),
            ({"runtime": "tpu"}, "auto, torch, onnxruntime, found 'tpu'"),
        ],
        ids=["device", "device number", "number of a processor", "precision", "runtime"],
    )
    def test_an_option_that_cannot_be_is_named(self, folder, options, message):
        with pytest.raises(ModelError, match=message):
            load_encoder(folder, **options)

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
    def test_cuda_that_is_not_there_names_the_option(self, folder):
        with pytest.raises(ModelError, match="Use --device cpu"):
            load_encoder(folder, device="cuda")


class TestActivation:
    def test_openais_file_is_known_by_its_sha256(self):
        assert published_activation(OPENAI_VIT_B_32) == "quickgelu"
        assert published_activation("0" * 64) is None

    def test_openais_weights_under_plain_gelu_are_warned_about(self, tmp_path, model):
        folder = stored(tmp_path / "m", model.state_dict(), config=SMALL, activation="gelu")
        stated = json.loads((folder / "model.json").read_text())
        stated["checkpoint"]["sha256"] = OPENAI_VIT_B_32
        (folder / "model.json").write_text(json.dumps(stated))
        (warning,) = load_encoder(folder).warnings
        assert "by their sha256 (40d365715913…) these are OpenAI's published weights" in warning
        assert '"activation": "quickgelu"' in warning
        stated["activation"] = "quickgelu"
        (folder / "model.json").write_text(json.dumps(stated))
        assert load_encoder(folder).warnings == ()

    def test_openais_archive_is_known_by_its_extra_keys(self, tmp_path, model):
        state = dict(model.state_dict()) | {"input_resolution": torch.tensor(32)}
        (warning,) = load_encoder(stored(tmp_path / "m", state, config=SMALL)).warnings
        assert "come from an archive by OpenAI" in warning

    def test_halves_widened_to_fp32_are_warned_about(self, tmp_path):
        config = {**SMALL, "embed_dim": 512}
        model = built(config)
        state = model.state_dict()
        trained = stored(tmp_path / "trained", state, config=config)
        assert load_encoder(trained).warnings == ()
        widened = {name: tensor.half().float() for name, tensor in state.items()}
        (warning,) = load_encoder(stored(tmp_path / "wide", widened, config=config)).warnings
        assert "look like OpenAI's" in warning
