"""The library: what is there, what is chosen, and that each costly thing is opened once."""

import gc
import json
import shutil
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

import core
from core import checkpoint, open_library
from core.coco import CocoDataset, find_datasets
from core.embeddings import FLAT_STEM, Embeddings
from core.encoder import Encoder
from core.errors import DatasetError, EmbeddingsError, ModelError, QueryError
from core.library import Found, Library
from core.library.places import dataset_place, model_place
from core.settings import PROJECT_ROOT, Settings
from tests.conftest import N_TINY


@pytest.fixture
def settings(tiny_home_copy: Path) -> Settings:
    return Settings(home=tiny_home_copy, cache=tiny_home_copy / "cache", offline=True)


@pytest.fixture
def library(settings: Settings) -> Library:
    return open_library(settings)


def copy_embeddings(library: Library, dataset: str, model: str) -> None:
    """Give the pair those of the tiny pair; copies what the pair lacks of data and model."""
    settings = library.settings
    for folder, name in ((settings.data, dataset), (settings.models, model)):
        if not (folder / name).exists():
            shutil.copytree(folder / "tiny", folder / name)
    if not (settings.embeddings / dataset / model).exists():
        shutil.copytree(
            settings.embeddings / "tiny" / "tiny", settings.embeddings / dataset / model
        )


def test_names_are_those_of_the_folders(library):
    assert library.datasets() == ("tiny",)
    assert library.models() == ("tiny",)
    assert library.models_for("tiny") == ("tiny",)
    assert library.models_for("other") == ()


def test_a_session_as_in_the_readme(library, tmp_path):
    coco = library.dataset("tiny")
    found = coco.search("a dog on the beach", top_k=5)
    assert found.image_ids.dtype == np.int64
    assert found.scores.dtype == np.float32
    assert found.image_ids.shape == found.scores.shape == (5,)
    assert len(found) == len(found.file_names) == 5
    found.export(tmp_path / "dogs.zip")
    with ZipFile(tmp_path / "dogs.zip") as archive:
        annotations = json.loads(archive.read("annotations/annotations.json"))
    assert [image["id"] for image in annotations["images"]] == found.image_ids.tolist()


def test_a_result_tells_what_it_is(library):
    found = library.dataset("tiny").search("a quantum dog", top_k=3)
    assert repr(found).startswith(
        "Found(3 pictures of 'tiny' by 'tiny' for 'a quantum dog', scores"
    )
    assert "never learned the word 'quantum'" in found.notes[0]
    first = next(iter(found))
    assert (first.rank, first.image_id) == (1, int(found.image_ids[0]))
    assert np.float32(first.score) == found.scores[0]
    assert first.file_name == found.file_names[0]


def test_scores_of_all_pictures_agree_with_the_search(library):
    searchable = library.dataset("tiny")
    found = searchable.search("a dog", top_k=3)
    vector = searchable.encoder.encode_texts(["a dog"])[0]
    scores = searchable.embeddings.vectors @ vector
    order = np.argsort(-scores, kind="stable")
    assert np.array_equal(found.image_ids, searchable.embeddings.image_ids[order][:3])
    assert np.allclose(found.all_scores, scores[order], atol=1e-6)
    assert np.array_equal(found.scores, found.all_scores[:3])


def test_a_dataset_is_opened_lazily(library, monkeypatch):
    def fail(*arguments: object) -> None:
        raise AssertionError("opened too early")

    for name in ("open_dataset", "load_encoder", "load_embeddings"):
        monkeypatch.setattr(library, name, fail)
    searchable = library.dataset("tiny")
    assert searchable.name == "tiny"
    assert searchable.model == "tiny"


def test_pictures_need_neither_model_nor_embeddings(library):
    shutil.rmtree(library.settings.models)
    shutil.rmtree(library.settings.embeddings)
    searchable = library.dataset("tiny")
    assert searchable.pictures.path(101).name == "tiny_000101.png"
    with pytest.raises(ModelError, match="Expected a model in"):
        searchable.search("a dog")


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda lib: lib.dataset("none"), DatasetError, "'none', found tiny.*core add"),
        (
            lambda lib: lib.dataset("tiny", "none"),
            ModelError,
            "'none', found tiny.*checkpoint split",
        ),
        (lambda lib: lib.coco("../tiny"), DatasetError, "Expected a dataset named"),
        (lambda lib: lib.dataset("tiny").search(" "), QueryError, "The query is empty"),
        (lambda lib: lib.dataset("tiny").search("dog", 0), QueryError, "for top-k, found 0"),
    ],
    ids=["dataset", "model", "path as a name", "empty query", "top-k"],
)
def test_a_mistake_says_what_there_is(library, ask, error, message):
    with pytest.raises(error, match=message):
        ask(library)


