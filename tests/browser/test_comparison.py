"""Side by side, Balance and Audit in a real browser: marks and buttons open pictures on Search."""

import re

import pytest
from playwright.sync_api import Page, expect

QUERY = "?q=a+dog+on+a+beach"


@pytest.fixture
def open_section(demo_server, open_page):
    def open_one(view: str, more: str = "", **options) -> Page:
        return open_page(f"{demo_server.url}/categories{QUERY}&view={view}{more}", **options)

    return open_one


def tiles(page: Page) -> list[str]:
    return page.locator(".tile").evaluate_all("tiles => tiles.map(tile => tile.dataset.id)")


def test_a_mark_opens_the_pictures_it_stands_for(open_section):
    page = open_section("compare")
    chart = page.locator(".st-key-chart-side-by-side")
    # The first mark: the subset's share of the category that differs most, dog.
    expect(chart).to_contain_text("dog differs most")
    marks = page.locator(".st-key-chart-side-by-side .mark-symbol.role-mark path")
    marks.first.click(force=True)
    expect(page).to_have_url(re.compile("with=dog"))
    expect(page.locator(".tile").first).to_be_visible()
    count = page.locator(".bar .count").inner_text()
    assert count == f"{len(tiles(page))} of 440"
    assert 0 < len(tiles(page)) < 24


def test_a_suggestion_opens_and_nothing_is_changed_before(open_section):
    page = open_section("balance", "&changes=12")
    words = page.get_by_text(re.compile(r"Of 24 pictures drop \d+ and add \d+"))
    expect(words).to_be_visible()
    after = int(re.search(r"makes (\d+) pictures", words.inner_text()).group(1))
    expect(page).to_have_url(re.compile("/categories"))
    page.get_by_role("radio", name="Only add").click()
    expect(page.get_by_text("Of 24 pictures drop 0 and add 12: that makes 36")).to_be_visible()
    page.get_by_role("radio", name="Add and drop").click()
    expect(words).to_be_visible()
    page.get_by_role("button", name="Open the suggested subset on Search").click()
    expect(page.locator(".bar .count")).to_have_text(f"{after} of 440")


def test_suspects_are_a_gallery_of_their_own_and_open_on_search(open_section):
    page = open_section("audit", "&audit=bowl&suspects=mislabelled")
    expect(page.locator(".tile")).to_have_count(13)
    listed = tiles(page)
    page.locator(".tile .open").first.click()
    expect(page.locator("dialog.detail[open]")).to_contain_text("bowl")
    expect(page.get_by_role("button", name="More like this")).to_have_count(0)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Open these 13 on Search").click()
    expect(page.locator(".bar .count")).to_have_text("13 of 440")
    assert set(tiles(page)) <= set(listed)


@pytest.mark.parametrize("view", ["compare", "balance", "audit"])
def test_a_telephone_needs_no_sideways_scrolling(open_section, view):
    page = open_section(view, viewport={"width": 390, "height": 844})
    drawn = {"audit": ".tile", "balance": "svg.marks", "compare": "svg.marks"}[view]
    expect(page.locator(drawn).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
