"""The human check in a real browser: by keys, by the mouse, by two people, and what is saved."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_accessibility import complaints
from tests.browser.test_subsets import options

DOG = "q=a+dog+on+a+beach"
CHECK = f"/scores?{DOG}&view=check&sample=20"


@pytest.fixture(scope="module")
def server(start_server):
    """A server of this module's own, so that its catalogue holds what these tests save."""
    from tests.browser.conftest import ROOT

    return start_server(ROOT)


@pytest.fixture
def check(server, open_page) -> Page:
    page = open_page(server.url + CHECK)
    expect(page.get_by_text("Picture 1 of 20")).to_be_visible()
    return page


def source(page: Page) -> str:
    return page.get_by_role("img", name=re.compile(r"^Picture \d+$")).get_attribute("src")


def press(page: Page, keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_keys_answer_and_what_follows_is_told(check):
    first = source(check)
    press(check, "yyn")
    expect(check.get_by_text("Picture 4 of 20")).to_be_visible()
    assert source(check) != first
    expect(check.get_by_text("n = 3 pictures looked at")).to_be_visible()
    expect(check.get_by_text(re.compile(r"of the 24 above the cut are right \("))).to_be_visible()


def test_one_goes_back_and_changes_an_answer(check):
    first = source(check)
    press(check, "n")
    check.keyboard.press("ArrowLeft")
    assert source(check) == first
    no = check.get_by_role("button", name=re.compile("^No"))
    expect(no).to_have_attribute("aria-pressed", "true")
    press(check, "u")
    expect(check.get_by_text("All answers are unsure so far")).to_be_visible()


def test_the_mouse_does_what_the_keys_do(check):
    for name in ("Yes", "Unsure", "Back"):
        check.get_by_role("button", name=re.compile(f"^{name}")).click()
    expect(check.get_by_text("Picture 2 of 20")).to_be_visible()
    expect(check.get_by_text("n = 2 pictures looked at, 1 of them unsure")).to_be_visible()


def test_no_key_answers_while_a_person_types(check):
    # The choice of the dataset is a text box; what is typed there is for it.
    check.get_by_role("combobox", name=re.compile("Dataset")).click()
    press(check, "yn")
    check.keyboard.press("Escape")
    expect(check.get_by_text("Picture 1 of 20")).to_be_visible()


def test_answers_outlive_a_reload_and_are_nobody_elses(check, server, open_page):
    press(check, "ynyn")
    expect(check.get_by_text("n = 4 pictures looked at")).to_be_visible()
    check.reload()
    expect(check.get_by_text("Picture 5 of 20")).to_be_visible()
    expect(check.get_by_text("n = 4 pictures looked at")).to_be_visible()
    other = open_page(server.url + CHECK)
    expect(other.get_by_text("Picture 1 of 20")).to_be_visible()
    expect(other.get_by_text("Look at the pictures, and it is said here")).to_be_visible()
    # The same sample, though: its number stands in the address.
    other.keyboard.press("y")
    assert source(other) != source(check)
    press(other, "yyy")
    expect(other.get_by_text("Picture 5 of 20")).to_be_visible()
    assert source(other) == source(check)


def test_a_saved_subset_carries_the_check(check, tmp_path):
    press(check, "y" * 20)
    expect(check.get_by_text("All 20 looked at")).to_be_visible()
    expect(check.get_by_text("n = 20 pictures looked at")).to_be_visible()
    check.get_by_role("link", name="Search", exact=True).click()
    expect(check.locator(".tile")).to_have_count(24)
    options(check).get_by_role("button", name="Save without a download").click()
    check.get_by_role("link", name=re.compile("^Saved as")).click()
    expect(check.get_by_text(re.compile(r"checked by hand: 100% right")).first).to_be_visible()
    expect(check.get_by_text("Somebody checked a sample by hand")).to_be_visible()
    with check.expect_download() as download:
        check.get_by_role("button", name="Save recipe.json").click()
    recipe = json.loads(Path(download.value.path()).read_text())
    assert recipe["check"]["precision"]["value"] == 1
    assert sum(len(one["yes"]) for one in recipe["check"]["strata"]) == 20


def test_it_has_no_serious_issue_in_the_dark(server, open_page):
    page = open_page(f"{server.url}{CHECK}", color_scheme="dark")
    expect(page.get_by_text("Picture 1 of 20")).to_be_visible()
    press(page, "yn")
    expect(page.get_by_text("n = 2 pictures looked at")).to_be_visible()
    assert not complaints(page)
