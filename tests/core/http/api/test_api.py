"""The API does what its page says, to those who may, within bounds."""

import io
import json
import time
from zipfile import ZipFile

import pytest

from core.http.api.limits import LARGER, Rates
from core.people import Role

SQUARE = {"version": 1, "parts": [{"kind": "text", "value": "a red square"}]}
TOP = SQUARE | {"cut": {"kind": "top", "value": 7}}


def saved(api, **more) -> dict:
    answer = api.post("subsets", json={"query": TOP, "dataset": "tiny", **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def finished(api, address: str) -> dict:
    while (told := api.get(address).json())["state"] in ("preparing", "waiting", "running"):
        time.sleep(0.05)
    return told


@pytest.mark.parametrize(
    "path",
    [
        *("", "me", "datasets", "datasets/tiny", "datasets/tiny/images"),
        *("datasets/tiny/images/101", "datasets/tiny/images/101/neighbours?k=2"),
        *("datasets/tiny/annotations?ids=101,102", "models", "models/tiny", "library"),
        *("subsets", "tags", "openapi.json"),
    ],
)
def test_what_is_there_is_told_as_json(api, path):
    answer = api.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "nothing", 404),
        ("GET", "datasets/none", 404),
        ("GET", "datasets/tiny/images/999", 404),
        ("GET", "datasets/tiny/images/x", 422),
        ("GET", "datasets/tiny/images/101/thumbnail?size=7", 400),
        ("GET", "models/none", 404),
        ("GET", "subsets/77", 404),
        ("GET", "subsets?limit=0", 422),
        ("GET", "subsets?cursor=made-up", 422),
        ("GET", "exports/none", 404),
        ("GET", "exports/none/file", 404),
        ("GET", "evaluations/77", 404),
        ("GET", "tokens", 409),
        ("PUT", "subsets", 405),
        ("PATCH", "subsets/1", 422),
        ("POST", "search", 422),
        ("POST", "recipes/verify", 415),
        ("POST", "uploads", 422),
    ],
)
def test_a_problem_is_a_document_in_words(api, method, path, status):
    answer = api.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["instance"].startswith("/team/api/v1/")
    assert len(document["detail"].split()) > 3


def test_a_search_comes_by_pages_that_are_one_list(api):
    whole = api.post("search", json={"query": TOP}).json()
    cursor, pages = None, []
    while not pages or cursor:
        asked = {"query": TOP, "limit": 3} | ({"cursor": cursor} if cursor else {})
        page = api.post("search", json=asked).json()
        pages, cursor = [*pages, *page["results"]], page["next"]
    assert [one["rank"] for one in pages] == [1, 2, 3, 4, 5, 6, 7]
    assert pages == whole["results"]


def test_a_cursor_is_of_one_question_and_cannot_be_made_up(api):
    cursor = api.post("search", json={"query": TOP, "limit": 3}).json()["next"]
    other = TOP | {"diversity": 0.3}
    assert api.post("search", json={"query": other, "cursor": cursor}).status_code == 422
    forged = cursor[:-2] + ("AA" if not cursor.endswith("AA") else "BB")
    assert api.post("search", json={"query": TOP, "cursor": forged}).status_code == 422


def test_a_query_that_cannot_be_says_what_was_expected(api):
    answer = api.post("search", json={"query": SQUARE | {"mode": "sideways"}})
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:cocosift:problem:query"
    assert "sideways" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["datasets/tiny", "datasets/tiny/images/101", "subsets/1", "me"])
def test_what_one_has_already_is_not_sent_again(api, path):
    saved(api)
    tag = api.get(path).headers["etag"]
    again = api.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_only_who_saw_the_present_version_changes_a_subset(api):
    entry = saved(api, name="squares")
    address = f"subsets/{entry['id']}"
    seen = {"If-Match": api.get(address).headers["etag"]}
    assert api.patch(address, json={"name": "boxes"}).status_code == 428
    first = api.patch(address, json={"name": "boxes", "tags": ["b"], "who": "Ann"}, headers=seen)
    assert (first.json()["name"], first.json()["tags"]) == ("boxes", ["b"])
    late = api.patch(address, json={"name": "circles"}, headers=seen)
    assert late.status_code == 412
    assert "Ann changed the name" in late.json()["detail"]
    assert api.delete(address, headers=seen).status_code == 412
    assert api.delete(address, headers={"If-Match": "*"}).status_code == 200
    assert api.post(f"{address}/restore").json()["deleted_at"] is None
    assert len(api.get(f"{address}/history").json()["changes"]) == 5


