"""A run that was killed goes on, to the same bytes; what must not be mixed is not."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from core import checkpoint
from core.coco import open_dataset
from core.embed_run import EmbedReport, embed_dataset, unfinished, unfinished_runs
from core.embeddings import find_embeddings, read_manifest
from core.encoder import ClipEncoder, load_encoder
from core.errors import EmbeddingsError
from core.progress import Cancelled
from core.settings import PROJECT_ROOT, Settings
from tests.conftest import N_TINY, run_core, write_tiny_dataset
from tests.core.embed_kills import BATCH, CHUNK

N_MANY = 100


@pytest.fixture
def many_home(tmp_path: Path, tiny_model_folder: Path) -> Path:
    """A home whose dataset `tiny` has many pictures, some of which cannot be read."""
    home = tmp_path / "many"
    write_tiny_dataset(home / "data" / "tiny", n=N_MANY)
    shutil.copytree(tiny_model_folder, home / "models" / "tiny")
    pictures = sorted((home / "data" / "tiny" / "images").iterdir())
    for row in (3, *range(16, 24), 40, N_MANY - 1):
        pictures[row].write_bytes(b"no picture")
    return home


def kills(home: Path, *arguments: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "tests.core.embed_kills", str(home), *arguments],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_runs_killed_at_random_lose_no_finished_chunk_and_end_with_the_same_bytes(many_home):
    told = kills(many_home, "at-random", "20261124", "24")
    assert len(told["kills"]) >= 24
    last = 0
    for kill in told["kills"]:
        assert kill["before"] == last
        assert kill["after"] >= kill["before"]
        assert kill["after"] % CHUNK == 0 or kill["after"] == N_MANY
        assert kill["end"] in (None, told["whole"])
        last = 0 if kill["end"] else kill["after"]
    assert len({kill["after"] for kill in told["kills"]}) > 5, "they were killed at few places"
    assert told["kills"][-1]["end"] == told["whole"]


@pytest.mark.slow
def test_a_run_killed_at_any_step_that_changes_the_disk_ends_with_the_same_bytes(tiny_home_copy):
    told = kills(tiny_home_copy, "at-every-step")
    assert len(told["kills"]) > 20
    whole = told["whole"]
    for step, kill in enumerate(told["kills"], 1):
        assert kill["end"] == whole, f"killed before step {step}"
        older = kill["older"] or whole  # None: killed between the two moves of folders
        assert whole.items() <= older.items(), f"killed before step {step}"
    assert {0, CHUNK, N_TINY} <= {kill["after"] for kill in told["kills"]}


@pytest.fixture(scope="module")
def encoder(tiny_model_folder: Path) -> ClipEncoder:
    return load_encoder(tiny_model_folder, device="cpu")


@pytest.fixture
def settings(tiny_home_copy: Path) -> Settings:
    return Settings(home=tiny_home_copy, cache=tiny_home_copy / "cache", offline=True)


class StopAt:
    """A person who stops the run when so many pictures are done; counts what it is told."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.told: list[int] = []

    def update(self, done: int, total: int) -> None:
        self.told.append(done)
        if done >= self._rows:
            raise Cancelled


def embed(encoder: ClipEncoder, settings: Settings, **options: object) -> EmbedReport:
    return embed_dataset(
        open_dataset(settings.data / "tiny", settings),
        encoder,
        checkpoint.read_manifest(settings.models / "tiny"),
        settings,
        **{"workers": 0, "batch_size": BATCH, "chunk_rows": CHUNK} | options,  # type: ignore[arg-type]
    )


def stop_after(rows: int, encoder: ClipEncoder, settings: Settings, **options: object) -> None:
    with pytest.raises(Cancelled):
        embed(encoder, settings, progress=StopAt(rows), **options)


def aside(settings: Settings) -> Path:
    return settings.embeddings / "tiny" / ".tiny.unfinished"