def test_embeddings_that_are_not_there_name_the_command(library):
    shutil.rmtree(library.settings.embeddings)
    with pytest.raises(EmbeddingsError, match="embed --dataset tiny --model tiny"):
        library.dataset("tiny").search("a dog")
    with pytest.raises(EmbeddingsError, match="embed --dataset tiny --model tiny"):
        library.dataset("tiny", "tiny").search("a dog")


@pytest.mark.parametrize(
    ("pairs", "asked", "chosen"),
    [
        ([], (None, None), ("tiny", "tiny")),
        ([("demo", "demo")], (None, None), ("demo", "demo")),
        ([("demo", "demo"), ("demo", "clip")], (None, None), ("demo", "demo")),
        ([("demo", "demo"), ("demo", "clip")], (None, "clip"), ("demo", "clip")),
        ([("demo", "demo")], ("tiny", None), ("tiny", "tiny")),
        ([("tiny", "demo")], ("tiny", None), ("tiny", "demo")),
    ],
    ids=["only one", "demo", "demo by demo", "by model", "by dataset", "demo model"],
)
def test_the_pair_that_fits_is_chosen(library, pairs, asked, chosen):
    for pair in pairs:
        copy_embeddings(library, *pair)
    assert library.pair(*asked) == chosen


def test_where_several_pairs_fit_a_command_must_say_which(library):
    copy_embeddings(library, "tiny", "other")
    with pytest.raises(EmbeddingsError, match=r"--dataset tiny --model other, --dataset tiny"):
        library.pair()
    assert library.default_pair() == ("tiny", "other")


def test_what_to_embed_is_the_only_one_there_is(library):
    assert library.pair_to_embed() == ("tiny", "tiny")
    copy_embeddings(library, "tiny", "other")
    with pytest.raises(ModelError, match="which model is meant, found other, tiny"):
        library.pair_to_embed()


def test_an_empty_home_opens_and_says_how_to_begin(tmp_path):
    library = open_library(Settings(home=tmp_path, cache=tmp_path / "cache"))
    assert library.datasets() == library.models() == ()
    assert "none" in repr(library)
    with pytest.raises(DatasetError, match=r"found none.*python -m core add"):
        library.dataset()


