"""The gallery in a real browser: tiles, the selection, and both of them in the address."""

import json
import random
import re
from pathlib import Path
from zipfile import ZipFile

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from core.query import pack_ids
from tests.browser.conftest import ROOT

GALLERY = ROOT / "pages/shared/gallery"
QUERY = "q=a+dog+on+a+beach"
MAX_ID = 2**63 - 1
SIDES = """nodes => nodes.map((node) => {
  const box = node.getBoundingClientRect();
  return [box.x, box.y, box.width, box.height];
})"""


@pytest.fixture
def found(demo_server, open_page) -> Page:
    return opened(open_page, f"{demo_server.url}/?{QUERY}")


def opened(open_page, url: str, tiles: int | None = 24, **options) -> Page:
    page = open_page(url, **options)
    expect(page.locator(".tile").first).to_be_visible()
    if tiles:
        expect(page.locator(".tile")).to_have_count(tiles)
    return page


def ids(page: Page) -> list[int]:
    return page.locator(".tile").evaluate_all("tiles => tiles.map(tile => +tile.dataset.id)")


def picked(page: Page) -> set[int]:
    return set(page.locator(".tile.picked").evaluate_all("tiles => tiles.map(t => +t.dataset.id)"))


def count(page: Page) -> Locator:
    return page.locator(".bar .count")


def open_button(page: Page, position: int) -> Locator:
    return page.locator(".tile .open").nth(position)


def pick(page: Page, *positions: int) -> None:
    for position in positions:
        open_button(page, position).click(modifiers=["ControlOrMeta"])


def packing(browser) -> Page:
    page = browser.new_page()
    page.add_script_tag(content=(GALLERY / "ids.js").read_text())
    return page


def id_sets() -> list[list[int]]:
    chance = random.Random(3)
    sets = [[], [0], [1, 2, 300], [0, MAX_ID], [2**53 - 1, 2**53, 2**53 + 1], list(range(500))]
    for _ in range(60):
        largest = 2 ** chance.randint(1, 63) - 1
        sets.append([chance.randint(0, largest) for _ in range(chance.randint(1, 50))])
    return sets


def test_the_browser_packs_ids_as_python_does(browser):
    page = packing(browser)
    sets = id_sets()
    texts = page.evaluate(
        "sets => sets.map(ids => packIds(ids.map(idOf)))", [[*map(str, one)] for one in sets]
    )
    assert texts == [pack_ids(one) for one in sets]
    page.close()


def test_the_browser_unpacks_what_python_packs(browser):
    page = packing(browser)
    sets = id_sets()
    read = page.evaluate(
        "texts => texts.map(t => unpackIds(t)).map(r => [r.isWhole, r.ids.map(String)])",
        [pack_ids(one) for one in sets],
    )
    assert read == [[True, [*map(str, sorted(set(one)))]] for one in sets]
    page.close()


def test_of_a_text_that_was_cut_the_ids_before_the_cut_are_read(browser):
    page = packing(browser)
    whole = [5, 900, 70_000, 9_000_000]
    text = pack_ids(whole)
    for length in range(len(text)):
        read = page.evaluate("text => unpackIds(text)", text[:length])
        assert read["ids"] == whole[: len(read["ids"])]
        assert len(read["ids"]) < 4
    page.close()


def test_pictures_of_another_dataset_are_asked_about_while_an_old_answer_is_on_its_way(browser):
    page = browser.new_page()
    for name in ("elements.js", "records.js"):
        page.add_script_tag(content=(GALLERY / name).read_text())
    first, second, caption = page.evaluate(
        """async () => {
          const asked = [];
          const answers = [];
          window.fetch = (url) => {
            asked.push(url);
            const images = { 1: { captions: [url] } };
            const response = { ok: true, json: async () => ({ images }) };
            return new Promise((resolve) => answers.push(() => resolve(response)));
          };
          const gallery = { base: "/one", version: "1" };
          const records = new Records(gallery, () => {});
          const wish = () => {
            records.want([1], ["captions"]);
            records.askSoon.cancel();
            records.ask();
          };
          wish();
          gallery.base = "/two";
          records.forget();
          wish();
          for (const at of [0, 1]) {
            answers[at]?.();
            await new Promise((resolve) => setTimeout(resolve));
          }
          return [...asked, records.of(1)?.captions[0]];
        }"""
    )
    assert first.startswith("/one/")
    assert second.startswith("/two/")
    assert caption == second
    page.close()


