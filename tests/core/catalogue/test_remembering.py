"""What the command line exports is in the catalogue, unless somebody says no."""

import json

import pytest

from tests.conftest import run_core


def entries(home) -> list[dict]:
    return json.loads(run_core("subsets", "list", "--json", home=home).stdout)["subsets"]


@pytest.mark.parametrize(
    "command",
    [
        ("search", "a dog", "--top-k", "3", "--export"),
        ("export", "--all", "--dataset", "tiny"),
    ],
    ids=["search --export", "export"],
)
def test_an_export_is_remembered(tiny_home_copy, tmp_path, command):
    file = str(tmp_path / "out.zip")
    done = run_core(*command, file, home=tiny_home_copy)
    assert done.exit_code == 0, done.stderr
    (entry,) = entries(tiny_home_copy)
    assert entry["package"]["file_name"] == "out.zip"
    assert f"Remembered as subset {entry['id']}" in done.stderr


def test_an_export_is_not_remembered_when_somebody_says_so(tiny_home_copy, tmp_path):
    file = str(tmp_path / "out.zip")
    run_core("export", file, "--all", "--dataset", "tiny", "--no-catalogue", home=tiny_home_copy)
    assert entries(tiny_home_copy) == []


def test_a_catalogue_that_cannot_be_written_costs_no_package(tiny_home_copy, tmp_path):
    (tiny_home_copy / "catalogue").write_text("in the way")
    file = tmp_path / "out.zip"
    done = run_core("export", str(file), "--all", "--dataset", "tiny", home=tiny_home_copy)
    assert done.exit_code == 0, done.stderr
    assert "Not remembered in the catalogue: " in done.stderr
    assert file.stat().st_size
