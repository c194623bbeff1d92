"""The page Scores: its sections, what stands in the address, and data that has little to show."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.query import Part
from core.settings import PROJECT_ROOT
from pages.shared import keys, resources
from tests.conftest import run_core, write_tiny_dataset
from tests.pages.screen import page, words

SECTIONS = ("distribution", "categories", "queries", "calibration", "check", "stability")
DOG = "a dog on a beach"


@pytest.fixture(scope="module")
def small_home(tmp_path_factory, tiny_model_folder) -> Path:
    """A home with datasets of one picture, without instances, and without captions."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(tiny_model_folder, home / "models" / "tiny")
    for name, n, without in (("one", 1, ""), ("told", 12, "instances"), ("boxed", 12, "captions")):
        folder = home / "data" / name
        write_tiny_dataset(folder, n)
        manifest = folder / "dataset.toml"
        lines = manifest.read_text().splitlines()
        kept = [line for line in lines if not without or not line.startswith(f"{without} =")]
        manifest.write_text("\n".join(kept) + "\n")
        assert run_core("embed", "--dataset", name, "--model", "tiny", home=home).exit_code == 0
    return home


@pytest.fixture(scope="module")
def at_home(tmp_path_factory):
    """Make the app open a home folder; what it keeps in memory goes only when that changes."""
    opened: list[Path] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COCOSIFT_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("COCOSIFT_OFFLINE", "1")

        def at(home: Path) -> None:
            if opened[-1:] != [home]:
                patch.setenv("COCOSIFT_HOME", str(home))
                st.cache_resource.clear()
                resources.warm_up()  # a busy machine takes long to load what a page then has
                opened.append(home)

        yield at
        st.cache_resource.clear()


@pytest.fixture
def scores(at_home):
    """Open the page on the demo."""
    at_home(PROJECT_ROOT)
    return opened


@pytest.fixture
def small_scores(at_home, small_home):
    """Open the page on a small dataset."""
    at_home(small_home)

    def on(dataset: str, q: str = "a dog", **address: str) -> AppTest:
        return opened(dataset=dataset, model="tiny", q=q, **address)

    return on


def opened(**address: str | list[str]) -> AppTest:
    test = page("scores", **address)
    assert not test.exception
    assert not test.error
    return test


def charts(test: AppTest) -> int:
    return len(test.get("vega_lite_chart"))


def params(test: AppTest, name: str) -> list[str]:
    """All values of a parameter of the address."""
    values = test.query_params.get(name, [])
    return [values] if isinstance(values, str) else list(values)


def said(test: AppTest) -> str:
    return words(test) + "\n".join(str(element.value) for element in test.info)


def cut_of(test: AppTest):
    return test.session_state[keys.VIEW].query.cut


def test_it_opens_on_the_distribution_with_what_was_asked_above(scores):
    test = scores(q=DOG)
    assert "**a dog on a beach** · 24 of 440 pictures" in words(test)
    assert "**24 of 440 pictures score" in words(test).replace("\\", "")
    assert charts(test) == 3


@pytest.mark.parametrize("section", SECTIONS)
def test_the_address_opens_a_section_and_keeps_it(scores, section):
    test = scores(q=DOG, view=section)
    assert test.segmented_control(key="scores-view").value == section
    assert params(test, "view") == [section]


def test_another_section_comes_into_the_address_and_the_first_leaves_it(scores):
    test = scores(q=DOG)
    test.segmented_control(key="scores-view").set_value("stability").run()
    assert params(test, "view") == ["stability"]
    test.segmented_control(key="scores-view").set_value("distribution").run()
    assert params(test, "view") == []


def test_what_the_address_says_that_there_is_not_is_passed_over(scores):
    test = scores(q=DOG, view="nonsense", by="nothing", at_score="high")
    assert test.segmented_control(key="scores-view").value == "distribution"
    assert "The score asked for" not in words(test)


@pytest.mark.parametrize("section", SECTIONS)
def test_without_a_query_there_is_a_sentence_and_something_to_try(scores, section):
    test = scores(view=section)
    assert "Nothing ranks the pictures yet" in said(test)
    assert charts(test) == 0
    test.button(key=f"example: {DOG}").click().run()
    assert f"**{DOG}** · 24 of 440 pictures" in words(test)
    assert "Nothing ranks" not in said(test)


def test_a_score_asked_for_stands_in_the_table_and_the_address(scores):
    test = scores(q=DOG)
    test.number_input(key="scores-at").set_value(0.25).run()
    assert params(test, "at_score") == ["0.2500"]
    row = next(line for line in words(test).splitlines() if "The score asked for" in line)
    found = test.session_state[keys.VIEW]
    assert found.query.cut.kind == "top"  # asking moves nothing
    assert "0.2500" in row
    next(button for button in test.button if button.label == "Clear").click().run()
    assert params(test, "at_score") == []
    assert "The score asked for" not in words(test)


