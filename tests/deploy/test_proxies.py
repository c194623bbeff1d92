"""The examples for nginx and Caddy carry what a browser and the app say to each other."""

import asyncio
import io
import json
import re
import ssl
import time
import zipfile
from urllib.request import urlopen

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


def test_a_finished_download_is_sent_by_the_proxy_whole_and_in_parts(proxied, below_a_path):
    begun = begin_export(proxied)
    path = f"/api/v1/exports/{begun}/file"
    status, headers, whole = asked(proxied, path)
    assert status == 200
    assert len(zipfile.ZipFile(io.BytesIO(whole)).namelist()) > 3
    assert headers["content-type"] == "application/zip"
    assert headers["content-disposition"].startswith("attachment;")
    assert headers["x-content-type-options"] == "nosniff"
    assert "x-accel-redirect" not in headers

    part = {"Range": "bytes=5-104", "If_Range": headers["etag"]}
    status, headers, body = asked(proxied, path, **part)
    assert (status, body) == (206, whole[5:105])
    # The app itself sends none of it, and no proxy in between would find it.
    status, headers, body = asked_plainly(f"http://{below_a_path.address}/cocosift{path}")
    assert (status, body) == (200, b"")
    assert headers["x-accel-redirect"].startswith("/protected/")


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
    # On a deep link Streamlit's page looks for the server below the link first, then above it.
    assert [url for url in wrong if "/categories/_stcore/" not in url] == []
    assert address.startswith(f"{proxied}/api/downloads/")


def begin_export(url: str) -> str:
    """Have three pictures exported; return the token of the finished ZIP."""
    body = json.dumps({"dataset": "demo", "image_ids": [1, 2, 3]}).encode()
    status, _, told = asked(url, "/api/v1/exports", "POST", body, Content_Type="application/json")
    assert status == 202, told
    token = json.loads(told)["id"]
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        state = json.loads(asked(url, f"/api/v1/exports/{token}")[2])["state"]
        if state == "ready":
            return token
        assert state in ("waiting", "preparing"), state
        time.sleep(0.3)
    raise AssertionError("the export was not ready in time")


def asked_plainly(url: str) -> tuple[int, dict[str, str], bytes]:
    with urlopen(url, timeout=PATIENCE_S) as got:
        return got.status, {name.lower(): value for name, value in got.headers.items()}, got.read()


def seen(picture: Locator) -> None:
    """Wait until a picture has come and is one."""
    expect(picture).to_have_js_property("complete", True, timeout=PATIENCE_S * 1_000)
    assert picture.evaluate("image => image.naturalWidth") > 0
