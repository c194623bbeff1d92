"""The page Quality in a real browser: measured by a click, seen by a colleague, full of doors."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_accessibility import complaints

ADDRESS = "quality?dataset=demo&model=demo"
PATIENCE_MS = 120_000


@pytest.fixture(scope="module")
def server(start_server):
    """A server of this module's own, in whose cache nothing was measured."""
    from tests.browser.conftest import ROOT

    return start_server(ROOT)


@pytest.fixture
def measured(server, open_page):
    """Open the page with its figures; the first to come has them measured."""

    def open_one(more: str = "", **options) -> Page:
        page = open_page(f"{server.url}/{ADDRESS}{more}", **options)
        button = page.get_by_role("button", name="Measure")
        figures = page.locator(".figures")
        expect(button.or_(figures).or_(page.get_by_role("progressbar")).first).to_be_visible()
        if button.is_visible():
            button.click()
        expect(figures).to_be_visible(timeout=PATIENCE_MS)
        return page

    return open_one


def marks(page: Page, chart: str):
    return page.locator(f".st-key-chart-{chart} svg.marks .mark-symbol path")


def test_one_asks_and_a_colleague_sees_it_come(server, open_page):
    first = open_page(f"{server.url}/{ADDRESS}")
    second = open_page(f"{server.url}/{ADDRESS}")
    expect(second.get_by_role("button", name="Measure")).to_be_visible()
    first.get_by_role("button", name="Measure").click()
    expect(first.get_by_role("button", name="Stop")).to_be_visible()
    second.reload()
    expect(
        second.get_by_role("button", name="Stop").or_(second.locator(".figures"))
    ).to_be_visible()
    # One goes to another page meanwhile and comes back.
    first.get_by_role("link", name="Library", exact=True).click()
    expect(first.get_by_text("This instance", exact=True)).to_be_visible()
    expect(second.locator(".figures")).to_be_visible(timeout=PATIENCE_MS)
    first.get_by_role("link", name="Quality", exact=True).click()
    expect(first.locator(".figures")).to_be_visible()


def test_the_figures_are_those_of_the_command(measured):
    page = measured()
    tiles = page.locator(".figures section").first.locator("dd b")
    assert tiles.all_inner_texts()[:3] == ["79.4%", "95.4%", "97.8%"]
    expect(page.locator("svg.marks")).to_have_count(4)


def test_a_click_on_a_category_searches_for_it(measured):
    page = measured()
    mark = marks(page, "precision-by-category").first
    mark.scroll_into_view_if_needed()
    mark.click(force=True)
    expect(page.locator(".tile").first).to_be_visible()
    page.wait_for_url(re.compile(r"q=a\+photo\+of\+an?\+"))


def test_a_click_on_a_supercategory_shows_its_pictures(measured):
    page = measured()
    marks(page, "recall-by-group-captions").nth(1).click(force=True)
    expect(page.locator(".tile").first).to_be_visible()
    page.wait_for_url(re.compile("with=super"))


def test_a_hard_caption_is_a_door_to_search(measured):
    page = measured()
    caption = page.locator(".hard-captions p a").first
    words = caption.inner_text()
    caption.click()
    expect(page.locator(".st-key-q input")).to_have_value(words)
    expect(page.locator(".tile").first).to_be_visible()


def test_what_was_missed_opens_as_a_result(measured):
    page = measured()
    page.locator(".weak-categories .row > a").first.click()
    expect(page.locator(".tile")).to_have_count(12)


def test_the_choice_stands_in_the_address_and_goes_back(measured):
    page = measured()
    page.get_by_role("radio", name="pictures → a caption").click()
    page.wait_for_url(re.compile("way=pictures"))
    expect(page.locator(".st-key-chart-recall-by-group-pictures svg.marks")).to_have_count(1)
    # The chart is there before the page has run to its end.
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.go_back()
    # For a moment the chart that goes stands beside the one that comes.
    expect(page.locator(".st-key-chart-recall-by-group-captions svg.marks")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_figures_have_no_serious_issue(measured, scheme):
    page = measured(color_scheme=scheme)
    expect(page.locator(".weak-categories img").first).to_be_visible()
    assert complaints(page) == []


def test_a_telephone_shows_the_figures_without_sideways_scrolling(measured):
    page = measured(viewport={"width": 390, "height": 844})
    expect(page.locator(".weak-categories img").first).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".figures").bounding_box()["width"] <= 390
