"""Towers by ONNX Runtime: PyTorch's vectors without PyTorch, and what happens when it cannot."""

import json
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from core import checkpoint
from core.encoder import ClipEncoder, load_encoder
from core.errors import ModelError
from core.progress import NoProgress
from core.runtime import ONNX, convert_apart, find_converted
from core.runtime import conversion as making
from core.runtime.kept import RECORD, tower_folder
from core.runtime.towers import PICTURES_AT_ONCE, cores
from core.settings import PROJECT_ROOT, Settings

DEMO = PROJECT_ROOT / "models" / "demo"
TEXTS = [
    "a dog on the beach",
    "two red buses at night",
    "",
    "犬 🐶 &amp;amp; don't",
    "a photo of two dogs on a beach with umbrellas and kites at night " * 8,
]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with both towers of the demo's model, converted by the real process."""
    cache = tmp_path_factory.mktemp("cache")
    manifest = checkpoint.read_manifest(DEMO)
    for kind in ("text", "image"):
        convert_apart(manifest, kind, cache)
    return cache


@pytest.fixture
def cache(made: Path, tmp_path: Path) -> Path:
    """The same, to be spoilt."""
    return Path(shutil.copytree(made, tmp_path / "cache"))


@pytest.fixture(scope="session")
def by_torch() -> ClipEncoder:
    return load_encoder(DEMO, "cpu", runtime="torch")


@pytest.fixture(scope="session")
def encoder(made: Path) -> ClipEncoder:
    return load_encoder(DEMO, "cpu", cache=made)


@pytest.fixture(scope="session")
def squares() -> np.ndarray:
    """More pictures than are computed at once, as decoded and cropped."""
    generator = np.random.default_rng(3)
    return generator.integers(0, 256, (PICTURES_AT_ONCE + 3, 96, 96, 3), dtype=np.uint8)


def folder_of(cache: Path, kind: str = "text") -> Path:
    return tower_folder(checkpoint.read_manifest(DEMO), kind, cache)


def served_by(encoder: ClipEncoder, kind: str = "text") -> str:
    return encoder._tower(kind).runtime


class TestVectors:
    def test_of_texts_are_pytorchs(self, encoder, by_torch):
        found, expected = encoder.encode_texts(TEXTS), by_torch.encode_texts(TEXTS)
        assert served_by(encoder) == ONNX
        assert found.dtype == np.float32
        assert ((found * expected).sum(axis=1) > 1 - 1e-6).all()
        for text, vector in zip(TEXTS, expected, strict=True):
            assert encoder.encode_texts([text])[0] @ vector > 1 - 1e-6

    @settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
    @given(st.text(max_size=200))
    def test_of_any_text_are_pytorchs(self, encoder, by_torch, text):
        assert encoder.encode_texts([text])[0] @ by_torch.encode_texts([text])[0] > 1 - 1e-6

    def test_of_pictures_are_pytorchs(self, encoder, by_torch, squares):
        found, expected = encoder.encode_pixels(squares), by_torch.encode_pixels(squares)
        assert served_by(encoder, "image") == ONNX
        assert ((found * expected).sum(axis=1) > 1 - 1e-5).all()
        normalised = np.stack([encoder.preprocessing(Image.fromarray(s)) for s in squares])
        assert np.allclose(encoder.encode_pixels(normalised), found, atol=1e-6)

    def test_do_not_depend_on_their_company(self, encoder, squares):
        together = encoder.encode_pixels(squares)
        for row in (0, PICTURES_AT_ONCE - 1, PICTURES_AT_ONCE + 2):
            alone = encoder.encode_pixels(squares[row : row + 1])[0]
            assert np.allclose(alone, together[row], atol=1e-6)

    def test_of_nothing_are_none(self, encoder, squares):
        assert encoder.encode_texts([]).shape == (0, encoder.dim)
        assert encoder.encode_pixels(squares[:0]).shape == (0, encoder.dim)

    def test_are_the_same_from_many_threads(self, encoder):
        expected = encoder.encode_texts(TEXTS)
        found: dict[int, np.ndarray] = {}

        def work(row: int) -> None:
            for _ in range(10):
                found[row] = encoder.encode_texts([TEXTS[row]])[0]

        threads = [threading.Thread(target=work, args=(row,)) for row in range(len(TEXTS))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for row, vector in enumerate(expected):
            assert np.allclose(found[row], vector, atol=1e-6)


class TestWithoutPyTorch:
    def test_a_converted_model_answers_texts_and_pictures(self, made):
        code = (
            "import sys\n"
            "sys.modules['torch'] = None\n"
            "from pathlib import Path\n"
            "import numpy as np\n"
            "from core.encoder import encode_prompts, load_encoder\n"
            f"encoder = load_encoder(Path({str(DEMO)!r}), cache=Path({str(made)!r}))\n"
            "assert encoder.runtime == 'onnxruntime'\n"
            "assert encoder.read_text('a dog').n_tokens == 4\n"
            "assert encode_prompts(encoder, 'dog', 'full').shape == (encoder.dim,)\n"
            "pixels = np.zeros((1, 96, 96, 3), np.uint8)\n"
            "print(encoder.encode_texts(['a dog']).shape, encoder.encode_pixels(pixels).shape)\n"
        )
        found = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT_ROOT
        )
        assert found.stdout.strip() == "(1, 128) (1, 128)", found.stderr


