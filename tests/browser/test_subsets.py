"""The catalogue in a real browser: each verb, done the way a person does it."""

import json
import re
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_accessibility import complaints

QUERY = "?q=a+dog+on+a+beach"


@pytest.fixture(scope="module")
def server(start_server):
    """A server of this module's own, so that its catalogue holds what these tests save."""
    from tests.browser.conftest import ROOT

    return start_server(ROOT)


@pytest.fixture
def search(server, open_page) -> Page:
    page = open_page(f"{server.url}/{QUERY}")
    expect(page.locator(".tile")).to_have_count(24)
    return page


def save(page: Page, name: str, *, picks: tuple[int, ...] = (), drops: tuple[int, ...] = ()) -> int:
    """Save pictures of the result under a name by the dialog; return the entry's id."""
    for kind, places in (("pick", picks), ("drop", drops)):
        for place in places:
            page.locator(".tile").nth(place).hover()
            page.locator(f".tile .{kind}").nth(place).click()
    dialog = options(page)
    fill(dialog.get_by_role("textbox", name="Name", exact=True), name)
    dialog.get_by_role("button", name="Save without a download").click()
    link = page.get_by_role("link", name=f"Saved as “{name}”")
    expect(link).to_be_visible()
    return int(link.get_attribute("href").partition("entry=")[2])


def options(page: Page) -> Locator:
    page.get_by_role("button", name="Other downloads").click()
    page.get_by_role("button", name="Name, format and other options").click()
    dialog = page.get_by_role("dialog").filter(has_text="What leaves")
    expect(dialog.get_by_role("button", name="Download ZIP")).to_be_enabled()
    return dialog


def fill(box: Locator, text: str) -> None:
    """Type into a box of Streamlit's, which takes it when the focus leaves."""
    box.fill(text)
    box.blur()


def subsets(page: Page, server, address: str = "") -> Page:
    page.goto(f"{server.url}/subsets{address}")
    expect(page.get_by_role("button", name="Import")).to_be_visible()
    return page


def card(page: Page, entry: int) -> Locator:
    return page.locator(f".st-key-subset-{entry}")


def more(page: Page, entry: int, what: str) -> None:
    card(page, entry).get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name=what).or_(page.get_by_role("option", name=what)).click()


def ids(page: Page) -> list[str]:
    return page.locator(".tile").evaluate_all("tiles => tiles.map(tile => tile.dataset.id)")


def members(path: Path) -> dict[str, bytes]:
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_plain_download_is_one_click_and_lands_in_the_catalogue(search, server, tmp_path):
    with search.expect_download() as event:
        search.get_by_role("button", name="Download ZIP").click()
    event.value.save_as(tmp_path / "dogs.zip")
    assert json.loads(members(tmp_path / "dogs.zip")["recipe.json"])
    expect(search.locator(".bar")).to_contain_text("Remembered in Subsets as “a dog on a beach”")
    search.get_by_role("link", name="Subsets", exact=True).click()
    first = search.locator('[class*="st-key-subset-"]').first
    expect(first).to_contain_text("a dog on a beach")
    expect(first).to_contain_text("24 pictures of demo")
    expect(first).to_contain_text("ZIP,")
    image = first.locator(".strip img").first
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("image => image.naturalWidth") >= 320


def test_the_dialog_names_shapes_and_warns(search, tmp_path):
    dialog = options(search)
    fill(dialog.get_by_role("textbox", name="Name", exact=True), "Dogs for training")
    fill(dialog.get_by_role("textbox", name="Your name"), "Ann Example")
    expect(dialog).to_contain_text("Licences:")
    dialog.get_by_text("For commercial use").click()
    expect(dialog).to_contain_text(
        re.compile(r"licences of \d+ pictures do not allow commercial use")
    )
    dialog.get_by_text("With the picture files").click()
    expect(dialog.get_by_role("button", name="Download ZIP")).to_contain_text("kB")
    with search.expect_download() as event:
        dialog.get_by_role("button", name="Download ZIP").click()
    assert event.value.suggested_filename == "Dogs-for-training.zip"
    event.value.save_as(tmp_path / "dogs.zip")
    found = members(tmp_path / "dogs.zip")
    assert not [name for name in found if name.startswith("images/")]
    recipe = json.loads(found["recipe.json"])
    assert recipe["who"] == "Ann Example"
    expect(search.locator(".bar")).to_contain_text("Remembered in Subsets as “Dogs for training”")


