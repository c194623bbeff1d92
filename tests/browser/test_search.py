"""The main job in a real browser: words in, pictures seen, a ZIP out."""

import json
import re
import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Page, expect
from pycocotools.coco import COCO

QUERY = "a dog on a beach"


@pytest.fixture
def found(demo_server, open_page) -> Page:
    page = open_page(f"{demo_server.url}/?q={QUERY.replace(' ', '+')}")
    expect(page.locator(".tile")).to_have_count(24)
    return page


def ids(page: Page) -> list[str]:
    return page.locator(".tile").evaluate_all("tiles => tiles.map(tile => tile.dataset.id)")


def test_the_query_box_has_the_focus_and_enter_finds_pictures(demo_server, open_page):
    page = open_page(demo_server.url)
    box = page.get_by_role("searchbox", name="What should the pictures show?")
    expect(box).to_be_focused()
    page.keyboard.type(QUERY)
    page.keyboard.press("Enter")
    expect(page.locator(".tile .score").first).to_have_text(re.compile(r"^0\.\d{3}$"))
    expect(page.locator(".tile .file").first).to_contain_text(".jpg")
    expect(page).to_have_url(re.compile(r"[?&]q=a(\+|%20)dog(\+|%20)on(\+|%20)a(\+|%20)beach"))


def test_an_example_query_is_one_click(demo_server, open_page):
    page = open_page(demo_server.url)
    page.get_by_role("button", name=QUERY).click()
    expect(page.locator(".tile .score").first).to_be_visible()
    expect(page.get_by_role("searchbox", name="What should")).to_have_value(QUERY)


def test_a_colleague_who_opens_the_address_sees_the_same(demo_server, open_page):
    first = open_page(f"{demo_server.url}/?q=cars+at+night&k=12")
    expect(first.locator(".tile")).to_have_count(12)
    second = open_page(first.url)
    expect(second.locator(".tile")).to_have_count(12)
    assert ids(second) == ids(first)


def test_the_address_says_all_of_it(found):
    for part in ("q=", "k=24", "dataset=demo", "model=demo"):
        expect(found).to_have_url(re.compile(rf"[?&]{part}"))


def test_what_the_address_asks_for_and_is_not_here_is_said(demo_server, open_page):
    page = open_page(f"{demo_server.url}/?q=a+dog&dataset=nowhere&k=many")
    expect(page.get_by_text("There is no dataset 'nowhere' here")).to_be_visible()
    expect(page.get_by_text("k=many, which was left out")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(24)


def test_a_selection_survives_a_reload_and_a_visit_to_another_page(found):
    found.locator(".tile").nth(1).hover()
    found.locator(".tile .pick").nth(1).click()
    expect(found.locator(".bar .count")).to_contain_text("1 selected")
    found.reload()
    expect(found.locator(".bar .count")).to_contain_text("1 selected")
    found.get_by_role("link", name="Library").click()
    expect(found.get_by_text("This instance", exact=True)).to_be_visible()
    found.get_by_role("link", name="Search", exact=True).click()
    expect(found.locator(".bar .count")).to_contain_text("1 selected")
    expect(found.locator(".tile.picked")).to_have_attribute("data-id", ids(found)[1])


def test_a_range_all_and_none_are_picked(found):
    found.locator(".tile").nth(1).hover()
    found.locator(".tile .pick").nth(1).click()
    found.locator(".tile .pick").nth(4).click(modifiers=["Shift"])
    expect(found.locator(".bar .count")).to_contain_text("4 selected")
    found.get_by_role("button", name="Select all").click()
    expect(found.locator(".bar .count")).to_contain_text("24 selected")
    found.get_by_role("button", name="Clear", exact=True).click()
    expect(found.locator(".tile.picked")).to_have_count(0)


def test_pictures_really_load(found):
    image = found.locator(".tile img").first
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("image => image.naturalWidth") >= 320


def test_unknown_words_are_named_as_plain_text(demo_server, open_page):
    page = open_page(f"{demo_server.url}/?q=a+quantum+dog+%3Ared%5Bx%5D")
    expect(page.get_by_text("never learned the words 'quantum'")).to_be_visible()


def test_the_keyboard_walks_picks_and_opens(found):
    found.locator(".tile .open").first.focus()
    found.keyboard.press("ArrowRight")
    found.keyboard.press("Space")
    expect(found.locator(".tile").nth(1)).to_have_class(re.compile("picked"))
    found.keyboard.press("Enter")
    expect(found.get_by_role("dialog")).to_be_visible()
    found.keyboard.press("ArrowRight")
    expect(found.get_by_role("dialog")).to_contain_text("3 of 24")
    found.keyboard.press("Escape")
    expect(found.get_by_role("dialog")).to_be_hidden()
    expect(found.locator(".tile .open").nth(2)).to_be_focused()


def test_the_caption_shows_on_hover(found):
    tile = found.locator(".tile").first
    tile.hover()
    expect(tile.locator(".hover-caption")).to_have_css("opacity", "1")


def test_the_detail_view_draws_the_annotations(found, demo_server):
    found.locator(".tile .open").first.click()
    dialog = found.get_by_role("dialog")
    expect(dialog.locator("svg.overlay .instance").first).to_be_attached()
    image_id = int(ids(found)[0])
    source = json.loads(next(demo_server.home.glob("data/demo/annotations/inst*")).read_text())
    own = [a for a in source["annotations"] if a["image_id"] == image_id]
    expect(dialog.locator("svg.overlay .instance")).to_have_count(len(own))
    name = {c["id"]: c["name"] for c in source["categories"]}[own[0]["category_id"]]
    dialog.get_by_label(name).first.uncheck()
    expect(dialog.locator(f'svg.overlay [data-category="{name}"]').first).to_be_hidden()


def test_a_selection_survives_reruns_and_is_what_the_zip_holds(found, tmp_path):
    for position in (0, 2, 5):
        found.locator(".tile").nth(position).hover()
        found.locator(".tile .pick").nth(position).click()
    expect(found.locator(".bar .count")).to_have_text(re.compile("24 of .* · 3 selected"))
    wanted = [ids(found)[position] for position in (0, 2, 5)]
    found.get_by_role("spinbutton", name="Pictures to show").fill("30")
    found.keyboard.press("Enter")
    expect(found.locator(".tile")).to_have_count(30)
    expect(found.locator(".bar .count")).to_contain_text("3 selected")

    path = download(found, tmp_path)
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "out")
    coco = COCO(tmp_path / "out/annotations/annotations.json")
    assert [str(image["id"]) for image in coco.dataset["images"]] == wanted
    for image in coco.dataset["images"]:
        assert (tmp_path / "out/images" / image["file_name"]).is_file()