def content(settings: Settings) -> dict[str, bytes]:
    folder = settings.embeddings / "tiny" / "tiny"
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def whole(encoder: ClipEncoder, settings: Settings) -> dict[str, bytes]:
    """What a run that nothing stops makes; the folder is taken away again."""
    embed(encoder, settings)
    files = content(settings)
    shutil.rmtree(settings.embeddings / "tiny" / "tiny")
    return files


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines, vectors: lines.write_bytes(lines.read_bytes()[:-1]),
        lambda lines, vectors: lines.write_bytes(lines.read_bytes()[:-20]),
        lambda lines, vectors: lines.write_bytes(lines.read_bytes() + b'{"stop": 12, "ski'),
        lambda lines, vectors: lines.write_bytes(lines.read_bytes() + bytes(300)),
        lambda lines, vectors: lines.write_bytes(b""),
        lambda lines, vectors: lines.unlink(),
        lambda lines, vectors: vectors.write_bytes(vectors.read_bytes()[:-1]),
        lambda lines, vectors: vectors.write_bytes(vectors.read_bytes()[:-40] + bytes(40)),
        lambda lines, vectors: vectors.write_bytes(vectors.read_bytes() + bytes(777)),
        lambda lines, vectors: vectors.write_bytes(b""),
        lambda lines, vectors: vectors.unlink(),
    ],
    ids=[
        *("line without its end", "half a line", "torn line", "zeros behind the lines"),
        *("no line", "no lines' file", "vectors cut", "vectors never written"),
        *("zeros behind the vectors", "no vectors", "no vectors' file"),
    ],
)
def test_what_a_power_cut_leaves_torn_is_made_again(encoder, settings, whole, damage):
    stop_after(CHUNK + 1, encoder, settings)
    damage(aside(settings) / "chunks.jsonl", aside(settings) / "tiny_embeddings.npy")
    embed(encoder, settings)
    assert content(settings) == whole


def test_a_run_goes_on_where_it_was_and_says_so(encoder, settings, whole):
    stop_after(CHUNK, encoder, settings)
    again = StopAt(1_000)
    report = embed(encoder, settings, progress=again)
    assert again.told[0] == CHUNK
    assert (report.before, report.count) == (CHUNK, N_TINY)
    assert content(settings) == whole
    assert unfinished_runs(settings) == ()


def test_another_batch_size_goes_on_all_the_same(encoder, settings, whole):
    stop_after(CHUNK, encoder, settings)
    report = embed(encoder, settings, batch_size=3)
    assert report.before == CHUNK
    vectors = np.load(report.files.vectors)
    with (settings.home / "whole.npy").open("wb") as file:
        file.write(whole["tiny_embeddings.npy"])
    assert np.allclose(vectors, np.load(settings.home / "whole.npy"), atol=1e-6)


def test_an_unfinished_run_is_told_with_the_command_that_goes_on(encoder, settings, tmp_path):
    shutil.copytree(settings.data / "tiny" / "images", tmp_path / "my pictures")
    stop_after(CHUNK, encoder, settings, images=tmp_path / "my pictures", dtype="float16")
    (run,) = unfinished_runs(settings)
    assert (run.dataset, run.model, run.done, run.total) == ("tiny", "tiny", CHUNK, N_TINY)
    assert (run.runtime, run.is_running) == (encoder.runtime, False)
    assert abs(run.updated - (aside(settings) / "chunks.jsonl").stat().st_mtime) < 1
    assert run.command.startswith("python -m core embed --dataset tiny --model tiny --images '")
    done = run_core(*shlex.split(run.command)[3:], home=settings.home)
    assert done.exit_code == 0, done.stderr
    assert f"{CHUNK} were done before" in done.stdout
    assert unfinished_runs(settings) == ()


def test_an_interrupt_while_the_first_chunk_is_committed_loses_nothing(
    encoder, settings, whole, monkeypatch
):
    def interrupted(file: IO[bytes]) -> None:
        file.flush()
        if file.name == lines:
            raise KeyboardInterrupt

    lines = str(aside(settings) / "chunks.jsonl")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(unfinished, "_sync", interrupted)
        embed(encoder, settings)
    assert unfinished_runs(settings)[0].done == CHUNK
    assert embed(encoder, settings).before == CHUNK
    assert content(settings) == whole


