"""One picture large: seen close, read, compared, acted on; by mouse, keys and fingers."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from core.licences import terms_of
from core.query import pack_ids
from tests.browser.conftest import PATIENCE_MS, ROOT, Server
from tests.browser.test_accessibility import complaints

QUERY = "?q=a+dog+on+a+beach"
# A person as COCO's keypoints say it: name, x and y in shares of the box, visibility.
POSE = {
    "names": ["nose", "left_hand", "right_hand", "left_foot"],
    "skeleton": [[1, 2], [1, 3], [2, 4]],
    "points": [(0.5, 0.1, 2), (0.9, 0.5, 1), (0.1, 0.5, 2), (0.0, 0.0, 0)],
}
HOSTILE = "<img src=x onerror='window.hurt = 1'><b>"


@pytest.fixture(scope="module")
def results(demo_server, browser) -> Iterator[Page]:
    """One result for all tests that leave it as it was."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{demo_server.url}/{QUERY}")
    yield page
    context.close()


@pytest.fixture
def detail(results) -> Iterator[Locator]:
    """The detail view of the first picture of a result, with all of its annotations drawn."""
    dialog = opened(results)
    for box in dialog.get_by_role("checkbox").all():
        box.check()
    yield dialog
    for _ in range(2):
        results.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


@pytest.fixture
def own_detail(demo_server, open_page) -> Locator:
    """The same in a page of its own, for what changes the page."""
    return opened(open_page(f"{demo_server.url}/{QUERY}"))


def opened(page: Page, position: int = 0) -> Locator:
    page.locator(".tile .open").nth(position).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("h2 .place")).to_be_visible()
    expect(dialog.locator(".facts dl")).to_be_visible()
    return dialog


def instances_of(home: Path, image_id: int) -> list[dict]:
    return [a for a in annotation_file(home)["annotations"] if a["image_id"] == image_id]


def annotation_file(home: Path) -> dict:
    return json.loads((home / "data/demo/annotations/instances_demo.json").read_text())


def image_id(detail: Locator) -> int:
    return int(detail.locator("dd").first.inner_text())


def frame_width(detail: Locator) -> float:
    return detail.locator(".frame").bounding_box()["width"]


def test_leafing_follows_the_tiles_and_closing_returns_to_the_last_one(detail):
    page = detail.page
    ids = page.locator(".tile").evaluate_all("tiles => tiles.map(tile => tile.dataset.id)")
    expect(detail.get_by_role("button", name="Previous picture")).to_be_disabled()
    page.keyboard.press("ArrowRight")
    detail.get_by_role("button", name="Next picture").click()
    expect(detail.locator("h2")).to_contain_text("3 of 24")
    expect(detail.locator("dd").first).to_have_text(ids[2])
    page.keyboard.press("ArrowLeft")
    expect(detail.locator("dd").first).to_have_text(ids[1])
    page.keyboard.press("Escape")
    expect(detail).to_be_hidden()
    expect(page.locator(f'.tile[data-id="{ids[1]}"] .open')).to_be_focused()


def test_the_picture_is_zoomed_by_keys_wheel_and_double_click_and_shown_whole_again(detail):
    page, stage = detail.page, detail.locator(".stage")
    whole = frame_width(detail)
    page.keyboard.press("+")
    assert frame_width(detail) == pytest.approx(1.35 * whole, rel=0.01)
    page.keyboard.press("-")
    assert frame_width(detail) == pytest.approx(whole, rel=0.01)
    stage.hover()
    page.mouse.wheel(0, -300)
    assert frame_width(detail) > 1.3 * whole
    page.keyboard.press("0")
    assert frame_width(detail) == pytest.approx(whole, rel=0.01)
    stage.dblclick(position={"x": 200, "y": 200})
    assert frame_width(detail) == pytest.approx(2.5 * whole, rel=0.01)
    detail.get_by_role("button", name="The whole picture").click()
    assert frame_width(detail) == pytest.approx(whole, rel=0.01)