def test_subsets_are_combined_and_compared(api):
    first, other = saved(api), saved(api, add=[], remove=[101, 102, 103])
    pair = [first["id"], other["id"]]
    made = api.post("subsets/combine", json={"operation": "union", "subsets": pair}).json()
    assert made["count"] == first["count"]
    lists = api.get("subsets/compare", params={"a": pair[0], "b": pair[1]}).json()
    assert len(lists["both"]) == other["count"]
    assert set(lists["only_a"]) <= {101, 102, 103}


def test_an_export_is_made_watched_and_fetched_by_ranges(api):
    begun = api.post("exports", json={"query": TOP, "remember": True, "name": "for all"})
    assert begun.status_code == 202
    assert begun.headers["location"] == f"/team/api/v1/exports/{begun.json()['id']}"
    told = finished(api, f"exports/{begun.json()['id']}")
    assert told["state"] == "ready", told
    assert told["report"]["images"] == 7
    whole = api.get(f"exports/{told['id']}/file")
    assert len(ZipFile(io.BytesIO(whole.content)).namelist()) > 7
    rest = api.get(
        f"exports/{told['id']}/file",
        headers={"Range": "bytes=1000-", "If-Range": whole.headers["etag"]},
    )
    assert (rest.status_code, rest.content) == (206, whole.content[1000:])
    assert api.get("subsets").json()["subsets"][0]["name"] == "for all"
    verified = api.post(
        "recipes/verify", content=whole.content, headers={"Content-Type": "application/zip"}
    ).json()
    assert (verified["whole"], verified["compared_with"]) == (True, "tiny")


def test_an_export_can_be_given_up(api):
    begun = api.post("exports", json={"image_ids": [101, 102]}).json()
    assert api.delete(f"exports/{begun['id']}").status_code == 204
    assert finished(api, f"exports/{begun['id']}")["state"] in ("cancelled", "ready")


def test_what_lies_in_a_damaged_package_is_told_without_the_servers_places(api, settings):
    answer = api.post(
        "recipes/verify?name=mine.zip", content=b"PK", headers={"Content-Type": "application/zip"}
    )
    assert answer.json()["whole"] is False
    assert "mine.zip is no whole ZIP" in answer.json()["differences"][0]
    assert str(settings.cache) not in answer.text
    assert list((settings.cache / "verify").iterdir()) == []


def test_a_recipe_is_made_again(api):
    entry = saved(api)
    recipe = api.get(f"subsets/{entry['id']}/recipe").json()
    assert api.post("recipes/replay", json={"recipe": recipe}).json()["identical"]
    recipe["image_ids"] = recipe["image_ids"][::-1]
    assert not api.post("recipes/replay", json={"recipe": recipe}).json()["identical"]


def test_a_body_that_is_too_large_is_refused_announced_or_not(api):
    most = 2**20
    announced = api.post("tokens", content=b"x" * (most + 1))
    chunked = api.post("tokens", content=iter([b" " * most, b" "]), headers=JSON)
    for answer in (announced, chunked):
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"query":' * 5_000, b"[" * 100_000, b'"\xff"', b"1" * 10_000, b'"\\ud800"'],
    ids=["nothing", "cut short", "deep", "deep lists", "no utf-8", "a long number", "surrogate"],
)
def test_what_is_no_json_is_refused(api, body):
    assert api.post("search", content=body, headers=JSON).status_code in (400, 422)


@pytest.mark.parametrize("text", ["\ud800", "\x00", "a" * 100_000, "‮"], ids=ascii)
def test_odd_text_is_searched_for_saved_or_refused(api, text):
    query = {"version": 1, "parts": [{"kind": "text", "value": text}]}
    for path in ("search", "subsets"):
        content = {"query": query} | ({"name": text[:100]} if path == "subsets" else {})
        answer = api.post(path, content=json.dumps(content), headers=JSON)
        assert answer.status_code in (200, 201, 422), answer.text


