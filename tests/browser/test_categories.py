"""The page Categories in a real browser: doors to Search, the address, the telephone."""

import re

import pytest
from playwright.sync_api import ElementHandle, Page, expect

from core import open_library
from core.analytics.caption_terms import caption_terms
from core.analytics.cooccurrence import cooccurrence
from core.analytics.makeup import makeup, pictures_in
from core.analytics.shapes import distribution, licences

QUERY = "image=46&k=40"


@pytest.fixture(scope="module")
def demo():
    return open_library().dataset("demo")


@pytest.fixture(scope="module")
def found(demo):
    return demo.search(like=46, top_k=40)


@pytest.fixture
def open_section(demo_server, open_page):
    def open_one(section: str, more: str = "", **options) -> Page:
        page = open_page(f"{demo_server.url}/categories?{QUERY}&view={section}{more}", **options)
        expect(page.locator("svg.marks").first).to_be_visible()
        # Charts are drawn anew while the page is still being put together.
        page.wait_for_url(re.compile("dataset=demo"))
        expect(page.get_by_test_id("stStatusWidget")).to_be_hidden()
        page.wait_for_load_state("networkidle")
        return page

    return open_one


def mark(page: Page, chart: str, **fields: object) -> ElementHandle:
    """The first mark of a chart whose datum has these fields: the row behind its bar."""
    found = page.wait_for_function(
        """([chart, fields]) => [...document.querySelectorAll(`.st-key-chart-${chart} path`)].find(
            (path) => Object.entries(fields).every(
                ([name, value]) => path.__data__?.datum?.[name] === value))""",
        arg=[chart, fields],
    ).as_element()
    assert found is not None
    return found


def test_a_bar_opens_the_pictures_it_counts(open_section, demo, found):
    made = makeup(demo.coco, found.image_ids)
    place = int(made.images.argmax())
    page = open_section("makeup", "&order=share")
    mark(page, "makeup-category", category=made.names[place]).click(force=True)
    expect(page.locator(".tile")).to_have_count(int(made.images[place]))
    page.wait_for_url(re.compile(f"image=46.*with={made.names[place]}"))


def test_a_category_that_is_absent_opens_those_of_the_dataset(open_section, demo, found):
    made = makeup(demo.coco, found.image_ids)
    absent = made.absent[0]
    page = open_section("makeup", "&order=name&all=yes")
    mark(page, "makeup-category", category=absent).click(force=True)
    of_all = int(made.all_images[made.names.index(absent)])
    expect(page.locator(".tile")).to_have_count(min(of_all, 40))


def test_a_pair_opens_the_pictures_that_have_both(open_section, demo, found):
    pairs = cooccurrence(demo.coco, found.image_ids)
    at = int(pairs.images.argmax())
    one, other = pairs.names[pairs.first[at]], pairs.names[pairs.second[at]]
    page = open_section("together")
    mark(page, "together-lift", first=one, second=other).click(force=True)
    expect(page.locator(".tile")).to_have_count(int(pairs.images[at]))


def test_a_size_of_one_category_opens_with_its_filter(open_section, demo, found):
    made = makeup(demo.coco, found.image_ids)
    most = made.names[int(made.images.argmax())]
    page = open_section("objects", f"&of={most}")
    mark(page, "size-classes", size="medium").click(force=True)
    expect(page.locator(".tile").first).to_be_visible()
    page.wait_for_url(re.compile(f"with=medium%3A{most}"))


def test_a_word_opens_the_pictures_whose_captions_have_it(open_section, demo, found):
    terms = caption_terms(demo.coco, found.image_ids)
    place = int(terms.marking()[0])
    (word,) = terms.vocabulary.take([place])
    page = open_section("captions")
    mark(page, "words-here", word=word).click(force=True)
    expect(page.locator(".tile")).to_have_count(int(terms.images[place]))
    page.wait_for_url(re.compile(f"words={word}"))


def test_going_back_from_a_door_shows_the_section_again(open_section, demo, found):
    spread = distribution(licences(demo.coco), pictures_in(demo.coco, found.image_ids))
    place = int(spread.counts.argmax())
    page = open_section("pictures")
    mark(page, "licences", place=place).click(force=True)
    expect(page.locator(".tile")).to_have_count(int(spread.counts[place]))
    page.go_back()
    expect(page.get_by_text("The most frequent licence")).to_be_visible()
    page.wait_for_url(re.compile("view=pictures"))


def test_a_section_that_is_chosen_stands_in_the_address(open_section):
    page = open_section("makeup")
    page.get_by_role("radio", name="Captions").or_(
        page.get_by_role("button", name="Captions")
    ).first.click()
    expect(page.get_by_text("Half of the captions")).to_be_visible()
    page.wait_for_url(re.compile("view=captions"))
    page.reload()
    expect(page.get_by_text("Half of the captions")).to_be_visible()


@pytest.mark.parametrize("section", ["makeup", "together", "objects", "pictures", "captions"])
def test_a_telephone_needs_no_sideways_scrolling(open_section, section):
    page = open_section(section, viewport={"width": 390, "height": 844})
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
