"""The page Quality: what it offers, what it shows, and data that has little to measure."""

import shutil
import threading
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.errors import WorkerError
from core.library import Library
from core.progress import Cancelled
from core.quality.runs import Runs
from core.quality.work import measure_apart, measured
from core.settings import Settings
from pages.shared.quality import making
from tests.conftest import run_core, write_tiny_dataset
from tests.pages.screen import page, words

FIGURES = "Captions find their picture"


@pytest.fixture(scope="module")
def home(tmp_path_factory, tiny_model_folder) -> Path:
    """Datasets with all, of one picture, without instances, without captions; two models and one
    that has no embeddings."""
    home = tmp_path_factory.mktemp("home")
    for name in ("tiny", "twin", "bare"):
        shutil.copytree(tiny_model_folder, home / "models" / name)
    for name, n, without in (
        ("all", 12, ""),
        ("one", 1, ""),
        ("told", 12, "instances"),
        ("boxed", 12, "captions"),
    ):
        folder = home / "data" / name
        write_tiny_dataset(folder, n)
        manifest = folder / "dataset.toml"
        lines = manifest.read_text().splitlines()
        kept = [line for line in lines if not without or not line.startswith(f"{without} =")]
        manifest.write_text("\n".join(kept) + "\n")
        for model in ("tiny", "twin") if name == "all" else ("tiny",):
            done = run_core("embed", "--dataset", name, "--model", model, home=home)
            assert done.exit_code == 0, done.stderr
    return home


@pytest.fixture
def settings(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """What the app runs with: a cache of the test's own, in which nothing was measured."""
    monkeypatch.setenv("COCOSIFT_HOME", str(home))
    monkeypatch.setenv("COCOSIFT_CACHE", str(tmp_path))
    database = f"sqlite:///{tmp_path / 'jobs.sqlite3'}"
    monkeypatch.setenv("COCOSIFT_DATABASE_URL", database)
    st.cache_resource.clear()
    yield Settings(home=home, cache=tmp_path, database_url=database)
    st.cache_resource.clear()


def measure(settings: Settings, dataset: str, model: str = "tiny") -> None:
    measured(Library(settings).dataset(dataset, model))


def at_once(task, arguments, *, settings, progress, cancelled) -> str:
    """The work of the other process, in this one."""
    return measure_apart(settings, arguments, progress)


def with_runs(monkeypatch: pytest.MonkeyPatch, settings: Settings, run) -> None:
    """Have the page's measurements made by `run`."""
    runs = Runs(settings, run)
    monkeypatch.setattr(making, "shared_runs", lambda settings: runs)


def finish() -> None:
    """Wait until no measurement is under way."""
    for thread in threading.enumerate():
        if thread.name == "measurement":
            thread.join()


def shown(test: AppTest) -> str:
    return words(test) + unescape("\n".join(one.value for one in test.html))


def charts(test: AppTest) -> int:
    return len(test.get("vega_lite_chart"))


def test_what_was_not_measured_is_offered(settings):
    test = page("quality", dataset="all", model="tiny")
    assert not test.exception
    assert "has not been measured on all 12 captioned pictures" in words(test)
    assert test.button(key="measure-tiny").label == "Measure"
    assert charts(test) == 0


def test_a_click_measures_and_the_figures_come(settings, monkeypatch):
    with_runs(monkeypatch, settings, at_once)
    test = page("quality", dataset="all", model="tiny")
    test.button(key="measure-tiny").click().run()
    finish()
    test.run()
    assert FIGURES in shown(test)
    assert charts(test) >= 3


def test_what_was_measured_is_shown_at_once(settings):
    measure(settings, "all")
    test = page("quality", dataset="all", model="tiny")
    assert not test.exception
    said = shown(test)
    for part in (FIGURES, "Recall at 10", "Mean average precision", "Hardest captions"):
        assert part in said
    assert not [button for button in test.button if button.label == "Measure"]


def test_a_killed_worker_is_said_and_can_be_started_again(settings, monkeypatch):
    def killed(*_, **__):
        raise WorkerError("The process that did this work was ended from outside.")

    with_runs(monkeypatch, settings, killed)
    test = page("quality", dataset="all", model="tiny")
    test.button(key="measure-tiny").click().run()
    finish()
    test.run()
    assert "ended from outside" in words(test)
    assert test.button(key="measure-tiny")


def test_what_was_stopped_says_that_it_goes_on(settings, monkeypatch):
    def stopped(*_, **__):
        raise Cancelled

    with_runs(monkeypatch, settings, stopped)
    test = page("quality", dataset="all", model="tiny")
    test.button(key="measure-tiny").click().run()
    finish()
    test.run()
    assert "it goes on from there" in words(test)


def test_a_second_model_stands_beside_the_first(settings):
    measure(settings, "all")
    measure(settings, "all", "twin")
    test = page("quality", dataset="all", model="tiny", other="twin")
    assert not test.exception
    assert "twin: " in shown(test)
    assert test.selectbox(key="quality-other").value == "twin"


def test_a_second_model_that_was_not_measured_is_offered_beside_the_figures(settings):
    measure(settings, "all")
    test = page("quality", dataset="all", model="tiny", other="twin")
    assert FIGURES in shown(test)
    assert test.button(key="measure-twin")


def test_a_model_without_embeddings_is_named_with_the_command(settings):
    test = page("quality", dataset="all", model="tiny")
    commands = [block.value for block in test.code]
    assert commands == ["python -m core embed --dataset all --model bare"]


def test_a_second_model_that_is_not_here_is_named(settings):
    test = page("quality", dataset="all", model="tiny", other="nobody", sample="many")
    assert not test.exception
    assert "no model nobody" in words(test)


def test_without_captions_there_is_a_sentence_and_the_categories(settings):
    measure(settings, "boxed")
    test = page("quality", dataset="boxed", model="tiny")
    assert not test.exception
    assert any("has no captions" in one.value for one in test.info)
    assert "Mean average precision" in shown(test)
    assert FIGURES not in shown(test)


def test_without_instances_there_is_a_sentence_and_the_recall(settings):
    measure(settings, "told")
    test = page("quality", dataset="told", model="tiny")
    assert not test.exception
    assert any("has no instances" in one.value for one in test.info)
    assert FIGURES in shown(test)


def test_one_picture_alone_is_always_found(settings):
    measure(settings, "one")
    test = page("quality", dataset="one", model="tiny")
    assert not test.exception
    said = shown(test)
    assert "100.0%" in said
    assert "Every caption finds its own picture first" in said
    assert any("five pictures" in one.value for one in test.info)


def test_which_way_and_how_many_stand_in_the_address(settings):
    measure(settings, "all")
    test = page("quality", dataset="all", model="tiny", way="pictures", at="5")
    assert test.button_group(key="quality-way").value == "pictures"
    assert test.button_group(key="quality-at").value == "5"