class TestPyTorchServes:
    """Whatever the other runtime lacks: the answer is the same."""

    def check(self, cache: Path | None, by_torch: ClipEncoder) -> None:
        encoder = load_encoder(DEMO, "cpu", cache=cache)
        assert served_by(encoder) == "torch"
        assert np.array_equal(encoder.encode_texts(TEXTS[:1]), by_torch.encode_texts(TEXTS[:1]))

    def test_where_it_is_not_installed(self, made, by_torch, monkeypatch):
        monkeypatch.setitem(sys.modules, ONNX, None)
        self.check(made, by_torch)

    def test_where_nothing_is_kept(self, by_torch):
        self.check(None, by_torch)

    def test_until_it_was_converted(self, tmp_path, by_torch):
        self.check(tmp_path, by_torch)

    def test_for_a_tower_that_was_not_converted(self, cache):
        shutil.rmtree(folder_of(cache, "image"))
        encoder = load_encoder(DEMO, "cpu", cache=cache)
        assert (served_by(encoder, "text"), served_by(encoder, "image")) == (ONNX, "torch")
        assert encoder.runtime == "torch"

    @pytest.mark.parametrize("name", ["model.onnx", "model.onnx.data", RECORD])
    @pytest.mark.parametrize(
        "spoil",
        [
            lambda path: path.unlink(),
            lambda path: path.write_bytes(b""),
            lambda path: path.write_bytes(path.read_bytes()[:-7]),
            lambda path: path.write_bytes(flipped(path.read_bytes())),
        ],
        ids=["missing", "empty", "cut", "a flipped byte"],
    )
    def test_where_a_file_is_damaged_which_is_then_removed(self, cache, by_torch, name, spoil):
        spoil(folder_of(cache) / name)
        self.check(cache, by_torch)
        assert not (folder_of(cache) / RECORD).exists()

    def test_where_it_was_converted_for_another_version(self, made, by_torch, monkeypatch):
        monkeypatch.setattr("core.runtime.kept.CONVERSION", 999)
        self.check(made, by_torch)

    def test_where_the_session_cannot_be_opened(self, made, by_torch, monkeypatch):
        def fail(*_: object) -> None:
            raise RuntimeError("no such operator")

        monkeypatch.setattr("core.runtime.towers._session", fail)
        monkeypatch.setattr("core.runtime.kept.Converted.discard", lambda _: None)
        self.check(made, by_torch)

    @pytest.mark.parametrize("precision", ["bf16", "fp16"])
    def test_in_other_precisions_than_fp32(self, made, precision):
        encoder = load_encoder(DEMO, "cpu", precision, cache=made)
        assert served_by(encoder) == encoder.runtime == "torch"


class TestInsisting:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"precision": "bf16"}, "computes in fp32, found the precision bf16"),
            ({"cache": None}, "give a cache"),
        ],
        ids=["precision", "no cache"],
    )
    def test_on_what_cannot_be_is_refused(self, made, options, message):
        with pytest.raises(ModelError, match=message):
            load_encoder(DEMO, "cpu", **{"cache": made, "runtime": ONNX} | options)

    def test_on_what_is_not_installed_names_the_command(self, made, monkeypatch):
        monkeypatch.setitem(sys.modules, ONNX, None)
        with pytest.raises(ModelError, match=r"pip install -r requirements\.txt"):
            load_encoder(DEMO, "cpu", runtime=ONNX, cache=made)

    def test_on_pytorch_is_heeded(self, made):
        encoder = load_encoder(DEMO, "cpu", runtime="torch", cache=made)
        assert served_by(encoder) == encoder.runtime == "torch"