def test_ctrl_click_shift_click_and_the_circle_pick(found):
    pick(found, 1)
    expect(count(found)).to_contain_text("1 selected")
    open_button(found, 4).click(modifiers=["Shift"])
    expect(count(found)).to_contain_text("4 selected")
    found.locator(".tile .pick").nth(2).click()
    expect(count(found)).to_contain_text("3 selected")
    assert picked(found) == {ids(found)[at] for at in (1, 3, 4)}
    expect(found.get_by_role("dialog")).to_have_count(0)


def test_a_box_that_is_dragged_picks_what_it_touches_and_opens_nothing(found):
    first, last = (open_button(found, at).bounding_box() for at in (0, 1))
    found.mouse.move(first["x"] + 20, first["y"] + 40)
    found.mouse.down()
    found.mouse.move(first["x"] + 90, first["y"] + 60, steps=3)
    found.mouse.move(last["x"] + 40, last["y"] + 70, steps=3)
    expect(found.locator(".drag-box")).to_be_visible()
    found.mouse.up()
    assert picked(found) == set(ids(found)[:2])
    expect(found.locator(".drag-box")).to_have_count(0)
    expect(found.get_by_role("dialog")).to_have_count(0)


def test_the_keyboard_selects_all_inverts_and_takes_back(found):
    open_button(found, 0).focus()
    found.keyboard.press("Space")
    found.keyboard.press("i")
    expect(count(found)).to_contain_text("23 selected")
    found.keyboard.press("ControlOrMeta+a")
    expect(count(found)).to_contain_text("24 selected")
    found.keyboard.press("ControlOrMeta+z")
    expect(count(found)).to_contain_text("23 selected")
    found.keyboard.press("Shift+A")
    expect(count(found)).not_to_contain_text("selected")


def test_keys_work_after_a_click_on_what_is_no_control(found):
    count(found).click()
    found.keyboard.press("ControlOrMeta+a")
    expect(count(found)).to_contain_text("24 selected")
    found.locator(".toolbar .where").click()
    found.keyboard.press("?")
    expect(found.get_by_role("dialog")).to_be_visible()


def test_a_click_on_a_tile_causes_no_rerun(found):
    found.evaluate(
        """() => {
          window.sent = 0;
          const send = WebSocket.prototype.send;
          WebSocket.prototype.send = function (...all) {
            window.sent += 1;
            return send.apply(this, all);
          };
        }"""
    )
    pick(found, 0, 3, 5)
    open_button(found, 2).focus()
    found.keyboard.press("x")
    expect(count(found)).to_contain_text("3 selected · 1 left out")
    found.wait_for_timeout(500)
    assert found.evaluate("window.sent") == 0


@pytest.mark.parametrize("key", ["x", "Delete"])
def test_a_picture_that_is_left_out_stays_visible_and_dimmed(found, key):
    open_button(found, 2).focus()
    found.keyboard.press(key)
    expect(count(found)).to_contain_text("1 left out")
    expect(found.locator(".tile.excluded")).to_have_attribute("data-id", str(ids(found)[2]))
    expect(found.locator(".tile.excluded .open img")).to_be_visible()
    expect(found.locator(".tile")).to_have_count(24)
    found.locator(".tile .drop").nth(2).click()
    expect(count(found)).not_to_contain_text("left out")


def test_the_zip_holds_all_but_what_is_left_out(found, tmp_path):
    for position in (0, 5):
        found.locator(".tile").nth(position).hover()
        found.locator(".tile .drop").nth(position).click()
    expect(found.get_by_role("button", name="Download ZIP of 22 pictures")).to_be_visible()
    assert exported(found, tmp_path) == [
        image_id for at, image_id in enumerate(ids(found)) if at not in (0, 5)
    ]


