"""The page Library in a real browser: what appears is seen, a door is a door, checks come back."""

import fcntl
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.embed_run.record import RunRecord
from tests.browser.conftest import ROOT
from tests.browser.test_accessibility import complaints, settled

PATIENCE_MS = 90_000


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """The demo twice, once without embeddings, a dataset that is broken, and a model cut short."""
    folder = tmp_path_factory.mktemp("home")
    for name in ("data", "models", "embeddings"):
        shutil.copytree(ROOT / name / "demo", folder / name / "demo")
    shutil.copytree(ROOT / "data" / "demo", folder / "data" / "streets")
    (folder / "data" / "broken").mkdir()
    (folder / "data" / "broken" / "dataset.toml").write_text("title = ")
    shutil.copytree(ROOT / "models" / "demo", folder / "models" / "cut")
    (folder / "models" / "cut" / "clip_model_part_ab").unlink()
    return folder


@pytest.fixture(scope="module")
def server(start_server, home):
    return start_server(home)


@pytest.fixture
def library(server, open_page):
    def open_one(**options) -> Page:
        page = open_page(f"{server.url}/library", **options)
        expect(page.get_by_text("This instance", exact=True)).to_be_visible()
        return page

    return open_one


def cell(page: Page, dataset: str, column: int):
    row = page.locator(".fit tbody tr", has=page.locator("th", has_text=re.compile(f"^{dataset}")))
    return row.locator("td").nth(column)


@contextmanager
def embedding(home: Path, dataset: str, model: str, done: int, total: int) -> Iterator[None]:
    """What a run of `embed` leaves on the disk while it is at it."""
    folder = home / "embeddings" / dataset / f".{model}.unfinished"
    folder.mkdir(parents=True)
    record = RunRecord(
        dataset=dataset,
        model=model,
        n_rows=total,
        annotation_hash="",
        checkpoint_sha256="",
        activation="gelu",
        preprocessing={},
        decoding="exact",
        precision="fp32",
        runtime="torch",
        device="cpu",
        dtype="float32",
        dim=128,
        pictures="files",
        reused="",
        chunk_rows=done,
        command=f"python -m core embed --dataset {dataset} --model {model}",
    )
    (folder / "run.json").write_text(record.to_json())
    (folder / "chunks.jsonl").write_text(f'{{"stop": {done}, "skipped": [], "sha256": "0"}}\n')
    with (folder / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    shutil.rmtree(folder)


def test_a_ready_pair_is_a_door_to_search(library):
    page = library()
    page.get_by_role("link", name="Search this: demo with demo").click()
    page.wait_for_url(re.compile("dataset=demo&model=demo"))
    expect(page.locator(".tile").first).to_be_visible()


def test_the_door_takes_along_what_is_asked(server, open_page):
    page = open_page(f"{server.url}/?q=cars+at+night&k=6&dataset=demo&model=demo")
    expect(page.locator(".tile").first).to_be_visible()
    page.get_by_role("link", name="Library", exact=True).click()
    page.get_by_role("link", name="Search this: demo with demo").click()
    page.wait_for_url(re.compile(r"q=cars\+at\+night"))
    expect(page.locator(".tile")).to_have_count(6)


def test_what_is_broken_is_said_and_no_folder_of_the_server_is_shown(library, home):
    page = library()
    expect(page.get_by_text("data/broken/dataset.toml cannot be read as TOML")).to_be_visible()
    expect(page.get_by_text("clip_model_part_ab is missing in models/cut")).to_be_visible()
    expect(cell(page, "demo", 0)).to_contain_text("The model cannot be used")
    said = page.locator("[data-testid=stMain]").evaluate(
        "main => [...main.querySelectorAll('.stHtml, .stMarkdown, [data-testid=stAlert]')]"
        ".map(element => element.innerText).join(' ')"
    )
    assert str(home) not in said


def test_a_model_and_its_vectors_are_verified_on_demand(library):
    page = library()
    buttons = page.get_by_role("button", name="Verify")
    expect(buttons).to_have_count(2)
    buttons.first.click()
    expect(page.get_by_text("All of it is right: 3 parts")).to_be_visible(timeout=PATIENCE_MS)
    buttons.nth(1).click()
    expect(page.get_by_text("Every vector is as it should be.")).to_be_visible(timeout=PATIENCE_MS)


def test_an_embedding_under_way_is_watched_until_it_is_there(library, home):
    with embedding(home, "streets", "demo", 110, 440):
        page = library()
        expect(cell(page, "streets", 1)).to_contain_text("Embedding under way 25%")
        target = home / "embeddings" / "streets" / "demo"
        shutil.copytree(home / "embeddings" / "demo" / "demo", target)
        for path in target.glob("demo_*"):
            path.rename(target / path.name.replace("demo_", "streets_", 1))
    # Nobody clicks anything: the page has seen it by itself.
    expect(cell(page, "streets", 1).get_by_role("link")).to_be_visible(timeout=PATIENCE_MS)
    shutil.rmtree(home / "embeddings" / "streets")
    page.get_by_role("button", name="Refresh").click()
    expect(cell(page, "streets", 1)).to_contain_text("Not embedded")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_serious_issue(library, scheme):
    page = library(color_scheme=scheme)
    settled(page)
    assert complaints(page) == []


def test_a_telephone_shows_each_pair_without_sideways_scrolling(library):
    page = library(viewport={"width": 390, "height": 844})
    expect(cell(page, "demo", 1)).to_contain_text("Ready")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for part in page.locator(".fit tr, .entry-facts, .instance").all():
        box = part.bounding_box()
        assert box is None or box["width"] <= 390
