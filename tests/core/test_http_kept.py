"""Uploads and stored views by their routes: given back as they are, taken in one shape only."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.http import routes
from core.images import PictureStore
from core.library import Library
from core.query.ids import pack_ids, unpack_ids
from core.uploads import shared_uploads
from core.views import MAX_VIEW_BYTES, shared_views
from tests.core.odd_dataset import Odd, make_odd

VIEWS = "/api/views"
PICTURE = "/api/datasets/odd/images/7/picture"
VIEW = {"pick": pack_ids([1, 2, 2**63 - 1]), "drop": pack_ids([3])}


@pytest.fixture
def odd(tmp_path: Path) -> Odd:
    return make_odd(tmp_path)


@pytest.fixture
def app(odd: Odd) -> Starlette:
    return Starlette(routes=routes(Library(odd.settings)))


@pytest.fixture
def client(app: Starlette) -> TestClient:
    return TestClient(app)


class TestUploads:
    @pytest.fixture
    def sha(self, odd: Odd) -> str:
        with io.BytesIO() as file:
            Image.new("RGB", (30, 20), "red").save(file, format="GIF")
            return shared_uploads(odd.settings).keep(file.getvalue(), "x.gif").sha

    def test_are_given_back_as_png(self, client, sha):
        answer = client.get(f"/api/uploads/{sha}/picture")
        assert answer.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(answer.content)).size == (30, 20)

    def test_can_do_nothing_in_a_browser(self, client, sha):
        headers = client.get(f"/api/uploads/{sha}/picture").headers
        assert headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert headers["x-content-type-options"] == "nosniff"

    def test_are_kept_by_the_browser_for_good(self, client, sha):
        first = client.get(f"/api/uploads/{sha}/picture")
        assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
        again = client.get(f"/api/uploads/{sha}/picture", headers={"If-None-Match": f'"{sha}"'})
        assert again.status_code == 304

    @pytest.mark.parametrize("sha", ["0" * 64, "x", "..", "%2e%2e%2f%2e%2e%2fdata", "A" * 64])
    def test_that_are_not_there_are_404(self, client, sha):
        answer = client.get(f"/api/uploads/{sha}/picture")
        assert answer.status_code == 404

    def test_that_have_expired_say_so(self, client):
        assert "Upload it again" in client.get(f"/api/uploads/{'0' * 64}/picture").json()["error"]


class TestViews:
    def test_come_back_by_their_id(self, client):
        answer = client.post(VIEWS, json=VIEW)
        assert answer.status_code == 200
        view_id = answer.json()["id"]
        found = client.get(f"{VIEWS}/{view_id}").json()
        assert found == VIEW
        assert unpack_ids(found["pick"], 10) == (1, 2, 2**63 - 1)

    def test_of_one_content_have_one_id(self, client):
        ids = {client.post(VIEWS, json=view).json()["id"] for view in (VIEW, dict(VIEW), VIEW)}
        assert len(ids) == 1

    def test_may_name_their_characters(self, client):
        answer = client.post(
            VIEWS,
            content=json.dumps(VIEW),
            headers={"Content-Type": "Application/JSON; charset=utf-8"},
        )
        assert answer.status_code == 200

    @pytest.mark.parametrize(
        "kind",
        [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/plain; application/json",
            "application/jsonp",
            "",
            None,
        ],
    )
    def test_of_another_type_are_refused_so_that_no_other_site_sends_them(self, client, odd, kind):
        headers = {} if kind is None else {"Content-Type": kind}
        answer = client.post(VIEWS, content=json.dumps(VIEW), headers=headers)
        assert answer.status_code == 415
        assert "Expected application/json" in answer.json()["error"]
        assert not (odd.settings.cache / "views").exists()

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'"pick"',
            b"{}",
            b'{"pick": 1}',
            b'{"pick": ["AQ"]}',
            b'{"pick": "<script>"}',
            b'{"pick": "AQA"}',
            b'{"pick": "AQ", "note": "<script>"}',
            b'{"ids": "AQ"}',
            b'{"pick": "AQ\xff"}',
            b"[" * 100_000,
            b'{"pick": NaN}',
        ],
        ids=[
            "empty", "half", "list", "null", "text", "no members", "number", "list of text",
            "not packed", "descending", "another member", "list of ids", "not utf-8", "deep", "NaN",
        ],
    )  # fmt: skip
    def test_of_another_shape_are_400(self, client, odd, body):
        answer = client.post(VIEWS, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400
        assert "Expected" in answer.json()["error"]
        assert not (odd.settings.cache / "views").exists()

    def test_that_say_they_are_too_large_are_not_read(self, app):
        status, read = send(app, headers={"content-length": str(MAX_VIEW_BYTES + 1)})
        assert (status, read) == (413, 0)

    @pytest.mark.parametrize("length", [None, "5"], ids=["no length", "another length"])
    def test_without_end_are_read_up_to_the_bound_alone(self, app, length):
        headers = {} if length is None else {"content-length": length}
        status, read = send(app, headers=headers)
        assert status == 413
        assert read <= MAX_VIEW_BYTES + 2 * CHUNK

    def test_that_break_off_are_no_error_of_ours(self, app):
        assert send(app, headers={}, breaks_off=True)[0] == 400

    @pytest.mark.parametrize("view", ["0" * 24, "x", "%2e%2e%2fdata", "é"])
    def test_that_are_not_there_are_404(self, client, view):
        assert client.get(f"{VIEWS}/{view}").status_code == 404

    def test_are_not_to_be_had_as_lists_of_ids(self, client, odd):
        name = shared_views(odd.settings).keep_ids([1, 2, 3])
        answer = client.get(f"{VIEWS}/{name}")
        assert answer.status_code == 404
        assert "not a view" in answer.json()["error"]

    @pytest.mark.parametrize("method", ["get", "put", "delete"])
    def test_are_only_added(self, client, method):
        assert client.request(method.upper(), VIEWS).status_code == 405

    def test_of_many_people_at_once_are_all_kept(self, client):
        def turn(number: int) -> str:
            view = {"pick": pack_ids([number % 9])}
            view_id = client.post(VIEWS, json=view).json()["id"]
            assert client.get(f"{VIEWS}/{view_id}").json() == view
            return view_id

        with ThreadPoolExecutor(8) as people:
            assert len(set(people.map(turn, range(60)))) == 9


CHUNK = 64 * 1024


def send(app: Starlette, headers: dict[str, str], *, breaks_off: bool = False) -> tuple[int, int]:
    """Post a body that never ends; return the status and the bytes that were read of it."""
    read, statuses = [0], []

    async def receive() -> dict[str, object]:
        if breaks_off:
            return {"type": "http.disconnect"}
        read[0] += CHUNK
        return {"type": "http.request", "body": b" " * CHUNK, "more_body": True}

    async def reply(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    sent = {"content-type": "application/json", **headers}
    scope = {
        "type": "http",
        "method": "POST",
        "path": VIEWS,
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
    }
    anyio.run(app, scope, receive, reply)
    return statuses[0], read[0]


class TestPictureFiles:
    def test_may_be_saved_under_their_own_name(self, client, odd):
        answer = client.get(f"{PICTURE}?download=1")
        assert answer.headers["content-disposition"] == 'attachment; filename="x.png"'
        assert answer.content == odd.file(7).read_bytes()

    def test_of_any_script_may_be_saved(self, client):
        answer = client.get("/api/datasets/odd/images/9007199254740995/picture?download=1")
        assert "filename*=utf-8''%C5%BC" in answer.headers["content-disposition"]

    @pytest.mark.parametrize("query", ["", "?download=0", "?download=", "?download=../x"])
    def test_are_shown_unless_asked_otherwise(self, client, query):
        assert "content-disposition" not in client.get(PICTURE + query).headers

    @pytest.mark.parametrize("what", ["picture", "thumbnail"])
    def test_by_their_own_version_are_kept_for_good(self, client, odd, what):
        version = odd.pictures.availability([7])[7].version
        url = f"/api/datasets/odd/images/7/{what}?v={version}"
        assert client.get(url).headers["cache-control"] == "private, max-age=31536000, immutable"
        Image.new("RGB", (40, 30), "red").save(odd.file(7))
        assert client.get(url).headers["cache-control"] == "no-cache"
        assert odd.pictures.availability([7])[7].version != version


class TestVersions:
    def test_are_one_for_each_file(self, odd):
        found = odd.pictures.availability([3, 7, 12])
        assert len({one.version for one in found.values()}) == 3
        assert all(len(one.version) == 8 for one in found.values())
        assert PictureStore(odd.coco, odd.settings).availability([3, 7, 12]) == found

    def test_of_a_picture_that_is_missing_are_none(self, odd):
        odd.file(12).unlink()
        assert odd.pictures.availability([12])[12].version == ""
