"""Embeddings on disk: read as written, and refused when they do not belong."""

import json
import pickle
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from core import checkpoint
from core.checkpoint import ModelManifest
from core.coco import CocoDataset, open_dataset
from core.embeddings import (
    FLAT_STEM,
    EmbeddingsFiles,
    Manifest,
    VectorsWriter,
    find_embeddings,
    load_embeddings,
    preprocessing_record,
    read_manifest,
)
from core.errors import EmbeddingsError
from core.settings import Settings
from tests.conftest import N_TINY, write_tiny_dataset

COMMAND = r"python -m core embed --dataset tiny --model tiny"


@pytest.fixture
def settings(tiny_home_copy: Path) -> Settings:
    return Settings(home=tiny_home_copy, cache=tiny_home_copy / "cache")


@pytest.fixture
def files(settings: Settings) -> EmbeddingsFiles:
    return find_embeddings(settings)["tiny", "tiny"]


@pytest.fixture
def dataset(settings: Settings) -> CocoDataset:
    return open_dataset(settings.data / "tiny", settings)


@pytest.fixture
def model(settings: Settings) -> ModelManifest:
    return checkpoint.read_manifest(settings.models / "tiny")


def change(path: Path, edit) -> None:
    """Save what `edit` makes of the array in `path`."""
    np.save(path, edit(np.load(path)))


def change_manifest(files: EmbeddingsFiles, **values: object) -> None:
    record = json.loads(files.manifest.read_text())
    files.manifest.write_text(json.dumps({**record, **values}))


def put_first(value):
    def edit(array: np.ndarray) -> np.ndarray:
        array = array.copy()
        array[0] = value
        return array

    return edit


def test_embeddings_made_by_the_command_are_unit_float32_rows_of_the_dataset(files, dataset, model):
    embeddings = load_embeddings(files, dataset, model)
    assert embeddings.vectors.dtype == np.float32
    assert embeddings.vectors.shape == (N_TINY, 16)
    assert np.allclose(np.linalg.norm(embeddings.vectors, axis=1), 1, atol=1e-6)
    assert embeddings.image_ids.dtype == np.int64
    assert embeddings.image_ids.tolist() == dataset.images.ids.tolist()
    assert embeddings.file_names.tolist() == list(dataset.images.file_names)
    assert np.load(files.coco_urls).tolist() == list(dataset.images.coco_urls)
    assert embeddings.warnings == ()


def test_vectors_stay_memory_mapped(files, dataset, model):
    vectors = load_embeddings(files, dataset, model).vectors
    assert isinstance(vectors.base, np.memmap) or isinstance(vectors, np.memmap)


def test_texts_are_stored_with_a_fixed_width(files):
    for path in (files.filenames, files.coco_urls):
        assert np.load(path, allow_pickle=False).dtype.kind == "U"


def test_a_manifest_reads_back_as_it_was_written(files):
    manifest = read_manifest(files)
    assert manifest is not None
    files.manifest.write_text(manifest.to_json())
    assert read_manifest(files) == manifest


def test_a_manifest_from_before_files_had_checksums_is_read(files):
    record = json.loads(files.manifest.read_bytes())
    for key in ("runtime", "sha256"):
        record.pop(key, None)
    files.manifest.write_text(json.dumps(record))
    manifest = read_manifest(files)
    assert (manifest.runtime, manifest.sha256) == ("torch", {})


def test_the_manifest_names_what_the_vectors_were_made_of(files, dataset, model):
    manifest = read_manifest(files)
    assert manifest == Manifest(
        dataset="tiny",
        annotation_hash=dataset.annotation_hash,
        model="tiny",
        checkpoint_sha256=model.sha256,
        activation="gelu",
        preprocessing=preprocessing_record(model),
        precision="fp32",
        dim=16,
        count=N_TINY,
        skipped=0,
        made_by="CocoSift 0.1.0",
        runtime=manifest.runtime,
        sha256=manifest.sha256,
    )


