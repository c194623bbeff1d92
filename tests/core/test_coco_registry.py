"""Datasets are found, registered in place, and refused with words that help."""

import shutil
from pathlib import Path

import pytest

from core.coco import find_datasets, open_dataset, register_dataset
from core.coco.manifest import DatasetManifest, manifest_text, read_manifest
from core.errors import DatasetError
from tests.core.coco_files import captions_file, dataset, home, instances_file, write


def test_a_registered_dataset_refers_to_its_files_in_place(tmp_path):
    small = dataset(tmp_path, captions=captions_file([1]), instances=instances_file([1]))
    manifest = read_manifest(tmp_path / "data/small/dataset.toml")

    assert find_datasets(home(tmp_path)) == {"small": tmp_path / "data/small"}
    assert manifest.annotations["captions"] == tmp_path / "captions.json"
    assert small.kinds == ("captions", "instances")
    assert small.title == small.split == "small"
    assert not small.drawn
    assert sorted(path.name for path in (tmp_path / "data/small").iterdir()) == [
        ".index",
        "dataset.toml",
    ]


def test_paths_in_the_datasets_own_folder_are_relative(tmp_path):
    folder = tmp_path / "data/mine"
    captions = write(folder / "annotations/captions.json", captions_file([1]))
    (folder / "images").mkdir()
    settings = home(tmp_path)
    register_dataset(settings, "mine", captions=captions, pictures=folder / "images")
    shutil.move(tmp_path / "data", tmp_path / "moved")

    moved = open_dataset(tmp_path / "moved/mine", settings)
    assert moved.captions(1) == ("picture 1",)
    assert moved.picture_folder == tmp_path / "moved/mine/images"


@pytest.mark.parametrize(
    "title", ["Ein 'Titel' \"mit\" \\ und\nZeile", "犬 🐶", "\x7f\x01\t", "# [x]\n[annotations]"]
)
def test_any_title_survives_in_the_manifest(tmp_path, title):
    manifest = DatasetManifest(
        title=title,
        split="val",
        annotations={"captions": tmp_path / "ü 1.json", "stuff": Path("/elsewhere/s.json")},
        pictures=tmp_path / "images",
        url="http://images.cocodataset.org/val/{file_name}",
        drawn=True,
        examples=("a dog", title),
        uses=("modifications", "commercial"),
    )
    write(tmp_path / "dataset.toml", manifest_text(manifest, tmp_path))

    assert read_manifest(tmp_path / "dataset.toml") == manifest


@pytest.mark.parametrize("name", ["", "a b", "../x", "a/b", "-x", ".x", "ü", "x" * 65, "a\n"])
def test_a_name_that_cannot_be_a_folder_and_address_is_refused(tmp_path, name):
    path = write(tmp_path / "captions.json", captions_file([1]))
    with pytest.raises(DatasetError, match="Use 1 to 64 letters, digits, - and _"):
        register_dataset(home(tmp_path), name, captions=path)


def test_a_name_that_is_taken_is_kept_unless_replaced(tmp_path):
    dataset(tmp_path, captions=captions_file([1]))
    other = write(tmp_path / "other.json", captions_file([5]))
    settings = home(tmp_path)

    with pytest.raises(DatasetError, match=r"There is a dataset 'small' already.*--replace"):
        register_dataset(settings, "small", captions=other)
    assert open_dataset(settings.data / "small", settings).images.ids.tolist() == [1]
    register_dataset(settings, "small", captions=other, replace=True)
    assert open_dataset(settings.data / "small", settings).images.ids.tolist() == [5]


def test_a_replacement_that_is_broken_leaves_the_old_registration(tmp_path):
    dataset(tmp_path, captions=captions_file([1]))
    settings = home(tmp_path)
    with pytest.raises(DatasetError):
        register_dataset(
            settings, "small", captions=write(tmp_path / "bad.json", "{"), replace=True
        )
    assert open_dataset(settings.data / "small", settings).captions(1) == ("picture 1",)


