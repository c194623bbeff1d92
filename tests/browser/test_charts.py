"""Charts in a real browser: they follow the theme, lead to pictures, and can be taken away."""

import csv
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

MAKEUP = ".st-key-chart-makeup-category"
ADDRESS = "/categories?q=a+dog&k=24&order=share"


@pytest.fixture
def page(demo_server, open_page) -> Page:
    page = open_page(f"{demo_server.url}{ADDRESS}", accept_downloads=True, color_scheme="light")
    expect(rows(page).first).to_be_visible()
    expect(page).to_have_url(re.compile("model=demo"))  # the address is whole
    return page


def rows(page: Page) -> Locator:
    """The rows of the makeup: each is a mark that fills the row."""
    return page.locator(f"{MAKEUP} svg.marks .mark-rect.role-mark").first.locator("path")


def click_row(page: Page, place: int) -> None:
    """Click a row at its right end, where no bar is."""
    row = rows(page).nth(place)
    row.scroll_into_view_if_needed()
    box = row.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)


def link_to(page: Page, title: str) -> Locator:
    return page.get_by_role("link", name=title, exact=True)


def take(page: Page, kind: str, folder: Path) -> Path:
    """Save the chart as a file of a kind."""
    button = page.get_by_role("button", name=kind, exact=True)
    if not button.is_visible():
        page.locator(MAKEUP).get_by_role("button", name="Save").click()
    with page.expect_download() as download:
        button.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_each_click_on_a_mark_opens_its_pictures_once(page):
    for _ in range(2):  # the second is on the same mark
        click_row(page, 0)
        expect(page).to_have_url(re.compile(r"/\?q=a\+dog.*with=dog"))
        expect(page.locator(".tile").first).to_be_visible()
        link_to(page, "Categories").click()
        expect(page).to_have_url(re.compile("/categories"))
        expect(rows(page).first).to_be_visible()
        # What was clicked before does not open by itself.
        expect(page.get_by_test_id("stStatusWidget")).to_be_hidden()
        expect(page).to_have_url(re.compile("/categories"))


def test_going_back_from_a_door_leads_to_the_page_as_it_was_left(page):
    asked = page.url
    click_row(page, 0)
    expect(page).to_have_url(re.compile(r"/\?q=a\+dog.*with=dog"))
    page.go_back()
    expect(page.get_by_text("a dog · 24 of 440 pictures")).to_be_visible()
    expect(page).to_have_url(re.compile(f"{re.escape(asked)}.*"))
    page.go_forward()
    expect(page).to_have_url(re.compile(r"/\?q=a\+dog.*with=dog"))


def test_a_chart_follows_the_theme_without_being_drawn_anew(page):
    label = page.locator(f"{MAKEUP} svg.marks .role-axis-label text").first
    label.evaluate("node => { node.dataset.same = 'yes'; }")
    light = label.evaluate("node => getComputedStyle(node).fill")
    page.emulate_media(color_scheme="dark")
    expect(label).not_to_have_css("fill", light)


def test_a_chart_is_one_sentence_to_who_hears_the_page(page):
    chart = page.locator(f"{MAKEUP} .stVegaLiteChart")
    said = re.compile(r"^\d+% of these pictures have dog, .* n = 24 pictures")
    expect(chart).to_have_attribute("aria-label", said)
    for marks in chart.locator(".role-mark").all():
        expect(marks).to_have_attribute("aria-hidden", "true")


def test_a_chart_can_be_taken_away(page, tmp_path):
    with take(page, "CSV", tmp_path).open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert table[0]["category"] == "dog"
    assert int(table[0]["images"]) <= 24
    with Image.open(take(page, "PNG", tmp_path)) as picture:
        assert picture.format == "PNG"
        assert picture.width > 1_000
    svg = ElementTree.parse(take(page, "SVG", tmp_path)).getroot()
    assert any("of these pictures have dog" in (text.text or "") for text in svg.iter())


def test_on_a_telephone_no_chart_is_wider_than_the_screen(demo_server, open_page):
    page = open_page(f"{demo_server.url}{ADDRESS}", viewport={"width": 390, "height": 844})
    expect(rows(page).first).to_be_visible()
    for chart in page.locator("svg.marks").all():
        box = chart.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 390