def test_the_other_downloads_are_offered_with_their_sizes(found, tmp_path):
    pick(found, 1)
    found.locator(".tile .drop").nth(2).click(force=True)
    found.get_by_role("button", name="Other downloads").click()
    offers = found.locator(".choices button")
    expect(offers).to_have_text(
        [
            re.compile(r"The 1 selected picture[\d.]+ [kM]B"),
            re.compile(r"All but the 1 left out[\d.]+ [kM]B"),
            re.compile(r"All 24 pictures of this result[\d.]+ [kM]B"),
            "Name, format and other options",
            "Save in Subsets, without a ZIP",
        ]
    )
    with found.expect_download() as event:
        offers.nth(2).click()
    assert len(zip_ids(event.value, tmp_path)) == 24


def test_a_selection_outlives_a_smaller_result_and_leaves_in_the_zip(
    demo_server, open_page, found, tmp_path
):
    chosen = {ids(found)[at] for at in (0, 21, 23)}
    pick(found, 0, 21, 23)
    expect(found).to_have_url(re.compile(f"#pick={pack_ids(chosen)}"))
    page = opened(open_page, found.url.replace("k=24", "k=12"), tiles=12)
    expect(count(page)).to_have_text(re.compile(r"12 of .* · 3 selected · 2 outside this view"))
    assert set(exported(page, tmp_path)) == chosen
    page.get_by_role("button", name="Forget 2 outside").click()
    expect(count(page)).to_have_text(re.compile(r"· 1 selected$"))


def test_pictures_that_the_dataset_does_not_have_are_said_and_forgotten(demo_server, open_page):
    text = pack_ids([9_999_999, MAX_ID])
    page = opened(open_page, f"{demo_server.url}/?{QUERY}#pick={text}")
    expect(count(page)).to_contain_text("2 selected · 2 outside this view")
    page.get_by_role("button", name="Download ZIP").click()
    expect(page.get_by_text("2 selected pictures are not in this dataset")).to_be_visible()
    expect(count(page)).not_to_contain_text("selected")


def test_the_selection_becomes_part_of_the_query(found):
    pick(found, 0, 1)
    found.get_by_role("button", name="More like these").click()
    for image_id in ids(found)[:2]:
        expect(found).to_have_url(re.compile(rf"[?&]image={image_id}(&|#|$)"))
    expect(count(found)).not_to_contain_text("selected")


def test_a_colleague_who_opens_the_address_sees_the_same_gallery(demo_server, open_page, found):
    pick(found, 3, 7)
    open_button(found, 5).focus()
    found.keyboard.press("x")
    found.get_by_role("button", name="Grid").click()
    found.get_by_role("button", name="Boxes").click()
    found.get_by_label("Sort by").select_option("random")
    found.get_by_label("Seed of the random order").fill("77")
    found.keyboard.press("Tab")
    expect(found).to_have_url(re.compile(r"#.*sort=random&seed=77&layout=grid.*show=boxes"))
    order, chosen = ids(found), picked(found)
    other = opened(open_page, found.url)
    expect(count(other)).to_contain_text("2 selected · 1 left out")
    assert ids(other) == order
    assert picked(other) == chosen
    expect(other.get_by_role("button", name="Grid")).to_have_attribute("aria-pressed", "true")
    expect(other.locator(".tile svg.overlay .box").first).to_be_visible()


def test_many_pictures_are_kept_by_the_server_under_a_short_name(demo_server, open_page):
    page = opened(open_page, f"{demo_server.url}/?{QUERY}&k=400", tiles=None)
    page.get_by_role("button", name="Select all 400").click()
    expect(page).to_have_url(re.compile(r"#view=[0-9a-f]{12,}"))
    other = opened(open_page, page.url, tiles=None)
    expect(count(other)).to_contain_text("400 selected")


