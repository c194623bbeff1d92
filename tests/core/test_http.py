"""The routes give what they name, and say in words what they cannot give."""

import io
import json
import os
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anyio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pycocotools import mask
from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.testclient import TestClient

import core.http.answers
import core.http.records
from core.coco import register_dataset
from core.downloads import LIFETIME_S, Downloads
from core.errors import ExportError
from core.http import routes, uncompressed_counts
from core.images import PictureStore
from core.library import Library
from core.settings import Settings
from tests.core.odd_dataset import NAMES, Odd, make_odd

IMAGES = "/api/datasets/odd/images"
BIG = 9007199254740995


@pytest.fixture
def odd(tmp_path: Path) -> Odd:
    return make_odd(tmp_path)


@pytest.fixture
def downloads(odd: Odd) -> Iterator[Downloads]:
    downloads = Downloads(odd.settings)
    yield downloads
    downloads.close()


@pytest.fixture
def client(odd: Odd, downloads: Downloads) -> TestClient:
    library = Library(odd.settings)
    return TestClient(Starlette(routes=routes(lambda: library, downloads)))


def test_a_thumbnail_is_a_small_webp(client):
    answer = client.get(f"{IMAGES}/12/thumbnail?size=320")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(answer.content)).size == (64, 48)


def test_a_picture_is_the_sources_bytes(client, odd):
    for image_id in NAMES:
        answer = client.get(f"{IMAGES}/{image_id}/picture")
        assert answer.content == odd.file(image_id).read_bytes()


def test_the_type_of_a_picture_is_that_of_its_content(client, odd):
    Image.new("RGB", (64, 48)).save(odd.file(12), format="PNG")  # plain.jpg
    assert client.get(f"{IMAGES}/12/picture").headers["content-type"] == "image/png"


@pytest.mark.parametrize("kind", ["SVG", "EPS"])
def test_what_is_no_picture_is_not_served_as_one(client, odd, kind):
    if kind == "SVG":
        odd.file(12).write_text("<svg onload='alert(1)'/>")
    else:
        Image.new("RGB", (64, 48)).save(odd.file(12), format="EPS")
    answer = client.get(f"{IMAGES}/12/picture")
    assert answer.status_code == 404
    assert "not a picture" in answer.json()["error"]


@pytest.mark.parametrize("what", ["thumbnail", "picture", "annotations"])
def test_an_address_with_the_datasets_version_is_kept_for_an_hour(client, odd, what):
    version = odd.coco.annotation_hash[:8]
    answer = client.get(f"{IMAGES}/7/{what}?v={version}")
    assert answer.headers["cache-control"] == "private, max-age=3600"
    assert client.get(f"{IMAGES}/7/{what}?v=older").headers["cache-control"] == "no-cache"
    assert client.get(f"{IMAGES}/7/{what}").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("what", ["thumbnail", "picture", "annotations"])
