"""Embedding runs: every kind of picture, processes that die, and what is left behind."""

import csv
import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from core import checkpoint
from core.coco import CocoDataset, open_dataset
from core.embed_run import (
    EmbedReport,
    Located,
    Preparation,
    SkippedPicture,
    embed_dataset,
    skipped_csv,
    unfinished_runs,
)
from core.embeddings import find_embeddings, load_embeddings, read_manifest
from core.encoder import ClipEncoder, load_encoder
from core.errors import EmbeddingsError, ModelError, PictureError
from core.images import open_picture
from core.progress import Cancelled
from core.settings import PROJECT_ROOT, Settings
from tests.conftest import N_TINY, run_core
from tests.core.worker_probes import COSTLY_MODULES, KillAtOnePixel, LoadedModules


@pytest.fixture(scope="module")
def encoder(tiny_model_folder) -> ClipEncoder:
    return load_encoder(tiny_model_folder, device="cpu")


@pytest.fixture
def settings(tiny_home_copy: Path) -> Settings:
    return Settings(home=tiny_home_copy, cache=tiny_home_copy / "cache", offline=True)


def dataset_of(settings: Settings, pictures: dict[str, Callable[[Path], object]]) -> CocoDataset:
    """A dataset `odd` of the named pictures, each written by its function."""
    folder = settings.data / "odd"
    (folder / "images").mkdir(parents=True)
    for name, write in pictures.items():
        write(folder / "images" / name)
    images = [{"id": 1 + row, "file_name": name} for row, name in enumerate(pictures)]
    (folder / "captions.json").write_text(json.dumps({"images": images, "annotations": []}))
    (folder / "dataset.toml").write_text(
        '[annotations]\ncaptions = "captions.json"\n[pictures]\nfolder = "images"\n'
    )
    return open_dataset(folder, settings)


def embed(
    dataset: CocoDataset, encoder: ClipEncoder, settings: Settings, **options: object
) -> EmbedReport:
    manifest = checkpoint.read_manifest(settings.models / "tiny")
    return embed_dataset(dataset, encoder, manifest, settings, **options)  # type: ignore[arg-type]


def vectors_of(report: EmbedReport) -> dict[str, np.ndarray]:
    names = np.load(report.files.filenames)
    return dict(zip(names.tolist(), np.load(report.files.vectors), strict=True))