def test_the_page_names_every_operation_and_asks_no_other_host(api):
    page = api.get("docs").text
    schema = api.get("openapi.json").json()
    for path, methods in schema["paths"].items():
        for method in methods:
            assert f"{method.upper()}</span><code>{path}</code>" in page
    assert "<script" not in page
    assert "http" not in page.replace("https://cocosift.example", "").split("</head>")[0]
    assert api.get("docs.css").headers["content-type"].startswith("text/css")


class TestBehindTheGate:
    def test_nobody_comes_in_without_saying_who(self, guarded):
        answer = guarded.get("datasets")
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"

    def test_a_reader_looks_and_exports_but_saves_nothing(self, guarded):
        token = guarded.token("rita", Role.READER)
        assert guarded.get("me", headers=token).json()["role"] == "reader"
        assert guarded.post("search", json={"query": TOP}, headers=token).status_code == 200
        assert guarded.post("exports", json={"query": TOP}, headers=token).status_code == 202
        for path, body in (("subsets", {"query": TOP}), ("evaluations", {"dataset": "tiny"})):
            answer = guarded.post(path, json=body, headers=token)
            assert (answer.status_code, answer.json()["type"]) == (
                403,
                "urn:cocosift:problem:rights",
            )

    def test_a_token_for_reading_saves_nothing_for_an_editor_either(self, guarded):
        only_reading = guarded.token("eddy", Role.EDITOR)
        answer = guarded.post("subsets", json={"query": TOP}, headers=only_reading)
        assert answer.status_code == 403
        assert "token" in answer.json()["detail"]

    def test_what_one_saves_is_theirs_whatever_they_say(self, guarded):
        token = guarded.token("eddy", Role.EDITOR, "write")
        entry = guarded.post("subsets", json={"query": TOP, "who": "the boss"}, headers=token)
        assert entry.json()["who"] == "eddy"
        other = guarded.token("olga", Role.EDITOR, "write") | {"If-Match": "*"}
        answer = guarded.delete(f"subsets/{entry.json()['id']}", headers=other)
        assert answer.status_code == 403

    def test_an_export_is_its_askers_alone(self, guarded):
        mine = guarded.token("rita", Role.READER)
        begun = guarded.post("exports", json={"query": TOP}, headers=mine).json()
        other = guarded.token("olga", Role.ADMIN, "admin")
        for path in (f"exports/{begun['id']}", f"exports/{begun['id']}/file"):
            assert guarded.get(path, headers=other).status_code == 404
        assert guarded.delete(f"exports/{begun['id']}", headers=other).status_code == 404

    def test_ones_tokens_are_listed_without_secrets_and_make_no_others(self, guarded):
        token = guarded.token("rita", Role.READER)
        found = guarded.get("tokens", headers=token)
        assert [one["scopes"] for one in found.json()["tokens"]] == [["read"]]
        assert "cs_" not in found.text
        wish = {"name": "another", "scopes": ["read"]}
        assert guarded.post("tokens", json=wish, headers=token).status_code == 403

    def test_who_asks_too_often_is_told_when_to_ask_again(self, guarded):
        token = guarded.token("rita", Role.READER)
        answers = [guarded.get("me", headers=token) for _ in range(32)]
        assert answers[0].status_code == 200
        assert answers[-1].status_code == 429
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 3
        assert guarded.get("me", headers=guarded.token("olga", Role.READER)).status_code == 200


def test_requests_come_back_evenly_over_the_minute():
    now = [0.0]
    rates = Rates(60, lambda: now[0])
    assert [rates.take("ann") for _ in range(61)] == [0] * 60 + [1]
    assert rates.take("bob") == 0
    now[0] = 2.0
    assert [rates.take("ann") for _ in range(3)] == [0, 0, 1]


def test_each_larger_bound_is_of_a_path_that_there_is(api):
    paths = api.get("openapi.json").json()["paths"]
    assert all(any(path.startswith(start) for path in paths) for start in LARGER)