def test_the_wheel_keeps_what_is_under_the_pointer_in_its_place(detail):
    page = detail.page
    before = detail.locator(".frame").bounding_box()
    x, y = before["x"] + 0.3 * before["width"], before["y"] + 0.6 * before["height"]
    page.mouse.move(x, y)
    page.mouse.wheel(0, -200)
    after = detail.locator(".frame").bounding_box()
    assert after["width"] > before["width"]
    assert (x - after["x"]) / after["width"] == pytest.approx(0.3, abs=0.005)
    assert (y - after["y"]) / after["height"] == pytest.approx(0.6, abs=0.005)


def test_a_zoomed_picture_is_dragged_and_moved_by_shift_and_arrows(detail):
    page = detail.page
    stage = detail.locator(".stage").bounding_box()
    middle = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    page.keyboard.press("Shift+ArrowRight")
    still = detail.locator(".frame").bounding_box()
    for _ in range(5):
        page.keyboard.press("+")
    start = detail.locator(".frame").bounding_box()
    assert start["x"] < still["x"]
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 60, middle[1] - 40, steps=3)
    page.mouse.up()
    dragged = detail.locator(".frame").bounding_box()
    assert dragged["x"] - start["x"] == pytest.approx(60, abs=1)
    assert dragged["y"] - start["y"] == pytest.approx(-40, abs=1)
    page.keyboard.press("Shift+ArrowRight")
    assert detail.locator(".frame").bounding_box()["x"] < dragged["x"]
    expect(detail.locator("h2")).to_contain_text("1 of 24")


def test_annotations_lie_over_the_picture_at_any_zoom_in_lines_of_one_width(detail):
    page = detail.page
    for _ in range(4):
        page.keyboard.press("+")
    assert detail.locator("svg.overlay").bounding_box() == pytest.approx(
        detail.locator(".frame img").bounding_box()
    )
    expect(detail.locator("svg.overlay .mask").first).to_have_css(
        "vector-effect", "non-scaling-stroke"
    )
    # A transform would widen those lines all the same.
    expect(detail.locator(".frame")).to_have_css("transform", "none")


def test_the_table_tells_of_each_instance_and_lights_it(detail, demo_server):
    own = instances_of(demo_server.home, image_id(detail))
    rows = detail.locator("tbody tr")
    expect(rows).to_have_count(len(own))
    areas = [int(text.replace(",", "")) for text in rows.locator("td.area").all_inner_texts()]
    assert areas == sorted((round(a["area"]) for a in own), reverse=True)
    sizes = ["small" if a < 32**2 else "medium" if a < 96**2 else "large" for a in areas]
    assert rows.locator("td.size").all_inner_texts() == sizes

    rows.last.hover()
    lit = detail.locator("svg.overlay .instance.lit")
    expect(lit).to_have_attribute("data-index", rows.last.get_attribute("data-index"))
    expect(detail.locator(".instance-label")).to_contain_text(f"{areas[-1]:,} px²")
    rows.first.get_by_role("button").focus()
    expect(lit).to_have_attribute("data-index", rows.first.get_attribute("data-index"))
    detail.page.keyboard.press("ArrowDown")
    expect(rows.nth(1).get_by_role("button")).to_be_focused()
    expect(lit).to_have_attribute("data-index", rows.nth(1).get_attribute("data-index"))


def test_an_instance_under_the_pointer_lights_its_row_even_when_masks_are_hidden(detail):
    detail.get_by_label("Masks").uncheck()
    detail.get_by_label("Boxes").uncheck()
    instance = detail.locator("svg.overlay .instance").last
    expect(instance.locator(".mask")).to_have_css("visibility", "hidden")
    detail.page.mouse.move(*point_on(instance.locator(".mask")))
    expect(detail.locator("tbody tr.lit")).to_have_attribute(
        "data-index", instance.get_attribute("data-index")
    )
    expect(instance.locator(".mask")).to_have_css("visibility", "visible")


def test_a_picture_that_appears_under_a_resting_pointer_is_shown_undimmed(detail):
    page = detail.page
    page.mouse.move(*point_on(detail.locator("svg.overlay .instance .mask").last))
    expect(detail.locator("svg.overlay.lighting")).to_be_attached()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(detail.locator("h2")).to_contain_text("1 of 24")
    expect(detail.locator("svg.overlay .instance").first).to_be_attached()
    expect(detail.locator("svg.overlay.lighting")).to_have_count(0)