def test_the_manifest_tells_the_checksum_of_every_other_file(files):
    others = {path.name: path for path in files.folder.iterdir() if path != files.manifest}
    checksums = {name: sha256(path.read_bytes()).hexdigest() for name, path in others.items()}
    assert read_manifest(files).sha256 == checksums
    assert set(checksums) >= {files.vectors.name, files.image_ids.name, files.skipped.name}


def test_float16_rows_stay_where_they_lie(files, dataset, model):
    change(files.vectors, lambda vectors: vectors.astype(np.float16))
    embeddings = load_embeddings(files, dataset, model)
    stored = np.load(files.vectors)
    assert embeddings.vectors.dtype == np.float16
    assert not embeddings.vectors.flags.owndata
    assert np.array_equal(embeddings.vectors, stored)
    assert np.array_equal(embeddings.rows(np.array([3, 0])), stored[[3, 0]].astype(np.float32))
    assert embeddings.rows(slice(2)).dtype == np.float32


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
def test_float16_rows_that_are_not_finite_are_named(files, dataset, model, value):
    change(files.vectors, lambda vectors: put_first(value)(vectors.astype(np.float16)))
    with pytest.raises(EmbeddingsError, match=r"NaN or infinity in 1 of 12 rows"):
        load_embeddings(files, dataset, model)


@pytest.mark.parametrize("dtype", ["float64", ">f4", ">f2"])
def test_other_float_types_are_read_as_unit_float32(files, dataset, model, dtype):
    before = np.load(files.vectors)
    change(files.vectors, lambda vectors: vectors.astype(dtype))
    vectors = load_embeddings(files, dataset, model).vectors
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.allclose(vectors, before, atol=1e-3)


def test_vectors_a_little_off_unit_length_are_put_right(files, dataset, model):
    before = np.load(files.vectors)
    change(files.vectors, lambda vectors: vectors * np.float32(1.0005))
    vectors = load_embeddings(files, dataset, model).vectors
    assert np.allclose(vectors, before, atol=1e-6)


def test_rows_in_fortran_order_are_read_in_c_order(files, dataset, model):
    before = np.load(files.vectors)
    change(files.vectors, np.asfortranarray)
    vectors = load_embeddings(files, dataset, model).vectors
    assert vectors.flags.c_contiguous
    assert np.array_equal(vectors, before)


def test_the_fingerprint_changes_when_a_file_is_replaced(files):
    before = files.fingerprint
    assert files.fingerprint == before
    change(files.filenames, lambda names: np.char.add(names, "x"))
    assert files.fingerprint != before


@pytest.fixture
def flat(settings: Settings, files: EmbeddingsFiles) -> EmbeddingsFiles:
    """The three files directly in embeddings/, as found for the pair (val2014, clip)."""
    for path in (files.vectors, files.filenames, files.coco_urls):
        suffix = path.name.removeprefix("tiny")
        (settings.embeddings / f"{FLAT_STEM}{suffix}").write_bytes(path.read_bytes())
    return find_embeddings(settings)["val2014", "clip"]


def test_the_older_layout_is_read_in_place_with_ids_by_file_name(flat, dataset, model):
    embeddings = load_embeddings(flat, dataset, model)
    assert embeddings.manifest is None
    assert embeddings.image_ids.tolist() == dataset.images.ids.tolist()


def test_the_older_layout_may_have_its_rows_in_any_order(flat, dataset, model):
    for path in (flat.vectors, flat.filenames, flat.coco_urls):
        change(path, lambda array: array[::-1])
    embeddings = load_embeddings(flat, dataset, model)
    assert embeddings.image_ids.tolist() == dataset.images.ids[::-1].tolist()


def test_file_names_of_the_older_layout_may_have_folders(flat, dataset, model):
    change(flat.filenames, lambda names: np.char.add("val2014/", names))
    embeddings = load_embeddings(flat, dataset, model)
    assert embeddings.image_ids.tolist() == dataset.images.ids.tolist()