PICK_AND_RELOAD = """
(positions) => {
  const nodes = [...document.querySelectorAll("*")];
  const host = nodes.find((node) => node.shadowRoot?.querySelector(".tile"));
  const circles = host.shadowRoot.querySelectorAll(".tile .pick");
  for (const position of positions) circles[position].click();
  location.reload();
}"""


def test_picks_outlive_a_reload_in_the_same_moment(found):
    with found.expect_navigation():
        found.evaluate(PICK_AND_RELOAD, [1, 3, 4])
    expect(count(found)).to_contain_text("3 selected")
    assert picked(found) == {ids(found)[position] for position in (1, 3, 4)}


def test_many_picks_outlive_a_reload_before_the_server_keeps_them(demo_server, open_page):
    page = opened(open_page, f"{demo_server.url}/?{QUERY}&k=440#layout=grid", tiles=None)
    page.route("**/api/views", lambda route: route.abort())
    page.locator(".bar").get_by_role("button", name="Select all").click()
    page.reload()
    expect(count(page)).to_contain_text("440 selected")
    expect(page).to_have_url(re.compile("#layout=grid"))


def test_a_view_that_is_not_kept_any_more_is_said(demo_server, open_page):
    page = opened(open_page, f"{demo_server.url}/?{QUERY}#view=0123456789abcdef&layout=grid")
    expect(page.get_by_text("is not kept here any more")).to_be_visible()
    expect(page.get_by_role("button", name="Grid")).to_have_attribute("aria-pressed", "true")


def test_back_and_forward_bring_the_selection_of_each_query(found):
    pick(found, 0)
    expect(found).to_have_url(re.compile("#pick="))
    box = found.get_by_role("searchbox", name="What should the pictures show?")
    box.fill("cars at night")
    box.press("Enter")
    expect(found).to_have_url(re.compile("cars"))
    expect(count(found)).not_to_contain_text("selected")
    first = ids(found)[0]
    found.go_back()
    expect(count(found)).to_contain_text("1 selected")
    found.go_forward()
    expect(found.locator(".tile").first).to_have_attribute("data-id", str(first))
    expect(count(found)).not_to_contain_text("selected")


def test_an_address_that_was_cut_gives_what_can_be_read_and_says_so(demo_server, open_page, found):
    text = pack_ids([*ids(found)[:3], 9_000_000])
    page = opened(open_page, f"{demo_server.url}/?{QUERY}#pick={text[:-2]}&sort=beauty&size=9")
    note = page.locator(".note")
    expect(note).to_contain_text("the order, the selection (3 pictures of it are here)")
    expect(count(page)).to_contain_text("3 selected")
    note.get_by_role("button", name="Close this note").click()
    expect(note).to_be_hidden()


@pytest.mark.slow
def test_no_fragment_breaks_the_gallery(demo_server, found):
    errors = []
    found.on("pageerror", lambda error: errors.append(str(error)))
    chance = random.Random(500)
    start = (
        f"pick={pack_ids(ids(found)[:9])}&drop={pack_ids(ids(found)[9:12])}&sort=random&seed=7"
        "&layout=grid&size=200&show=boxes,masks&hide=1,18&at=12"
    )
    mutated = [mutation(start, chance) for _ in range(500)]
    counts = found.evaluate(
        """fragments => {
          const nodes = [...document.querySelectorAll('*')];
          const host = nodes.find((node) => node.shadowRoot?.querySelector('.tiles'));
          return fragments.map((fragment) => {
            const here = location.pathname + location.search;
            history.replaceState(history.state, '', here + '#' + fragment);
            dispatchEvent(new HashChangeEvent('hashchange'));
            return host.shadowRoot.querySelectorAll('.tile').length;
          });
        }""",
        mutated,
    )
    assert set(counts) == {24}
    assert errors == []
    expect(count(found)).to_contain_text("24 of")
    pick(found, 0)


