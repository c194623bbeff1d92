"""The map in a real browser: what is drawn lies where it should, and outlines make subsets."""

import math
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from core import open_library
from core.map import Layout, layout_of
from core.query import Query
from core.query.ids import unpack_ids
from tests.browser.test_accessibility import complaints

DOG = "q=a+dog+on+a+beach"
Spot = tuple[float, float]


@pytest.fixture
def open_map(demo_server, open_page) -> Callable[..., Page]:
    def open_one(address: str = "", **options) -> Page:
        page = open_page(f"{demo_server.url}/map?{address}", **options)
        expect(page.locator(".stage[data-drawn]")).to_be_visible()
        return page

    return open_one


@pytest.fixture(scope="module")
def layout() -> Layout:
    return layout_of(open_library().dataset("demo", "demo"), "umap")


def spots(page: Page, layout: Layout) -> np.ndarray:
    """Where each picture of the layout is on the screen, worked out apart from the scripts."""
    points = layout.points.astype(np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    unit = (points - (low + high) / 2) / (high - low).max() + 0.5
    stage = page.locator(".stage")
    x, y, scale = map(float, stage.get_attribute("data-view").split())
    box = stage.bounding_box()
    left = box["x"] + box["width"] / 2 + (unit[:, 0] - x) * scale
    top = box["y"] + box["height"] / 2 - (unit[:, 1] - y) * scale
    return np.column_stack([left, top])


def spot_of(page: Page, layout: Layout, image_id: int) -> Spot:
    left, top = spots(page, layout)[layout.image_ids.tolist().index(image_id)]
    return float(left), float(top)


def draw(page: Page, corners: list[Spot]) -> None:
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner)
    page.mouse.up()


def circle(middle: Spot, radius: float) -> list[Spot]:
    turns = [2 * math.pi * step / 28 for step in range(28)]
    around = [(radius * math.cos(turn), radius * math.sin(turn)) for turn in turns]
    # A mouse is at whole pixels.
    return [(round(middle[0] + right), round(middle[1] + down)) for right, down in around]


def inside(page: Page, layout: Layout, corners: list[Spot]) -> set[int]:
    """The pictures within an outline on the screen, by the code of core."""
    on_screen = Layout("umap", layout.image_ids, spots(page, layout).astype(np.float32))
    return set(on_screen.inside(corners).tolist())


def count(page: Page) -> Locator:
    return page.locator(".bar .count")


def ids_of_address(page: Page) -> set[int]:
    expect(page).to_have_url(re.compile(r"[?&]only="))
    return set(unpack_ids(parse_qs(urlsplit(page.url).query)["only"][0]))


def the_best(text: str) -> int:
    return int(open_library().dataset("demo", "demo").find(Query.text(text)).image_ids[0])


def test_an_outline_drawn_with_shift_opens_its_pictures_on_search(open_map, layout):
    page = open_map(DOG)
    outline = circle(spot_of(page, layout, the_best("a dog on a beach")), 60)
    expected = inside(page, layout, outline)
    assert len(expected) > 10
    page.keyboard.down("Shift")
    draw(page, outline)
    page.keyboard.up("Shift")
    expect(count(page)).to_have_text(f"{len(expected)} pictures selected")
    page.get_by_role("button", name="Open on Search").click()
    expect(page.locator(".tile").first).to_be_visible()
    assert ids_of_address(page) == expected
    assert parse_qs(urlsplit(page.url).query)["k"] == [str(len(expected))]
    assert parse_qs(urlsplit(page.url).query)["q"] == ["a dog on a beach"]


def test_boxes_add_and_take_away_and_a_selection_is_saved(open_map, layout):
    page = open_map()
    all_spots = spots(page, layout)
    left, top = np.floor(all_spots.min(axis=0) - 9).tolist()
    right, bottom = np.ceil(all_spots.max(axis=0) + 9).tolist()
    middle = round((left + right) / 2)
    page.get_by_role("button", name="Box").click()
    draw(page, [(left, top + 25), (middle, bottom)])
    west = int(re.search(r"\d+", count(page).inner_text())[0])
    assert west == len(inside(page, layout, _corners(left, top + 25, middle, bottom)))
    page.get_by_role("button", name="Add").click()
    draw(page, [(middle, top + 25), (right, bottom)])
    both = int(re.search(r"\d+", count(page).inner_text())[0])
    assert both > west
    page.get_by_role("button", name="Take away").click()
    draw(page, [(left, top + 25), (middle, bottom)])
    expect(count(page)).to_have_text(f"{both - west} pictures selected")
    page.get_by_label("Name of the subset").fill("the east of the map")
    page.get_by_role("button", name="Save as subset").click()
    expect(page.get_by_text("Saved as “the east of the map”.")).to_be_visible()
    page.get_by_role("link", name="Show it in Subsets").click()
    expect(page.get_by_text("the east of the map", exact=True).first).to_be_visible()
    expect(page.get_by_text(re.compile(rf"\b{both - west}\b")).first).to_be_visible()


