"""The page Library as a script: what it says of what is here, and of what is wrong."""

import shutil

import pytest

from tests.pages.screen import page, words

pytestmark = pytest.mark.usefixtures("fresh_caches")


def markup(test) -> str:
    return "".join(block.proto.body for block in test.get("html"))


def commands(test) -> list[str]:
    return [block.value for block in test.code]


def test_what_is_there_is_listed_with_its_door(home):
    test = page("library")
    assert not test.exception
    assert "1 dataset · 1 model · 1 pair ready to search" in words(test)
    drawn = markup(test)
    assert "440 drawings" in drawn
    assert "2,200 captions, 1,573 instances, 80 categories" in drawn
    assert "folder images, all are there" in drawn
    assert "dataset=demo&amp;model=demo" in drawn


def test_a_broken_dataset_hides_nothing_and_shows_no_folder_of_the_server(home):
    shutil.copytree(home / "data" / "demo", home / "data" / "other")
    (home / "data" / "other" / "dataset.toml").write_text("title = ")
    test = page("library")
    assert not test.exception
    said = words(test) + markup(test)
    assert "data/other/dataset.toml cannot be read as TOML" in said.replace("\\", "")
    assert "440 drawings" in said
    assert str(home) not in said


def test_what_lacks_comes_with_the_command(home):
    shutil.copytree(home / "models" / "demo", home / "models" / "second")
    test = page("library")
    assert "python -m core embed --dataset demo --model second" in commands(test)
    assert "Not embedded" in markup(test)


def test_what_appears_is_seen_without_a_restart(home):
    test = page("library")
    shutil.copytree(home / "models" / "demo", home / "models" / "second")
    test.button[0].click().run()
    assert "2 models" in words(test)


@pytest.mark.parametrize("folder", ["data", "models", "embeddings"])
def test_an_empty_folder_is_said_in_words(home, folder):
    shutil.rmtree(home / folder)
    test = page("library")
    assert not test.exception
    nothing = {"data": "No datasets yet", "models": "No models yet"}.get(folder, "No embeddings")
    assert nothing in "".join(info.value for info in test.info)
