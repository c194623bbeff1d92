"""The page Categories as a script: its sections, what is looked at, and what cannot be counted."""

import json
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import open_library
from core.analytics.makeup import makeup
from core.catalogue import Catalogue, Entry, shared_catalogue
from core.replay import recipe_of
from core.subset import Subset
from tests.pages.screen import page, words

DOG = {"image": "46", "k": "30"}  # asks with a picture, so that no text need be encoded


@pytest.fixture(autouse=True)
def own_catalogue(tmp_path, monkeypatch):
    monkeypatch.setenv("COCOSIFT_DATABASE_URL", f"sqlite:///{tmp_path / 'catalogue.sqlite3'}")
    monkeypatch.setenv("COCOSIFT_CACHE", str(tmp_path / "cache"))
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def catalogue() -> Catalogue:
    library = open_library()
    return shared_catalogue(library.settings, library)


@pytest.fixture
def home(tiny_home_copy, monkeypatch) -> Path:
    """A home folder with twelve pictures, which the app is made to open and tests may change."""
    monkeypatch.setenv("COCOSIFT_HOME", str(tiny_home_copy))
    return tiny_home_copy


def save(catalogue: Catalogue, name: str, ids: list[int], **more) -> Entry:
    subset = Subset.of_ids(open_library().dataset("demo", "demo"), ids)
    return catalogue.save(recipe_of(subset), name=name, **more)


def said(test: AppTest) -> str:
    assert not test.exception
    infos = "\n".join(str(one.value) for one in test.info)
    return f"{words(test)}\n{infos}".replace("\\", "")


def without(home: Path, kind: str) -> None:
    """Take the annotations of a kind away."""
    (path,) = (home / "data/tiny/annotations").glob(f"{kind}*.json")
    path.unlink()
    toml = home / "data/tiny/dataset.toml"
    toml.write_text("\n".join(line for line in toml.read_text().splitlines() if kind not in line))


def rewrite(home: Path, kind: str, change) -> None:
    """Change the annotations of a kind; `change` gets the parsed file."""
    (path,) = (home / "data/tiny/annotations").glob(f"{kind}*.json")
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content))


def test_it_opens_on_the_makeup_of_the_present_result():
    text = said(page("categories", **DOG))
    demo = open_library().dataset("demo")
    made = makeup(demo.coco, demo.search(like=46, top_k=30).image_ids)
    most = made.names[int(made.images.argmax())]
    assert f"of these pictures have {most}" in text
    assert f"{len(made.absent)} categories of {int((made.all_images > 0).sum())}" in text
    assert made.absent[0] in text


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("together", "together"),
        ("objects", "is the most frequent size"),
        ("pictures", "The most frequent licence"),
        ("captions", "Half of the captions"),
        ("nonsense", "of these pictures have"),
    ],
)
def test_the_address_says_which_section_is_shown(section, says):
    assert says in said(page("categories", view=section, **DOG))


@pytest.mark.parametrize("section", ["compare", "balance", "audit"])
def test_the_other_sections_open(section):
    said(page("categories", view=section, **DOG))


def test_supercategories_are_counted_when_the_address_says_so():
    demo = open_library().dataset("demo")
    made = makeup(demo.coco, demo.search(like=46, top_k=30).image_ids, "supercategory")
    most = made.names[int(made.images.argmax())]
    assert f"of these pictures have {most}" in said(page("categories", by="supercategory", **DOG))


def test_a_saved_subset_is_looked_at_by_its_number(catalogue):
    entry = save(catalogue, "Odd ones", [46, 47, 48, 49], who="Ann")
    text = said(page("categories", subset=str(entry.id)))
    assert "Odd ones · 4 pictures, saved by Ann" in text.replace("**", "")