def test_the_size_on_the_button_is_the_size_of_the_file(found, tmp_path):
    text = found.get_by_role("button", name="Download ZIP").inner_text()
    number, unit = re.search(r"([\d.]+) (kB|MB)", text).groups()
    said = float(number) * {"kB": 1e3, "MB": 1e6}[unit]
    size = download(found, tmp_path).stat().st_size
    assert abs(size - said) <= 0.06e6


@pytest.mark.slow
def test_a_picture_that_cannot_be_had_keeps_its_place_and_is_named_before_the_download(
    start_server, demo_copy, open_page, tmp_path
):
    server = start_server(demo_copy)
    page = open_page(f"{server.url}/?q=a+dog+on+a+beach")
    expect(page.locator(".tile")).to_have_count(24)
    gone = int(ids(page)[0])
    name = page.locator(".tile .file").first.inner_text().strip()
    next(demo_copy.glob(f"data/demo/**/{name}")).unlink()

    page.reload()
    expect(page.locator(".tile .missing")).to_contain_text("drawing")
    expect(page.locator(".tile")).to_have_count(24)
    box = page.locator(".tile .open").first.bounding_box()
    assert box["width"] > 100
    assert box["height"] > 75

    page.get_by_role("button", name="Download ZIP").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text(name)
    question.get_by_role("button", name="Stop").click()
    expect(question).to_be_hidden()
    page.get_by_role("button", name="Download ZIP").click()
    with page.expect_download() as event:
        question.get_by_role("button", name="Go on with 23").click()
    event.value.save_as(tmp_path / "rest.zip")
    with ZipFile(tmp_path / "rest.zip") as archive:
        listed = json.loads(archive.read("annotations/annotations.json"))["images"]
    assert len(listed) == 23
    assert gone not in {image["id"] for image in listed}


@pytest.mark.slow
def test_what_is_missing_is_named_with_the_command(start_server, demo_copy, open_page):
    shutil.rmtree(demo_copy / "embeddings")
    page = open_page(start_server(demo_copy).url)
    expect(page.get_by_text("python -m core embed").first).to_be_visible()
    for gone, command in (("models", "checkpoint split"), ("data", "add")):
        shutil.rmtree(demo_copy / gone)
        page.reload()
        expect(page.get_by_text(f"python -m core {command}").first).to_be_visible()
    assert "Traceback" not in page.inner_text("body")


def download(page: Page, folder: Path) -> Path:
    with page.expect_download() as event:
        page.get_by_role("button", name="Download ZIP").click()
    path = folder / event.value.suggested_filename
    event.value.save_as(path)
    return path