def test_the_cut_moves_to_the_score_asked_for(scores):
    test = scores(q=DOG, at_score="0.25")
    next(button for button in test.button if button.label == "Move the cut here").click().run()
    assert (cut_of(test).kind, cut_of(test).value) == ("score", 0.25)
    assert params(test, "score") == ["0.25"]


def test_filters_are_a_group_of_their_own(scores):
    test = scores(**{"q": DOG, "with": "dog"})
    assert "that pass the filters" in words(test)


def test_equal_scores_are_said_instead_of_drawn(scores):
    test = scores(**{"q": "dog", "not": "dog", "mode": "any"})
    assert "All scores are the same" in said(test)
    assert charts(test) == 0


def test_an_empty_subset_is_said_in_the_title(scores):
    test = scores(q=DOG, score="0.99")
    assert "No picture is in the subset" in words(test)


@pytest.mark.parametrize(("by", "n_charts"), [("category", 2), ("word", 2), ("instances", 1)])
def test_scores_come_by_category_word_and_number_of_instances(scores, by, n_charts):
    test = scores(q=DOG, view="categories", by=by)
    assert charts(test) == n_charts


def test_all_rows_are_shown_when_they_are_asked_for(scores):
    test = scores(q=DOG, view="categories")
    test.toggle(key="scores-rows").set_value(True).run()
    assert params(test, "rows") == ["all"]


def add(test: AppTest, text: str) -> AppTest:
    box = next(one for one in test.text_input if one.label == "Compare with another text")
    return box.set_value(text).run()


def test_queries_are_added_named_and_removed_in_the_address(scores):
    test = add(add(scores(q=DOG, view="queries"), "a dog"), "a beach")
    assert params(test, "also") == ["a dog", "a beach"]
    assert charts(test) == 3
    test.text_input(key="scores-name-1").set_value("sand").run()
    assert params(test, "named") == ["a dog", "sand"]
    test.button(key="scores-remove-0").click().run()
    assert params(test, "also") == ["a beach"]
    assert test.text_input(key="scores-name-0").value == "sand"
    test.button(key="scores-remove-0").click().run()
    assert params(test, "also") == []
    assert params(test, "named") == []
    assert charts(test) == 1


def test_two_queries_of_one_name_are_told_apart(scores):
    test = scores(q=DOG, view="queries", also=[DOG, "a dog"], named=["x", "x"])
    assert charts(test) == 3


@pytest.mark.parametrize("text", ["x" * 200, "y " * 600])
def test_a_text_that_cannot_be_asked_is_said_and_the_others_stay(scores, text):
    test = scores(q=DOG, view="queries", also=["a dog", text])
    assert "Expected" in words(test)
    assert charts(test) == 3
    test = add(scores(q=DOG, view="queries"), text)
    assert "Expected" in words(test)
    assert params(test, "also") == []


def test_a_text_with_marks_does_nothing_but_stand_there(scores):
    text = '"]) + <b>*a* | [dog](x) & $1$'
    test = scores(q=DOG, view="queries", also=[text])
    assert params(test, "also") == [text]
    assert charts(test) == 3


def test_stability_needs_a_text(scores):
    assert "no text" in said(scores(image="42", view="stability"))


def test_stability_needs_a_subset(scores):
    assert "subset is empty" in said(scores(q=DOG, score="0.99", view="stability"))


def test_a_subset_that_hangs_on_the_phrasing_is_warned_of(small_scores):
    # Random weights: each wording gives another order.
    test = small_scores("boxed", "the red square", view="stability", k="3")
    assert "hangs on the phrasing" in words(test)
    test = small_scores("boxed", "the red square", view="stability", k="12")
    assert "hangs on the phrasing" not in words(test)


def test_pictures_that_every_phrasing_finds_open_on_search(scores):
    test = scores(q=DOG, view="stability")
    door = next(button for button in test.button if "every phrasing" in button.label)
    number = int(door.label.split()[2])
    door.click().run()
    query = test.session_state[keys.VIEW].query
    assert len(query.filters.only) == number
    assert query == replace(query, parts=(Part("text", DOG),))


@pytest.mark.parametrize("section", SECTIONS)
def test_one_picture_is_enough_for_each_section(small_scores, section):
    small_scores("one", view=section)


def test_of_one_picture_there_is_no_spread(small_scores):
    test = small_scores("one")
    assert "All scores are the same" in said(test)
    assert charts(test) == 0


@pytest.mark.parametrize(
    ("dataset", "by", "sentence"),
    [
        ("told", "category", "has no instances"),
        ("told", "instances", "has no instances"),
        ("boxed", "word", "has no captions"),
        ("one", "word", "No word is in the captions of 10 pictures"),
    ],
)
def test_what_a_dataset_lacks_is_said(small_scores, dataset, by, sentence):
    test = small_scores(dataset, view="categories", by=by)
    assert sentence in said(test)
    assert charts(test) == 0
