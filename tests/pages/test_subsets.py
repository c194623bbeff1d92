"""The catalogue's page as a script: what it lists, what can be done, and what the address says."""

import json
import re
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs
from zipfile import ZipFile

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import open_library
from core.catalogue import Catalogue, CategoryCount, Entry, LicenceCount, shared_catalogue
from core.recipe import to_json
from core.replay import recipe_of
from pages.shared import resources
from pages.shared.moments import ago
from pages.shared.subsets_face import Here, face
from tests.pages.screen import page, words

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def catalogue(tmp_path, monkeypatch):
    """An empty catalogue of the test's own, which the app is made to open."""
    monkeypatch.setenv("COCOSIFT_DATABASE_URL", f"sqlite:///{tmp_path / 'catalogue.sqlite3'}")
    monkeypatch.setenv("COCOSIFT_CACHE", str(tmp_path / "cache"))
    st.cache_resource.clear()
    st.cache_data.clear()
    library = open_library()
    yield shared_catalogue(library.settings, library)
    st.cache_resource.clear()
    st.cache_data.clear()


def save(
    catalogue: Catalogue, text: str = "a dog", picks: int | None = None, top_k: int = 12, **more
) -> Entry:
    found = open_library().dataset("demo", "demo").search(text, top_k=top_k)
    chosen = found.image_ids.tolist()[:picks] if picks else found.image_ids.tolist()
    return catalogue.save(recipe_of(found.choose(chosen)), **more)


def titles(test: AppTest) -> list[str]:
    return [one.label for one in test.button if (one.key or "").startswith("open-subset-")]


def markup(test: AppTest) -> str:
    return "\n".join(one.value for one in test.html)


def said(test: AppTest) -> str:
    texts = (one.value for one in (*test.success, *test.error, *test.warning, *test.info))
    return "\n".join(texts).replace("\\", "")


def test_an_empty_catalogue_says_what_will_be_there():
    test = page("subsets")
    assert not test.exception
    assert "No subset is saved yet" in words(test)


def test_an_entry_shows_what_it_is(catalogue):
    entry = save(catalogue, name="Good dogs", note="Two lines\nof it", tags=["dogs"], who="Ann")
    shown = markup(page("subsets"))
    for text in ("12 pictures", "Ann", "just now", "a dog", "of it", "dogs", "saved without a ZIP"):
        assert text in shown
    for image_id in entry.thumbnails:
        assert f"/images/{image_id}/thumbnail" in shown
    assert entry.categories[0].name in shown
    assert "may be used commercially" in shown


def test_what_people_type_is_text_and_never_markup():
    hurt = "<img src=x onerror=alert(1)>"
    entry = Entry(
        1, 1, hurt, hurt, (hurt,), hurt, NOW, hurt, NOW, hurt, "hand", hurt, "0" * 64, hurt, 3,
        (CategoryCount(hurt, 1, 1),), (LicenceCount(1, hurt, hurt, 3),), (1, 2), None,
    )  # fmt: skip
    here = Here("/api/datasets/demo", "12345678", {})
    shown = face(entry, here, f"/?q={hurt}", NOW, None)
    assert "<img src=x" not in shown
    assert shown.count("&lt;img src=x onerror=alert(1)&gt;") >= 7


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3_599, "59 minutes ago"),
        (7_300, "2 hours ago"),
        (3 * 86_400, "3 days ago"),
        (30 * 86_400, "on 25 Oct 2026"),
    ],
)
def test_a_time_is_said_as_people_say_it(seconds, text):
    assert ago(NOW - timedelta(seconds=seconds), NOW) == text


def test_search_tag_and_sort_are_in_the_address_and_back(catalogue):
    save(catalogue, name="Beach", tags=["water"])
    save(catalogue, "cars", name="Cars", tags=["night"], top_k=20)
    save(catalogue, "a boat", name="Boats", tags=["water"])
    test = page("subsets")
    assert titles(test) == ["Boats", "Cars", "Beach"]
    test.selectbox(key="subsets-tag").select("water").run()
    assert titles(test) == ["Boats", "Beach"]
    test.selectbox(key="subsets-sort").select("name").run()
    assert titles(test) == ["Beach", "Boats"]
    test.text_input(key="subsets-find").set_value("boa").run()
    assert titles(test) == ["Boats"]
    assert test.query_params == {"find": "boa", "tag": "water", "sort": "name"}
    again = page("subsets", **test.query_params)
    assert titles(again) == ["Boats"]
    assert again.text_input(key="subsets-find").value == "boa"