def test_of_several_the_first_is_shown_and_another_can_be_chosen(catalogue):
    one, other = (save(catalogue, name, ids) for name, ids in (("A", [46, 47]), ("B", [48])))
    numbers = [str(one.id), str(other.id)]
    first = page("categories", subset=numbers)
    assert "A · 2 pictures" in said(first).replace("**", "")
    second = page("categories", subset=numbers, focus=numbers[1])
    assert "B · 1 picture" in said(second).replace("**", "")


def test_choosing_a_subset_makes_it_looked_at(catalogue):
    entry = save(catalogue, "Chosen", [46, 47, 48])
    test = page("categories", **DOG)
    test.multiselect(key="subset-choice").set_value([str(entry.id)]).run()
    assert "Chosen · 3 pictures" in said(test).replace("**", "")
    assert test.query_params["subset"] == str(entry.id)


def test_a_subset_that_is_not_there_is_named_and_the_result_shown():
    text = said(page("categories", subset="999", **DOG))
    assert "no subset 999" in text
    assert "of these pictures have" in text


def test_pictures_that_left_the_dataset_are_counted(catalogue, home):
    library = open_library()
    subset = Subset.of_ids(library.dataset("tiny", "tiny"), [101, 102, 103])
    entry = shared_catalogue(library.settings, library).save(recipe_of(subset), name="Old")

    def drop(content):
        content["images"] = [one for one in content["images"] if one["id"] != 102]

    for kind in ("instances", "captions"):
        rewrite(home, kind, drop)
    text = said(page("categories", subset=str(entry.id), k="5"))
    assert "1 picture of it left the dataset" in text


@pytest.mark.parametrize("section", ["makeup", "together", "objects", "pictures", "captions"])
def test_an_empty_result_says_so(home, section):
    text = said(page("categories", view=section, only="-", k="5"))
    assert "There is no picture here" in text


@pytest.mark.parametrize("section", ["makeup", "together", "objects", "pictures", "captions"])
def test_one_picture_is_no_problem(home, section):
    said(page("categories", view=section, k="1"))


@pytest.mark.parametrize("section", ["makeup", "together", "objects", "pictures", "captions"])
def test_the_whole_dataset_has_nothing_to_be_compared_with(home, section):
    text = said(page("categories", view=section, k="100000"))
    if section in ("makeup", "captions"):
        assert "nothing to compare" in text


@pytest.mark.parametrize("section", ["makeup", "together", "objects"])
def test_a_dataset_without_instances_says_so(home, section):
    without(home, "instances")
    assert "has no instances" in said(page("categories", view=section, k="5"))


def test_a_dataset_without_captions_says_so(home):
    without(home, "captions")
    assert "has no captions" in said(page("categories", view="captions", k="5"))


@pytest.mark.parametrize("section", ["makeup", "together", "objects"])
def test_a_category_with_one_instance_is_no_problem(home, section):
    def keep_one(content):
        content["annotations"] = content["annotations"][:1]

    rewrite(home, "instances", keep_one)
    said(page("categories", view=section, k="7"))


def test_a_query_that_cannot_be_answered_leaves_its_words_alone():
    test = page("categories", q=["a dog"], **{"not": "a dog"})
    assert not test.exception
    assert test.error
    assert "of these pictures" not in words(test)


def test_a_section_that_is_not_shown_reads_nothing(home):
    # What is known of a dataset is kept for the process, so this must be one of its own.
    rewrite(home, "captions", lambda content: content["info"].update(note="seen by nobody"))
    said(page("categories", k="5"))
    assert not list(home.rglob("caption_words.arrow"))
    said(page("categories", view="captions", k="5"))
    assert list(home.rglob("caption_words.arrow"))


def test_names_with_signs_of_their_own_are_shown_as_they_are(home):
    name = "{} {0} **a** [b](c) <i>"

    def rename(content):
        content["categories"][0]["name"] = name

    rewrite(home, "instances", rename)
    for section in ("makeup", "objects"):
        assert name in said(page("categories", view=section, of=name, k="7"))
