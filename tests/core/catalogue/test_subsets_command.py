"""`python -m core subsets …`: each command, in words and as JSON."""

import json

import pytest

from core.recipe import read_recipe, to_json
from tests.conftest import run_core
from tests.core.catalogue.recipes import recipe


def runner(home, url, cache):
    """Return what runs a command on a catalogue and gives what it printed."""

    def run(*arguments: object, fails: bool = False, exit_code: int = 0):
        result = run_core(
            "subsets",
            *map(str, arguments),
            home=home,
            COCOSIFT_DATABASE_URL=url,
            COCOSIFT_CACHE=str(cache),
        )
        assert result.exit_code == (2 if fails else exit_code), result.stderr
        if fails:
            return result.stderr
        return json.loads(result.stdout) if "--json" in arguments else result.stdout

    return run


@pytest.fixture
def core(home, database_url, tmp_path):
    """Run a command on the catalogue of this test, and return what it printed."""
    return runner(home, database_url, tmp_path / "cache")


@pytest.fixture
def two(core, home, tmp_path):
    """The numbers of two subsets that were imported."""
    numbers = []
    for name, ids in (("dogs", (104, 101, 103)), ("cats", (103, 102))):
        file = tmp_path / f"{name}.json"
        file.write_bytes(to_json(recipe(home, f"some {name}", ids=ids)))
        made = core("import", file, "--name", name, "--tag", "pets", "--who", "Ann", "--json")
        assert (made["name"], made["tags"], made["who"]) == (name, ["pets"], "Ann")
        numbers.append(made["id"])
    return numbers


def test_an_empty_catalogue_says_so(core):
    assert core("list").startswith("No saved subset fits.")
    assert core("list", "--json") == {"total": 0, "offset": 0, "subsets": []}


def test_list_searches_sorts_and_pages(core, two):
    words = core("list")
    assert words.index("cats") < words.index("dogs")
    assert "#pets" in words
    assert [one["name"] for one in core("list", "DOGS", "--json")["subsets"]] == ["dogs"]
    page = core("list", "--sort", "name", "--limit", 1, "--tag", "PETS", "--json")
    assert (page["total"], [one["name"] for one in page["subsets"]]) == (2, ["cats"])
    assert "1 of 2; more: --offset 1" in core("list", "--limit", 1)


def test_show_tells_all(core, two):
    words = core("show", two[0])
    for told in ("dogs", "some dogs", "3 of tiny, ranked by tiny", "square", "Licence 1", "saved"):
        assert told in words
    document = core("show", two[0], "--json")
    assert document["image_ids"] == [104, 101, 103]
    assert [one["what"] for one in document["history"]] == ["saved"]


def test_combine_and_compare(core, two):
    made = core("combine", "difference", *two, "--name", "rest", "--who", "Bob", "--json")
    assert (made["count"], made["who"], made["origin"]) == (2, "Bob", "combination")
    assert core("show", made["id"], "--json")["image_ids"] == [104, 101]
    found = core("compare", *two, "--json")
    assert (found["only_a"], found["only_b"], found["both"]) == ([104, 101], [102], [103])
    assert f"2 only in {two[0]} (dogs): 104, 101" in core("compare", *two)
    assert "no picture" in core("combine", "difference", two[0], two[0], fails=True)


def test_rename_and_annotate(core, two):
    assert (
        core("rename", two[0], "Hounds", "--who", "Eve")
        == f"Renamed {two[0]}: Hounds (3 pictures)\n"
    )
    changed = core("annotate", two[0], "--note", "checked", "--tag", "a", "--tag", "b", "--json")
    assert (changed["name"], changed["note"], changed["tags"]) == ("Hounds", "checked", ["a", "b"])
    assert core("annotate", two[0], "--no-tags", "--json")["tags"] == []
    history = core("show", two[0], "--json")["history"]
    assert [(one["what"], one["who"]) for one in history[:2]] == [("saved", "Ann"), ("name", "Eve")]
    assert "--note" in core("annotate", two[0], fails=True)


def test_delete_and_restore(core, two):
    core("delete", two[0])
    assert core("list", "--json")["total"] == 1
    assert core("list", "--deleted", "--json")["subsets"][0]["id"] == two[0]
    assert "restore" in core("rename", two[0], "x", fails=True)
    core("restore", two[0])
    assert core("list", "--json")["total"] == 2


def test_the_recipe_of_a_subset_leaves_as_it_is(core, two, home, tmp_path):
    file = tmp_path / "out.json"
    core("export", two[0], file)
    assert read_recipe(file) == recipe(home, "some dogs", ids=(104, 101, 103))


def test_a_number_that_there_is_not_is_one_line(core):
    for command in (["show", 9], ["delete", 9], ["compare", 9, 8], ["export", 9, "x.zip"]):
        said = core(*command, fails=True)
        assert said.startswith("There is no subset number 9")
        assert said.count("\n") == 1


class TestPackages:
    """On SQLite alone: what the packages hold does not ask where the catalogue is."""

    @pytest.fixture
    def core(self, tiny_home_copy, tmp_path):
        return runner(tiny_home_copy, f"sqlite:///{tmp_path / 'c.sqlite3'}", tmp_path / "cache")

    @pytest.fixture
    def package(self, tiny_home_copy, tmp_path):
        """The package of a search."""
        file = tmp_path / "first.zip"
        done = run_core(
            *("search", "a red square", "--top-k", "5", "--export", str(file)), home=tiny_home_copy
        )
        assert done.exit_code == 0, done.stderr
        return file

    def test_a_package_is_made_again_to_the_byte(self, core, package, tmp_path):
        entry = core("import", package, "--json")
        again = tmp_path / "again.zip"
        told = core("export", entry["id"], again, "--json")
        assert told["same_as_first"] is True
        assert again.read_bytes() == package.read_bytes()

    def test_the_first_package_of_a_recipe_is_remembered(self, core, package, tmp_path):
        recipe_file = tmp_path / "recipe.json"
        recipe_file.write_bytes(to_json(read_recipe(package)))
        entry = core("import", recipe_file, "--json")
        assert core("export", entry["id"], tmp_path / "a.zip", "--json")["same_as_first"] is None
        assert core("show", entry["id"], "--json")["package"]["file_name"] == "a.zip"
        assert core("export", entry["id"], tmp_path / "b.zip", "--json")["same_as_first"] is True

    def test_what_is_not_as_it_was_is_told(self, core, package, tmp_path, tiny_home_copy):
        entry = core("import", package, "--json")
        gone = tiny_home_copy / "data/tiny/images" / f"tiny_{entry['thumbnails'][0]:06d}.png"
        gone.unlink()
        file = tmp_path / "again.zip"
        assert gone.name in core("export", entry["id"], file, fails=True)
        assert not file.exists()
        words = core("export", entry["id"], file, "--without-missing", exit_code=1)
        assert "differs from the first package" in words
        assert core("show", entry["id"], "--json")["package"]["file_name"] == "first.zip"