def mutation(text: str, chance: random.Random) -> str:
    characters = list(text)
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(len(characters) or 1)
        change = chance.choice(["cut", "swap", "add", "double"])
        if change == "cut":
            characters = characters[:at] or ["&"]
        elif change == "swap":
            characters[at] = chance.choice("=&%,-_ #<>\"'\\\u202eé0Aa~😀")
        elif change == "add":
            characters.insert(at, chance.choice(["%00", "%FF", "&pick=", "&at=1e9", "9" * 40]))
        else:
            characters = characters + characters[at:]
    return "".join(characters)[:5_000]


def test_the_place_is_in_the_address_and_kept_by_a_reload(demo_server, open_page):
    page = opened(open_page, f"{demo_server.url}/?{QUERY}&k=200", tiles=200)
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 4000)")
    expect(page).to_have_url(re.compile(r"[#&]at=\d+"))
    first = re.search(r"[#&]at=(\d+)", page.url)[1]
    page.reload()
    expect(page.locator(".where")).to_have_text(re.compile(f"^{first}–"))


def test_of_many_tiles_those_near_the_screen_are_made(demo_server, open_page):
    page = opened(open_page, f"{demo_server.url}/?{QUERY}&k=440", tiles=None)
    assert page.locator(".tile").count() < 200
    open_button(page, 0).focus()
    page.keyboard.press("End")
    expect(page.locator(".tile .open:focus")).to_have_attribute(
        "aria-label", re.compile("Rank 440,")
    )
    expect(page.locator(".where")).to_have_text(re.compile("–440 of 440"))
    page.keyboard.press("Home")
    expect(page.locator(".tile .open:focus")).to_have_attribute("aria-label", re.compile("Rank 1,"))