def test_what_fits_nothing_offers_the_way_out(catalogue):
    save(catalogue, name="Beach")
    test = page("subsets", find="zebra crossing")
    assert "No subset fits" in words(test)
    test.button(key="show-all-subsets").click().run()
    assert titles(test) == ["Beach"]


def test_long_lists_come_in_pages(catalogue):
    for number in range(12):
        save(catalogue, name=f"Subset {number:02}", top_k=2)
    test = page("subsets", sort="name")
    assert len(titles(test)) == 10
    test.pagination(key="subsets-page").set_value(2).run()
    assert titles(test) == ["Subset 10", "Subset 11"]
    assert test.query_params["page"] == "2"


@pytest.mark.parametrize(
    "address",
    [
        "page=99&sort=beauty&entry=none&compare=1",
        "page=-1&compare=1,x&deleted=perhaps",
        "entry=999999999999999999999&page=0",
    ],
)
def test_an_address_that_makes_no_sense_shows_the_list(catalogue, address):
    save(catalogue, name="Beach")
    test = page("subsets", address)
    assert not test.exception
    assert not test.error


def test_an_entry_that_is_not_there_is_said(catalogue):
    test = page("subsets", entry="77")
    assert "There is no subset number 77" in said(test)


def test_name_note_and_tags_are_changed(catalogue):
    entry = save(catalogue, name="Beach")
    test = page("subsets")
    test.button(key=f"open-subset-{entry.id}").click().run()
    assert test.query_params["entry"] == str(entry.id)
    form = f"form-subset-{entry.id}"
    test.text_input(key=f"{form}-name").set_value("Sea")
    test.text_area(key=f"{form}-note").set_value("Calm water")
    test.multiselect(key=f"{form}-tags").set_value(["blue"])
    test.button(key=f"{form}-save").click().run()
    assert not test.exception
    changed = catalogue.get(entry.id)
    assert (changed.name, changed.note, changed.tags) == ("Sea", "Calm water", ("blue",))
    assert titles(test) == ["Sea"]


def test_who_is_slower_is_told_and_keeps_what_they_typed(catalogue):
    entry = save(catalogue, name="Beach")
    test = page("subsets", entry=str(entry.id))
    catalogue.rename(entry.id, entry.version, "Coast", who="Ben")
    form = f"form-subset-{entry.id}"
    test.text_input(key=f"{form}-name").set_value("Shore")
    test.button(key=f"{form}-save").click().run()
    assert "was changed since you opened it: Ben changed the name" in said(test)
    assert catalogue.get(entry.id).name == "Coast"
    assert test.text_input(key=f"{form}-name").value == "Shore"
    test.button(key=f"{form}-save").click().run()
    assert catalogue.get(entry.id).name == "Shore"


def test_a_form_that_was_left_open_takes_back_no_colleagues_change(catalogue):
    entry = save(catalogue, name="Beach")
    test = page("subsets", entry=str(entry.id))
    catalogue.rename(entry.id, entry.version, "Coast", who="Ben")
    test.run()
    test.text_area(key=f"form-subset-{entry.id}-note").set_value("Calm")
    test.button(key=f"form-subset-{entry.id}-save").click().run()
    assert "Ben changed the name" in said(test)
    assert catalogue.get(entry.id).name == "Coast"


@pytest.mark.parametrize("name", ["", "   "])
def test_a_name_that_cannot_be_is_refused_in_words(catalogue, name):
    entry = save(catalogue, name="Beach")
    test = page("subsets", entry=str(entry.id))
    test.text_input(key=f"form-subset-{entry.id}-name").set_value(name)
    test.button(key=f"form-subset-{entry.id}-save").click().run()
    assert not test.exception
    assert "Expected a name" in said(test)
    assert catalogue.get(entry.id).name == "Beach"


def test_delete_can_be_undone_at_once_and_from_the_list_of_the_deleted(catalogue):
    entry = save(catalogue, name="Beach")
    test = page("subsets")
    test.menu_button(key=f"more-subset-{entry.id}").click("delete").run()
    assert "Deleted “Beach”" in said(test)
    assert titles(test) == []
    test.button(key="undo-delete").click().run()
    assert titles(test) == ["Beach"]
    test.menu_button(key=f"more-subset-{entry.id}").click("delete").run()
    test.button(key="subsets-deleted").click().run()
    assert titles(test) == ["Beach"]
    test.button(key=f"restore-subset-{entry.id}").click().run()
    assert catalogue.get(entry.id).deleted_at is None