def test_a_row_zooms_to_its_instance(detail):
    whole = frame_width(detail)
    detail.locator("tbody tr").last.get_by_role("button").click()
    assert frame_width(detail) > whole
    stage = detail.locator(".stage").bounding_box()
    box = detail.locator("svg.overlay .instance.lit .box").bounding_box()
    assert stage["x"] <= box["x"] + box["width"] / 2 <= stage["x"] + stage["width"]
    assert stage["y"] <= box["y"] + box["height"] / 2 <= stage["y"] + stage["height"]


def test_the_table_is_sorted_by_the_column_that_is_pressed(detail):
    heading = detail.get_by_role("columnheader", name="Category")
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    names = detail.locator("tbody th").all_inner_texts()
    assert names == sorted(names)
    expect(heading.get_by_role("button")).to_be_focused()
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    assert detail.locator("tbody th").all_inner_texts() == sorted(names, reverse=True)


def test_a_hidden_category_stays_hidden_in_the_next_picture_and_comes_back(detail):
    name = detail.locator("tbody th").first.inner_text()
    detail.get_by_label(name).first.uncheck()
    category = detail.locator("tbody tr.off").first.get_attribute("data-index")
    expect(detail.locator(f'svg.overlay [data-index="{category}"]')).to_be_hidden()
    detail.page.keyboard.press("ArrowRight")
    expect(detail.locator("h2")).to_contain_text("2 of 24")
    detail.page.keyboard.press("ArrowLeft")
    expect(detail.locator("h2")).to_contain_text("1 of 24")
    expect(detail.get_by_label(name).first).not_to_be_checked()
    detail.get_by_label(name).first.check()
    expect(detail.locator("tbody tr.off")).to_have_count(0)


def test_a_crowd_is_drawn_as_the_outline_of_exactly_its_pixels(demo_server, open_page):
    crowds = [a for a in annotation_file(demo_server.home)["annotations"] if a["iscrowd"]]
    page = open_page(f"{demo_server.url}/?only={packed([a['image_id'] for a in crowds])}&k=24")
    detail = opened(page)
    own = [a for a in crowds if a["image_id"] == image_id(detail)]
    path = detail.locator("svg.overlay .crowd .mask").first
    expect(path).to_have_css("shape-rendering", "crispedges")
    expect(detail.locator("svg.overlay image, .frame canvas")).to_have_count(0)
    assert enclosed(path.get_attribute("d")) == sum(own[0]["segmentation"]["counts"][1::2])
    expect(detail.locator("tbody td.crowd").filter(has_text="crowd")).to_have_count(len(own))
    page.mouse.move(*point_on(path))
    expect(detail.locator(".instance-label")).to_contain_text("crowd of")


def point_on(path: Locator) -> list[float]:
    """A point of the screen where the pointer meets this path."""
    return path.evaluate(
        "path => { const box = path.getBoundingClientRect();"
        " for (let i = 1; i < 40; i++) for (let j = 1; j < 40; j++) {"
        "  const [x, y] = [box.left + (i / 40) * box.width, box.top + (j / 40) * box.height];"
        "  if (path.getRootNode().elementFromPoint(x, y) === path) return [x, y]; } }"
    )


def packed(ids: list[int]) -> str:
    return pack_ids(sorted(set(ids)))


def enclosed(path: str) -> float:
    """The area inside a path of horizontal and vertical lines, holes taken off."""
    area = 0.0
    for loop in filter(None, path.split("Z")):
        x = y = 0.0
        corners = []
        for command, numbers in re.findall(r"([MHV])([\d. ]+)", loop):
            values = [float(number) for number in numbers.split()]
            if command == "M":
                x, y = values
            elif command == "H":
                x = values[0]
            else:
                y = values[0]
            corners.append((x, y))
        following = [*corners[1:], corners[0]]
        area += sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(corners, following, strict=True)) / 2
    return abs(area)