def test_who_one_is_stays_in_the_browser(search, server):
    dialog = options(search)
    fill(dialog.get_by_role("textbox", name="Your name"), "Zoë Ångström; Ltd")
    expect(dialog.get_by_role("button", name="Save without a download")).to_be_enabled()
    dialog.get_by_role("button", name="Save without a download").click()
    expect(search.get_by_role("link", name=re.compile("Saved as"))).to_be_visible()
    search.wait_for_function("document.cookie.includes('cocosift_who=')")
    later = search.context.new_page()
    subsets(later, server)
    expect(later.get_by_role("button", name="You: Zoë Ångström; Ltd")).to_be_visible()


def test_open_as_query_brings_back_query_and_hand_selection(search, server):
    shown = ids(search)
    dropped = save(search, "All but two", drops=(1, 3))
    subsets(search, server)
    card(search, dropped).get_by_role("link", name="Open as query").click()
    expect(search.locator(".bar .count")).to_contain_text("2 left out")
    assert ids(search) == shown
    assert {one for one in shown if one in excluded(search)} == {shown[1], shown[3]}


def test_what_was_picked_by_hand_is_picked_again(search, server, open_page):
    shown = ids(search)
    entry = save(search, "Three", picks=(0, 2, 5))
    page = subsets(open_page(server.url), server)
    expect(card(page, entry)).to_contain_text("3 pictures")
    card(page, entry).get_by_role("link", name="Open as query").click()
    expect(page.locator(".bar .count")).to_contain_text("3 selected")
    picked = page.locator(".tile.picked").evaluate_all("tiles => tiles.map(t => t.dataset.id)")
    assert picked == [shown[0], shown[2], shown[5]]


def excluded(page: Page) -> list[str]:
    return page.locator(".tile.excluded").evaluate_all("tiles => tiles.map(t => t.dataset.id)")


def test_download_again_gives_the_same_bytes(search, server, tmp_path):
    entry = save(search, "Again", picks=(0, 1))
    page = subsets(search, server)
    for turn, button in (("first", "Download"), ("again", "Download again")):
        with page.expect_download() as event:
            card(page, entry).get_by_role("button", name=button, exact=True).click()
        event.value.save_as(tmp_path / f"{turn}.zip")
        page.reload()
        expect(card(page, entry)).to_be_visible()
    assert members(tmp_path / "first.zip") == members(tmp_path / "again.zip")


def test_replay_says_identical(search, server):
    entry = save(search, "To be replayed")
    page = subsets(search, server)
    more(page, entry, "Replay")
    expect(card(page, entry)).to_contain_text("Identical: the same 24 pictures")


def test_rename_note_and_tags_show_at_once_and_can_be_searched(search, server):
    entry = save(search, "Plain")
    page = subsets(search, server)
    more(page, entry, "Rename, note, tags")
    form = card(page, entry)
    form.get_by_role("textbox", name="Name").fill("Quokka on a beach")
    form.get_by_role("textbox", name="Note").fill("Two of us have looked")
    form.get_by_role("combobox", name="Tags").fill("holiday")
    expect(page.get_by_role("option", name="holiday").first).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")  # closes the list of tags
    form.get_by_role("button", name="Save changes").click()
    expect(form.get_by_role("button", name="Quokka on a beach")).to_be_visible()
    expect(form.locator(".subset")).to_contain_text("Two of us have looked")
    expect(form.locator(".tags")).to_contain_text("holiday")
    box = page.get_by_role("searchbox", name="Search the subsets")
    box.fill("quokka holi")
    box.press("Enter")
    expect(page).to_have_url(re.compile("find=quokka"))
    expect(page.locator(".subset")).to_have_count(1)
    box.fill("quokka work")
    box.press("Enter")
    expect(page.get_by_text("No subset fits.")).to_be_visible()
    page.go_back()
    expect(card(page, entry)).to_be_visible()
    expect(box).to_have_value("quokka holi")


@pytest.mark.slow
def test_two_tabs_rename_and_the_second_is_told(search, server, open_page):
    entry = save(search, "Contested")
    first = subsets(open_page(server.url), server, f"?entry={entry}")
    second = subsets(open_page(server.url), server, f"?entry={entry}")
    answers = (
        (first, "Mine", "Saved “Mine”."),
        (second, "Yours", "'Mine' was changed since you opened it: somebody changed the name"),
    )
    for page, name, answer in answers:
        form = card(page, entry)
        form.get_by_role("textbox", name="Name").fill(name)
        form.get_by_role("button", name="Save changes").click()
        expect(page.get_by_text(answer)).to_be_visible()
    expect(card(second, entry).get_by_role("textbox", name="Name")).to_have_value("Yours")
    expect(card(second, entry).get_by_role("button", name="Mine")).to_be_visible()