def test_what_a_colleague_deleted_meanwhile_is_said(catalogue):
    entry = save(catalogue, name="Beach")
    test = page("subsets")
    catalogue.delete(entry.id, entry.version, who="Ben")
    test.button(key=f"pack-subset-{entry.id}").click().run()
    assert not test.exception
    assert titles(test) == []


def test_a_replay_says_that_it_is_identical(catalogue):
    entry = save(catalogue)
    test = page("subsets")
    test.menu_button(key=f"more-subset-{entry.id}").click("replay").run()
    assert "Identical: the same 12 pictures" in said(test)


def test_a_replay_says_which_differences(catalogue):
    found = open_library().dataset("demo", "demo").search("a dog", top_k=4)
    recipe = recipe_of(found.choose(found.image_ids.tolist()))
    entry = catalogue.save(replace(recipe, image_ids=(*recipe.image_ids[:3], 123456)))
    test = page("subsets")
    test.menu_button(key=f"more-subset-{entry.id}").click("replay").run()
    assert "Not the same" in said(test)
    assert "Picture 123456" in said(test)


@pytest.mark.parametrize(
    ("operation", "count"), [("union", 12), ("intersection", 4), ("difference", 8)]
)
def test_chosen_subsets_become_a_new_one(catalogue, operation, count):
    first, second = save(catalogue, name="All"), save(catalogue, name="Best", picks=4)
    test = page("subsets")
    for entry in (first, second):
        test.checkbox(key=f"choose-subset-{entry.id}").check().run()
    assert "2 subsets chosen" in words(test)
    test.session_state["combine-operation"] = operation
    test.session_state["combine-name"] = "Together"
    test.button(key="combine-subsets").click().run()
    assert f"{count} pictures" in words(test)
    test.button(key="combine-save").click().run()
    made = catalogue.list(sort="new").entries[0]
    assert (made.name, made.count, made.origin) == ("Together", count, "combination")
    assert catalogue.recipe(made.id).origin.operation == operation


def test_a_difference_takes_from_the_one_that_is_named(catalogue):
    small, large = save(catalogue, name="Best", picks=4), save(catalogue, name="All")
    test = page("subsets")
    for entry in (small, large):
        test.checkbox(key=f"choose-subset-{entry.id}").check().run()
    test.session_state["combine-operation"] = "difference"
    test.button(key="combine-subsets").click().run()
    assert "has no picture" in said(test)
    test.session_state["combine-first"] = large.id
    test.button(key="combine-subsets").click().run()
    test.button(key="combine-save").click().run()
    assert catalogue.list(sort="new").entries[0].count == 8


def test_two_are_compared_and_a_part_is_saved(catalogue):
    first, second = save(catalogue, name="All"), save(catalogue, name="Best", picks=4)
    test = page("subsets")
    for entry in (first, second):
        test.checkbox(key=f"choose-subset-{entry.id}").check().run()
    test.button(key="compare-subsets").click().run()
    assert test.query_params["compare"] == f"{first.id},{second.id}"
    choice = test.segmented_control(key="compare-pictures")
    assert [label.replace("\\", "") for label in choice.options] == [
        "Only “All” · 8",
        "Both “All” and “Best” · 4",
        "Only “Best” · 0",
    ]
    choice.set_value("second").run()
    assert test.query_params["pictures"] == "second"
    assert "there is no such picture" in words(test)
    test.segmented_control(key="compare-pictures").set_value("first").run()
    test.button(key="compare-save").click().run()
    assert catalogue.list(sort="new").entries[0].count == 8
    assert not {"compare", "pictures"} & set(test.query_params)


def test_a_comparison_leads_to_the_two_side_by_side(catalogue):
    first, second = save(catalogue, name="All"), save(catalogue, name="Best", picks=4)
    test = page("subsets", compare=f"{first.id},{second.id}")
    link = re.search(r'href="/categories\?([^"]+)"', markup(test)).group(1)
    assert parse_qs(unescape(link)) == {
        "dataset": ["demo"],
        "view": ["compare"],
        "subset": [str(first.id), str(second.id)],
    }