def test_what_the_browser_has_is_not_sent_again(client, what):
    first = client.get(f"{IMAGES}/7/{what}")
    again = client.get(f"{IMAGES}/7/{what}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("what", ["thumbnail", "picture"])
def test_a_picture_that_changed_is_sent_again(client, odd, what):
    first = client.get(f"{IMAGES}/7/{what}")
    Image.new("RGB", (40, 30), "red").save(odd.file(7))
    os.utime(odd.file(7), (5, 5))
    again = client.get(f"{IMAGES}/7/{what}", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 200
    assert Image.open(io.BytesIO(again.content)).convert("RGB").getpixel((20, 15))[0] > 240


def test_a_picture_that_is_gone_when_it_is_sent_is_got_again(client, odd, monkeypatch):
    original, left = PictureStore.path, ["once"]

    def path(store: PictureStore, image_id: int) -> Path:
        # As when the cache drops it for pictures that others look at.
        return odd.folder / "dropped" if left and left.pop() else original(store, image_id)

    monkeypatch.setattr(PictureStore, "path", path)
    assert client.get(f"{IMAGES}/7/picture").content == odd.file(7).read_bytes()


@pytest.fixture
def slow_host() -> Iterator[tuple[str, threading.Event, threading.Semaphore]]:
    """A host that answers when the event is set; the semaphore counts who asked it."""
    release, asked = threading.Event(), threading.Semaphore(0)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.release()
            release.wait(10)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{server.server_port}", release, asked
        release.set()
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("what", ["thumbnail", "picture"])
def test_a_slow_host_holds_up_no_picture_that_is_here(odd, slow_host, monkeypatch, what):
    place, release, asked = slow_host
    monkeypatch.setattr(core.http.answers, "THREADS", 2)
    monkeypatch.setattr(core.http.answers, "FETCHING_THREADS", 2)
    monkeypatch.setenv("no_proxy", "*")
    limits = replace(odd.settings, offline=False, image_hosts=frozenset({place}))
    register_dataset(limits, "far", instances=odd.instances, url=f"http://{place}/{{id}}.png")
    app = Starlette(routes=routes(Library(limits)))
    with TestClient(app) as client, ThreadPoolExecutor(4) as people:
        far = [
            people.submit(client.get, f"/api/datasets/far/images/{image_id}/{what}")
            for image_id in NAMES
        ]
        assert asked.acquire(timeout=10)
        assert asked.acquire(timeout=10)
        assert client.get(f"{IMAGES}/7/{what}").status_code == 200
        assert not any(answer.done() for answer in far)
        release.set()
        assert {answer.result().status_code for answer in far} == {502}


def test_routes_may_stand_below_a_base_path(odd, downloads):
    app = Starlette(routes=routes(Library(odd.settings), downloads, "lab/coco/"))
    client = TestClient(app)
    assert client.get(f"/lab/coco{IMAGES}/7/picture").status_code == 200
    assert client.get(f"{IMAGES}/7/picture").status_code == 404
    begun = downloads.start(odd.request(3), "x")
    deadline = time.monotonic() + 10
    while (url := client.get(f"/lab/coco/api/downloads/{begun.token}").json()["url"]) is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert client.get(url).headers["content-type"] == "application/zip"


@pytest.mark.parametrize("what", ["thumbnail", "picture", "annotations"])
def test_browsers_are_told_not_to_guess_types(client, what):
    assert client.get(f"{IMAGES}/7/{what}").headers["x-content-type-options"] == "nosniff"
    assert client.get(f"{IMAGES}/999/{what}").headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/api/datasets/nothing/images/7/{}",
        "/api/datasets/..%2Fsource/images/7/{}",
        "/api/datasets/odd/images/999/{}",
        "/api/datasets/odd/images/-7/{}",
        "/api/datasets/odd/images/seven/{}",
        "/api/datasets/odd/images/7.5/{}",
        "/api/datasets/odd/images/٧/{}",
        "/api/datasets/odd/images/9999999999999999999/{}",
        "/api/datasets/odd/images/000000000000000000000000000007/{}",
    ],
)
@pytest.mark.parametrize("what", ["thumbnail", "picture", "annotations"])
def test_what_does_not_exist_is_404(client, path, what):
    answer = client.get(path.format(what))
    assert answer.status_code == 404
    if "%2F" not in path:
        assert answer.json()["error"]
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("size", ["0", "321", "-320", "big", ""])
def test_a_size_that_is_not_made_is_400(client, size):
    answer = client.get(f"{IMAGES}/7/thumbnail?size={size}")
    assert answer.status_code == 400
    assert "320 or 640" in answer.json()["error"]


@pytest.mark.parametrize("what", ["thumbnail", "picture"])
def test_a_picture_that_is_not_here_is_404_with_the_reason(client, odd, what):
    odd.file(7).unlink()
    answer = client.get(f"{IMAGES}/7/{what}")
    assert answer.status_code == 404
    assert "val/x.png" in answer.json()["error"]