def test_what_the_licence_allows_and_where_the_picture_is_from_are_said(detail, demo_server):
    source = annotation_file(demo_server.home)
    image = next(i for i in source["images"] if i["id"] == image_id(detail))
    licence = next(one for one in source["licenses"] if one["id"] == image["license"])
    expect(detail.get_by_role("link", name=licence["name"])).to_have_attribute(
        "href", licence["url"]
    )
    terms = terms_of(licence["url"])
    words = {True: "allowed", False: "not allowed"}
    expect(detail.locator(".facts")).to_contain_text(
        f"Commercial use {words[terms.commercial]}, changes {words[terms.modifications]}."
    )
    expect(detail.get_by_role("link", name="COCO")).to_have_attribute("href", image["coco_url"])
    expect(detail.get_by_role("link", name="Flickr")).to_have_attribute("href", image["flickr_url"])


def test_a_neighbour_opens_and_back_returns(detail):
    first = image_id(detail)
    neighbours = detail.get_by_label("Most alike").get_by_role("button")
    expect(neighbours).to_have_count(12)
    cosines = [float(text) for text in neighbours.all_inner_texts()]
    assert cosines == sorted(cosines, reverse=True)
    other = neighbours.last
    name = other.get_attribute("aria-label")
    other.click()
    expect(detail.locator("dd").first).to_have_text(re.search(r"\d+", name).group())
    expect(detail.locator("svg.overlay")).to_be_attached()
    detail.page.keyboard.press("Backspace")
    expect(detail.locator("dd").first).to_have_text(str(first))
    expect(detail.get_by_role("button", name="Back")).to_be_hidden()


def test_hidden_near_duplicates_are_shown_behind_their_picture_and_open(demo_server, open_page):
    page = open_page(f"{demo_server.url}/{QUERY}&duplicates=0.8&k=24")
    expect(page.locator(".tile .like:visible").first).to_be_visible()
    page.locator(".tile", has=page.locator(".like:visible")).first.locator(".open").click()
    detail = page.get_by_role("dialog")
    hidden = detail.get_by_role("region", name="hidden").get_by_role("button")
    expect(hidden.first).to_be_visible()
    name = hidden.first.get_attribute("aria-label")
    hidden.first.click()
    expect(detail.locator("h2")).to_contain_text("Near-duplicate of picture")
    expect(detail.locator("dd").first).to_have_text(re.search(r"\d+", name).group())
    expect(detail.locator("h2 .file")).to_contain_text(".jpg")


