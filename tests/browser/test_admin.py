"""The page Admin in a real browser: people, the trail and what is under way, as an admin has it."""

import csv
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT
from tests.browser.test_accessibility import complaints

SECTIONS = ("People", "Jobs", "Disk and memory", "Settings", "Audit trail")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    for name in ("data", "models", "embeddings"):
        shutil.copytree(ROOT / name / "demo", folder / name / "demo")
    return folder


@pytest.fixture(scope="module")
def server(start_server, home):
    return start_server(home)


@pytest.fixture
def admin(server, open_page):
    def open_one(section: str = "People", **options) -> Page:
        page = open_page(f"{server.url}/admin?section={section.replace(' ', '+')}", **options)
        expect(page.get_by_role("tab", name=section)).to_have_attribute("aria-selected", "true")
        expect(page.get_by_test_id("stMetric")).to_have_count(4)
        return page

    return open_one


def add(page: Page, name: str) -> str:
    """Add a person; return the one-time password that is shown."""
    page.get_by_role("button", name="Add a person").click()
    page.get_by_label("Name to sign in with").fill(name)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text(f"Added {name}.")).to_be_visible()
    return page.locator(".st-key-admin-once code").inner_text()


def test_somebody_is_added_and_changed_and_the_trail_says_so_and_is_taken_away(admin, tmp_path):
    page = admin()
    password = add(page, "ann")
    assert len(password) >= 10
    page.get_by_role("button", name="Put away").click()
    expect(page.get_by_text(password)).to_have_count(0)
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_text("ann may not come in any more.")).to_be_visible()
    page.get_by_role("tab", name="Audit trail").click()
    page.wait_for_url(re.compile(r"section=Audit"))
    expect(page.get_by_text("the newest first")).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download CSV").click()
    taken.value.save_as(tmp_path / "trail.csv")
    with (tmp_path / "trail.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["what"] for row in rows][:3] == ["person-added", "reset", "disabled"]
    assert password not in (tmp_path / "trail.csv").read_text("utf-8")


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("width", [1440, 390], ids=["wide", "telephone"])
def test_no_section_is_wider_than_the_screen_or_hard_to_use_without_a_mouse(admin, section, width):
    page = admin(section, viewport={"width": width, "height": 844})
    # What is drawn anew is pale meanwhile.
    expect(page.get_by_text("The cache is being measured.")).to_have_count(0)
    expect(page.locator("[data-stale='true'], [data-testid='stSkeleton']")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints(page) == []