def test_file_names_stored_as_bytes_are_read(flat, dataset, model):
    change(flat.filenames, lambda names: np.char.encode(names, "utf-8"))
    embeddings = load_embeddings(flat, dataset, model)
    assert embeddings.file_names.tolist() == list(dataset.images.file_names)


def test_the_older_layout_is_checked_against_a_manifest_when_there_is_one(
    flat, files, dataset, model
):
    flat.manifest.write_text(files.manifest.read_text())
    assert load_embeddings(flat, dataset, model).manifest is not None
    change_manifest(flat, checkpoint_sha256="0" * 64)
    with pytest.raises(EmbeddingsError, match="Expected embeddings by the model"):
        load_embeddings(flat, dataset, model)


def test_pictures_that_the_older_layout_lacks_are_told(flat, dataset, model):
    for path in (flat.vectors, flat.filenames, flat.coco_urls):
        change(path, lambda array: array[2:])
    embeddings = load_embeddings(flat, dataset, model)
    assert len(embeddings) == N_TINY - 2
    assert "2 of 12 pictures of 'tiny' have no vector" in embeddings.warnings[0]
    assert "python -m core embed --dataset val2014 --model clip" in embeddings.warnings[0]


def test_a_folder_of_the_pair_wins_over_the_older_layout(settings, flat, files):
    folder = settings.embeddings / "val2014" / "clip"
    folder.mkdir(parents=True)
    (folder / "val2014_embeddings.npy").write_bytes(files.vectors.read_bytes())
    assert find_embeddings(settings)["val2014", "clip"].folder == folder


def test_hidden_and_half_written_folders_are_not_found(settings):
    (settings.embeddings / "tiny" / ".tiny.abc.tmp").mkdir()
    (settings.embeddings / "tiny" / ".tiny.abc.tmp" / "manifest.json").write_text("{}")
    (settings.embeddings / "tiny" / "empty").mkdir()
    assert list(find_embeddings(settings)) == [("tiny", "tiny")]


def _object_array(path: Path) -> None:
    np.save(path, np.array(["a"] * N_TINY, dtype=object), allow_pickle=True)


def _pickle_that_would_run(path: Path) -> None:
    path.write_bytes(pickle.dumps(Trap()))


class Trap:
    """Its pickle raises when it is loaded: code in a pickle must never run."""

    def __reduce__(self):
        return exec, ("raise SystemExit('code in a pickle was run')",)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def _of_no_width(path: Path) -> None:
    with path.open("wb") as file:
        header = {"descr": "<U0", "fortran_order": False, "shape": (10**12,)}
        np.lib.format.write_array_header_1_0(file, header)


def _npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(3))