def _corners(left: float, top: float, right: float, bottom: float) -> list[Spot]:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def test_the_point_under_the_pointer_shows_its_picture_and_opens_it(open_map, layout):
    page = open_map(f"{DOG}&colour=score")
    best = the_best("a dog on a beach")
    for _ in range(4):  # so near that no other point is in reach
        page.mouse.move(*spot_of(page, layout, best))
        page.mouse.wheel(0, -300)
        page.wait_for_function("() => new Promise((done) => requestAnimationFrame(() => done(1)))")
    page.mouse.move(*spot_of(page, layout, best))
    preview = page.locator(".preview")
    expect(preview).to_contain_text(f"COCO_demo_drawing_{best:012d}.jpg")
    expect(preview).to_contain_text("in the result")
    expect(preview.locator("img")).to_have_js_property("naturalWidth", 320)
    expect(preview.get_by_role("button", name="Open on Search")).to_be_hidden()
    page.mouse.down()
    page.mouse.up()
    preview.get_by_role("button", name="Open on Search").click()
    expect(page.locator(".tile")).to_have_count(1)
    assert ids_of_address(page) == {best}


def test_the_legend_hides_a_class_and_shows_one_alone(open_map):
    page = open_map("colour=licence")
    first = page.locator(".legend .class").first
    n = int(first.locator(".class-count").inner_text())
    first.click()
    expect(count(page)).to_contain_text(f"{440 - n} of 440 pictures")
    expect(first).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Show all").click()
    expect(count(page)).to_contain_text(re.compile("^440 pictures"))


def test_the_result_alone_can_be_shown_and_selected_by_keys(open_map):
    page = open_map(f"{DOG}&k=12")
    expect(count(page)).to_contain_text("12 in the result")
    page.get_by_role("button", name="Result only").click()
    page.locator(".stage").focus()
    page.keyboard.press("a")
    expect(count(page)).to_have_text("12 pictures selected")
    page.keyboard.press("Escape")
    expect(count(page)).to_contain_text("12 of 440")


def test_keys_move_and_come_nearer_and_open_what_is_in_the_middle(open_map):
    page = open_map()
    stage = page.locator(".stage")
    stage.focus()
    x, _, scale = map(float, stage.get_attribute("data-view").split())
    page.keyboard.press("+")
    expect(stage).not_to_have_attribute("data-view", re.compile(rf" {scale:.6f}"))
    for _ in range(20):
        page.keyboard.press("ArrowRight")
        if page.locator(".preview").is_visible():
            break
    page.keyboard.press("Enter")
    expect(page.locator(".preview.pinned")).to_be_visible()
    page.keyboard.press(" ")
    expect(count(page)).to_have_text("1 picture selected")
    assert float(stage.get_attribute("data-view").split()[0]) > x
    assert float(stage.get_attribute("data-view").split()[2]) == pytest.approx(1.6 * scale)


def test_two_fingers_come_nearer_and_what_is_between_them_stays(open_map):
    page = open_map("", viewport={"width": 390, "height": 844}, has_touch=True)
    before, after, under = page.locator(".stage").evaluate(
        """async (stage) => {
          const box = stage.getBoundingClientRect();
          const view = () => stage.dataset.view.split(" ").map(Number);
          const place = ([x, y, scale], left) => x + (left - box.width / 2) / scale;
          const fire = (name, pointerId, x) => stage.dispatchEvent(new PointerEvent(name, {
            pointerId, pointerType: "touch", bubbles: true,
            clientX: box.left + x, clientY: box.top + 150,
          }));
          stage.setPointerCapture = () => {};
          const before = view();
          fire("pointerdown", 1, 100);
          fire("pointerdown", 2, 200);
          fire("pointermove", 1, 50);
          fire("pointermove", 2, 250);
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          const after = view();
          fire("pointerup", 1, 50);
          fire("pointerup", 2, 250);
          return [before[2], after[2], place(after, 150) - place(before, 150)];
        }"""
    )
    assert after == pytest.approx(2 * before, rel=1e-3)
    assert under == pytest.approx(0, abs=1e-3)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_address_keeps_what_is_chosen(open_map, open_page):
    page = open_map()
    page.get_by_role("radio", name="PCA").or_(page.get_by_role("button", name="PCA")).click()
    expect(page).to_have_url(re.compile("map=pca"))
    expect(page.get_by_text("The axes hold")).to_be_visible()
    page.get_by_text("Name the regions").click()
    expect(page).to_have_url(re.compile("labels=no"))
    again = open_page(f"{page.url}&colour=cluster&clusters=5")
    expect(again.locator(".legend .class")).to_have_count(5)
    expect(again.locator(".labels")).to_be_hidden()
    assert complaints(again) == []


def test_without_webgl_the_list_selects(demo_server, open_page, layout):
    page = open_page("about:blank")
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null;")
    page.goto(f"{demo_server.url}/map")
    expect(page.get_by_text("This browser cannot draw the map")).to_be_visible()
    row = page.locator(".list tbody tr").first
    expect(row).to_be_visible()
    n = row.locator("td").first.inner_text()
    row.get_by_role("button").click()
    expect(count(page)).to_have_text(f"{n} pictures selected")
    page.get_by_role("button", name="Open on Search").click()
    expect(page.locator(".tile").first).to_be_visible()
    assert len(ids_of_address(page)) == int(n)