@pytest.mark.parametrize("what", ["thumbnail", "picture"])
def test_a_picture_that_its_host_does_not_give_is_502(odd, what):
    limits = Settings(
        home=odd.settings.home, cache=odd.settings.cache, image_hosts=frozenset({"127.0.0.1:9"})
    )
    register_dataset(limits, "far", instances=odd.instances, url="http://127.0.0.1:9/{id}.png")
    client = TestClient(Starlette(routes=routes(Library(limits))))
    answer = client.get(f"/api/datasets/far/images/7/{what}")
    assert answer.status_code == 502
    assert "127.0.0.1" in answer.json()["error"]


def test_annotations_are_the_records_with_category_names(client):
    found = client.get(f"{IMAGES}/3/annotations").json()
    assert found["image"]["file_name"] == "test/x.png"
    assert found["image"]["extra"] == {"deep": [1, 1.0, 1.0, None, "é/"]}
    assert found["captions"] == ["Ein Hund, „nass“ 🐶.", "a dog and a bottle"]
    assert [(one["id"], one["category"], one["area"]) for one in found["instances"]] == [
        (1, "dog", 100),
        (4, "bottle", 0.1),
    ]
    assert found["instances"][0]["segmentation"] == [[1, 2, 11.5, 2, 11.5, 12, 1, 12]]
    assert found["license"] == {
        "id": 1,
        "name": "One",
        "url": "http://licence.invalid/1",
        "commercial": None,
        "modifications": None,
    }


def test_crowds_have_run_lengths_as_numbers(client):
    crowds = client.get(f"{IMAGES}/7/annotations").json()["instances"]
    runs = {"counts": [60, 3, 27, 3, 1107], "size": [30, 40]}
    assert [crowd["segmentation"] for crowd in crowds] == [runs, runs]
    assert [crowd["iscrowd"] for crowd in crowds] == [1, 1]


def test_a_picture_without_annotations_has_empty_lists(client):
    found = client.get(f"{IMAGES}/{BIG}/annotations").json()
    assert (found["captions"], found["license"]) == ([], None)
    assert client.get(f"{IMAGES}/12/annotations").json()["instances"] == []


def test_a_dataset_of_captions_alone_has_no_instances(tmp_path):
    odd = make_odd(tmp_path, instances=False)
    client = TestClient(Starlette(routes=routes(Library(odd.settings))))
    found = client.get(f"{IMAGES}/3/annotations").json()
    assert found["instances"] == []
    assert len(found["captions"]) == 2


@pytest.mark.parametrize(
    "segmentation",
    [
        '{"counts": "\\u0001", "size": [30, 40]}',
        '{"counts": [1, 2], "size": [30, 40]}',
        '{"counts": "l13k", "size": [30, 40]}',
        '{"counts": "l13k00hQ1", "size": [40, 30]}',
        '{"counts": "l13k00hQ1", "size": [600, 2]}',
        '{"counts": "l13k00hQ1", "size": 1200}',
        '{"counts": [1200.0], "size": [30, 40]}',
        '{"counts": [1300, -100], "size": [30, 40]}',
        '{"counts": [true, 1199], "size": [30, 40]}',
        '{"counts": ["1200"], "size": [30, 40]}',
        '{"size": [30, 40]}',
        '["1, 2, 3, 4, 5, 6", {"x": 1}, 7, null, [1, 2, "3", 4, 5, 6], [true, 2, 3, 4, 5, NaN]]',
        '"none"',
        "null",
    ],
)
def test_a_mask_that_cannot_be_drawn_is_left_out(odd, segmentation):
    text = odd.instances.read_text("utf-8")
    spoilt = '{"counts": "l13k00hQ1", "size": [30, 40]}'
    assert spoilt in text
    odd.instances.write_text(text.replace(spoilt, segmentation), "utf-8")
    client = TestClient(Starlette(routes=routes(Library(odd.settings))))
    found = client.get(f"{IMAGES}/7/annotations").json()["instances"]
    assert found[1]["segmentation"] == []
    assert found[0]["segmentation"] != []


