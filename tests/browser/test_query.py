"""Refining a query in a real browser: the cut line, chips, parts, and the browser's history."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

BOX = "What should the pictures show?"
QUERY = "a dog on a beach"


def params(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def search_box(page: Page):
    return page.get_by_role("searchbox", name=BOX)


def count(page: Page):
    """What the bar under the gallery says is shown."""
    return page.locator(".bar .count")


def live_count(page: Page) -> int:
    """The number of pictures that the cut line says it lets through."""
    return int(re.search(r"[\d,]+", page.locator(".cut .count b").inner_text())[0].replace(",", ""))


def shown_ids(page: Page) -> list[str]:
    return page.locator(".tile").evaluate_all("tiles => tiles.map(tile => tile.dataset.id)")


@pytest.fixture
def open_search(demo_server, open_page):
    """Open the search page at an address, once its pictures are there and it says all."""

    def open_one(address: str = "q=a+dog+on+a+beach", **options) -> Page:
        page = open_page(f"{demo_server.url}/?{address}", **options)
        expect(page.locator(".tile").first).to_be_visible()
        expect(page).to_have_url(re.compile("[?&]dataset=demo"))
        return page

    return open_one


def test_the_count_follows_the_line_and_the_gallery_follows_when_it_is_let_go(open_search):
    page = open_search("q=a+dog+on+a+beach&score=0.2")
    plot = page.get_by_role("slider", name="Lowest score shown")
    expect(plot).to_be_visible()
    before = live_count(page)
    expect(count(page)).to_have_text(re.compile(f"^{before} of"))
    address = page.url
    box = plot.bounding_box()
    line = page.locator(".cut .line").bounding_box()
    page.mouse.move(line["x"] + 1, box["y"] + 40)
    page.mouse.down()
    counts = []
    for step in range(1, 6):
        page.mouse.move(line["x"] + 1 - 8 * step, box["y"] + 40)
        counts.append(live_count(page))
    assert counts == sorted(counts)
    assert counts[-1] > before
    assert page.url == address
    page.mouse.up()
    expect(count(page)).to_have_text(re.compile(f"^{counts[-1]} of"))
    expect(page).not_to_have_url(address)
    assert "score" in params(page)


def test_the_line_moves_by_keyboard(open_search):
    page = open_search("q=a+dog+on+a+beach&percentile=95")
    plot = page.get_by_role("slider", name="Lowest score shown")
    before = live_count(page)
    plot.focus()
    page.keyboard.press("PageDown")
    expect(page).not_to_have_url(re.compile("percentile=95&"))
    after = live_count(page)
    assert after > before
    expect(count(page)).to_have_text(re.compile(f"^{after} of"))


def test_the_number_under_the_line_is_what_is_shown_for_each_kind_of_cut(open_search):
    for cut in ("k=30", "score=0.15", "percentile=93.21"):
        page = open_search(f"q=a+dog+on+a+beach&{cut}&with=person&without=cat")
        expect(page.locator(".cut .count b")).to_be_visible()
        expect(count(page)).to_have_text(re.compile(f"^{live_count(page)} of"))


def test_a_chip_takes_its_filter_off(open_search):
    page = open_search("q=a+dog&with=dog&with=person&k=1000")
    chip = page.get_by_role("button", name="person · ")
    expect(chip).to_be_visible()
    chip.click()
    expect(chip).to_be_hidden()
    expect(page).not_to_have_url(re.compile("with=person"))
    expect(count(page)).to_have_text(re.compile("^15 of"))


def test_back_and_forward_walk_through_what_was_asked(open_search):
    page = open_search("q=a+dog&k=12")
    expect(page).to_have_url(re.compile("dataset=demo"))
    first = shown_ids(page)
    search_box(page).fill("cars at night")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("cars"))
    page.get_by_role("spinbutton", name="Pictures to show").fill("7")
    page.keyboard.press("Enter")
    expect(page.locator(".tile")).to_have_count(7)

    page.go_back()
    expect(page.locator(".tile")).to_have_count(12)
    expect(search_box(page)).to_have_value("cars at night")
    page.go_back()
    expect(search_box(page)).to_have_value("a dog")
    expect(page.locator(f'.tile[data-id="{first[0]}"]')).to_be_visible()
    assert shown_ids(page) == first
    page.go_forward()
    expect(search_box(page)).to_have_value("cars at night")
    page.go_forward()
    expect(page.locator(".tile")).to_have_count(7)


def test_one_step_back_from_the_first_page_leaves_the_app(demo_server, open_page):
    page = open_page("about:blank")
    page.goto(demo_server.url)
    expect(page).to_have_url(re.compile("k=24"))
    expect(page.locator(".tile").first).to_be_visible()
    page.go_back()
    expect(page).to_have_url("about:blank")


def test_the_address_opened_anew_shows_the_same(open_search):
    page = open_search("q=a+dog&not=grass&image=42&w=1,0.5,0.25&with=dog&k=10")
    page.get_by_role("button", name="All filters off").first.click()
    expect(page.locator(".tile")).to_have_count(10)
    expect(page).not_to_have_url(re.compile("with="))
    again = open_search(urlsplit(page.url).query)
    expect(again.locator(".tile")).to_have_count(10)
    assert shown_ids(again) == shown_ids(page)
    assert params(again) == params(page)


def test_a_text_that_is_not_wanted_is_one_menu_away(open_search):
    page = open_search()
    before = shown_ids(page)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_label("But not").fill("people")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("not=people"))
    expect(page.get_by_label("Text 2")).to_have_value("people")
    expect(page.get_by_label("But not")).to_be_hidden()
    assert shown_ids(page) != before
    page.get_by_role("button", name="Take out part 2").click()
    expect(page).not_to_have_url(re.compile("not=people"))
    expect(page.locator(f'.tile[data-id="{before[0]}"]')).to_be_visible()
    assert shown_ids(page) == before


def test_a_picture_from_disk_finds_itself_first(open_search, demo_server):
    page = open_search("k=5")
    file = demo_server.home / "data/demo/images/COCO_demo_drawing_000000000042.jpg"
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("dialog").locator('input[type="file"]').set_input_files(file)
    expect(page).to_have_url(re.compile("upload=[0-9a-f]{64}"))
    expect(page.locator(".tile").first).to_have_attribute("data-id", "42")
    picture = page.locator(".query-picture img")
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") > 0


def test_a_picture_of_the_gallery_joins_the_query_and_becomes_it(open_search):
    page = open_search("q=a+dog&k=6")
    second, third = shown_ids(page)[1:3]
    page.locator(".tile .open").nth(1).click()
    page.get_by_role("dialog").get_by_role("button", name="More like this").click()
    expect(page).to_have_url(re.compile(f"q=a(\\+|%20)dog&image={second}&"))
    expect(page.locator(".st-key-part-1")).to_contain_text(f"picture {second}")
    page.go_back()
    expect(page).not_to_have_url(re.compile("image="))
    expect(page.locator(f'.tile[data-id="{third}"]')).to_be_visible()
    page.locator(f'.tile[data-id="{third}"] .open').click()
    page.get_by_role("dialog").get_by_role("button", name="Use as query").click()
    expect(page).to_have_url(re.compile(f"[?]image={third}&"))
    expect(search_box(page)).to_have_value("")
    expect(page.locator(".tile").first).to_have_attribute("data-id", third)


def test_a_category_with_a_number_is_typed(open_search):
    page = open_search("q=a+dog")
    page.get_by_test_id("stSidebarUserContent").get_by_text("Categories", exact=True).click()
    page.get_by_role("combobox", name="Must have").fill("dog>=2")
    expect(page.get_by_role("option", name="dog>=2").first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("with=dog%3E%3D2"))
    expect(page.get_by_text("dog ≥ 2 · ").first).to_be_visible()


def test_a_telephone_holds_many_parts_and_filters(open_search):
    page = open_search(
        "q=a+dog&q=a+boat&not=grass&image=42&not_image=46&with=person&words=beach&license=commercial"
        "&orientation=landscape&size=width%3E%3D100",
        viewport={"width": 390, "height": 844},
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for label in ("Text 2", "Weight of part 3"):
        box = page.get_by_label(label).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


def test_names_and_texts_of_an_address_are_never_markup(open_search):
    page = open_search(
        "q=a+dog&not=%3Cimg+src%3Dx+onerror%3D%22window.hurt%3D1%22%3E+**b**"
        "&words=-%22%5Bx%5D(javascript:alert(1))%22&with=%3Cb%3E"
    )
    expect(page.get_by_label("Text 2")).to_have_value(re.compile(r"<img src=x .*\*\*b\*\*"))
    expect(page.get_by_text("[x](javascript:alert(1))").first).to_be_visible()
    assert page.evaluate("window.hurt") is None
