"""The inventory: what is there, what fits together, what is wrong, and what mends it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from core import checkpoint, open_library
from core.embeddings import FLAT_STEM
from core.inventory import (
    DatasetState,
    PairState,
    next_steps,
    take_inventory,
)
from core.library import Library
from core.settings import Settings
from tests.conftest import N_TINY, run_core, write_tiny_dataset


@pytest.fixture
def library(tiny_home_copy: Path) -> Library:
    return open_library(Settings(home=tiny_home_copy, cache=tiny_home_copy / "cache", offline=True))


def dataset(library: Library, name: str = "tiny", **how):
    return next(one for one in take_inventory(library, **how).datasets if one.name == name)


def model(library: Library, name: str = "tiny"):
    return next(one for one in take_inventory(library).models if one.name == name)


def pair(library: Library, of: str = "tiny", by: str = "tiny"):
    return take_inventory(library).pairs[of, by]


def embeddings_of(library: Library) -> Path:
    return library.settings.embeddings / "tiny" / "tiny"


def change_manifest(library: Library, **values: object) -> None:
    path = embeddings_of(library) / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def change_captions(library: Library) -> None:
    path = library.settings.data / "tiny" / "annotations" / "captions_tiny.json"
    path.write_text(path.read_text().replace("square 0", "square nought"))


class TestDatasets:
    def test_one_is_told_with_its_figures(self, library):
        found = dataset(library)
        assert (found.state, found.title, found.split) == (
            DatasetState.READY,
            "Tiny squares",
            "tiny",
        )
        assert (found.pictures, found.categories, found.drawn) == (N_TINY, 2, True)
        assert dict(found.counts.annotations) == {"captions": N_TINY, "instances": N_TINY}
        coco = library.coco("tiny")
        assert found.annotation_hash == coco.annotation_hash
        assert {file.kind: file.sha256 for file in found.files} == coco.file_hashes
        assert found.problem == found.command == ""

    def test_missing_picture_files_are_counted(self, library):
        images = library.settings.data / "tiny" / "images"
        assert dataset(library).counts.missing_files == 0
        (images / "tiny_000101.png").unlink()
        found = dataset(library).counts
        assert found.missing_files == 1
        assert found.picture_bytes == sum(path.stat().st_size for path in images.iterdir())

    def test_a_large_one_is_not_counted_before_somebody_asks(self, library):
        assert dataset(library, count_at_once=N_TINY - 1).counts is None

    def test_annotations_that_would_take_long_are_left_unread(self, library):
        shutil.rmtree(library.settings.data / "tiny" / ".index", ignore_errors=True)
        found = take_inventory(library, read_at_once=10)
        (one,) = found.datasets
        assert (one.state, one.title, one.pictures) == (DatasetState.UNREAD, "Tiny squares", None)
        assert one.size > 10
        assert found.pairs["tiny", "tiny"].state is PairState.UNREAD
        assert dataset(library).state is DatasetState.READY
        assert dataset(library, read_at_once=10).state is DatasetState.READY

    @pytest.mark.parametrize(
        ("file", "content", "says"),
        [
            ("dataset.toml", "title = ", "cannot be read as TOML"),
            ("annotations/captions_tiny.json", "[", "captions_tiny.json"),
            ("annotations/captions_tiny.json", None, "captions_tiny.json"),
        ],
        ids=["manifest", "annotations", "no annotations"],
    )
    def test_a_broken_one_says_why_and_hides_no_other(self, library, file, content, says):
        write_tiny_dataset(library.settings.data / "other")
        path = library.settings.data / "tiny" / file
        path.unlink()
        if content is not None:
            path.write_text(content)
        found = dataset(library)
        assert found.state is DatasetState.BROKEN
        assert says in found.problem
        assert found.command.startswith("python -m core add")
        assert dataset(library, "other").state is DatasetState.READY
        assert pair(library).state is PairState.NO_FIT


class TestModels:
    def test_one_is_told_with_its_figures(self, library):
        found = model(library)
        manifest = checkpoint.read_manifest(library.settings.models / "tiny")
        assert (found.title, found.architecture) == ("Tiny: random weights", "tiny")
        assert (found.dim, found.image_size, found.parts) == (16, 96, 4)
        assert (found.size, found.sha256) == (manifest.size, manifest.sha256)
        assert found.is_usable

    def test_a_broken_one_says_why_and_hides_no_other(self, library):
        models = library.settings.models
        shutil.copytree(models / "tiny", models / "broken")
        (models / "broken" / "clip_model_part_ab").unlink()
        found = model(library, "broken")
        assert "clip_model_part_ab is missing" in found.problem
        assert found.command.startswith("python -m core checkpoint verify")
        assert model(library).is_usable
        assert pair(library, by="broken").reason == "The model cannot be used."

    def test_strangers_among_the_parts_are_noted(self, library):
        (library.settings.models / "tiny" / "clip_model_part_ab.bak").write_bytes(b"x")
        assert model(library).notes == (
            "clip_model_part_ab.bak is not one of the parts and is ignored.",
        )


class TestPairs:
    def test_a_ready_one_is_told_with_its_figures(self, library):
        found = pair(library)
        assert (found.state, found.reason, found.command) == (PairState.READY, "", "")
        assert (found.count, found.dim, found.dtype) == (N_TINY, 16, "float32")
        assert found.checkpoint_sha256 == model(library).sha256
        assert found.annotation_hash == dataset(library).annotation_hash

    def test_one_that_was_not_embedded_names_the_command(self, library):
        write_tiny_dataset(library.settings.data / "other")
        found = pair(library, "other")
        assert found.state is PairState.NOT_EMBEDDED
        assert found.command == "python -m core embed --dataset other --model tiny"
        steps = next_steps(take_inventory(library), library.settings)
        assert [step.command for step in steps] == [found.command]

    @pytest.mark.parametrize(
        ("values", "says"),
        [
            ({"checkpoint_sha256": "0" * 64}, "another checkpoint: 000000000000"),
            ({"activation": "quickgelu"}, "with quickgelu; the model has gelu"),
            ({"preprocessing": {"image_size": 64}}, "image_size was 64, the model has 96"),
            ({"count": N_TINY - 1}, f"{N_TINY} vectors; the manifest counts {N_TINY - 1}"),
            ({"skipped": 3}, "3 skipped"),
            ({"format_version": 99}, "Expected format_version"),
        ],
        ids=["checkpoint", "activation", "preprocessing", "count", "skipped", "format"],
    )
    def test_one_that_does_not_fit_says_why_as_opening_it_does(self, library, values, says):
        change_manifest(library, **values)
        found = pair(library)
        assert found.state is PairState.NO_FIT
        assert says in found.reason
        assert found.command == "python -m core embed --dataset tiny --model tiny"
        with pytest.raises(Exception, match="Run: python -m core embed"):
            library.embeddings("tiny", "tiny")

    @pytest.mark.parametrize(
        "vectors",
        [
            np.ones((N_TINY, 8), np.float32),
            np.ones((N_TINY - 1, 16), np.float32),
            np.ones(N_TINY, np.float32),
            np.array([["a", "b"]] * N_TINY),
        ],
        ids=["other width", "a row less", "no rows", "texts"],
    )
    def test_vectors_of_another_shape_do_not_fit(self, library, vectors):
        np.save(embeddings_of(library) / "tiny_embeddings.npy", vectors)
        assert pair(library).state is PairState.NO_FIT

    @pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"\x80\x04pickle", b"PK\x03\x04"])
    def test_a_file_that_is_no_array_does_not_fit(self, library, content):
        (embeddings_of(library) / "tiny_embeddings.npy").write_bytes(content)
        found = pair(library)
        assert found.state is PairState.NO_FIT
        assert found.reason
        assert "Run:" not in found.reason

    def test_changed_annotations_of_the_same_pictures_can_be_searched(self, library):
        change_captions(library)
        found = pair(library)
        assert found.state is PairState.OTHER_ANNOTATIONS
        assert found.is_searchable
        assert found.command
        assert library.embeddings("tiny", "tiny").warnings

    def test_annotations_of_other_pictures_do_not_fit(self, library):
        shutil.rmtree(library.settings.data / "tiny")
        write_tiny_dataset(library.settings.data / "tiny", first_id=103)
        found = pair(library)
        assert found.state is PairState.NO_FIT
        assert found.reason.startswith(f"2 of {N_TINY} vectors are of pictures")

    def test_embeddings_whose_dataset_is_gone_are_left_over(self, library):
        shutil.rmtree(library.settings.data / "tiny")
        (left,) = take_inventory(library).left_over
        assert left.reason == "There is no dataset 'tiny' here."

    def test_the_older_layout_is_compared_by_file_names(self, library):
        flat = library.settings.embeddings
        names = np.load(embeddings_of(library) / "tiny_filenames.npy")
        source = library.settings.data / "tiny"
        shutil.copy(
            source / "annotations" / "captions_tiny.json",
            library.settings.data / "captions_val2014.json",
        )
        for part in (library.settings.models / "tiny").glob("clip_model_part_*"):
            shutil.copy(part, library.settings.models / part.name)
        np.save(flat / f"{FLAT_STEM}_embeddings.npy", np.eye(N_TINY, 512, dtype=np.float32))
        np.save(flat / f"{FLAT_STEM}_filenames.npy", names)
        assert pair(library, "val2014", "clip").state is PairState.READY
        names[3] = "stranger.png"
        np.save(flat / f"{FLAT_STEM}_filenames.npy", names)
        assert pair(library, "val2014", "clip").reason.startswith(f"1 of {N_TINY} vectors")

    def test_a_finished_embedding_is_seen_by_the_next_look(self, library):
        target = library.settings.embeddings / "tiny"
        target.rename(library.settings.home / "aside")
        assert pair(library).state is PairState.NOT_EMBEDDED
        (library.settings.home / "aside").rename(target)
        assert pair(library).state is PairState.READY

    def test_a_replaced_model_is_seen_by_the_next_look(self, library):
        assert pair(library).state is PairState.READY
        path = library.settings.models / "tiny" / "model.json"
        record = json.loads(path.read_text())
        record["activation"] = "quickgelu"
        path.write_text(json.dumps(record))
        assert pair(library).state is PairState.NO_FIT


def test_an_empty_home_has_an_empty_inventory(tmp_path):
    found = take_inventory(open_library(Settings(home=tmp_path, cache=tmp_path / "cache")))
    assert (found.datasets, found.models, dict(found.pairs)) == ((), (), {})


def test_no_vector_and_no_model_is_loaded(library, monkeypatch):
    for name in ("load_encoder", "load_embeddings"):
        monkeypatch.setattr(library, name, lambda *_: pytest.fail("loaded"))
    take_inventory(library)
    assert library.loaded() == ()


def test_what_was_seen_is_not_looked_at_again(library, monkeypatch):
    first = take_inventory(library)
    monkeypatch.setattr(library, "open_dataset", lambda *_: pytest.fail("opened"))
    assert take_inventory(library) == first


def test_the_command_says_what_is_here_and_what_to_type(library):
    home = library.settings.home
    write_tiny_dataset(home / "data" / "other")
    said = run_core("library", home=home).stdout
    assert "tiny: Tiny squares; 12 pictures" in said
    assert "tiny by tiny: ready" in said
    assert "To do: python -m core embed --dataset other --model tiny" in said


def test_the_command_gives_json(library):
    record = json.loads(run_core("library", "--json", home=library.settings.home).stdout)
    assert [one["name"] for one in record["datasets"]] == ["tiny"]
    assert record["models"][0]["sha256"] == model(library).sha256
    assert record["pairs"][0]["state"] == "ready"
    assert record["commands"] == []
