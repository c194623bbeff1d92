"""The examples for nginx and Caddy carry what a browser and the app say to each other."""

import asyncio
import json
import re
import ssl
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Request, expect, sync_playwright

from tests.browser.chromium import FLAGS, find_chromium
from tests.deploy.proxies import ROOT
from tests.deploy.servers import PATIENCE_S, asked, pictures_on

PICTURE = "/api/datasets/demo/images/{id}/{kind}"
A_DEMO_ID = 46
MEGABYTE = 2**20
DRAWING = ROOT / "data/demo/images/COCO_demo_drawing_000000000042.jpg"
# 50 MB is the whole request, the form round the file included.
LARGE = b"1\n" * (25 * MEGABYTE - 500)


def test_the_page_and_its_scripts_come_from_below_the_path(proxied):
    status, _, page = asked(proxied, "/")
    assert status == 200
    sources = re.findall(r'(?:src|href)="\./?(static/[^"]+)"', page.decode())
    assert sources
    for source in sources:
        assert asked(proxied, f"/{source}")[0] == 200


def test_the_path_without_its_slash_leads_to_the_page(proxied):
    status, headers, _ = asked(proxied, "")
    assert status in (301, 302, 308)
    assert headers["location"].endswith("/cocosift/")


def test_a_picture_comes_whole_and_in_parts(proxied):
    path = PICTURE.format(id=A_DEMO_ID, kind="picture")
    status, headers, whole = asked(proxied, path)
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    status, headers, part = asked(proxied, path, Range="bytes=10-19")
    assert (status, part) == (206, whole[10:20])
    assert headers["content-range"] == f"bytes 10-19/{len(whole)}"


def test_a_page_is_drawn_over_the_websocket(proxied):
    assert asyncio.run(pictures_on(proxied, "q=a+dog+on+a+beach&k=24")) == 24


def test_nobody_outside_gets_into_the_cache(proxied, below_a_path):
    (below_a_path.cache / "kept.txt").write_text("not for you")
    host = proxied.removesuffix("/cocosift")
    for url, path in ((host, "/protected/kept.txt"), (proxied, "/protected/kept.txt")):
        assert b"not for you" not in asked(url, path)[2]


def test_more_than_an_upload_may_hold_is_refused(proxied):
    body = b"\0" * (58 * MEGABYTE)
    try:
        status, _, _ = asked(proxied, "/_stcore/upload_file/a/b", "PUT", body)
    except ssl.SSLEOFError:
        return  # refused by its length, and the rest not listened to
    assert status == 413


@pytest.mark.slow
def test_the_whole_job_works_in_a_browser_below_the_path(proxied, tmp_path):
    """Deep link, pictures, one of them large, an upload of almost 50 MB, and the ZIP."""
    wrong: list[str] = []
    path = find_chromium()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        page = chromium.new_page(ignore_https_errors=True, accept_downloads=True)
        page.on("response", lambda got: wrong.append(got.url) if got.status >= 400 else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(f"{proxied}/?q=a+dog+on+a+beach&k=24")
        expect(page.locator(".tile")).to_have_count(24, timeout=PATIENCE_S * 1_000)
        seen(page.locator(".tile img").first)

        page.locator(".tile .open").first.click()
        seen(page.get_by_role("dialog").locator("img").first)
        page.keyboard.press("Escape")

        with page.expect_download(timeout=PATIENCE_S * 1_000) as event:
            page.get_by_role("button", name="Download ZIP").click()
        event.value.save_as(tmp_path / "dogs.zip")
        address = event.value.url

        uploads: list[Request] = []
        page.on("request", lambda asked: uploads.append(asked) if asked.method == "PUT" else None)
        page.get_by_role("button", name="Add", exact=True).click()
        page.get_by_role("dialog").locator('input[type="file"]').set_input_files(DRAWING)
        expect(page).to_have_url(re.compile("upload=[0-9a-f]{64}"), timeout=PATIENCE_S * 1_000)
        # Once more by hand, as large as it may be.
        taken = page.request.put(
            uploads[0].url,
            headers={"X-Xsrftoken": uploads[0].headers["x-xsrftoken"]},
            multipart={"file": {"name": "ids.txt", "mimeType": "text/plain", "buffer": LARGE}},
        )
        assert taken.status == 204

        page.goto(f"{proxied}/categories?q=a+dog+on+a+beach&k=24")
        expect(page.get_by_text("All figures as a table")).to_be_visible(timeout=PATIENCE_S * 1_000)
        chromium.close()
    with zipfile.ZipFile(tmp_path / "dogs.zip") as archive:
        assert archive.testzip() is None
        assert len(json.loads(archive.read("annotations/annotations.json"))["images"]) == 24
    assert wrong == []
    assert address.startswith(f"{proxied}/api/downloads/")
    the_proxy_sends_it(address.removeprefix(proxied), proxied, tmp_path / "dogs.zip")


def seen(picture: Locator) -> None:
    """Wait until a picture has come and is one."""
    expect(picture).to_have_js_property("complete", True, timeout=PATIENCE_S * 1_000)
    assert picture.evaluate("image => image.naturalWidth") > 0


def the_proxy_sends_it(path: str, proxied: str, whole: Path) -> None:
    content = whole.read_bytes()
    status, headers, part = asked(proxied, path, Range="bytes=5-104")
    assert (status, part) == (206, content[5:105])
    assert headers["content-disposition"].startswith("attachment;")
    assert headers["content-type"] == "application/zip"
    assert headers["x-content-type-options"] == "nosniff"
    assert "x-accel-redirect" not in headers