class CountingLibrary(Library):
    """Counts what is loaded, and takes its time, so that threads would overlap."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.loaded: list[str] = []

    def open_dataset(self, *arguments, **options) -> CocoDataset:
        self.loaded.append("dataset")
        time.sleep(0.05)
        return super().open_dataset(*arguments, **options)

    def load_encoder(self, model: str) -> Encoder:
        self.loaded.append("encoder")
        time.sleep(0.05)
        return super().load_encoder(model)

    def load_embeddings(self, dataset: str, model: str) -> Embeddings:
        self.loaded.append("embeddings")
        time.sleep(0.05)
        return super().load_embeddings(dataset, model)


def test_threads_share_one_copy_of_each(settings):
    library = CountingLibrary(settings)
    together = threading.Barrier(8)

    def search(number: int) -> Found:
        together.wait()
        return library.dataset("tiny").search("a dog", top_k=4)

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(search, range(8)))
    assert sorted(library.loaded) == ["dataset", "embeddings", "encoder"]
    assert all(np.array_equal(found.image_ids, results[0].image_ids) for found in results)
    assert library.encoder("tiny") is library.encoder("tiny")
    assert library.embeddings("tiny", "tiny") is library.embeddings("tiny", "tiny")


def test_a_failure_is_remembered_until_the_files_change(settings):
    library = CountingLibrary(settings)
    captions = settings.data / "tiny" / "annotations" / "captions_tiny.json"
    content = captions.read_bytes()
    captions.write_bytes(content[: len(content) // 2])
    for _ in range(3):
        with pytest.raises(DatasetError, match="captions_tiny"):
            library.pictures("tiny")
    assert library.loaded == ["dataset"]
    captions.write_bytes(content)
    assert library.pictures("tiny").path(101).is_file()
    assert library.loaded == ["dataset", "dataset"]


def test_a_dataset_that_was_only_touched_stays_open(settings):
    library = CountingLibrary(settings)
    before = library.coco("tiny")
    for name in ("dataset.toml", "annotations/captions_tiny.json"):
        (settings.data / "tiny" / name).touch()
    assert library.coco("tiny") is before


def test_an_open_dataset_is_not_looked_into_while_its_files_are_the_same(library, monkeypatch):
    coco, pictures = library.coco_and_pictures("tiny")

    def fail(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(CocoDataset, "is_unchanged", fail)
    assert library.coco_and_pictures("tiny") == (coco, pictures)
    assert library.pictures("tiny") is pictures


def test_a_fingerprint_opens_nothing(library, monkeypatch):
    def fail(*_: object) -> None:
        raise AssertionError("opened")

    for name in ("open_dataset", "load_encoder", "load_embeddings"):
        monkeypatch.setattr(library, name, fail)
    alone, with_model = library.dataset("tiny"), library.dataset("tiny", "tiny")
    assert alone.fingerprint == alone.fingerprint != with_model.fingerprint


def test_a_model_that_was_damaged_is_loaded_once_it_is_whole(settings):
    library = CountingLibrary(settings)
    part = settings.models / "tiny" / "clip_model_part_aa"
    content = part.read_bytes()
    part.unlink()
    with pytest.raises(checkpoint.CheckpointError):
        library.encoder("tiny")
    part.write_bytes(content)
    assert library.encoder("tiny").name == "tiny"


def test_embeddings_that_are_replaced_are_opened_anew(settings):
    library = CountingLibrary(settings)
    before = library.embeddings("tiny", "tiny")
    searchable = library.dataset("tiny", "tiny")
    version = searchable.fingerprint
    vectors = np.load(before.files.vectors)
    np.save(before.files.vectors, vectors[::-1])
    assert searchable.fingerprint != version
    after = library.embeddings("tiny", "tiny")
    assert np.array_equal(after.vectors, vectors[::-1])


def test_annotations_that_change_are_read_anew_and_told(settings):
    library = CountingLibrary(settings)
    searchable = library.dataset("tiny")
    assert searchable.coco.captions(101) == ("square 0",)
    version = searchable.fingerprint
    path = settings.data / "tiny" / "annotations" / "captions_tiny.json"
    path.write_text(path.read_text().replace("square 0", "a red square"))
    assert searchable.coco.captions(101) == ("a red square",)
    assert searchable.fingerprint != version
    assert "have changed since" in searchable.warnings[0]


def test_a_model_whose_files_are_replaced_is_loaded_anew(settings):
    library = CountingLibrary(settings)
    before = library.encoder("tiny")
    version = library.model_version("tiny")
    path = settings.models / "tiny" / "model.json"
    path.write_text(path.read_text().replace("Tiny: random", "Tiny: other"))
    assert library.model_version("tiny") != version
    assert library.encoder("tiny") is not before


def test_a_model_that_knows_drawings_only_is_said_to(library):
    path = library.settings.data / "tiny" / "dataset.toml"
    assert library.dataset("tiny").warnings == ()
    path.write_text(path.read_text().replace("drawn = true\n", ""))
    (warning,) = library.dataset("tiny").warnings
    assert "knows drawings only" in warning


def test_the_older_layout_is_a_dataset_a_model_and_their_embeddings(library):
    settings = library.settings
    names = np.load(settings.embeddings / "tiny" / "tiny" / "tiny_filenames.npy")
    source = settings.data / "tiny" / "annotations" / "captions_tiny.json"
    shutil.copy(source, settings.data / "captions_val2014.json")
    (settings.data / "tiny" / "images").rename(settings.data / "val2014")
    for part in (settings.models / "tiny").glob("clip_model_part_*"):
        shutil.copy(part, settings.models / part.name)
    vectors = np.zeros((N_TINY, 512), dtype=np.float32)
    vectors[:, 0] = 1
    np.save(settings.embeddings / f"{FLAT_STEM}_embeddings.npy", vectors)
    np.save(settings.embeddings / f"{FLAT_STEM}_filenames.npy", names)
    np.save(settings.embeddings / f"{FLAT_STEM}_coco_urls.npy", names)
    assert library.models_for("val2014") == ("clip",)
    embeddings = library.embeddings("val2014", "clip")
    assert embeddings.image_ids.tolist() == library.coco("val2014").images.ids.tolist()
    assert library.pictures("val2014").path(101).is_file()


@pytest.mark.parametrize("layout", ["folders", "flat", "flat beside folders", "hidden"])
def test_what_is_looked_up_is_what_listing_finds(library, layout):
    """A search looks up names; the pages list what there is. Both must agree."""
    settings = library.settings
    if layout.startswith("flat"):
        for kind in ("captions", "instances"):
            source = settings.data / "tiny" / "annotations" / f"{kind}_tiny.json"
            shutil.copy(source, settings.data / f"{kind}_val2014.json")
            shutil.copy(source, settings.data / f"{kind}_tiny.json")
        for part in (settings.models / "tiny").glob("clip_model_part_*"):
            shutil.copy(part, settings.models / part.name)
        np.save(settings.embeddings / f"{FLAT_STEM}_embeddings.npy", np.zeros((1, 2)))
    if layout == "flat beside folders":
        shutil.copytree(settings.models / "tiny", settings.models / "clip")
        shutil.copytree(settings.embeddings / "tiny" / "tiny", settings.embeddings / "val2014/clip")
    if layout == "hidden":
        for folder in (settings.data, settings.models):
            shutil.copytree(folder / "tiny", folder / ".tiny")
    names = {"tiny", "val2014", "clip", ".tiny", "nothing", "", "..", "tiny/../tiny"}
    listed = find_datasets(settings)
    assert {name: dataset_place(settings, name) for name in names} == {
        name: listed.get(name) for name in names
    }
    models = checkpoint.find_models(settings.models)
    assert {name: model_place(settings, name) for name in names} == {
        name: models.get(name) for name in names
    }
    assert library.datasets() == tuple(listed)


def test_what_was_opened_is_given_again_until_a_file_changes(library):
    first = library.opened("tiny", "tiny")
    assert library.opened("tiny", "tiny") is first
    assert first.coco is library.coco("tiny")
    assert first.embeddings is library.embeddings("tiny", "tiny")
    turned = np.array(first.embeddings.vectors[:, ::-1])
    first.embeddings.files.vectors.unlink()
    np.save(first.embeddings.files.vectors, turned)
    second = library.opened("tiny", "tiny")
    assert second.version != first.version
    assert np.array_equal(second.embeddings.vectors, turned)


def bounded(library: Library, most_bytes: int) -> Library:
    return open_library(replace(library.settings, model_memory_bytes=most_bytes))


def used_encoder(library: Library, name: str) -> Encoder:
    """A model whose text tower is in memory."""
    encoder = library.encoder(name)
    encoder.encode_texts(["a dog"])
    return encoder


def models_held(library: Library) -> list[str]:
    return [one.name for one in library.loaded() if one.kind == "model"]


def test_the_longest_unused_goes_when_there_is_too_much(library):
    for name in ("one", "two"):
        copy_embeddings(library, "tiny", name)
    size = used_encoder(library, "tiny").n_bytes
    small = bounded(library, 2 * size)
    first = used_encoder(small, "tiny")
    used_encoder(small, "one")
    assert small.encoder("tiny") is first
    used_encoder(small, "two")
    assert models_held(small) == ["two", "tiny", "one"]  # it was not known how large it gets
    assert small.encoder("two") is small.encoder("two")
    assert models_held(small) == ["two", "tiny"]
    assert small.encoder("tiny") is first


def test_what_goes_is_freed(library):
    small = bounded(library, 1)
    gone = weakref.ref(used_encoder(small, "tiny"))
    small.opened("tiny", "tiny")
    gc.collect()
    assert gone() is None
    assert [one.kind for one in small.loaded()] == ["vectors"]


def test_one_that_is_larger_than_the_bound_is_kept_all_the_same(library):
    small = bounded(library, 1)
    assert small.encoder("tiny") is small.encoder("tiny")


def test_a_model_that_is_gone_is_not_held(library):
    library.encoder("tiny")
    shutil.rmtree(library.settings.models / "tiny")
    with pytest.raises(ModelError):
        library.encoder("tiny")
    assert library.loaded() == ()


def test_importing_core_is_cheap():
    code = (
        "import sys, core; print([m for m in ('torch', 'numpy', 'pyarrow') if m in sys.modules]);"
        "from core import open_library; open_library().datasets();"
        "print([m for m in ('torch', 'open_clip', 'streamlit') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


def test_the_version_is_that_of_the_project():
    assert f'version = "{core.__version__}"' in (PROJECT_ROOT / "pyproject.toml").read_text()


def test_a_name_that_core_lacks_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = core.nothing  # type: ignore[attr-defined]


def test_the_demo_finds_a_dog_on_a_beach(demo_home):
    searchable = open_library(Settings(home=demo_home)).dataset("demo", "demo")
    found = searchable.search("a dog on a beach", top_k=3)
    assert found.notes == ()
    for captions in searchable.coco.captions_of(found.image_ids):
        assert any("dog" in caption or "puppy" in caption for caption in captions)


def test_near_duplicates_of_some_pictures_are_told_by_their_ids(library: Library) -> None:
    dataset = library.dataset("tiny", "tiny")
    ids, vectors = dataset.embeddings.image_ids, dataset.embeddings.vectors
    near = (vectors @ vectors.T)[0]
    other = int(np.argsort(-near)[1])
    threshold = float(near[other]) - 1e-4
    two = [int(ids[other]), int(ids[0]), 999]
    groups = dataset.near_duplicates(two, threshold)
    assert [sorted(group) for group in groups] == [sorted(two[:2])]
    assert dataset.near_duplicates(two[:1], threshold) == ()
