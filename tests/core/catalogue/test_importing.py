"""A recipe or a package from a colleague becomes an entry; what is damaged becomes none."""

import hashlib
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from core.catalogue import Catalogue
from core.errors import CocoSiftError
from core.query import Part, query_of
from core.recipe import QueryOrigin, to_json, upload_member
from core.settings import Settings
from core.uploads import Uploads
from tests.core.catalogue.recipes import recipe


@pytest.fixture
def package(tmp_path):
    """Write a package with these members, and return its path."""

    def write(**members: bytes):
        path = tmp_path / "from Ann.zip"
        with ZipFile(path, "w", ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return path

    return write


def test_a_recipe_becomes_an_entry(catalogue, home, tmp_path):
    made = recipe(home, "a red square", who="Ann")
    file = tmp_path / "recipe.json"
    file.write_bytes(to_json(made))
    for source in (file, file.read_bytes()):
        entry = catalogue.import_recipe(source, tags=["theirs"])
        assert (entry.name, entry.who, entry.query) == ("a red square", "Ann", "a red square")
        assert (entry.tags, entry.package) == (("theirs",), None)
        assert entry.categories
        assert catalogue.recipe(entry.id) == made


def test_a_package_becomes_an_entry_with_its_facts(catalogue, home, package):
    sums = b"00  recipe.json\n"
    path = package(**{"recipe.json": to_json(recipe(home)), "SHA256SUMS": sums})
    entry = catalogue.import_recipe(path, name="Ann's", who="Bob")
    assert (entry.name, entry.who) == ("Ann's", "Bob")
    assert entry.package.file_name == "from Ann.zip"
    assert entry.package.n_bytes == path.stat().st_size
    assert entry.package.sha256 == hashlib.sha256(sums).hexdigest()


def test_the_pictures_that_a_query_asks_with_come_along(catalogue, home, package, tmp_path):
    theirs = Uploads(Settings(home=home, cache=tmp_path / "their cache"))
    sha = theirs.keep((home / "data/tiny/images/tiny_000101.png").read_bytes()).sha
    made = recipe(home, origin=QueryOrigin(query_of(Part("upload", sha))))
    picture = theirs.path(sha).read_bytes()
    path = package(**{"recipe.json": to_json(made), upload_member(sha): picture})
    entry = catalogue.import_recipe(path)
    ours = Uploads(catalogue._settings)
    ours.path(sha).unlink()
    assert catalogue.recipe(entry.id) == made
    assert ours.path(sha).read_bytes() == picture


def test_a_file_that_is_no_upload_is_not_kept(catalogue, home, package):
    content = b"MZ this is a program"
    sha = hashlib.sha256(content).hexdigest()
    made = recipe(home, origin=QueryOrigin(query_of(Part("upload", sha))))
    path = package(**{"recipe.json": to_json(made), upload_member(sha): content})
    entry = catalogue.import_recipe(path)
    assert catalogue.recipe(entry.id) == made
    with pytest.raises(CocoSiftError):
        Uploads(catalogue._settings).path(sha)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"\xff\xfe", b'{"format": "cocosift-recipe", "version": 99}', b"[" * 100_000],
    ids=["empty", "no recipe", "no text", "newer", "deep"],
)
def test_what_is_no_recipe_is_refused(catalogue, tmp_path, content):
    file = tmp_path / "recipe.json"
    file.write_bytes(content)
    with pytest.raises(CocoSiftError):
        catalogue.import_recipe(file)
    assert catalogue.list().total == 0


def test_a_damaged_package_is_refused(catalogue, home, package):
    made = to_json(recipe(home))
    path = package(**{"recipe.json": made, "SHA256SUMS": b"x" * 10_000})
    data = bytearray(path.read_bytes())
    start = data.find(b"SHA256SUMS") + len(b"SHA256SUMS")
    data[start : start + 8] = b"\xff" * 8
    path.write_bytes(data)
    with pytest.raises(CocoSiftError, match="damaged"):
        catalogue.import_recipe(path)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(CocoSiftError):
        catalogue.import_recipe(path)
    with pytest.raises(CocoSiftError, match=r"recipe\.json"):
        catalogue.import_recipe(package(other=b"x"))
    with pytest.raises(CocoSiftError, match="cannot be read"):
        catalogue.import_recipe(path.with_name("nowhere.zip"))
    assert catalogue.list().total == 0


def test_a_recipe_goes_round_between_two_catalogues(catalogue, home, tmp_path):
    there = Catalogue(
        Settings(
            home=home,
            cache=tmp_path / "there",
            database_url=(f"sqlite:///{tmp_path / 'there.sqlite3'}"),
        )
    )
    one = catalogue.save(recipe(home, "a dog", ids=[101, 102]))
    two = catalogue.save(recipe(home, "a cat", ids=[102, 103]))
    both = catalogue.combine("union", [one.id, two.id], "both", who="Ann")
    entry = there.import_recipe(to_json(catalogue.recipe(both.id)))
    assert (entry.name, entry.who, entry.count, entry.origin) == ("both", "Ann", 3, "combination")
    assert there.recipe(entry.id) == catalogue.recipe(both.id)
    there.close()