def _lfs_pointer(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")


MISFITS = {
    "row counts of names": (
        lambda f: change(f.filenames, lambda a: a[:-1]),
        r"one entry a vector, 12 .* found 11 in .*tiny_filenames.npy",
    ),
    "row counts of ids": (
        lambda f: change(f.image_ids, lambda a: a[:-1]),
        r"one entry a vector, 12 .* found 11 in .*tiny_image_ids.npy",
    ),
    "row counts of vectors": (
        lambda f: change(f.vectors, lambda a: a[:-1]),
        r"Expected 12 vectors as .*manifest.json says, found 11",
    ),
    "count and skipped do not add up": (
        lambda f: change_manifest(f, count=10),
        r"'tiny' has 12 pictures, but .* counts 10 embedded and 0 skipped",
    ),
    "dimension": (
        lambda f: change(f.vectors, lambda a: np.tile(a, 2) / np.sqrt(2, dtype=np.float32)),
        r"Expected vectors of 16 numbers .* found 32",
    ),
    "dimension of the manifest": (
        lambda f: change_manifest(f, dim=8),
        r"Expected vectors of 8 numbers .* found 16",
    ),
    "one dimension": (
        lambda f: change(f.vectors, np.ravel),
        r"Expected float32 vectors of shape \(n, dim\) .* found float32 of shape \(192,\)",
    ),
    "integers": (
        lambda f: change(f.vectors, lambda a: a.astype(int)),
        r"Expected float32 vectors .* found int64",
    ),
    "no rows": (
        lambda f: change(f.vectors, lambda a: a[:0]),
        r"Expected vectors in .*, found none",
    ),
    "other dataset": (
        lambda f: change_manifest(f, dataset="other", annotation_hash="1" * 64),
        r"Expected embeddings of the dataset 'tiny', found ones of 'other'",
    ),
    "other dataset with the same ids": (
        lambda f: change(f.filenames, lambda a: np.char.replace(a, "tiny", "other")),
        r"image 101 is expected to be 'tiny_000101.png', found 'other_000101.png'",
    ),
    "ids that are not in the dataset": (
        lambda f: change(f.image_ids, put_first(7)),
        r"1 of 12 image ids .* not in the dataset 'tiny', the first being 7",
    ),
    "an id twice": (
        lambda f: change(f.image_ids, lambda a: put_first(a[1])(a)),
        r"Expected each image id once",
    ),
    "ids that are no integers": (
        lambda f: change(f.image_ids, lambda a: a.astype(float)),
        r"Expected int64 image ids .* found float64",
    ),
    "names that are numbers": (
        lambda f: change(f.filenames, lambda a: np.arange(len(a))),
        r"Expected texts of shape \(12,\) .* found int64",
    ),
    "other model": (
        lambda f: change_manifest(f, model="big", checkpoint_sha256="ab" * 32),
        r"model 'tiny' \(checkpoint \w{12}\), found ones by 'big' \(checkpoint abababababab\)",
    ),
    "other activation": (
        lambda f: change_manifest(f, activation="quickgelu"),
        r"Expected embeddings made with the activation 'gelu' .* found .* 'quickgelu'",
    ),
    "other preprocessing": (
        lambda f: change_manifest(f, preprocessing={"image_size": 224}),
        r"\(image_size 96\), found image_size 224",
    ),
    "not normalised": (
        lambda f: change(f.vectors, lambda a: a * np.float32(1.01)),
        r"Expected normalised vectors \(length 1\) .* 12 of 12 rows .* row 0 having 1.01",
    ),
    "a zero row": (
        lambda f: change(f.vectors, put_first(0)),
        r"Expected normalised vectors .* 1 of 12 rows of another length, row 0 having 0",
    ),
    "NaN rows": (
        lambda f: change(f.vectors, put_first(np.nan)),
        r"Expected finite numbers .* found NaN or infinity in 1 of 12 rows, the first being row 0",
    ),
    "infinite rows": (
        lambda f: change(f.vectors, put_first(np.inf)),
        r"Expected finite numbers .* found NaN or infinity in 1 of 12 rows",
    ),
    "object array of names": (
        lambda f: _object_array(f.filenames),
        r"tiny_filenames.npy, found an object array, which only a pickle can hold",
    ),
    "object array of vectors": (
        lambda f: _object_array(f.vectors),
        r"tiny_embeddings.npy, found an object array, which only a pickle can hold",
    ),
    "a pickle inside": (
        lambda f: _pickle_that_would_run(f.filenames),
        r"tiny_filenames.npy is a Python pickle",
    ),
    "row counts of links": (
        lambda f: change(f.coco_urls, lambda a: a[:-3]),
        r"one entry a vector, 12 .* found 9 in .*tiny_coco_urls.npy",
    ),
    "a pickle in the links": (
        lambda f: _pickle_that_would_run(f.coco_urls),
        r"tiny_coco_urls.npy is a Python pickle",
    ),
    "names that are no UTF-8": (
        lambda f: change(f.filenames, lambda a: np.full(len(a), b"\xff", "S1")),
        r"tiny_filenames.npy, found it unreadable \('utf-8' codec",
    ),
    "names of no width": (
        lambda f: _of_no_width(f.filenames),
        r"tiny_filenames.npy, found texts of no width \(<U0\) and shape \(1000000000000,\)",
    ),
    "missing vectors": (
        lambda f: f.vectors.unlink(),
        r"Expected .*tiny_embeddings.npy, found no such file",
    ),
    "missing names": (
        lambda f: f.filenames.unlink(),
        r"Expected .*tiny_filenames.npy, found no such file",
    ),
    "missing ids": (
        lambda f: f.image_ids.unlink(),
        r"Expected .*tiny_image_ids.npy, found no such file",
    ),
    "truncated vectors": (
        lambda f: _truncated(f.vectors),
        r"tiny_embeddings.npy is truncated: expected 768 bytes of data .* found 718",
    ),
    "truncated names": (
        lambda f: _truncated(f.filenames),
        r"tiny_filenames.npy is truncated: expected [\d,]+ bytes",
    ),
    "cut within the header": (
        lambda f: f.vectors.write_bytes(f.vectors.read_bytes()[:40]),
        r"Expected a NumPy array in .*tiny_embeddings.npy, found it unreadable",
    ),
    "empty file": (
        lambda f: f.vectors.write_bytes(b""),
        r"tiny_embeddings.npy is empty",
    ),
    "an npz archive": (lambda f: _npz(f.vectors), r"tiny_embeddings.npy is a zip archive"),
    "a Git LFS pointer": (
        lambda f: _lfs_pointer(f.vectors),
        r"is a Git LFS pointer.*git lfs pull --include tiny_embeddings.npy",
    ),
    "not numpy at all": (
        lambda f: f.vectors.write_bytes(b"<html>no such page</html>"),
        r"is not a NumPy array: expected a .npy file, found one that starts with b'<html>no'",
    ),
    "a manifest that is not JSON": (
        lambda f: f.manifest.write_text("{"),
        r"Expected JSON in .*manifest.json",
    ),
    "a manifest nested without end": (
        lambda f: f.manifest.write_text("[" * 100_000),
        r"Expected JSON in .*manifest.json",
    ),
    "a manifest that is a list": (
        lambda f: f.manifest.write_text("[]"),
        r"Expected format_version 1 .* found None",
    ),
    "a manifest of a newer format": (
        lambda f: change_manifest(f, format_version=99),
        r"Expected format_version 1 .* found 99",
    ),
    "a manifest without a key": (
        lambda f: change_manifest(f, checkpoint_sha256=None),
        r"Expected 'checkpoint_sha256' of type str .* found None",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), MISFITS.values(), ids=MISFITS)
def test_a_pair_that_does_not_fit_is_refused(files, dataset, model, spoil, message):
    spoil(files)
    with pytest.raises(EmbeddingsError, match=message) as refusal:
        load_embeddings(files, dataset, model)
    assert COMMAND in str(refusal.value)


def test_links_are_not_needed_for_a_search(files, dataset, model):
    files.coco_urls.unlink()
    assert len(load_embeddings(files, dataset, model)) == N_TINY


FLAT_MISFITS = {
    "names not in the dataset": (
        lambda f: change(f.filenames, put_first("COCO_val2014_000000000042.jpg")),
        r"1 of 12 file names .* not in the dataset 'tiny', the first being 'COCO_val2014",
    ),
    "a name twice": (
        lambda f: change(f.filenames, lambda a: put_first(a[1])(a)),
        r"Expected each file name once",
    ),
    "row counts": (
        lambda f: change(f.vectors, lambda a: a[:-1]),
        r"one entry a vector, 11 .* found 12",
    ),
    "dimension": (
        lambda f: change(f.vectors, lambda a: a[:, :8] * 2),
        r"Expected vectors of 16 numbers as the model 'tiny' gives, found 8",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), FLAT_MISFITS.values(), ids=FLAT_MISFITS)
def test_an_older_layout_that_does_not_fit_is_refused(flat, dataset, model, spoil, message):
    spoil(flat)
    with pytest.raises(EmbeddingsError, match=message) as refusal:
        load_embeddings(flat, dataset, model)
    assert "python -m core embed --dataset val2014 --model clip" in str(refusal.value)


def test_changed_annotations_with_the_same_pictures_are_a_warning(files, settings, model):
    path = settings.data / "tiny" / "annotations" / "captions_tiny.json"
    path.write_text(path.read_text().replace("square 3", "a blue square"))
    dataset = open_dataset(settings.data / "tiny", settings)
    embeddings = load_embeddings(files, dataset, model)
    assert len(embeddings) == N_TINY
    (warning,) = embeddings.warnings
    assert "have changed since its pictures were embedded" in warning
    assert COMMAND in warning


def test_pictures_added_since_are_told(files, settings, model, tmp_path):
    write_tiny_dataset(tmp_path / "grown" / "tiny", n=N_TINY + 3)
    dataset = open_dataset(tmp_path / "grown" / "tiny", settings)
    warnings = load_embeddings(files, dataset, model).warnings
    assert "3 of 15 pictures of 'tiny' have no vector" in warnings[1]


def test_a_renamed_dataset_keeps_its_embeddings(files, settings, model):
    renamed = (settings.data / "tiny").rename(settings.data / "squares")
    dataset = open_dataset(renamed, settings)
    assert len(load_embeddings(files, dataset, model)) == N_TINY


@pytest.mark.parametrize("sizes", [[0], [1], [3, 4, 1], [1] * 11], ids=str)
def test_rows_written_batch_by_batch_are_one_array(tmp_path, sizes):
    rows = np.arange(sum(sizes) * 5, dtype=np.float32).reshape(-1, 5)
    path = tmp_path / "rows.npy"
    with path.open("wb") as file:
        writer = VectorsWriter(file, dim=5)
        for batch in np.split(rows, np.cumsum(sizes)[:-1]):
            writer.write(batch)
        writer.finish()
    assert np.array_equal(np.load(path, allow_pickle=False), rows)


def test_rows_are_stored_as_float16_when_asked(tmp_path):
    rows = np.linspace(-1, 1, 15, dtype=np.float32).reshape(3, 5)
    path = tmp_path / "rows.npy"
    with path.open("wb") as file:
        writer = VectorsWriter(file, dim=5, dtype="float16")
        stored = writer.write(rows)
        writer.finish()
    assert path.read_bytes().endswith(stored)
    assert np.array_equal(np.load(path, allow_pickle=False), rows.astype(np.float16))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_file_that_was_begun_is_gone_on_with_behind_the_rows_that_count(tmp_path, dtype):
    rows = np.linspace(-1, 1, 30, dtype=np.float32).reshape(6, 5)
    whole, begun = tmp_path / "whole.npy", tmp_path / "begun.npy"
    with whole.open("wb") as file:
        writer = VectorsWriter(file, dim=5, dtype=dtype)
        writer.write(rows)
        writer.finish()
    with begun.open("wb") as file:
        VectorsWriter(file, dim=5, dtype=dtype).write(rows[:4])
        file.write(b"half a row")
    with begun.open("r+b") as file:
        writer = VectorsWriter(file, dim=5, dtype=dtype, count=2)
        writer.write(rows[2:])
        writer.finish()
    assert begun.read_bytes() == whole.read_bytes()


def test_the_header_has_room_for_any_count(tmp_path):
    with (tmp_path / "rows.npy").open("wb") as file:
        writer = VectorsWriter(file, dim=512)
        writer.count = 2**40
        writer.finish()


def test_rows_of_another_width_are_a_mistake(tmp_path):
    with (tmp_path / "rows.npy").open("wb") as file, pytest.raises(ValueError, match="float32"):
        VectorsWriter(file, dim=5).write(np.zeros((2, 4), dtype=np.float32))
