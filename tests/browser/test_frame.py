"""The frame stands round every page, whichever is opened first, on any screen."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

PAGES = {
    "Search": "/",
    "Scores": "/scores",
    "Categories": "/categories",
    "Subsets": "/subsets",
    "Map": "/map",
    "Quality": "/quality",
    "Library": "/library",
}
DEEP = {title: path for title, path in PAGES.items() if path != "/"}


@pytest.mark.slow
@pytest.mark.parametrize("path", DEEP.values(), ids=DEEP)
def test_a_cold_deep_link_shows_the_whole_frame(start_server, demo_copy, open_page, path):
    page = open_page(start_server(demo_copy).url + path)
    for title in PAGES:
        expect(link_to(page, title)).to_be_visible()
    expect(page).to_have_title("CocoSift")


def test_a_query_goes_along_to_other_pages_and_back(demo_server, open_page):
    page = open_page(f"{demo_server.url}/?q=a+dog&k=12")
    expect(page.locator(".tile")).to_have_count(12)
    for title in ("Scores", "Categories", "Map"):
        link_to(page, title).click()
        expect(page).to_have_url(re.compile(f"{PAGES[title]}\\?q=a\\+dog&k=12"))
        expect(page.get_by_text("a dog · 12 of 440 pictures")).to_be_visible()
    # The address changes at once; Streamlit puts back that of a page which has only begun to run.
    for path, choice in (("/categories", "Makeup"), ("/scores", "Distribution")):
        page.go_back()
        expect(page).to_have_url(re.compile(f"{path}\\?q=a\\+dog&k=12"))
        expect(page.get_by_role("radio", name=choice)).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile("/\\?q=a\\+dog&k=12"))
    expect(page.locator(".tile")).to_have_count(12)


def test_every_request_stays_on_this_server(demo_server, browser):
    page = browser.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{demo_server.url}/?q=a+dog+on+a+beach")
    expect(page.locator(".tile")).to_have_count(24)
    page.locator(".tile .open").first.click()
    page.wait_for_load_state("networkidle")
    elsewhere = [url for url in asked if not url.startswith((demo_server.url, "data:", "blob:"))]
    assert elsewhere == []
    page.close()


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_a_telephone_needs_no_sideways_scrolling(demo_server, open_page, path):
    page = open_page(f"{demo_server.url}{path}", viewport={"width": 390, "height": 844})
    expect(page.get_by_test_id("stMain")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_a_page_logs_no_error(demo_server, browser, path):
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message) if message.type == "error" else None)
    page.goto(demo_server.url + path)
    expect(page.get_by_test_id("stMain")).to_be_visible()
    page.wait_for_load_state("networkidle")
    # On a deep link Streamlit itself first looks for its server below the page's address.
    own = [e for e in errors if isinstance(e, str) or "/_stcore/" not in e.location["url"]]
    assert own == []
    page.close()


def link_to(page: Page, title: str) -> Locator:
    return page.get_by_test_id("stTopNav").get_by_role("link", name=title)