def test_nothing_moves_when_the_pictures_arrive(demo_server, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    held, is_open = [], False
    page.route("**/thumbnail*", lambda route: route.continue_() if is_open else held.append(route))
    page.goto(f"{demo_server.url}/?{QUERY}")
    expect(page.locator(".tile")).to_have_count(24)
    before = places(page)
    assert page.locator(".tile img").first.evaluate("image => image.naturalWidth") == 0
    is_open = True
    for route in held:
        route.continue_()
    page.wait_for_function(
        """() => {
          const nodes = [...document.querySelectorAll('*')];
          const host = nodes.find((node) => node.shadowRoot?.querySelector('.tiles'));
          return host.shadowRoot.querySelector('.tile img').naturalWidth > 0;
        }"""
    )
    assert places(page) == before
    page.close()


def places(page: Page) -> list[list[int]]:
    return page.locator(".tile").evaluate_all(
        "tiles => tiles.map(t => [t.offsetLeft, t.offsetTop, t.offsetWidth, t.offsetHeight])"
    )


@pytest.mark.parametrize("layout", ["rows", "grid"])
def test_what_is_drawn_lies_exactly_over_the_picture(demo_server, open_page, layout):
    page = opened(open_page, f"{demo_server.url}/?{QUERY}#layout={layout}&show=boxes")
    tile = page.locator(".tile").first
    expect(tile.locator("svg.overlay .box").first).to_be_visible()
    source = json.loads(next(demo_server.home.glob("data/demo/annotations/inst*")).read_text())
    image_id = ids(page)[0]
    record = next(one for one in source["images"] if one["id"] == image_id)
    own = [one for one in source["annotations"] if one["image_id"] == image_id]
    picture = tile.locator("img").bounding_box()
    scale = min(picture["width"] / record["width"], picture["height"] / record["height"])
    left = picture["x"] + (picture["width"] - scale * record["width"]) / 2
    top = picture["y"] + (picture["height"] - scale * record["height"]) / 2
    drawn = tile.locator("svg.overlay .box").evaluate_all(SIDES)
    for x, y, width, height in (one["bbox"] for one in own):
        wanted = [left + scale * x, top + scale * y, scale * width, scale * height]
        assert any(
            all(abs(a - b) < 1.5 for a, b in zip(one, wanted, strict=True)) for one in drawn
        ), (wanted, drawn)


def test_a_category_of_the_legend_hides_and_shows_its_instances(found):
    found.get_by_role("button", name="Masks").click()
    chip = found.locator(".categories .chip").first
    expect(chip).to_be_visible()
    category = chip.get_attribute("data-category")
    drawn = found.locator(f'.tile svg.overlay [data-category="{category}"]').first
    expect(drawn).to_be_visible()
    chip.click()
    expect(drawn).to_be_hidden()
    expect(found).to_have_url(re.compile(rf"hide={category}\b"))
    chip.click()
    expect(drawn).to_be_visible()


def test_the_annotations_of_the_tiles_come_in_batches(demo_server, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{demo_server.url}/?{QUERY}&k=100#show=masks")
    expect(page.locator(".tile svg.overlay").first).to_be_attached()
    batches = [url for url in asked if "/annotations?ids=" in url]
    assert 1 <= len(batches) <= 2
    assert not [url for url in asked if re.search(r"/images/\d+/annotations", url)]
    page.close()


def test_the_pictures_are_sorted_by_id_and_by_instances(found):
    ranked = ids(found)
    found.get_by_label("Sort by").select_option("id")
    assert ids(found) == sorted(ranked)
    found.get_by_label("Sort by").select_option("instances")
    source = json.loads(next((ROOT / "data/demo/annotations").glob("inst*")).read_text())
    counts = [sum(a["image_id"] == i for a in source["annotations"]) for i in ids(found)]
    assert counts == sorted(counts, reverse=True)
    found.get_by_label("Sort by").select_option("score")
    assert ids(found) == ranked


def test_larger_tiles_stand_in_fewer_columns(found):
    def columns() -> int:
        return len({left for left, *_ in places(found)[:6]})

    before = columns()
    found.get_by_label("Size of the pictures").fill("400")
    expect(found).to_have_url(re.compile(r"[#&]size=400"))
    assert columns() < before


def test_a_finger_picks_and_leaves_out_on_a_telephone(demo_server, open_page):
    page = opened(
        open_page,
        f"{demo_server.url}/?{QUERY}",
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
    )
    page.locator(".tile .pick").first.tap()
    page.locator(".tile .drop").nth(1).tap()
    expect(count(page)).to_contain_text("1 selected · 1 left out")
    assert page.locator(".toolbar").bounding_box()["height"] <= 90


def test_the_address_of_another_page_has_nothing_of_the_gallery(found):
    pick(found, 0)
    expect(found).to_have_url(re.compile("#pick="))
    found.get_by_role("link", name="Library").click()
    expect(found.get_by_text("This instance", exact=True)).to_be_visible()
    found.wait_for_timeout(1_000)
    assert "#" not in found.url


def test_a_new_query_begins_at_its_best(demo_server, open_page):
    page = opened(open_page, f"{demo_server.url}/?{QUERY}&k=200", tiles=200)
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 3000)")
    expect(page.locator(".where")).not_to_have_text(re.compile("^1–"))
    box = page.get_by_role("searchbox", name="What should the pictures show?")
    box.evaluate("box => box.focus({ preventScroll: true })")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("cars at night")
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 3000)")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("cars"))
    expect(page.locator(".where")).to_have_text(re.compile("^1–"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_with_all_of_it_in_use_the_gallery_has_no_serious_issue(demo_server, open_page, scheme):
    page = opened(
        open_page,
        f"{demo_server.url}/?{QUERY}#show=boxes,masks,captions&sort=random",
        color_scheme=scheme,
    )
    pick(page, 0, 1)
    open_button(page, 2).focus()
    page.keyboard.press("x")
    page.locator(".categories .chip").first.click()
    page.get_by_role("button", name="Other downloads").click()
    found = Axe().run(page, context=".st-key-gallery").response["violations"]
    serious = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in serious] == []


def exported(page: Page, folder: Path) -> list[int]:
    with page.expect_download() as event:
        page.get_by_role("button", name="Download ZIP").click()
    return zip_ids(event.value, folder)


def zip_ids(download, folder: Path) -> list[int]:
    path = folder / download.suggested_filename
    download.save_as(path)
    with ZipFile(path) as archive:
        images = json.loads(archive.read("annotations/annotations.json"))["images"]
    return [image["id"] for image in images]
