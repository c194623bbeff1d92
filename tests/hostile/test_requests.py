"""Requests to the routes beside the pages: paths, questions, headers and bodies."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.downloads import Downloads
from core.http import routes
from core.library import Library
from tests.core.odd_dataset import make_odd

IMAGE = "/api/datasets/odd/images/12"
WORDS = b"of others"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    odd = make_odd(tmp_path / "home")
    settings = replace(odd.settings, cache=tmp_path / "home/cache")
    downloads = Downloads(settings)
    app = Starlette(routes=routes(Library(settings), downloads))
    yield TestClient(app, raise_server_exceptions=True)
    downloads.close()


PATHS = [
    "/api/datasets/../images/12/picture",
    "/api/datasets/%2e%2e/images/12/picture",
    "/api/datasets/..%2f..%2fothers/images/12/picture",
    "/api/datasets/%2fetc/images/12/picture",
    "/api/datasets/odd%00/images/12/picture",
    "/api/datasets/<script>/images/12/picture",
    f"/api/datasets/{'a' * 10_000}/images/12/picture",
    "/api/datasets/odd/images/-1/picture",
    "/api/datasets/odd/images/1e3/picture",
    "/api/datasets/odd/images/%D9%A3/picture",
    f"/api/datasets/odd/images/{'9' * 5_000}/picture",
    "/api/datasets/odd/images/12%2f..%2f7/picture",
    "/api/datasets/odd/images/12/..%2f..%2fsecret.txt",
    "/api/datasets/odd/images/12/thumbnail?size=-1",
    "/api/datasets/odd/images/12/thumbnail?size=1000000",
    "/api/datasets/odd/images/12/thumbnail?size=320&size=<b>",
    "/api/datasets/odd/images/12/neighbours?k=0",
    "/api/datasets/odd/images/12/neighbours?k=999999999999999",
    "/api/datasets/odd/images/12/neighbours?model=../../x",
    "/api/datasets/odd/annotations?ids=",
    "/api/datasets/odd/annotations?ids=1,,2",
    f"/api/datasets/odd/annotations?ids={','.join('12' for _ in range(1000))}",
    "/api/datasets/odd/annotations?ids=12&parts=__class__",
    "/api/datasets/odd/annotations?ids=12;DROP%20TABLE%20subsets",
    "/api/downloads/../../others/secret.txt",
    "/api/downloads/%2e%2e%2f%2e%2e%2fothers",
    f"/api/downloads/{'a' * 32}/..%2f..%2fsecret.txt",
    f"/api/downloads/{'a' * 32}/a.zip",
    "/api/uploads/..%2f..%2fothers%2fsecret.txt/picture",
    f"/api/uploads/{'0' * 64}/picture",
    "/api/uploads/%00/picture",
    "/api/views/..%2f..%2fothers%2fsecret.txt",
    "/api/views/%2e%2e",
    f"/api/views/{'f' * 24}",
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:60])
def test_an_address_is_refused(client, path):
    answer = client.get(path)
    assert 400 <= answer.status_code < 500
    assert len(answer.content) < 2_000
    assert WORDS not in answer.content
    assert b"Traceback" not in answer.content
    assert "html" not in answer.headers.get("content-type", "")


BODIES = {
    "nothing": b"",
    "not JSON": b"<view/>",
    "brackets without end": b"[" * 100_000,
    "a number of a million digits": b'{"pick": ' + b"9" * 1_000_000 + b"}",
    "a list": b"[]",
    "another member": b'{"exec": "id"}',
    "ids that are none": b'{"pick": "<script>"}',
    "not UTF-8": b'{"pick": "\xff"}',
    "five million bytes": b'{"pick": "' + b"A" * 5_000_000 + b'"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_is_refused(client, body):
    answer = client.post("/api/views", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 413)
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "a" * 999],
)
def test_a_body_that_another_sites_form_could_send_is_refused(client, kind):
    answer = client.post("/api/views", content=b'{"pick": ""}', headers={"Content-Type": kind})
    assert answer.status_code == 415


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_a_method_that_is_none_is_refused(client, method):
    assert client.request(method, f"{IMAGE}/picture").status_code == 405


HEADERS = {
    "a range beyond the end": {"Range": "bytes=999999999-"},
    "a range backwards": {"Range": "bytes=9-1"},
    "a range of no bytes": {"Range": "bytes=-0"},
    "a thousand ranges": {"Range": "bytes=" + ",".join(f"{at}-{at}" for at in range(1000))},
    "a range of another unit": {"Range": "lines=1-2"},
    "a range that is text": {"Range": "bytes=<script>"},
    "a tag of a hundred thousand": {"If-None-Match": '"a",' * 10_000},
    "a date that is none": {"If-Range": "<script>"},
    "a host of others": {"Host": "elsewhere.invalid"},
    "a forwarded host": {"X-Forwarded-Host": "elsewhere.invalid", "X-Forwarded-Proto": "https"},
    "another method": {"X-HTTP-Method-Override": "DELETE"},
    "another address": {"X-Original-URL": "/api/views", "X-Rewrite-URL": "/etc/passwd"},
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS.keys())
def test_a_header_breaks_nothing(client, headers):
    answer = client.get(f"{IMAGE}/picture", headers=headers)
    assert answer.status_code in (200, 206, 304, 400, 416)
    assert "elsewhere.invalid" not in str(answer.headers)
    # What many ranges ask for is bounded by what the file holds, a little more for each.
    assert len(answer.content) < 200_000