def test_delete_and_undo(search, server):
    entry = save(search, "Short-lived")
    page = subsets(search, server)
    more(page, entry, "Delete")
    expect(card(page, entry)).to_have_count(0)
    expect(page.get_by_text("Deleted “Short-lived”")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(card(page, entry)).to_be_visible()


@pytest.mark.slow
def test_subsets_are_combined_and_compared(search, server):
    small = save(search, "Best four", picks=(0, 1, 2, 3))
    search.get_by_role("button", name="Clear", exact=True).click()
    large = save(search, "All of them")
    page = subsets(search, server)
    for entry in (large, small):
        card(page, entry).locator("label").first.click()
        expect(card(page, entry).get_by_role("checkbox")).to_be_checked()
    expect(page.get_by_text("2 subsets chosen")).to_be_in_viewport()

    page.get_by_role("button", name="Combine").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Difference: pictures").click()
    expect(dialog).to_contain_text("20 pictures: All of them without Best four")
    fill(dialog.get_by_role("textbox", name="Name"), "The others")
    dialog.get_by_role("button", name="Save as a new subset").click()
    expect(page.get_by_text("Saved “The others”, 20 pictures")).to_be_visible()
    expect(page.locator(".subset").first).to_contain_text("20 pictures")

    for entry in (large, small):
        card(page, entry).locator("label").first.click()
        expect(card(page, entry).get_by_role("checkbox")).to_be_checked()
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".tile")).to_have_count(20)
    expect(page).to_have_url(re.compile(f"compare={large}(,|%2C){small}"))
    only_large = set(ids(page))
    page.get_by_role("radio", name="Both “All of them” and “Best four” · 4").click()
    expect(page.locator(".tile")).to_have_count(4)
    expect(page).to_have_url(re.compile("pictures=both"))
    assert not only_large & set(ids(page))
    page.get_by_role("radio", name="Only “Best four” · 0").click()
    expect(page.get_by_text("there is no such picture")).to_be_visible()
    page.go_back()
    expect(page.locator(".tile")).to_have_count(4)
    page.locator(".tile").first.get_by_role("button").first.click()
    expect(page.locator("dialog.detail[open]")).to_contain_text("Most alike")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Open on Search").click()
    expect(page.locator(".tile")).to_have_count(4)


def test_a_colleagues_package_is_imported(search, server, open_page, tmp_path):
    with search.expect_download() as event:
        search.get_by_role("button", name="Download ZIP").click()
    event.value.save_as(tmp_path / "from-ann.zip")
    page = subsets(open_page(server.url), server)
    page.get_by_role("button", name="Import").click()
    page.locator('input[type="file"]').set_input_files(tmp_path / "from-ann.zip")
    expect(page.get_by_text("Imported “a dog on a beach”, 24 pictures of demo")).to_be_visible()
    expect(page).to_have_url(re.compile(r"entry=\d+"))


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lists_forms_and_dialogs_have_no_serious_issue(server, open_page, scheme):
    page = open_page(f"{server.url}/{QUERY}", color_scheme=scheme)
    expect(page.locator(".tile")).to_have_count(24)
    entry = save(page, f"Looked over, {scheme}", picks=(0, 1))
    dialog = options(page)
    dialog.get_by_text("For commercial use").click()
    dialog.get_by_text("In parts").click()
    expect(dialog.get_by_role("textbox", name="Parts")).to_be_visible()
    assert complaints(page) == []
    subsets(page, server, f"?entry={entry}")
    expect(card(page, entry).get_by_role("textbox", name="Note")).to_be_visible()
    card(page, entry).locator("label").first.click()
    expect(page.get_by_text("1 subset chosen")).to_be_visible()
    assert complaints(page) == []
    subsets(page, server, f"?compare={entry},{entry}")
    expect(page.get_by_text("there is no such picture")).to_be_visible()
    page.get_by_role("radio", name="Both").click()
    expect(page.locator(".tile")).to_have_count(2)
    assert complaints(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone_shows_an_open_entry_without_sideways_scrolling(
    search, server, open_page, scheme
):
    entry = save(search, f"Small, {scheme}", picks=(0,))
    screen = {"width": 390, "height": 844}
    page = open_page(f"{server.url}/subsets?entry={entry}", viewport=screen, color_scheme=scheme)
    expect(card(page, entry).get_by_role("textbox", name="Note")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert card(page, entry).bounding_box()["width"] <= 390