def test_subsets_of_different_datasets_are_not_compared(catalogue):
    one = save(catalogue)
    recipe = json.loads(to_json(catalogue.recipe(one.id)))
    recipe["dataset"]["name"] = "elsewhere"
    other = catalogue.import_recipe(json.dumps(recipe).encode(), name="Foreign")
    test = page("subsets")
    assert "Its dataset is not on this instance" in markup(test)
    for entry in (one, other):
        test.checkbox(key=f"choose-subset-{entry.id}").check().run()
    assert test.button(key="compare-subsets").disabled
    assert test.button(key="combine-subsets").disabled
    said_of = page("subsets", compare=f"{one.id},{other.id}")
    assert "Expected two subsets of one dataset" in said(said_of)


def test_a_recipe_of_a_colleague_is_imported(catalogue):
    entry = save(catalogue, name="Mine")
    content = to_json(catalogue.recipe(entry.id))
    test = page("subsets")
    test.file_uploader(key="subsets-import-0").set_value(
        ("recipe.json", content, "application/json")
    )
    test.run()
    assert "Imported" in said(test)
    made = catalogue.list(sort="new").entries[0]
    assert (made.id != entry.id, made.count) == (True, entry.count)
    assert test.query_params["entry"] == str(made.id)


def test_a_package_of_a_colleague_is_imported_with_its_size(catalogue, tmp_path):
    found = open_library().dataset("demo", "demo").search("a dog", top_k=3)
    path = tmp_path / "dogs.zip"
    found.export(path)
    test = page("subsets")
    upload = test.file_uploader(key="subsets-import-0")
    upload.set_value(("../../dogs.zip", path.read_bytes(), "application/zip"))
    test.run()
    assert not test.exception
    made = catalogue.list(sort="new").entries[0]
    assert made.package.n_bytes == path.stat().st_size
    assert made.package.file_name == "dogs.zip"


@pytest.mark.parametrize("content", [b"", b"{}", b"PK\x03\x04 cut short"], ids=repr)
def test_what_is_no_recipe_is_refused_in_words(catalogue, content):
    test = page("subsets")
    test.file_uploader(key="subsets-import-0").set_value(("recipe.json", content, "text/json"))
    test.run()
    assert not test.exception
    assert tempfile.gettempdir() not in said(test)
    assert test.error
    assert catalogue.list().total == 0


def test_a_download_is_made_again_and_is_the_same(catalogue):
    entry = save(catalogue, top_k=2)
    test = page("subsets")
    first = pack(test, entry)
    assert catalogue.get(entry.id).package.sha256 == first.report.sha256
    with ZipFile(first.path) as archive:
        assert {"recipe.json", "SHA256SUMS"} <= set(archive.namelist())
    resources.downloads().close()  # all that was made is cleaned up
    again = pack(page("subsets"), entry)
    assert again.report.sha256 == first.report.sha256
    assert again.note == "The same as the first package, byte for byte."


def pack(test: AppTest, entry: Entry):
    import time

    from core.downloads import State

    test.button(key=f"pack-subset-{entry.id}").click().run()
    assert not test.exception
    token = test.session_state["packages of subsets"][entry.id]
    deadline = time.monotonic() + 20
    while (download := resources.downloads().get(token)).state is State.PREPARING:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert download.state is State.READY, download.error
    return download


def test_a_folder_that_cannot_hold_the_catalogue_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("COCOSIFT_DATABASE_URL", f"sqlite:///{tmp_path / 'file' / 'c.sqlite3'}")
    st.cache_resource.clear()
    test = page("subsets")
    assert not test.exception
    assert test.error


def test_pictures_that_a_package_would_lack_are_named_first(catalogue, tmp_path, monkeypatch):
    import shutil

    from core.settings import PROJECT_ROOT

    entry = save(catalogue, top_k=3)
    home = tmp_path / "home"
    for name in ("data", "models", "embeddings"):
        shutil.copytree(PROJECT_ROOT / name / "demo", home / name / "demo")
    monkeypatch.setenv("COCOSIFT_HOME", str(home))
    st.cache_resource.clear()
    names = resources.library().coco("demo").images
    row = names.rows_of([entry.thumbnails[1]])
    Path(next(home.glob(f"data/demo/**/{names.file_names.take(row)[0]}"))).unlink()
    test = page("subsets")
    test.button(key=f"pack-subset-{entry.id}").click().run()
    assert "1 of 3 pictures cannot be had" in said(test)
    test.button(key=f"go-on-subset-{entry.id}").click().run()
    assert entry.id in test.session_state["packages of subsets"]