@pytest.mark.parametrize(
    "bbox", ["[1, 2, 3]", "[1, 2, 3, 4, 5]", '[1, 2, 3, "4"]', "[1, 2, 3, NaN]", '"1, 2"', "null"]
)
def test_a_box_that_cannot_be_drawn_is_null(bbox):
    assert core.http.records._box(json.loads(bbox)) is None


def test_a_box_keeps_its_numbers():
    assert core.http.records._box([1, 2.0, 10.5, 1e1]) == [1, 2.0, 10.5, 10.0]


def test_a_number_that_is_none_reaches_the_browser_as_null(odd):
    text = odd.instances.read_text("utf-8")
    odd.instances.write_text(text.replace('"area": 0.1000000000000000055', '"area": NaN'), "utf-8")
    client = TestClient(Starlette(routes=routes(Library(odd.settings))))
    assert client.get(f"{IMAGES}/3/annotations").json()["instances"][1]["area"] is None


@given(
    arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.integers(0, 1))
)
def test_run_lengths_are_those_that_pycocotools_draws(drawn):
    compressed = mask.encode(np.asfortranarray(drawn))
    counts = uncompressed_counts(compressed["counts"].decode())
    height, width = drawn.shape
    assert sum(counts) == height * width
    values = np.arange(len(counts)) % 2
    ours = np.repeat(values, counts).reshape((height, width), order="F")
    assert (ours == drawn).all()


@given(st.lists(st.integers(0, 5_000_000), min_size=1, max_size=60))
def test_long_runs_come_back(runs):
    counts = [*runs, 1]
    size = [sum(counts), 1]
    compressed = mask.frPyObjects({"counts": counts, "size": size}, *size)["counts"]
    assert uncompressed_counts(compressed.decode()) == counts


def test_a_run_length_of_many_groups_is_refused_before_it_grows():
    with pytest.raises(ValueError, match="expected run lengths of at most 60 bits"):
        uncompressed_counts("o" * 2_000_000 + "0")


@pytest.mark.parametrize("text", ["~", "P", "/", "ab\x00"])
def test_what_is_no_run_length_string_is_refused(text):
    with pytest.raises(ValueError, match="expected"):
        uncompressed_counts(text)


