"""Sections Calibration and Human check: what is chosen, what the address has, what is said."""

import json
import shutil
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.replay import recipe_of
from core.settings import PROJECT_ROOT
from core.subset import Subset
from pages.shared import keys, resources
from tests.conftest import run_core, write_tiny_dataset
from tests.pages.screen import page, words

DOG = "a dog on a beach"


@pytest.fixture(autouse=True)
def own_caches():
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def home(monkeypatch, tmp_path):
    """Set the home folder of the app, with a cache and a catalogue of the test's own."""

    def set_home(folder: Path) -> None:
        monkeypatch.setenv("COCOSIFT_HOME", str(folder))
        monkeypatch.setenv("COCOSIFT_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("COCOSIFT_DATABASE_URL", f"sqlite:///{tmp_path / 'saved.sqlite3'}")
        st.cache_resource.clear()

    set_home(PROJECT_ROOT)
    return set_home


@pytest.fixture(scope="module")
def bare_home(tmp_path_factory, tiny_model_folder) -> Path:
    """A home with one dataset that has neither an instance nor a caption."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(tiny_model_folder, folder / "models" / "tiny")
    bare = folder / "data" / "bare"
    write_tiny_dataset(bare)
    instances = next((bare / "annotations").glob("instances*.json"))
    document = json.loads(instances.read_text()) | {"annotations": []}
    instances.write_text(json.dumps(document))
    manifest = bare / "dataset.toml"
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join(one for one in lines if not one.startswith("captions =")) + "\n")
    assert run_core("embed", "--dataset", "bare", "--model", "tiny", home=folder).exit_code == 0
    return folder


def calibration(query: str = DOG, **params) -> AppTest:
    test = page("scores", view="calibration", q=query, **params)
    assert not test.exception
    return test


def press(test: AppTest, label: str) -> AppTest:
    next(one for one in test.button if label in one.label).click()
    return test.run()


def params(test: AppTest, name: str) -> list[str]:
    """All values of a parameter of the address."""
    values = test.query_params.get(name, [])
    return [values] if isinstance(values, str) else list(values)


def told(test: AppTest) -> str:
    return words(test) + "\n".join(str(one.value) for one in test.info)


def test_a_suggestion_is_taken_by_a_click_and_stands_in_the_address(home):
    test = calibration()
    assert "Average precision" not in told(test)
    press(test, 'caption has "beach"')
    assert [params(test, name) for name in ("label", "label_words")] == [["dog"], ["beach"]]
    assert "Average precision" in told(test)
    assert "8 of them right" in told(test)


def test_any_and_all_are_told_apart(home):
    both = calibration(label="dog", label_words="beach")
    either = calibration(label="dog", label_words="beach", label_join="any")
    assert 'dog and caption has "beach"' in told(both).replace("\\", "")
    assert 'dog or caption has "beach"' in told(either).replace("\\", "")


def test_the_cut_moves_to_what_is_suggested(home):
    test = calibration(label="dog", wish="f1")
    press(test, "Move the cut")
    cut = test.session_state[keys.VIEW].query.cut
    assert (cut.kind, params(test, "score")) == ("score", [f"{cut.value:g}"])
    assert f"Above {cut.value:.2f}" in told(test).replace("\\", "")


def test_a_precision_that_no_threshold_reaches_is_said(home):
    test = calibration("a kitchen", label="boat", at_least="100")
    assert "No threshold reaches 100%" in told(test)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"label": "dog", "without": "dog"}, "None of the"),
        ({"label": "dog", "with": "dog"}, "ranked have these labels"),
        ({"label": "dgo"}, "The nearest that it has"),
        ({"label_words": '"beach'}, 'closing "'),
        ({"label_words": "-beach"}, "with a dash before it"),
        ({"label_subset": "99"}, "No subset of demo is saved"),
    ],
    ids=["none right", "each right", "no category", "a quote", "a dash", "no subset"],
)
def test_labels_that_tell_nothing_are_said_and_nothing_is_drawn(home, params, said):
    test = calibration(**params)
    errors = "\n".join(str(one.value) for one in test.error)
    assert said in (told(test) + errors).replace("\\", "")
    assert "Average precision" not in told(test)


def test_a_dataset_without_any_label_is_said(home, bare_home):
    home(bare_home)
    assert "No label fits" in told(calibration("a dog"))


def test_a_saved_subset_serves_as_the_truth(home):
    dataset = resources.library().dataset("demo")
    by_hand = Subset.of_ids(dataset, dataset.search(category="dog").image_ids.tolist())
    entry = resources.catalogue().save(recipe_of(by_hand), name="Dogs")
    test = calibration(label_subset=str(entry.id))
    assert "Average precision" in told(test)
    assert "in “Dogs”" in told(test).replace("\\", "")
    assert "came from the same query" not in told(test)


def test_a_subset_of_the_same_query_is_warned_of(home):
    found = resources.library().dataset("demo").search(DOG, top_k=30)
    entry = resources.catalogue().save(recipe_of(Subset.found(found)))
    assert "came from the same query" in told(calibration(label_subset=str(entry.id)))


class TestTheHumanCheck:
    def test_says_that_nothing_was_found(self, home):
        test = page("scores", view="check", q=DOG, score="5")
        assert "The result is empty" in told(test)

    def test_says_when_there_are_fewer_pictures(self, home):
        test = page("scores", view="check", q=DOG, k="1")
        assert "only 2 pictures to look at" in told(test)

    @pytest.mark.parametrize("size", ["0", "x", "99999999999"])
    def test_takes_the_nearest_size_for_one_that_cannot_be(self, home, size):
        test = page("scores", view="check", q=DOG, sample=size, sample_seed="-3")
        assert not test.exception
        assert not test.error

    def test_draws_another_sample_by_its_number_in_the_address(self, home):
        test = page("scores", view="check", q=DOG)
        press(test, "Draw another sample")
        assert int(params(test, "sample_seed")[0]) > 0
