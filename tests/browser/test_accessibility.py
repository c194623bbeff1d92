"""axe-core looks over each page and dialog, in both themes, and finds nothing serious."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.test_frame import PAGES

SERIOUS = {"serious", "critical"}
LOOKS = 5


def complaints(page: Page) -> list[str]:
    """What is wrong and stays so: what is just appearing is paler than it will be."""
    for _ in range(LOOKS):
        found = complaints_now(page)
        if not found:
            break
        page.wait_for_timeout(1_000)
    return found


def complaints_now(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {rule['help']} at "
        + ", ".join(f"{node['target']} ({node['failureSummary']})" for node in rule["nodes"][:3])
        for rule in found
        if rule["impact"] in SERIOUS
    ]


def settled(page: Page) -> None:
    """Wait until nothing is paler than it will be: what is on its way or out of date fades."""
    page.wait_for_load_state("networkidle")
    expect(page.get_by_test_id("stStatusWidget")).to_be_hidden()
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    page.wait_for_function(
        "document.getAnimations().every((one) => one.effect.getTiming().iterations === Infinity)"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_a_page_has_no_serious_issue(demo_server, open_page, path, scheme):
    page = open_page(f"{demo_server.url}{path}", color_scheme=scheme)
    expect(page.get_by_test_id("stMain")).to_be_visible()
    settled(page)
    assert complaints(page) == []


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/scores", "/categories"])
def test_the_sections_of_a_page_have_no_serious_issue(demo_server, open_page, path):
    page = open_page(f"{demo_server.url}{path}?q=a+dog&k=24&label=dog")
    sections = page.get_by_role("radiogroup").first.get_by_role("radio")
    expect(sections.first).to_be_visible()
    titles = [section.inner_text() for section in sections.all()]
    assert len(titles) >= 6
    found = {}
    for title in titles:
        page.get_by_role("radio", name=title, exact=True).click()
        expect(page.get_by_role("radio", name=title, exact=True)).to_be_checked()
        settled(page)
        found[title] = complaints(page)
    assert {title: issues for title, issues in found.items() if issues} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_detail_view_has_no_serious_issue(demo_server, open_page, scheme):
    page = open_page(f"{demo_server.url}/?q=a+dog+on+a+beach", color_scheme=scheme)
    page.locator(".tile .open").first.click()
    expect(page.get_by_role("dialog").locator("svg.overlay .instance").first).to_be_attached()
    assert complaints(page) == []