def test_an_unfinished_folder_is_no_embeddings(encoder, settings, whole):
    stop_after(CHUNK, encoder, settings)
    assert find_embeddings(settings) == {}


def other_captions(settings: Settings) -> dict[str, object]:
    (path,) = (settings.data / "tiny" / "annotations").glob("*captions*")
    path.write_text(path.read_text().replace("red", "blue", 1) + " ")
    return {}


def other_model(settings: Settings) -> dict[str, object]:
    path = settings.models / "tiny" / "model.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"activation": "quickgelu"}))
    return {}


def other_preprocessing(settings: Settings) -> dict[str, object]:
    path = settings.models / "tiny" / "model.json"
    record = json.loads(path.read_text())
    record["preprocessing"] |= {"interpolation": "bilinear"}
    path.write_text(json.dumps(record))
    return {}


def other_pictures(settings: Settings) -> dict[str, object]:
    return {"images": shutil.copytree(settings.data / "tiny" / "images", settings.home / "copy")}


CHANGES = {
    "annotations": (other_captions, r"annotations: \w{12}, now \w{12}"),
    "activation": (other_model, "activation: gelu, now quickgelu"),
    "preprocessing": (other_preprocessing, "interpolation bicubic, now interpolation bilinear"),
    "pictures": (other_pictures, "pictures: .*/images, now .*/copy"),
    "precision": (lambda settings: {"precision": "bf16"}, "precision: fp32, now bf16"),
    "dtype": (lambda settings: {"dtype": "float16"}, "dtype: float32, now float16"),
    "decoding": (lambda settings: {"fast_decode": True}, "decoding: exact, now fast"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_that_was_begun_otherwise_is_not_mixed(encoder, settings, change):
    make, difference = CHANGES[change]
    before = content(settings)
    stop_after(CHUNK, encoder, settings)
    options = make(settings)
    with pytest.raises(
        EmbeddingsError, match=f"{difference}.*--restart.*python -m core embed"
    ) as e:
        embed(encoder, settings, **options)
    assert f"{CHUNK} of {N_TINY} pictures" in str(e.value)
    assert content(settings) == before
    assert unfinished_runs(settings)[0].done == CHUNK
    report = embed(encoder, settings, restart=True, **options)
    assert (report.before, report.count) == (0, N_TINY)


def test_other_weights_are_not_mixed(encoder, settings):
    stop_after(CHUNK, encoder, settings)
    other = _WithFingerprint(encoder, "f" * 64)
    with pytest.raises(EmbeddingsError, match=r"checkpoint: \w{12}, now ffffffffffff"):
        embed(other, settings)


class _WithFingerprint:
    """The real encoder, said to be of another checkpoint."""

    def __init__(self, encoder: ClipEncoder, fingerprint: str) -> None:
        self._encoder = encoder
        self.fingerprint = fingerprint

    def __getattr__(self, name: str) -> object:
        return getattr(self._encoder, name)


def test_a_run_without_any_vector_yet_is_begun_anew_without_asking(encoder, settings):
    nowhere = settings.home / "nowhere"
    nowhere.mkdir()
    stop_after(CHUNK, encoder, settings, images=nowhere)
    assert embed(encoder, settings).before == 0


def test_a_record_that_cannot_be_read_is_not_thrown_away_unasked(encoder, settings):
    stop_after(CHUNK, encoder, settings)
    (aside(settings) / "run.json").write_text('{"format_version": 99}')
    with pytest.raises(EmbeddingsError, match=r"run.json, found none.*--restart"):
        embed(encoder, settings)
    assert unfinished_runs(settings) == ()
    assert embed(encoder, settings, restart=True).count == N_TINY


class _SecondRun:
    """Starts another run of the same pair while the first one is at it."""

    def __init__(self, encoder: ClipEncoder, settings: Settings) -> None:
        self._encoder, self._settings = encoder, settings
        self.errors: list[str] = []
        self.running: list[bool] = []

    def update(self, done: int, total: int) -> None:
        if done >= CHUNK and not self.errors:
            with pytest.raises(EmbeddingsError) as error:
                embed(self._encoder, self._settings)
            self.errors.append(str(error.value))
            self.running += [run.is_running for run in unfinished_runs(self._settings)]


def test_a_second_run_of_the_same_pair_is_refused_while_the_first_goes_on(encoder, settings, whole):
    second = _SecondRun(encoder, settings)
    embed(encoder, settings, progress=second)
    assert second.errors == [
        "Another run embeds 'tiny' with 'tiny' already. Wait until it has finished, or stop it: "
        "this one goes on from where it was."
    ]
    assert second.running == [True]
    assert content(settings) == whole


def test_skipped_pictures_are_tried_again_and_the_others_kept(encoder, settings, whole):
    picture = settings.data / "tiny" / "images" / "tiny_000105.png"
    bytes_before = picture.read_bytes()
    picture.unlink()
    assert embed(encoder, settings).count == N_TINY - 1
    picture.write_bytes(bytes_before)
    encoded = _Counting(encoder)
    stop_after(CHUNK, encoded, settings, retry_skipped=True)
    report = embed(encoded, settings, retry_skipped=True)
    assert (report.count, report.skipped, sum(encoded.counts)) == (N_TINY, (), 1)
    ids = np.load(report.files.image_ids).tolist()
    assert ids == sorted(ids)
    expected = settings.home / "whole.npy"
    expected.write_bytes(whole["tiny_embeddings.npy"])
    assert np.allclose(np.load(report.files.vectors), np.load(expected), atol=1e-6)
    assert read_manifest(report.files).skipped == 0


class _Counting:
    """The real encoder; counts the pictures of each batch."""

    def __init__(self, encoder: ClipEncoder) -> None:
        self._encoder = encoder
        self.counts: list[int] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._encoder, name)

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        self.counts.append(len(pixels))
        return self._encoder.encode_pixels(pixels)


def test_nothing_is_done_where_no_picture_was_skipped(encoder, settings):
    before = content(settings)
    encoded = _Counting(encoder)
    report = embed(encoded, settings, retry_skipped=True)
    assert (report.count, report.before, encoded.counts) == (N_TINY, N_TINY, [])
    assert content(settings) == before


def test_pictures_are_not_added_to_embeddings_that_were_made_otherwise(encoder, settings):
    with pytest.raises(EmbeddingsError, match=r"made otherwise.*dtype float32, now float16"):
        embed(encoder, settings, retry_skipped=True, dtype="float16")
    shutil.rmtree(settings.embeddings / "tiny")
    with pytest.raises(EmbeddingsError, match=r"found none\. Run: python -m core embed"):
        embed(encoder, settings, retry_skipped=True)


def test_vectors_are_stored_as_float16_when_asked(encoder, settings, whole):
    report = embed(encoder, settings, dtype="float16")
    expected = settings.home / "whole.npy"
    expected.write_bytes(whole["tiny_embeddings.npy"])
    vectors = np.load(report.files.vectors)
    assert np.array_equal(vectors, np.load(expected).astype(np.float16))
    assert read_manifest(report.files).dtype == "float16"


def test_several_encoders_give_the_same_bytes_as_one(encoder, settings, whole, tiny_model_folder):
    encoders = [_Counting(encoder), _Counting(load_encoder(tiny_model_folder, device="cpu"))]
    embed(encoders, settings)
    assert content(settings) == whole
    assert all(one.counts for one in encoders)


def test_devices_are_named_with_commas(settings, whole):
    done = run_core(
        *("embed", "--dataset", "tiny", "--device", "cpu,cpu", "--batch-size", str(BATCH)),
        home=settings.home,
    )
    assert done.exit_code == 0, done.stderr
    assert content(settings)["tiny_image_ids.npy"] == whole["tiny_image_ids.npy"]
