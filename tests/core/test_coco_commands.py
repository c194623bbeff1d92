"""`add`, `check` and `datasets` register, look through and list, in words and in JSON."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from core.cli.datasets import add, check, datasets
from core.coco import open_dataset
from core.errors import DatasetError
from tests.core.coco_files import (
    CATEGORIES,
    caption,
    coco,
    home,
    image,
    instance,
    instances_file,
    write,
)

app = typer.Typer()
app.command()(add)
app.command()(check)
app.command()(datasets)


def run(folder: Path, *arguments: str) -> Result:
    home(folder)
    environment = {"COCOSIFT_HOME": str(folder), "COCOSIFT_CACHE": str(folder / "cache")}
    return CliRunner().invoke(app, list(arguments), env=environment)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    images = [image(1), image(2), image(3)]
    captions = coco(images, [caption(1, 1), caption(2, 1), caption(3, 77)])
    instances = coco(images, [instance(1, 2)], categories=CATEGORIES)
    write(tmp_path / "pictures/1.jpg", b"1")
    return {
        "captions": write(tmp_path / "captions.json", captions),
        "instances": write(tmp_path / "instances.json", instances),
        "images": tmp_path / "pictures",
    }


def arguments(files: dict[str, Path]) -> list[str]:
    return [text for name, path in files.items() for text in (f"--{name}", str(path))]


def test_add_tells_what_was_seen(tmp_path, files):
    result = run(tmp_path, "add", "small", *arguments(files), "--title", "Small ones")

    assert result.exit_code == 0
    assert "Registered small: Small ones" in result.stdout
    assert "3 pictures, 1 without annotations" in result.stdout
    assert "2 captions, 1 instance, 2 categories" in result.stdout
    assert "2 of them have no file in" in result.stdout
    assert "1 caption is of a picture that no file lists: left out. (picture 77)" in result.stdout
    assert "python -m core embed --dataset small" in result.stdout
    assert result.stderr == ""


def test_add_prints_json_alone(tmp_path, files):
    result = run(tmp_path, "add", "small", *arguments(files), "--json")
    report = json.loads(result.stdout)

    assert result.stderr == ""
    figures = {"pictures": 3, "captions": 2, "instances": 1, "categories": 2}
    figures |= {"without_annotations": 1, "missing_files": 2}
    assert report.items() >= figures.items()
    assert len(report["notes"]) == 1
    assert report["clean"] is False
    assert [(one["code"], one["level"], one["kind"]) for one in report["remarks"]] == [
        ("files-missing", "fact", None),
        ("files-unreadable", "odd", None),
        ("dangling-annotations", "mended", "captions"),
    ]
    files = {file["kind"]: file for file in report["files"]}
    assert files["captions"]["bytes"] == (tmp_path / "captions.json").stat().st_size
    assert files["captions"]["pictures"] == files["captions"]["annotations"] == 3


def test_check_gives_the_report_of_add_and_3_for_remarks(tmp_path, files):
    added = run(tmp_path, "add", "small", *arguments(files), "--json")
    checked = run(tmp_path, "check", "small", "--json")

    assert added.exit_code == 0
    assert checked.exit_code == 3
    assert json.loads(checked.stdout) == json.loads(added.stdout)
    words = run(tmp_path, "check", "small")
    assert words.exit_code == 3
    assert words.stdout.startswith("small: small\n  3 pictures")


def test_check_of_a_clean_dataset_says_so(tmp_path):
    path = write(tmp_path / "instances.json", instances_file([1, 2]))
    run(tmp_path, "add", "small", "--instances", str(path))
    result = run(tmp_path, "check", "small")

    assert result.exit_code == 0
    assert "Nothing is odd" in result.stdout


def test_check_names_a_dataset_that_is_not_there_and_an_unfit_number(tmp_path, files):
    run(tmp_path, "add", "small", *arguments(files))

    assert "small" in str(run(tmp_path, "check", "none").exception)
    assert "--sizes is 'few'" in str(run(tmp_path, "check", "small", "--sizes", "few").exception)
    refused = run(tmp_path, "add", "other", *arguments(files), "--sizes", "-1")
    assert isinstance(refused.exception, DatasetError)
    assert not (tmp_path / "data/other").exists()


def test_add_takes_stuff_panoptic_an_address_and_a_policy(tmp_path):
    images = [image(1), image(2)]
    panoptic = {"image_id": 1, "file_name": "1.png", "segments_info": []}
    files = {
        "stuff": write(tmp_path / "stuff.json", coco(images, [instance(1, 1)])),
        "panoptic": write(tmp_path / "panoptic.json", coco(images, [panoptic])),
    }
    url = "https://host.invalid/{id}.jpg"
    policy = ["--use", "commercial"]
    result = run(tmp_path, "add", "small", *arguments(files), "--url", url, *policy)

    assert "1 stuff annotation, 1 panoptic annotation" in result.stdout
    small = open_dataset(tmp_path / "data/small", home(tmp_path))
    assert small.kinds == ("stuff", "panoptic")
    assert small.coco_url(2) == "https://host.invalid/2.jpg"
    assert small.uses == ("commercial",)


def test_add_without_files_or_twice_is_a_mistake(tmp_path, files):
    assert isinstance(run(tmp_path, "add", "small").exception, DatasetError)
    assert run(tmp_path, "add", "small", *arguments(files)).exit_code == 0
    assert "--replace" in str(run(tmp_path, "add", "small", *arguments(files)).exception)
    assert run(tmp_path, "add", "small", *arguments(files), "--replace").exit_code == 0


def test_datasets_lists_also_what_is_broken(tmp_path, files):
    run(tmp_path, "add", "small", *arguments(files))
    write(tmp_path / "data/broken/dataset.toml", "[annotations]\ncaptions = 'gone.json'\n")
    write(tmp_path / "data/instances_val2014.json", instances_file([1]))
    words = run(tmp_path, "datasets").stdout.splitlines()
    rows = json.loads(run(tmp_path, "datasets", "--json").stdout)["datasets"]

    assert words[0].startswith("broken: cannot be opened. There is no file ")
    assert words[1:] == [
        "small: small; 3 pictures, 2 captions, 1 instance",
        "val2014: COCO val2014; 1 picture, 1 instance",
    ]
    assert [row["name"] for row in rows] == ["broken", "small", "val2014"]
    assert rows[1]["annotations"] == {"captions": 2, "instances": 1}


def test_datasets_without_any_names_the_command(tmp_path):
    assert "python -m core add NAME" in run(tmp_path, "datasets").stdout
    assert json.loads(run(tmp_path, "datasets", "--json").stdout) == {"datasets": []}


@pytest.mark.parametrize("command", ["add", "check", "datasets"])
def test_help_has_examples(tmp_path, command):
    assert f"python -m core {command}" in run(tmp_path, command, "--help").stdout
