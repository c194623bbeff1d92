"""The command line on a server prints, to the byte, what it prints on the files themselves."""

import json
from functools import partial
from zipfile import ZipFile

import pytest
from PIL import Image

from core.cli.remote import COMMANDS
from core.client import Client
from tests.conftest import CommandResult, run_core


@pytest.fixture
def run(settings, server):
    """Run a command here, and on a server of the same home."""

    def both(*arguments: str, **environment: str) -> tuple[CommandResult, CommandResult]:
        found = {
            "COCOSIFT_CACHE": str(settings.cache),
            "COCOSIFT_DATABASE_URL": settings.database_url,
            **environment,
        }
        here = run_core(*arguments, home=settings.home, **found)
        # The same files under another name: what the command reads here it may not read there.
        there = run_core("--server", server, *arguments, home=settings.cache.parent)
        return here, there

    return both


SEARCHES = (
    ("search", "a red square"),
    ("search", "a red square", "--json"),
    ("search", "a red square", "--top-k", "5", "--not", "a dog", "--weight", "0.5", "--json"),
    ("search", "--category", "box", "--words", "square", "--hide-duplicates", "0.9", "--json"),
    ("search", "a zebra", "--threshold", "0.99"),
    ("search", "--like", "103", "--diversity", "0.4", "--only-ids", "101,103,105,107"),
    ("search", "dog", "--url"),
    ("search", "--like", "9999"),
    ("search", "dog", "--dataset", "none"),
    ("datasets",),
    ("datasets", "--json"),
    ("subsets", "list"),
    ("subsets", "show", "1"),
)


EVALUATE = ("evaluate", "--dataset", "tiny", "--model", "tiny")


@pytest.mark.parametrize(
    "arguments",
    [
        *SEARCHES,
        *(pytest.param(one, marks=pytest.mark.slow) for one in (EVALUATE, (*EVALUATE, "--json"))),
    ],
    ids=" ".join,
)
def test_what_is_asked_of_a_server_is_answered_as_here(run, arguments):
    here, there = run(*arguments)
    if "none" in arguments:  # where datasets lie is another folder
        assert (there.exit_code, there.stdout) == (here.exit_code, here.stdout)
        assert "Expected a dataset named 'none'" in there.stderr
        return
    assert (there.exit_code, there.stdout) == (here.exit_code, here.stdout)
    assert _without_bars(there.stderr) == _without_bars(here.stderr)


def test_the_library_of_a_server_is_told_as_here(run):
    for arguments in (("library",), ("library", "--json")):
        here, there = run(*arguments)
        assert there.stdout == here.stdout


def test_a_picture_file_is_searched_with(run, tmp_path):
    file = tmp_path / "red.png"
    Image.new("RGB", (40, 30), "red").save(file)
    here, there = run("search", "--image", str(file), "--json")
    assert there.stdout == here.stdout


def test_a_package_from_a_server_is_the_same_to_the_byte(run, server, settings, tmp_path):
    asked = ("search", "a red square", "--top-k", "4", "--reproducible", "--no-catalogue")
    run(*asked, "--export", str(tmp_path / "found.zip"))
    there = (tmp_path / "found.zip").read_bytes()
    run_core(
        *asked,
        *("--export", str(tmp_path / "found.zip")),
        home=settings.home,
        COCOSIFT_CACHE=str(settings.cache),
    )
    assert (tmp_path / "found.zip").read_bytes() == there
    for command in ("verify", "replay"):
        here, there = run(command, str(tmp_path / "found.zip"), "--json")
        assert (there.exit_code, there.stdout) == (0, here.stdout)


def test_listed_pictures_are_exported_as_here(run, tmp_path):
    ids = tmp_path / "ids.txt"
    ids.write_text("103 101 107")
    options = ("--format", "yolo", "--dataset", "tiny", "--no-catalogue", "--reproducible")
    here, there = run("export", str(tmp_path / "a.zip"), "--ids", str(ids), *options, "--json")
    assert json.loads(there.stdout) == json.loads(here.stdout)
    assert ZipFile(tmp_path / "a.zip").testzip() is None


def test_the_catalogue_of_a_server_is_worked_with(run, server, settings, tmp_path):
    def there(*arguments: str) -> CommandResult:
        return run_core("--server", server, "subsets", *arguments, home=tmp_path)

    recipe = tmp_path / "recipe.json"
    done = run_core(
        *("--server", server, "search", "a red square", "--export", str(tmp_path / "one.zip")),
        home=tmp_path,
    )
    assert done.exit_code == 0, done.stderr
    assert "Remembered" in done.stderr
    assert there("export", "1", str(recipe)).exit_code == 0
    assert "Saved 2: again" in there("import", str(tmp_path / "one.zip"), "--name", "again").stdout
    assert "Renamed 2: other" in there("rename", "2", "other", "--who", "Ann").stdout
    assert "Changed 2" in there("annotate", "2", "--tag", "x", "--who", "Ann").stdout
    assert "Saved 3: both" in there("combine", "union", "1", "2", "--name", "both").stdout
    assert "Deleted 3" in there("delete", "3").stdout
    assert "Brought back 3" in there("restore", "3").stdout
    again = there("export", "1", str(tmp_path / "again.zip"))
    assert "the same as the first package" in again.stdout
    for arguments in (
        ("list", "--json"),
        ("show", "2"),
        ("show", "1", "--json"),
        ("compare", "1", "2"),
    ):
        here, there_ = run("subsets", *arguments)
        assert there_.stdout == here.stdout
    here, there_ = run("subsets", "rename", "77", "nothing")
    assert (there_.exit_code, there_.stderr) == (2, here.stderr)


@pytest.mark.parametrize(
    "command",
    [("embed",), ("doctor",), ("users", "list"), ("fetch", "coco"), ("report", "1")],
    ids=" ".join,
)
def test_a_command_that_cannot_work_on_a_server_says_so(command, tmp_path):
    assert command[0] not in COMMANDS
    done = run_core("--server", "http://127.0.0.1:9", *command, home=tmp_path)
    assert done.exit_code == 2
    assert f"{command[0]} works on the files of this machine" in done.stderr


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://127.0.0.1:9", "nothing answers there"),
        ("not an address", "Expected the address of a server"),
        ("http://ann:secret@127.0.0.1", "neither a password"),
    ],
)
def test_a_server_that_is_none_is_named_and_no_password_shown(
    address, words, tmp_path, monkeypatch
):
    monkeypatch.setattr("core.client.Client", partial(Client, retries=0))
    done = run_core("--server", address, "search", "dog", home=tmp_path)
    assert done.exit_code == 2
    assert words in done.stderr
    assert "secret" not in done.stderr


def _without_bars(stderr: str) -> list[str]:
    """What is said on stderr, but for progress."""
    lines = stderr.replace("\r", "\n").splitlines()
    return [line for line in lines if line.strip() and "it/s" not in line and "%|" not in line]
