"""The page Scores in a real browser: its address, its doors, and the score that is clicked."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

QUERY = "q=a+dog+on+a+beach"


def params(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def marks(page: Page, chart: str, kind: str):
    """The marks of one kind of a chart."""
    return page.locator(f".st-key-chart-{chart} svg.marks .mark-{kind} path")


def says(page: Page, pattern: str) -> None:
    """Wait until the address says it."""
    page.wait_for_url(re.compile(pattern))


@pytest.fixture
def open_scores(demo_server, open_page):
    """Open the page at an address, once its first chart is drawn."""

    def open_one(address: str = QUERY, **options) -> Page:
        page = open_page(f"{demo_server.url}/scores?{address}", **options)
        expect(page.locator("svg.marks").first).to_be_visible()
        return page

    return open_one


def test_a_cold_link_opens_its_section_inside_the_frame(open_scores):
    page = open_scores(f"{QUERY}&view=stability")
    expect(page.get_by_role("link", name="Subsets")).to_be_visible()
    expect(page.get_by_text("Said in other words")).to_be_visible()


def test_a_click_on_a_bar_asks_about_its_score_and_going_back_takes_it_away(open_scores):
    page = open_scores()
    marks(page, "score-histogram", "rect").nth(20).click(force=True)
    says(page, "at_score=")
    asked = float(params(page)["at_score"][0])
    expect(page.get_by_role("cell", name="The score asked for")).to_be_visible()
    expect(page.get_by_label("Where does a score stand?", exact=True)).to_have_value(f"{asked:.4f}")
    page.go_back()
    expect(page.get_by_role("cell", name="The score asked for")).to_have_count(0)


def test_a_section_is_a_step_in_the_history(open_scores):
    page = open_scores()
    page.get_by_role("radio", name="By category").click()
    says(page, "view=categories")
    page.go_back()
    expect(page.get_by_text("24 of 440 pictures score")).to_be_visible()


def test_a_category_is_a_door_to_its_pictures_on_search(open_scores):
    page = open_scores(f"{QUERY}&view=categories")
    page.locator(".st-key-chart-score-category-auc svg.marks .mark-symbol path").first.click(
        force=True
    )
    expect(page.locator(".tile").first).to_be_visible()
    says(page, "with=dog")
    assert params(page)["q"] == ["a dog on a beach"]


def test_a_query_is_added_and_a_bar_of_the_overlap_opens_what_it_counts(open_scores):
    page = open_scores(f"{QUERY}&view=queries")
    page.get_by_label("Compare with another text", exact=True).fill("a beach")
    page.keyboard.press("Enter")
    says(page, "also=a\\+beach")
    bar = marks(page, "queries-jaccard", "rect").first
    expect(bar).to_be_visible()
    title = page.locator(".st-key-chart-queries-jaccard").get_by_text("share").inner_text()
    shared = re.search(r"share ([\d,]+) of", title)[1]
    bar.click(force=True)
    expect(page.locator(".bar .count")).to_have_text(re.compile(rf"^{shared} of"))
    says(page, "only=")


def test_the_page_fits_a_telephone(open_scores):
    page = open_scores(viewport={"width": 390, "height": 844})
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide
    chart = page.locator("svg.marks").first.bounding_box()
    assert chart["y"] < 844
    assert chart["x"] + chart["width"] <= 390
