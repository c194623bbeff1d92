"""`python -m core replay`: exit codes, lines and JSON, in this process and in another one."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from core.recipe import read_recipe
from core.settings import PROJECT_ROOT
from tests.conftest import CommandResult, run_core

ASKED = ("search", "a dog", "--not", "red", "--top-k", "5")


@pytest.fixture
def run(tiny_home_copy, tmp_path):
    """Run a command on the tiny home."""

    def run(*arguments: object) -> CommandResult:
        cache = str(tmp_path / "cache")
        return run_core(*map(str, arguments), home=tiny_home_copy, COCOSIFT_CACHE=cache)

    return run


@pytest.fixture
def package(run, tmp_path) -> Path:
    result = run(*ASKED, "--export", tmp_path / "dogs.zip")
    assert result.exit_code == 0, result.stderr
    return tmp_path / "dogs.zip"


def other_captions(home: Path) -> None:
    path = home / "data" / "tiny" / "annotations" / "captions_tiny.json"
    path.write_text(path.read_text().replace("square 3", "box 3"))


def test_what_is_the_same_ends_with_zero(run, package):
    result = run("replay", package)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"Identical: the 5 pictures of {package}, in order.\n"


def test_a_recipe_alone_will_do(run, package, tmp_path):
    with zipfile.ZipFile(package) as archive:
        archive.extract("recipe.json", tmp_path)
    result = run("replay", tmp_path / "recipe.json", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["identical"] is True


def test_what_differs_ends_with_one_and_is_named(run, package, tiny_home_copy):
    other_captions(tiny_home_copy)
    result = run("replay", package)
    assert result.exit_code == 1
    first, last = result.stdout.splitlines()
    assert first.startswith("annotations: The file of captions is another")
    assert last == f"Differs, but gives the 5 pictures of {package}, in order."


def test_as_json_the_differences_are_a_list(run, package, tiny_home_copy):
    other_captions(tiny_home_copy)
    result = run("replay", package, "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["identical"], document["same_pictures"]) == (False, True)
    (difference,) = document["differences"]
    assert difference["kind"] == "annotations"
    assert {len(difference[name]) for name in ("expected", "found")} == {64}


def test_an_export_of_it_is_the_same_package_but_for_who_and_when(run, package, tmp_path):
    again = tmp_path / "again.zip"
    result = run("replay", package, "--export", again, "--reproducible", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["export"]["images"] == 5
    assert read_recipe(package).when is not None
    assert read_recipe(again).when is None
    one, other = zipfile.ZipFile(package), zipfile.ZipFile(again)
    assert one.namelist() == other.namelist()
    differing = [name for name in one.namelist() if one.read(name) != other.read(name)]
    assert differing == ["recipe.json", "SHA256SUMS"]


def test_reproducible_packages_are_the_same_bytes(run, tmp_path):
    for name in ("a.zip", "b.zip"):
        assert run(*ASKED, "--export", tmp_path / name, "--reproducible").exit_code == 0
    again = run("replay", tmp_path / "a.zip", "--export", tmp_path / "c.zip", "--reproducible")
    assert again.exit_code == 0
    contents = {(tmp_path / name).read_bytes() for name in ("a.zip", "b.zip", "c.zip")}
    assert len(contents) == 1


def test_a_picture_that_was_left_out_needs_no_word_and_another_one_does(
    run, tiny_home_copy, tmp_path, package
):
    pictures = tiny_home_copy / "data" / "tiny" / "images"
    ids = read_recipe(package).image_ids
    (pictures / f"tiny_{ids[1]:06d}.png").unlink()
    partly = tmp_path / "partly.zip"
    assert run(*ASKED, "--export", partly).exit_code == 2
    assert run(*ASKED, "--export", partly, "--without-missing").exit_code == 0
    again = run("replay", partly, "--export", tmp_path / "again.zip")
    assert again.exit_code == 0
    assert "1 is left out, as then." in again.stdout
    assert [one.image_id for one in read_recipe(tmp_path / "again.zip").left_out] == [ids[1]]
    (pictures / f"tiny_{ids[2]:06d}.png").unlink()
    refused = run("replay", partly, "--export", tmp_path / "third.zip")
    assert refused.exit_code == 2
    assert not (tmp_path / "third.zip").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "as JSON"),
        (b"{}", "another document"),
        (b"PK\x03\x04 and then nothing", "cut short"),
        (b"\x89PNG\r\n", "UTF-8"),
        (b"[" * 50_000, "can be read"),
        (b'{"format": "cocosift-recipe", "version": 9}', "newer CocoSift"),
    ],
    ids=["nothing", "another JSON", "half a ZIP", "a picture", "brackets", "a newer one"],
)
def test_what_is_no_recipe_is_one_line(run, tmp_path, content, words):
    (tmp_path / "x").write_bytes(content)
    result = run("replay", tmp_path / "x")
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_package_cut_short_is_one_line(run, package, tmp_path):
    whole = package.read_bytes()
    (tmp_path / "half.zip").write_bytes(whole[: len(whole) // 2])
    result = run("replay", tmp_path / "half.zip")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "cut short" in result.stderr


@pytest.mark.parametrize("option", ["--without-missing", "--reproducible"])
def test_options_of_an_export_need_one(run, package, option):
    result = run("replay", package, option)
    assert result.exit_code == 2
    assert f"{option} belongs to an export" in result.stderr


def test_another_name_of_the_dataset_is_said(run, package, tiny_home_copy):
    data = tiny_home_copy / "data"
    shutil.move(data / "tiny", data / "squares")
    refused = run("replay", package)
    assert refused.exit_code == 2
    assert "Expected a dataset named 'tiny', found squares" in refused.stderr


@pytest.mark.slow
def test_a_package_of_another_process_and_home_gives_identical_ids(tmp_path):
    """Made and replayed by two processes on two copies of the demo, with other threads."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}

    def process(home: Path, threads: int, *arguments: str) -> str:
        settings = {
            "COCOSIFT_HOME": str(home),
            "COCOSIFT_CACHE": str(home / "cache"),
            "OMP_NUM_THREADS": str(threads),
        }
        command = [sys.executable, "-m", "core", *arguments]
        done = subprocess.run(
            command,
            env=environment | settings,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    elsewhere = tmp_path / "elsewhere"
    for folder in ("data", "embeddings", "models"):
        ignored = shutil.ignore_patterns(".index", ".cache")
        shutil.copytree(PROJECT_ROOT / folder, elsewhere / folder, ignore=ignored)
    query = ("a dog on a beach", "--not", "snow", "--hide-duplicates", "0.95", "--top-k", "40")
    made_in = tmp_path / "here"
    made_in.mkdir()
    for folder in ("data", "embeddings", "models"):
        (made_in / folder).symlink_to(PROJECT_ROOT / folder)
    process(made_in, 1, "search", *query, "--dataset", "demo", "--export", "dogs.zip")
    answer = json.loads(process(elsewhere, 2, "replay", "dogs.zip", "--json", "--export", "b.zip"))
    assert answer["identical"] is True
    assert read_recipe(tmp_path / "b.zip").image_ids == read_recipe(tmp_path / "dogs.zip").image_ids
    assert len(read_recipe(tmp_path / "b.zip")) == 40