def test_missing_files_and_folders_are_named(tmp_path):
    settings = home(tmp_path)
    path = write(tmp_path / "captions.json", captions_file([1]))
    with pytest.raises(DatasetError, match=r"There is no file .*nowhere\.json"):
        register_dataset(settings, "x", captions=tmp_path / "nowhere.json")
    with pytest.raises(DatasetError, match=r"There is no folder .*nowhere"):
        register_dataset(settings, "x", captions=path, pictures=tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="needs at least one annotation file"):
        register_dataset(settings, "x")
    assert find_datasets(settings) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = ", "cannot be read as TOML"),
        ("title = 3", "'title' is 3; expected text in quotes"),
        ("annotations = 'x'", "'annotations' is 'x'; expected a table"),
        ("[annotations]\ncaptions = 1", "'captions' is 1; expected text in quotes"),
        ("[annotations]\ncaption = 'a.json'", "Unknown kind of annotations 'caption'"),
        ("title = 'x'", "needs at least one annotation file"),
        ("drawn = 'yes'\n[annotations]\ncaptions = 'c.json'", "expected true or false"),
        ("examples = [1]\n[annotations]\ncaptions = 'c.json'", "expected a list of texts"),
        ("uses = ['fun']\n[annotations]\ncaptions = 'c.json'", "Unknown use 'fun' in 'uses'"),
        ("split = 'a/b'\n[annotations]\ncaptions = 'c.json'", "cannot be the name of a split"),
        (
            "[annotations]\ncaptions = 'c.json'\n[pictures]\nurl = 'http://x/{name}'",
            r"holds \{name\}; only",
        ),
        ("[annotations]\ncaptions = 'c.json'", r"There is no file .*c\.json"),
    ],
)
def test_a_manifest_that_is_wrong_is_explained(tmp_path, text, message):
    write(tmp_path / "data/small/dataset.toml", text)
    with pytest.raises(DatasetError, match=message):
        open_dataset(tmp_path / "data/small", home(tmp_path))


def test_a_folder_without_manifest_names_the_command(tmp_path):
    with pytest.raises(DatasetError, match="python -m core add NAME"):
        open_dataset(tmp_path / "data/none", home(tmp_path))


def test_the_flat_layout_is_read_in_place(tmp_path):
    settings = home(tmp_path)
    write(settings.data / "captions_val2014.json", captions_file([1, 2]))
    write(settings.data / "instances_val2014.json", instances_file([1, 2]))
    write(settings.data / "val2014/1.jpg", b"1")
    found = find_datasets(settings)
    flat = open_dataset(found["val2014"], settings)

    assert list(found) == ["val2014"]
    assert (flat.name, flat.split, flat.kinds) == ("val2014", "val2014", ("captions", "instances"))
    assert flat.picture_path(1) == settings.data / "val2014/1.jpg"
    assert flat.coco_url(2) == "http://images.cocodataset.org/2.jpg"
    assert (settings.data / ".index/val2014/captions.arrow").is_file()


def test_the_flat_layout_may_have_captions_alone(tmp_path):
    settings = home(tmp_path)
    write(settings.data / "captions_val2014.json", captions_file([1]))
    flat = open_dataset(find_datasets(settings)["val2014"], settings)

    assert flat.kinds == ("captions",)
    assert flat.picture_folder is None
    write(settings.data / "instances_val2014.json", instances_file([1]))
    assert not flat.is_unchanged()


def test_a_changed_manifest_is_noticed(tmp_path):
    small = dataset(tmp_path, captions=captions_file([1]))
    assert small.is_unchanged()
    path = tmp_path / "data/small/dataset.toml"
    path.write_text(path.read_text().replace('title = "small"', 'title = "large"'))

    assert not small.is_unchanged()


def test_an_address_template_comes_before_the_records_own(tmp_path):
    path = write(tmp_path / "c.json", captions_file([1]))
    settings = home(tmp_path)
    url = "https://pictures.invalid/{id}/{file_name}"
    folder = register_dataset(settings, "x", captions=path, url=url)

    assert open_dataset(folder, settings).coco_url(1) == "https://pictures.invalid/1/1.jpg"


def test_no_data_folder_is_no_datasets(tmp_path):
    settings = home(tmp_path)
    settings.data.rmdir()
    assert find_datasets(settings) == {}
