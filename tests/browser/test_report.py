"""A report in a real browser without a network: complete, accessible, printable, and inert."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT
from tests.browser.test_accessibility import complaints
from tests.conftest import run_core

HOSTILE = "\"><img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    """A report of a query with a hostile name."""
    folder = tmp_path_factory.mktemp("report")
    keep = {"COCOSIFT_CACHE": str(folder), "COCOSIFT_DATABASE_URL": f"sqlite:///{folder}/c.sqlite3"}
    package = folder / "dogs.zip"
    for arguments in (
        ("search", "a dog on a beach", "--export", package, "--no-catalogue"),
        ("subsets", "import", package, "--name", HOSTILE, "--note", HOSTILE),
        ("report", "1", "-o", folder / "dogs.html"),
    ):
        done = run_core(*map(str, arguments), home=ROOT, **keep)
        assert done.exit_code == 0, done.stderr
    return folder / "dogs.html"


@pytest.fixture
def open_report(report, open_page):
    def open_it(**options) -> tuple[Page, list[str]]:
        """The report, and what it asked the network for."""
        asked: list[str] = []
        page = open_page("about:blank", offline=True, **options)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.as_uri())
        return page, [url for url in asked if not url.startswith("data:")]

    return open_it


def test_it_asks_for_nothing_and_shows_all(open_report, report):
    page, asked = open_report()
    assert [url for url in asked if url != report.as_uri()] == []
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    assert page.title().startswith(HOSTILE)
    shown = page.locator(".strip img")
    assert shown.count() == 12
    assert shown.evaluate_all("all => all.every((one) => one.naturalWidth > 0)")
    assert page.locator("figure.chart svg").count() == 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_has_no_serious_issue(open_report, scheme):
    page, _ = open_report(color_scheme=scheme)
    page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    assert complaints(page) == []


def test_it_follows_the_theme_and_prints_on_white(open_report):
    page, _ = open_report(color_scheme="dark")
    body = page.locator("body")
    expect(body).to_have_css("background-color", "rgb(21, 23, 22)")
    ink = page.locator("figure.chart svg text").first
    dark = ink.evaluate("node => getComputedStyle(node).fill")
    page.emulate_media(media="print")
    expect(body).to_have_css("background-color", "rgb(255, 255, 255)")
    expect(ink).not_to_have_css("fill", dark)


def test_on_a_telephone_the_page_does_not_scroll_sideways(open_report):
    page, _ = open_report(viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_summary_leads_to_its_parts(open_report):
    page, _ = open_report()
    page.get_by_role("link", name=re.compile("may be used commercially")).click()
    expect(page.get_by_role("heading", name="Licences")).to_be_in_viewport()


def test_a_card_of_subsets_saves_it(demo_server, open_page, tmp_path):
    page = open_page(f"{demo_server.url}/?q=a+dog&k=3", accept_downloads=True)
    expect(page.locator(".tile")).to_have_count(3)
    page.get_by_role("button", name="Other downloads").click()
    page.get_by_role("button", name=re.compile("Save in Subsets")).click()
    page.get_by_role("link", name=re.compile("Saved as")).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Report", exact=True).first.click()
    assert download.value.suggested_filename == "a-dog.html"
    download.value.save_as(tmp_path / "a-dog.html")
    html = (tmp_path / "a-dog.html").read_text("utf-8")
    assert "3 pictures of Demo: drawn scenes" in html
    assert html.count("<svg") >= 3
