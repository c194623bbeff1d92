"""`python -m core report`: of a package, a recipe, and a subset of the catalogue."""

import json
import zipfile
from pathlib import Path

import pytest

from tests.conftest import CommandResult, run_core


@pytest.fixture
def run(tiny_home_copy, tmp_path):
    def run(*arguments: object) -> CommandResult:
        cache = str(tmp_path / "cache")
        return run_core(*map(str, arguments), home=tiny_home_copy, COCOSIFT_CACHE=cache)

    return run


@pytest.fixture
def package(run, tmp_path) -> Path:
    result = run("search", "a dog", "--top-k", "5", "--export", tmp_path / "dogs.zip")
    assert result.exit_code == 0, result.stderr
    return tmp_path / "dogs.zip"


def test_a_package_gives_a_report(run, package, tmp_path):
    out = tmp_path / "dogs.html"
    result = run("report", package, "-o", out)
    assert result.exit_code == 0, result.stderr
    assert (
        result.stdout == f"Wrote a report of 5 pictures to {out} ({out.stat().st_size:,} bytes)\n"
    )
    assert "<h1" in out.read_text("utf-8")


def test_so_does_its_recipe(run, package, tmp_path):
    with zipfile.ZipFile(package) as archive:
        archive.extract("recipe.json", tmp_path)
    result = run("report", tmp_path / "recipe.json", "-o", tmp_path / "a.html", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["title"], told["images"]) == ("a dog", 5)
    assert told["bytes"] == (tmp_path / "a.html").stat().st_size


@pytest.mark.parametrize("subset", ["1", "a dog", "A  Dog"], ids=["number", "name", "spelling"])
def test_so_does_a_saved_subset(run, package, tmp_path, subset):
    result = run("report", subset, "-o", tmp_path / "a.html")
    assert result.exit_code == 0, result.stderr
    assert "Report of subset 1 of the catalogue" in (tmp_path / "a.html").read_text("utf-8")


def test_the_same_package_gives_the_same_bytes(run, package, tmp_path):
    files = [tmp_path / "a.html", tmp_path / "b.html"]
    for file in files:
        assert run("report", package, "-o", file, "--reproducible").exit_code == 0
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    ("subset", "said"),
    [
        ("cats", "There is no file and no saved subset 'cats'"),
        ("7", "7"),
        ("none.zip", "cannot be read"),
    ],
)
def test_what_is_not_there_is_said_in_a_line(run, tmp_path, subset, said):
    result = run("report", subset, "-o", tmp_path / "a.html")
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (tmp_path / "a.html").exists()


def test_a_name_that_two_have_is_not_guessed(run, package, tmp_path):
    run("subsets", "import", package)
    result = run("report", "a dog", "-o", tmp_path / "a.html")
    assert result.exit_code == 2
    assert "2 subsets are called 'a dog'" in result.stderr


def test_a_file_of_another_kind_is_not_overwritten(run, package):
    before = package.read_bytes()
    result = run("report", package, "-o", package)
    assert result.exit_code == 2
    assert "ending in .html" in result.stderr
    assert package.read_bytes() == before