def scene(mode: str = "RGB", size: tuple[int, int] = (90, 60)) -> Image.Image:
    """A picture with colour, shade and an edge, so that a wrong reading shows."""
    width, height = size
    values = np.zeros((height, width, 3), dtype=np.uint8)
    values[..., 0] = np.linspace(0, 255, width, dtype=np.uint8)
    values[..., 1] = np.linspace(255, 0, height, dtype=np.uint8)[:, np.newaxis]
    values[: height // 2, : width // 2, 2] = 200
    return Image.fromarray(values).convert(mode)


def write_16_bit(path: Path) -> None:
    grey = np.asarray(scene("L"), dtype=np.uint16) * 257
    Image.fromarray(grey).save(path)


def write_rotated(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    scene().save(path, quality=95, exif=exif)


def write_truncated(path: Path) -> None:
    scene().save(path, quality=95)
    path.write_bytes(path.read_bytes()[:-600])


def write_bomb(path: Path) -> None:
    """A PNG of some hundred bytes that says it has 60,000 x 60,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1_000)))
        + chunk(b"IEND", b"")
    )


USABLE: dict[str, Callable[[Path], object]] = {
    "plain.png": lambda path: scene().save(path),
    "grey.jpg": lambda path: scene("L").save(path, quality=95),
    "cmyk.jpg": lambda path: scene("CMYK").save(path, quality=95),
    "palette.png": lambda path: scene().quantize(32).save(path),
    "palette.gif": lambda path: scene().quantize(32).save(path),
    "alpha.png": lambda path: scene("RGBA").save(path),
    "one_bit.png": lambda path: scene("1").save(path),
    "sixteen_bit.png": write_16_bit,
    "rotated.jpg": write_rotated,
    "thin.png": lambda path: scene(size=(1, 300)).save(path),
    "flat.png": lambda path: scene(size=(3_000, 1)).save(path),
    "dot.png": lambda path: scene(size=(1, 1)).save(path),
}
UNUSABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "corrupt.jpg": (lambda path: path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(500)), "corrupt.jpg"),
    "text.jpg": (lambda path: path.write_text("<html>not found</html>"), "not a picture"),
    "empty.jpg": (lambda path: path.write_bytes(b""), "not a picture"),
    "truncated.jpg": (write_truncated, "damaged or cut short"),
    "bomb.png": (write_bomb, "pixels"),
    "missing.jpg": (lambda path: None, "no file 'missing.jpg' in"),
    "folder.jpg": (lambda path: path.mkdir(), "no file 'folder.jpg' in"),
}


@pytest.mark.parametrize("workers", [0, 2], ids=["in this process", "two workers"])
def test_usable_pictures_are_embedded_right_and_the_others_listed(encoder, settings, workers):
    pictures = {**USABLE, **{name: write for name, (write, _) in UNUSABLE.items()}}
    report = embed(dataset_of(settings, pictures), encoder, settings, workers=workers, batch_size=5)
    vectors = vectors_of(report)
    assert list(vectors) == list(USABLE)
    folder = settings.data / "odd" / "images"
    for name, vector in vectors.items():
        converted = open_picture(folder / name, settings)
        assert converted.mode == "RGB"
        assert np.allclose(vector, encoder.encode_images([converted])[0], atol=1e-5), name
    with report.files.skipped.open(newline="") as file:
        listed = {row["file_name"]: row["reason"] for row in csv.DictReader(file)}
    assert list(listed) == list(UNUSABLE)
    for name, (_, reason) in UNUSABLE.items():
        assert reason in listed[name], name
    assert (report.count, len(report.skipped)) == (len(USABLE), len(UNUSABLE))


CONVERTED = {
    "grey.png": (lambda path: scene("L").save(path), lambda: scene("L").convert("RGB")),
    "cmyk.tif": (lambda path: scene("CMYK").save(path), lambda: scene("CMYK").convert("RGB")),
    "palette.png": (
        lambda path: scene().quantize(32).save(path),
        lambda: scene().quantize(32).convert("RGB"),
    ),
    "sixteen_bit.png": (write_16_bit, lambda: scene("L").convert("RGB")),
    "thin.png": (
        lambda path: scene("L", (1, 300)).save(path),
        lambda: scene("L", (1, 300)).convert("RGB"),
    ),
}


@pytest.mark.parametrize("name", CONVERTED)
def test_a_picture_has_the_vector_of_the_same_picture_converted_to_rgb(encoder, settings, name):
    write, convert = CONVERTED[name]
    report = embed(dataset_of(settings, {name: write}), encoder, settings)
    expected = encoder.encode_images([convert()])[0]
    assert np.allclose(vectors_of(report)[name], expected, atol=1e-5)


def test_a_picture_is_read_as_it_is_stored_whatever_exif_says(encoder, settings):
    pictures = {
        "rotated.jpg": write_rotated,
        "plain.jpg": lambda path: scene().save(path, quality=95),
    }
    vectors = vectors_of(embed(dataset_of(settings, pictures), encoder, settings))
    assert np.allclose(vectors["rotated.jpg"], vectors["plain.jpg"], atol=1e-6)


@pytest.mark.parametrize(
    ("workers", "batch_size"), [(0, 1), (0, 5), (2, 64)], ids=["one by one", "batches", "workers"]
)
def test_workers_and_batches_change_no_vector(encoder, settings, workers, batch_size):
    dataset = open_dataset(settings.data / "tiny", settings)
    before = np.load(find_embeddings(settings)["tiny", "tiny"].vectors)
    report = embed(dataset, encoder, settings, workers=workers, batch_size=batch_size)
    assert np.allclose(np.load(report.files.vectors), before, atol=1e-6)


@pytest.mark.parametrize("workers", [0, 1], ids=["in this process", "one worker"])
def test_fast_decoding_gives_vectors_near_the_exact_ones_and_says_so(encoder, settings, workers):
    picture = {"large.jpg": lambda path: scene(size=(640, 480)).save(path, quality=95)}
    dataset = dataset_of(settings, picture)
    exact = vectors_of(embed(dataset, encoder, settings))["large.jpg"]
    report = embed(dataset, encoder, settings, fast_decode=True, workers=workers)
    fast = vectors_of(report)["large.jpg"]
    assert 1e-7 < 1 - float(exact @ fast) < 1e-2
    assert read_manifest(report.files).preprocessing["decoding"] == "fast"
    model = checkpoint.read_manifest(settings.models / "tiny")
    assert len(load_embeddings(report.files, dataset, model)) == 1


def test_workers_never_import_torch(encoder, settings, monkeypatch):
    # A worker imports the script of its parent, too; here that may be a page that a test ran.
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    picture = settings.data / "tiny" / "images" / "tiny_000101.png"
    with Preparation(1, LoadedModules(), settings, niceness=10) as preparation:
        (prepared,) = preparation.prepare([Located(101, picture.name, picture)])
    assert prepared.pixels is not None
    loaded = dict(zip(COSTLY_MODULES, prepared.pixels.tolist(), strict=True))
    assert loaded == dict.fromkeys(COSTLY_MODULES, False)


def test_a_worker_that_is_killed_is_named_with_the_pictures(settings):
    folder = settings.data
    for name, size in (("a.png", (9, 9)), ("b.png", (1, 9)), ("c.png", (9, 9))):
        scene(size=size).save(folder / name)
    located = [Located(1, name, folder / name) for name in ("a.png", "b.png", "c.png")]
    with (
        Preparation(2, KillAtOnePixel(), settings) as preparation,
        pytest.raises(EmbeddingsError, match=r"Worker process \d+ \(killed by SIGKILL\) died") as e,
    ):
        list(preparation.prepare(located))
    assert "b.png" in str(e.value)
    assert "--workers 0" in str(e.value)


def leftovers(settings: Settings) -> list[str]:
    return sorted(path.name for path in (settings.embeddings / "tiny").iterdir())


class _CancelAfterFirstBatch:
    def update(self, done: int, total: int) -> None:
        if done:
            raise Cancelled


def test_a_cancelled_run_leaves_the_older_embeddings_as_they_were(encoder, settings):
    dataset = open_dataset(settings.data / "tiny", settings)
    files = find_embeddings(settings)["tiny", "tiny"]
    before = files.fingerprint
    with pytest.raises(Cancelled):
        embed(dataset, encoder, settings, batch_size=4, progress=_CancelAfterFirstBatch())
    assert files.fingerprint == before
    assert leftovers(settings) == ["tiny"]


@pytest.mark.slow
def test_an_interrupt_ends_the_command_and_its_workers_and_the_same_command_goes_on(
    settings, tiny_home_copy
):
    many_pictures(settings, 1_500)
    arguments = ("embed", "--dataset", "many", "--workers", "1", "--batch-size", "32")
    command = subprocess.Popen(
        [sys.executable, "-m", "core", *arguments],
        cwd=PROJECT_ROOT,
        env={**os.environ, "COCOSIFT_HOME": str(tiny_home_copy)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Who runs the tests in the background has ^C ignored, and children inherit that.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    try:
        wait_for(lambda: any(run.done for run in unfinished_runs(settings)))
        # As a terminal does: the whole group gets it.
        os.killpg(command.pid, signal.SIGINT)
        _, errors = command.communicate(timeout=120)
    finally:
        command.kill()
    assert command.returncode == 130
    (run,) = unfinished_runs(settings)
    assert 0 < run.done < 1_500
    assert errors == (
        f"Stopped; {run.done:,} of 1,500 pictures are done and kept. The same command goes on "
        "from there.\n"
    )
    wait_for(lambda: not group_lives(command.pid))
    done = run_core(*arguments, "--json", home=tiny_home_copy)
    assert json.loads(done.stdout)["before"] == run.done
    assert [path.name for path in (settings.embeddings / "many").iterdir()] == ["tiny"]


def many_pictures(settings: Settings, n: int) -> None:
    """A dataset `many` whose `n` records share a few files."""
    folder = settings.data / "many"
    folder.mkdir()
    images = [{"id": 1 + row, "file_name": f"{row}.png"} for row in range(n)]
    (folder / "captions.json").write_text(json.dumps({"images": images, "annotations": []}))
    (folder / "dataset.toml").write_text(
        '[annotations]\ncaptions = "captions.json"\n[pictures]\nfolder = "."\n'
    )
    scene(size=(400, 300)).save(folder / "0.png")
    for row in range(1, n):
        os.link(folder / "0.png", folder / f"{row}.png")


def wait_for(happens: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_embeddings_are_replaced_whole(encoder, settings):
    dataset = open_dataset(settings.data / "tiny", settings)
    old = find_embeddings(settings)["tiny", "tiny"]
    stale = old.folder / "stale.npy"
    stale.write_bytes(b"")
    mapped = np.load(old.vectors, mmap_mode="r")
    embed(dataset, encoder, settings)
    assert not stale.exists()
    assert np.isfinite(mapped).all()
    assert leftovers(settings) == ["tiny"]


def test_what_is_made_is_what_loads(encoder, settings):
    pictures = {"plain.png": USABLE["plain.png"], "missing.jpg": lambda path: None}
    dataset = dataset_of(settings, pictures)
    report = embed(dataset, encoder, settings)
    model = checkpoint.read_manifest(settings.models / "tiny")
    embeddings = load_embeddings(report.files, dataset, model)
    assert embeddings.image_ids.tolist() == [1]
    assert "1 of 2 pictures of 'odd' could not be embedded" in embeddings.warnings[0]
    manifest = read_manifest(report.files)
    assert manifest is not None
    assert (manifest.count, manifest.skipped) == (1, 1)


def test_without_any_usable_picture_nothing_is_written(encoder, settings):
    dataset = dataset_of(settings, {"missing.jpg": lambda path: None})
    with pytest.raises(EmbeddingsError, match=r"None of the 1 pictures .*--images FOLDER"):
        embed(dataset, encoder, settings)
    assert not (settings.embeddings / "odd" / "tiny").exists()


def test_pictures_may_come_from_another_folder(encoder, settings, tmp_path):
    dataset = dataset_of(settings, {"sub_picture.png": lambda path: None})
    scene().save(tmp_path / "sub_picture.png")
    assert embed(dataset, encoder, settings, images=tmp_path).count == 1


def test_a_folder_of_pictures_that_is_not_there_is_named(encoder, settings, tmp_path):
    dataset = open_dataset(settings.data / "tiny", settings)
    with pytest.raises(EmbeddingsError, match=r"Expected a folder of pictures, found none at"):
        embed(dataset, encoder, settings, images=tmp_path / "none")


def test_a_file_name_that_leads_out_of_the_folder_is_skipped(encoder, settings):
    dataset = dataset_of(settings, {"plain.png": USABLE["plain.png"]})
    path = settings.data / "odd" / "captions.json"
    scene().save(settings.data / "outside.png")
    images = [{"id": 1, "file_name": "../../outside.png"}, {"id": 2, "file_name": "plain.png"}]
    path.write_text(json.dumps({"images": images, "annotations": []}))
    report = embed(open_dataset(path.parent, settings), encoder, settings)
    assert report.count == 1
    assert dataset.name == "odd"
    assert "would leave the picture folder" in report.skipped[0].reason


class _Net:
    """A picture store for `--fetch`: has one picture, and cannot reach the other."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def fetch_many(self, image_ids, progress) -> dict[int, PictureError]:
        return {2: PictureError("drawn.invalid does not answer")}

    def path(self, image_id: int) -> Path:
        return self._path


def test_pictures_that_are_not_here_are_fetched_when_asked(encoder, settings, tmp_path):
    scene().save(tmp_path / "fetched.png")
    names = ("one.jpg", "two.jpg")
    dataset = dataset_of(settings, dict.fromkeys(names, lambda path: None))
    report = embed(dataset, encoder, settings, pictures_from_net=_Net(tmp_path / "fetched.png"))
    assert report.count == 1
    assert report.skipped == (SkippedPicture(2, "two.jpg", "drawn.invalid does not answer"),)


class _FullCache(_Net):
    """Had every picture a moment ago; the cache has dropped the second since."""

    def fetch_many(self, image_ids, progress) -> dict[int, PictureError]:
        return {}

    def path(self, image_id: int) -> Path:
        if image_id == 2:
            raise PictureError("drawn.invalid does not answer any more")
        return self._path


def test_a_picture_that_the_cache_has_dropped_is_skipped(encoder, settings, tmp_path):
    scene().save(tmp_path / "fetched.png")
    dataset = dataset_of(settings, dict.fromkeys(("one.jpg", "two.jpg"), lambda path: None))
    net = _FullCache(tmp_path / "fetched.png")
    report = embed(dataset, encoder, settings, pictures_from_net=net)
    assert report.count == 1
    reason = "drawn.invalid does not answer any more"
    assert report.skipped == (SkippedPicture(2, "two.jpg", reason),)


class _NaNEncoder:
    """The real encoder, but for one picture that it answers with NaN."""

    def __init__(self, encoder: ClipEncoder) -> None:
        self._encoder = encoder

    def __getattr__(self, name: str) -> object:
        return getattr(self._encoder, name)

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        vectors = self._encoder.encode_pixels(pixels).copy()
        vectors[1] = np.nan
        return vectors


def test_a_vector_that_is_not_finite_is_never_written(encoder, settings):
    dataset = open_dataset(settings.data / "tiny", settings)
    with pytest.raises(ModelError, match=r"not finite for 'tiny_000102.png'.*--precision fp32"):
        embed(dataset, _NaNEncoder(encoder), settings)
    assert leftovers(settings) == ["tiny"]


def test_a_folder_that_cannot_be_written_is_named(encoder, settings):
    dataset = open_dataset(settings.data / "tiny", settings)
    blocked = replace(settings, home=settings.home / "blocked")
    blocked.home.mkdir()
    blocked.embeddings.write_text("a file where the folder should be")
    (blocked.home / "models").symlink_to(settings.models)
    with pytest.raises(EmbeddingsError, match=r"Cannot write .*embeddings.tiny.tiny"):
        embed(dataset, encoder, blocked)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_every_precision_gives_unit_float32_rows_near_those_of_fp32(tiny_home_copy, precision):
    settings = Settings(home=tiny_home_copy)
    before = np.load(find_embeddings(settings)["tiny", "tiny"].vectors)
    result = run_core("embed", "--dataset", "tiny", "--precision", precision, home=tiny_home_copy)
    assert result.exit_code == 0
    files = find_embeddings(settings)["tiny", "tiny"]
    vectors = np.load(files.vectors)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.sum(vectors * before, axis=1).min() > 0.99
    assert read_manifest(files).precision == precision


def test_the_command_says_what_it_made(tiny_home_copy):
    result = run_core("embed", "--dataset", "tiny", "--model", "tiny", home=tiny_home_copy)
    assert result.exit_code == 0
    assert f"Embedded {N_TINY} pictures of 'tiny' with 'tiny' in" in result.stdout
    assert result.stderr == ""


def test_skipped_pictures_are_counted_at_the_end_and_make_exit_code_3(tiny_home_copy):
    (tiny_home_copy / "data" / "tiny" / "images" / "tiny_000103.png").unlink()
    (tiny_home_copy / "data" / "tiny" / "images" / "tiny_000104.png").write_bytes(b"GIF89a")
    result = run_core("embed", "--dataset", "tiny", "--json", home=tiny_home_copy)
    assert result.exit_code == 3
    figures = json.loads(result.stdout)
    assert figures["count"] == N_TINY - 2
    assert [skip["image_id"] for skip in figures["skipped"]] == [103, 104]
    assert "Skipped 2 pictures, the first being tiny_000103.png (no file" in result.stderr
    assert "skipped.csv" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--dataset", "none"), "Expected a dataset named 'none', found tiny"),
        (("--model", "none"), "Expected a model named 'none', found tiny"),
        (("--batch-size", "0"), "--batch-size of at least 1, found 0"),
        (("--workers", "-1"), "--workers of 0 or more, found -1"),
        (("--precision", "fp8"), "precision fp32, bf16 or fp16, found 'fp8'"),
        (("--device", "abacus"), "device auto, cpu or cuda, found 'abacus'"),
        (("--images", "/no/such/folder"), "Expected a folder of pictures"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_mistake_is_one_line_and_exit_code_2(tiny_home, arguments, message):
    result = run_core("embed", *arguments, home=tiny_home)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_skipped_csv_quotes_what_needs_it():
    text = skipped_csv([SkippedPicture(7, 'a,"b".jpg', "line one\nline two")])
    (row,) = csv.DictReader(text.splitlines(keepends=True))
    assert row == {"image_id": "7", "file_name": 'a,"b".jpg', "reason": "line one\nline two"}
