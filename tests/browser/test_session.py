"""A whole session: words, a threshold, a filter, three pictures taken out, a colleague, a ZIP."""

import json
import re
from zipfile import ZipFile

from playwright.sync_api import Page, expect

from core.query import pack_ids


def ids(page: Page, which: str = ".tile") -> list[int]:
    return page.locator(which).evaluate_all("tiles => tiles.map(tile => Number(tile.dataset.id))")


def test_what_one_person_refined_a_colleague_opens_and_takes_away(demo_server, open_page, tmp_path):
    page = open_page(demo_server.url)
    page.get_by_role("searchbox", name="What should the pictures show?").fill("a dog on a beach")
    page.keyboard.press("Enter")
    expect(page.locator(".tile .score").first).to_be_visible()

    kinds = page.get_by_test_id("stSidebar").get_by_test_id("stButtonGroup").first
    kinds.get_by_text(re.compile("^score$", re.IGNORECASE)).click()
    page.get_by_role("spinbutton", name="Score at least").fill("0.1")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("score=0.1"))
    page.get_by_test_id("stSidebarUserContent").get_by_text("Categories", exact=True).click()
    page.get_by_role("combobox", name="Must have").fill("dog")
    expect(page.get_by_role("option", name="dog").first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("with=dog"))
    source = json.loads(next(demo_server.home.glob("data/demo/annotations/inst*")).read_text())
    dog = next(c["id"] for c in source["categories"] if c["name"] == "dog")
    with_dog = {a["image_id"] for a in source["annotations"] if a["category_id"] == dog}
    expect(page.locator(".bar .count")).not_to_have_text(re.compile("^24 of"))
    found = ids(page)
    assert len(found) > 5
    assert set(found) <= with_dog
    scores = page.locator(".tile .score").all_inner_texts()
    assert min(map(float, scores)) >= 0.1

    for position in (1, 2, 4):
        page.locator(".tile").nth(position).hover()
        page.locator(".tile .drop").nth(position).click()
    expect(page.locator(".bar .count")).to_contain_text("3 left out")
    left_out = [found[1], found[2], found[4]]
    expect(page).to_have_url(re.compile(f"#drop={pack_ids(sorted(left_out))}$"))

    colleague = open_page(page.url)
    expect(colleague.locator(".bar .count")).to_contain_text("3 left out")
    assert ids(colleague) == found
    assert ids(colleague, ".tile.excluded") == left_out

    wanted = [image_id for at, image_id in enumerate(found) if at not in (1, 2, 4)]
    with colleague.expect_download() as event:
        colleague.get_by_role("button", name=f"Download ZIP of {len(wanted)} pictures").click()
    event.value.save_as(tmp_path / "subset.zip")
    with ZipFile(tmp_path / "subset.zip") as archive:
        images = json.loads(archive.read("annotations/annotations.json"))["images"]
        members = {name for name in archive.namelist() if name.startswith("images/")}
    assert [image["id"] for image in images] == wanted
    assert members == {f"images/{image['file_name']}" for image in images}