def scope_of(path: str, headers: list[tuple[bytes, bytes]]) -> dict:
    """A GET as a server hands it to the app."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
    }


async def never() -> dict:
    await anyio.sleep_forever()


class TestDownloads:
    @pytest.fixture
    def token(self, odd: Odd, downloads: Downloads) -> str:
        return downloads.start(odd.request(3, 7), "Hund am Strand").token

    @staticmethod
    def state(client: TestClient, token: str) -> dict:
        deadline = time.monotonic() + 60
        while True:
            found = client.get(f"/api/downloads/{token}").json()
            if found["state"] != "preparing":
                return found
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def test_are_streamed_as_zip_to_be_saved(self, client, token):
        found = self.state(client, token)
        assert (found["state"], found["error"], found["note"]) == ("ready", None, None)
        assert found["waiting"] == 0
        answer = client.get(found["url"])
        assert answer.headers["content-type"] == "application/zip"
        disposition = 'attachment; filename="Hund-am-Strand.zip"'
        assert answer.headers["content-disposition"] == disposition
        assert len(answer.content) == found["bytes"]
        assert zipfile.ZipFile(io.BytesIO(answer.content)).testzip() is None

    def test_can_be_had_in_ranges(self, client, token):
        url = self.state(client, token)["url"]
        whole = client.get(url).content
        part = client.get(url, headers={"Range": "bytes=10-19"})
        assert part.status_code == 206
        assert part.content == whole[10:20]
        assert part.headers["content-range"] == f"bytes 10-19/{len(whole)}"

    def test_that_were_interrupted_go_on_where_they_stopped(self, client, token):
        url = self.state(client, token)["url"]
        whole = client.get(url)
        again = {"Range": "bytes=1000-", "If-Range": whole.headers["etag"]}
        rest = client.get(url, headers=again)
        assert rest.status_code == 206
        assert whole.content[:1000] + rest.content == whole.content

    def test_that_have_changed_meanwhile_begin_anew(self, client, token):
        url = self.state(client, token)["url"]
        again = {"Range": "bytes=1000-", "If-Range": '"of another file"'}
        answer = client.get(url, headers=again)
        assert answer.status_code == 200
        assert zipfile.ZipFile(io.BytesIO(answer.content)).testzip() is None

    def test_beyond_their_end_there_is_nothing(self, client, token):
        url = self.state(client, token)["url"]
        answer = client.get(url, headers={"Range": "bytes=999999999-"})
        assert answer.status_code == 416

    @pytest.mark.parametrize("first_byte", [None, 10], ids=["whole", "from where it stopped"])
    def test_that_are_swept_while_they_are_read_are_read_whole(self, odd, monkeypatch, first_byte):
        monkeypatch.setattr(FileResponse, "chunk_size", 256)
        now = [1_000.0]
        downloads = Downloads(odd.settings, clock=lambda: now[0])
        app = Starlette(routes=routes(lambda: Library(odd.settings), downloads))
        token = downloads.start(odd.request(3, 7), "x").token
        url = self.state(TestClient(app), token)["url"]
        path = downloads.get(token).path
        expected, got = path.read_bytes()[first_byte or 0 :], bytearray()

        async def send(message: dict) -> None:
            if message["type"] != "http.response.body":
                return
            if not got:
                now[0] += 2 * LIFETIME_S
                with pytest.raises(ExportError):
                    downloads.get(token)
                assert not path.exists()
            got.extend(message["body"])

        asked = [] if first_byte is None else [(b"range", f"bytes={first_byte}-".encode())]
        anyio.run(app, scope_of(url, asked), never, send)
        assert bytes(got) == expected
        downloads.close()

    def test_have_names_of_any_script(self, client, odd, downloads):
        begun = downloads.start(odd.request(3), "Собака")
        answer = client.get(self.state(client, begun.token)["url"])
        assert "filename*=utf-8''%D0%A1%D0%BE" in answer.headers["content-disposition"]

    def test_that_are_not_ready_are_409(self, client, odd, downloads):
        odd.file(3).unlink()
        begun = downloads.start(odd.request(3, 7), "x")
        found = self.state(client, begun.token)
        assert (found["state"], found["url"], found["bytes"]) == ("failed", None, None)
        assert "test/x.png" in found["error"]
        answer = client.get(f"/api/downloads/{begun.token}/x.zip")
        assert answer.status_code == 409
        assert "test/x.png" in answer.json()["error"]

    def test_say_what_they_leave_out(self, client, odd, downloads):
        odd.file(3).unlink()
        begun = downloads.start(odd.request(3, 7), "x", without_missing=True)
        assert self.state(client, begun.token)["note"] == "1 picture left out."

    def test_can_be_cancelled(self, client, token):
        assert client.delete(f"/api/downloads/{token}").status_code == 204
        assert client.get(f"/api/downloads/{token}").json()["state"] == "cancelled"
        assert client.get(f"/api/downloads/{token}/x.zip").status_code == 409

    @pytest.mark.parametrize("method", ["get", "delete"])
    def test_that_nobody_asked_for_are_404(self, client, method):
        answer = getattr(client, method)("/api/downloads/guessed")
        assert answer.status_code == 404
        assert "Make it again" in answer.json()["error"]

    @pytest.mark.parametrize("path", ["guessed/x.zip", "..%2F..%2Fodd/x.zip", "%2e%2e/x.zip"])
    def test_by_a_guessed_address_are_404(self, client, path):
        assert client.get(f"/api/downloads/{path}").status_code == 404

    def test_are_never_kept_by_the_browser_while_they_change(self, client, token):
        assert client.get(f"/api/downloads/{token}").headers["cache-control"] == "no-store"