class TestPreparing:
    def test_hands_a_tower_over_while_it_serves(self, made, tmp_path, monkeypatch):
        encoder = load_encoder(DEMO, "cpu", cache=tmp_path)
        before = encoder.encode_texts(TEXTS)
        assert served_by(encoder) == "torch"
        monkeypatch.setattr("core.encoder.loading.convert_apart", copying(made))
        encoder.prepare("text")
        assert served_by(encoder) == ONNX
        assert np.allclose(encoder.encode_texts(TEXTS), before, atol=1e-6)

    def test_does_nothing_twice(self, made, tmp_path, monkeypatch):
        encoder = load_encoder(DEMO, "cpu", cache=tmp_path)
        monkeypatch.setattr("core.encoder.loading.convert_apart", copying(made))
        encoder.prepare()
        monkeypatch.setattr("core.encoder.loading.convert_apart", pytest.fail)
        encoder.prepare()
        load_encoder(DEMO, "cpu", cache=tmp_path).prepare()

    def test_that_fails_leaves_pytorch_and_says_so(self, tmp_path, monkeypatch, caplog, by_torch):
        def fail(*_: object) -> None:
            raise ModelError("it has an operator that nobody knows")

        encoder = load_encoder(DEMO, "cpu", cache=tmp_path)
        monkeypatch.setattr("core.encoder.loading.convert_apart", fail)
        encoder.prepare("text")
        assert "stays with PyTorch: it has an operator that nobody knows" in caplog.text
        assert np.array_equal(encoder.encode_texts(TEXTS), by_torch.encode_texts(TEXTS))

    def test_what_cannot_be_converted_is_not_tried_again(self, tmp_path, monkeypatch):
        def fail(*_: object) -> None:
            raise RuntimeError("no translation of aten::odd")

        monkeypatch.setattr(making, "_export", fail)
        arguments = {"folder": str(DEMO), "kind": "text"}
        with pytest.raises(ModelError, match="no translation of aten::odd"):
            making.convert(Settings(cache=tmp_path), arguments, NoProgress())
        manifest = checkpoint.read_manifest(DEMO)
        assert find_converted(manifest, "text", tmp_path) is None
        monkeypatch.setattr("core.runtime.kept.run_apart", pytest.fail)
        with pytest.raises(ModelError, match="no translation of aten::odd"):
            convert_apart(manifest, "text", tmp_path)

    def test_of_other_vectors_than_pytorchs_is_refused(self, made, tmp_path, monkeypatch):
        monkeypatch.setattr(making, "TOLERANCE", 0.0)
        monkeypatch.setattr(making, "_export", lambda *a: copied_graph(made, a[-1]))
        arguments = {"folder": str(DEMO), "kind": "text"}
        with pytest.raises(ModelError, match="its vectors differ from PyTorch's by"):
            making.convert(Settings(cache=tmp_path), arguments, NoProgress())

    def test_removes_what_was_made_for_an_older_version(self, cache):
        kept = folder_of(cache).parent
        older = kept.with_name(kept.name.replace("-onnxruntime-", "-onnxruntime-0."))
        other = kept.with_name("0" * 64 + "-0-onnxruntime-0.1")
        older.mkdir()
        other.mkdir()
        making._remove_older(kept)
        assert sorted(kept.parent.iterdir()) == sorted([kept, other])


class TestWhatIsKept:
    def test_belongs_to_weights_architecture_and_activation(self, tmp_path):
        manifest = checkpoint.read_manifest(DEMO)
        other = [
            replace(manifest, sha256="0" * 64),
            replace(manifest, activation="quickgelu"),
            replace(manifest, config={**manifest.config, "embed_dim": 64}),
        ]
        folders = {tower_folder(one, "text", tmp_path) for one in (manifest, *other)}
        assert len(folders) == 4
        assert tower_folder(replace(manifest, title="x"), "text", tmp_path) in folders

    def test_remembers_signs_of_the_wrong_activation(self, cache):
        for kind in ("text", "image"):
            path = folder_of(cache, kind) / RECORD
            stated = json.loads(path.read_text()) | {"signs": "these weights are OpenAI's"}
            path.write_text(json.dumps(stated))
        (warning,) = load_encoder(DEMO, "cpu", cache=cache).warnings
        assert "these weights are OpenAI's, which need QuickGELU" in warning

    def test_names_no_place(self, made):
        assert str(made) not in (folder_of(made) / RECORD).read_text()

    def test_may_go_while_it_serves(self, cache, by_torch):
        encoder = load_encoder(DEMO, "cpu", cache=cache)
        encoder.encode_texts(TEXTS)
        shutil.rmtree(cache)
        assert np.allclose(encoder.encode_texts(TEXTS), by_torch.encode_texts(TEXTS), atol=1e-6)


class TestCores:
    @pytest.mark.parametrize(
        ("stated", "available", "expected"),
        [("", 8, 8), ("1", 8, 1), ("4", 8, 4), ("64", 8, 8), ("0", 8, 8), ("all", 8, 8)],
    )
    def test_are_all_of_ours_or_as_many_as_stated(self, monkeypatch, stated, available, expected):
        monkeypatch.setenv("OMP_NUM_THREADS", stated)
        monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(available)))
        assert cores() == expected


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def copying(made: Path):
    """A conversion that takes what was made before."""

    def convert(manifest: object, kind: str, cache: Path, _progress: object) -> None:
        shutil.copytree(folder_of(made, kind), folder_of(cache, kind))

    return convert


def copied_graph(made: Path, path: Path) -> int:
    shutil.copytree(folder_of(made), path.parent, dirs_exist_ok=True)
    (path.parent / RECORD).unlink()
    return find_converted(checkpoint.read_manifest(DEMO), "text", made).end