def test_select_and_leave_out_act_on_the_tile(detail):
    page = detail.page
    tile = page.locator(f'.tile[data-id="{image_id(detail)}"]')
    page.keyboard.press("s")
    expect(detail.get_by_role("button", name="Selected")).to_have_attribute("aria-pressed", "true")
    expect(tile).to_have_class(re.compile("picked"))
    page.keyboard.press("s")
    detail.get_by_role("button", name="Leave out").click()
    expect(detail.get_by_role("button", name="Left out")).to_have_attribute("aria-pressed", "true")
    expect(detail.get_by_role("status")).to_contain_text("Left out")
    expect(tile).to_have_class(re.compile("excluded"))
    page.keyboard.press("x")
    expect(tile).not_to_have_class(re.compile("excluded"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("button", "part"),
    [("More like this", "image"), ("Less like this", "not_image"), ("Use as query", "image")],
    ids=["more", "less", "as query"],
)
def test_a_picture_becomes_part_of_the_query(own_detail, button, part):
    detail, page, wanted = own_detail, own_detail.page, image_id(own_detail)
    detail.get_by_role("button", name=button).click()
    expect(detail).to_be_hidden()
    expect(page).to_have_url(re.compile(rf"[?&]{part}={wanted}(&|$)"))
    has_words = re.compile(r"[?&]q=")
    if button == "Use as query":
        expect(page).not_to_have_url(has_words)
    else:
        expect(page).to_have_url(has_words)


def test_the_id_is_copied_to_the_clipboard(detail):
    page = detail.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    detail.get_by_role("button", name="Copy id").click()
    expect(detail.get_by_role("status")).to_have_text(f"Copied {image_id(detail)}.")
    assert page.evaluate("navigator.clipboard.readText()") == str(image_id(detail))


def test_the_id_is_copied_where_the_browser_offers_no_clipboard(own_detail):
    detail, page = own_detail, own_detail.page
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.evaluate(
        "document.addEventListener('copy', () => {"
        " const field = [...document.querySelectorAll('*')].map(n => n.shadowRoot?.activeElement)"
        ".find(Boolean); window.copied = field.value })"
    )
    button = detail.get_by_role("button", name="Copy id")
    button.click()
    expect(detail.get_by_role("status")).to_have_text(f"Copied {image_id(detail)}.")
    assert page.evaluate("window.copied") == str(image_id(detail))
    expect(button).to_be_focused()


def test_one_picture_is_downloaded_as_it_is(detail, demo_server, tmp_path):
    with detail.page.expect_download() as event:
        detail.get_by_role("link", name="Download picture").click()
    event.value.save_as(tmp_path / "picture")
    name = event.value.suggested_filename
    source = demo_server.home / "data/demo/images" / name
    assert (tmp_path / "picture").read_bytes() == source.read_bytes()


def test_the_keys_are_listed_and_closing_the_list_returns(detail):
    page = detail.page
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys.get_by_role("row", name="Next picture")).to_be_visible()
    expect(keys.get_by_role("row", name="Open the picture")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    expect(detail).to_be_visible()
    expect(detail.locator("h2")).to_contain_text("1 of 24")


def test_the_focus_stays_within_the_dialog(detail):
    page = detail.page
    outside = (
        "() => { const root = [...document.querySelectorAll('*')].find(n => n.shadowRoot"
        "?.querySelector('dialog.detail')).shadowRoot; const here = root.activeElement;"
        " return here ? !here.closest('dialog') : document.activeElement !== document.body }"
    )
    for _ in range(60):
        page.keyboard.press("Tab")
        assert not page.evaluate(outside)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_list_of_keys_has_no_serious_issue(demo_server, open_page, scheme):
    page = open_page(f"{demo_server.url}/{QUERY}", color_scheme=scheme)
    opened(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert complaints(page) == []


def test_what_the_server_cannot_give_is_said_in_its_place(demo_server, open_page):
    page = open_page(f"{demo_server.url}/{QUERY}")
    answer = {"status": 409, "json": {"error": "This cannot be read: <b>run</b> embed."}}
    page.route("**/neighbours*", lambda route: route.fulfill(**answer))
    page.route("**/annotations*", lambda route: route.fulfill(**answer))
    page.route("**/picture*", lambda route: route.fulfill(**answer))
    page.locator(".tile .open").first.click()
    detail = page.get_by_role("dialog")
    for place in (".stage", ".similar", ".facts"):
        expect(detail.locator(place)).to_contain_text("This cannot be read: <b>run</b> embed.")
    expect(detail.get_by_role("link", name="Download picture")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(detail.locator("h2")).to_contain_text("2 of 24")


@pytest.mark.slow
def test_a_telephone_shows_the_rest_below_the_picture_in_targets_for_fingers(
    demo_server, open_page
):
    page = open_page(
        f"{demo_server.url}/{QUERY}",
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
    )
    page.locator(".tile .open").first.tap()
    detail = page.get_by_role("dialog")
    expect(detail.locator(".facts dl")).to_be_attached()
    stage, side = (detail.locator(part).bounding_box() for part in (".stage", ".side"))
    assert stage["width"] == pytest.approx(390, abs=2)
    assert side["y"] >= stage["y"] + stage["height"]
    assert detail.locator(".content").evaluate("node => node.scrollWidth - node.clientWidth") == 0
    for target in detail.locator("button:visible, label:visible, a.plain:visible").all():
        box = target.bounding_box()
        assert min(box["width"], box["height"]) >= 24, target.inner_text()
    swipe(page, stage, -200)
    expect(detail.locator("h2")).to_contain_text("2 of 24")
    pinch(page, stage)
    expect(detail.locator(".stage")).to_have_class(re.compile("zoomed"))
    swipe(page, stage, -200)
    expect(detail.locator("h2")).to_contain_text("2 of 24")


def swipe(page: Page, box: dict, dx: int) -> None:
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch(page, [[(x + share * dx, y)] for share in (0, 0.3, 0.7, 1)])


def pinch(page: Page, box: dict) -> None:
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch(page, [[(x - gap, y), (x + gap, y)] for gap in (30, 50, 80, 120)])


def touch(page: Page, steps: list[list[tuple[float, float]]]) -> None:
    session = page.context.new_cdp_session(page)
    for at, points in enumerate(steps):
        kind = "touchMove" if at else "touchStart"
        fingers = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest.fixture(scope="module")
def odd_server(start_server, tmp_path_factory) -> Server:
    """The demo with hostile names and links, and with keypoints of the people in it."""
    home = tmp_path_factory.mktemp("odd")
    for name in ("data", "models", "embeddings"):
        shutil.copytree(ROOT / name / "demo", home / name / "demo")
    folder = home / "data/demo"
    add_keypoints(folder, make_hostile(folder))
    return start_server(home)


def make_hostile(folder: Path) -> dict:
    path = folder / "annotations/instances_demo.json"
    source = json.loads(path.read_text())
    for record in source["categories"] + source["licenses"]:
        record["name"] = HOSTILE
    for licence in source["licenses"]:
        licence["url"] = "javascript:hurt()"
    for image in source["images"]:
        image["flickr_url"] = "javascript:hurt()"
    path.write_text(json.dumps(source))
    captions = folder / "annotations/captions_demo.json"
    content = json.loads(captions.read_text()) | {"licenses": source["licenses"]}
    for record in content["annotations"]:
        record["caption"] = HOSTILE
    captions.write_text(json.dumps(content | {"images": source["images"]}))
    return source


def add_keypoints(folder: Path, source: dict) -> None:
    people = [a for a in source["annotations"] if is_person(a)]
    person = source["categories"][0]
    content = {
        "images": source["images"],
        "licenses": source["licenses"],
        "annotations": [a | keypoints_in(a["bbox"]) for a in people],
        "categories": [person | {"keypoints": POSE["names"], "skeleton": POSE["skeleton"]}],
    }
    (folder / "annotations/person_keypoints_demo.json").write_text(json.dumps(content))
    manifest = folder / "dataset.toml"
    line = '[annotations]\nkeypoints = "annotations/person_keypoints_demo.json"\n'
    manifest.write_text(manifest.read_text().replace("[annotations]\n", line))


def is_person(annotation: dict) -> bool:
    return annotation["category_id"] == 1 and not annotation["iscrowd"]


def keypoints_in(bbox: list[float]) -> dict:
    x, y, width, height = bbox
    points = [
        [x + across * width if seen else 0, y + down * height if seen else 0, seen]
        for across, down, seen in POSE["points"]
    ]
    return {"keypoints": [value for point in points for value in point], "num_keypoints": 3}


@pytest.fixture
def odd(odd_server, open_page) -> Locator:
    source = annotation_file(odd_server.home)
    people = [a["image_id"] for a in source["annotations"] if is_person(a)]
    return opened(open_page(f"{odd_server.url}/?only={packed(people)}"))


def count_subpaths(path: Locator) -> int:
    return path.get_attribute("d").count("M")


@pytest.mark.slow
def test_keypoints_are_joined_by_their_skeleton_and_hollow_where_not_visible(odd):
    pose = odd.locator("svg.overlay .instance:has(.pose)").first
    # The foot is not labelled: neither it nor the bone to it is drawn.
    assert count_subpaths(pose.locator(".bone:not(.halo)")) == 2
    assert count_subpaths(pose.locator(".joint:not(.halo, .hole)")) == 3
    assert count_subpaths(pose.locator(".joint.hole")) == 1
    odd.get_by_label("Keypoints").uncheck()
    expect(pose.locator(".bone").first).to_have_css("visibility", "hidden")
    expect(pose.locator(".mask")).to_have_css("visibility", "visible")
    odd.page.keyboard.press("k")
    expect(pose.locator(".bone").first).to_have_css("visibility", "visible")


@pytest.mark.slow
def test_names_from_a_dataset_are_text_and_its_links_lead_nowhere_unsafe(odd):
    for place in (".captions", "tbody", ".instances", "dl"):
        expect(odd.locator(place).first).to_contain_text("<img src=x")
    odd.locator("tbody tr").first.hover()
    expect(odd.locator(".instance-label")).to_contain_text("<img src=x")
    expect(odd.page.locator(".tile .hover-caption").first).to_contain_text("<img src=x")
    expect(odd.page.locator("img[src=x], .gallery b")).to_have_count(0)
    addresses = odd.locator("a").evaluate_all("links => links.map(link => link.href)")
    assert all(address.startswith("http") for address in addresses)
    assert odd.page.evaluate("window.hurt") is None
