"""Annotations of many pictures at once, poses, and what of them a browser may trust."""

import json
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.coco import register_dataset
from core.http import routes
from core.http.records import browser_id, rounded, web_address
from core.library import Library, open_library
from core.settings import Settings
from tests.core.odd_dataset import Odd, make_odd

ODD = "/api/datasets/odd/annotations"
BIG = 9007199254740995
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def odd(tmp_path: Path) -> Odd:
    return make_odd(tmp_path)


@pytest.fixture
def client(odd: Odd) -> TestClient:
    return TestClient(Starlette(routes=routes(Library(odd.settings))))


def keypoints_file(points: object, category: object = None, **image: object) -> str:
    """A keypoints file of picture 1, 40 x 30, with one pose."""
    return json.dumps(
        {
            "images": [{"id": 1, "file_name": "x.png", "width": 40, "height": 30, **image}],
            "licenses": [],
            "annotations": [
                {
                    "id": 900100257839,
                    "image_id": 1,
                    "category_id": 1,
                    "iscrowd": 0,
                    "area": 50.25,
                    "bbox": [1, 2, 10.55, 9],
                    "num_keypoints": 2,
                    "keypoints": points,
                }
            ],
            "categories": [
                category
                or {
                    "id": 1,
                    "name": "person",
                    "supercategory": "person",
                    "keypoints": ["nose", "hand", "foot"],
                    "skeleton": [[1, 2], [2, 3]],
                }
            ],
        }
    )


def poses(tmp_path: Path, text: str) -> TestClient:
    """The routes of a dataset `poses` with this keypoints file."""
    settings = Settings(home=tmp_path, cache=tmp_path / "cache", offline=True)
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "keypoints.json").write_text(text, "utf-8")
    register_dataset(settings, "poses", keypoints=tmp_path / "keypoints.json")
    return TestClient(Starlette(routes=routes(Library(settings))))


POSE = [3.125, 4, 2, 0, 0, 0, 8.5, 9, 1]


class TestOfMany:
    def test_are_those_of_each_picture_by_its_id(self, client):
        found = client.get(f"{ODD}?ids=7,3,12,{BIG}").json()["images"]
        assert list(found) == ["7", "3", "12", str(BIG)]
        for image_id, record in found.items():
            single = client.get(f"/api/datasets/odd/images/{image_id}/annotations").json()
            for part in ("captions", "instances", "keypoints", "license"):
                assert record[part] == rounded(single[part]), (image_id, part)

    def test_have_only_the_parts_that_were_asked_for(self, client):
        found = client.get(f"{ODD}?ids=3&parts=captions").json()["images"]["3"]
        assert set(found) == {"captions", "license"}
        found = client.get(f"{ODD}?ids=3&parts=instances,keypoints").json()["images"]["3"]
        assert set(found) == {"instances", "keypoints", "license"}

    def test_have_coordinates_to_a_tenth_of_a_pixel(self, tmp_path):
        client = poses(tmp_path, keypoints_file(POSE))
        (pose,) = client.get("/api/datasets/poses/annotations?ids=1").json()["images"]["1"][
            "keypoints"
        ]
        assert pose["points"] == [[3.1, 4, 2], [0, 0, 0], [8.5, 9, 1]]
        assert pose["bbox"] == [1, 2, 10.6, 9]

    def test_name_each_picture_once(self, client):
        assert list(client.get(f"{ODD}?ids=3,7,3,3").json()["images"]) == ["3", "7"]

    def test_are_kept_by_the_browser_as_long_as_the_dataset_stays(self, client, odd):
        url = f"{ODD}?ids=3,7&v={odd.coco.annotation_hash[:8]}"
        first = client.get(url)
        assert first.headers["cache-control"] == "private, max-age=3600"
        again = client.get(url, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        other = client.get(f"{ODD}?ids=3", headers={"If-None-Match": first.headers["etag"]})
        assert other.status_code == 200

    @pytest.mark.parametrize(
        "query",
        [
            "",
            "?ids=",
            "?ids=3,",
            "?ids=3,x",
            "?ids=-3",
            "?ids=3.5",
            "?ids=%D9%A3",
            "?ids=9223372036854775808",
            "?ids=" + "9" * 5_000,
            "?ids=" + ",".join(["3"] * 101),
            "?ids=3&parts=secrets",
            "?ids=3&parts=",
        ],
        ids=[
            "none", "empty", "empty one", "text", "negative", "fraction", "other digits", "2^63",
            "very long", "101", "unknown part", "no part",
        ],
    )  # fmt: skip
    def test_of_a_question_that_makes_no_sense_are_400(self, client, query):
        answer = client.get(ODD + query)
        assert answer.status_code == 400
        assert "Expected" in answer.json()["error"]
        assert answer.headers["x-content-type-options"] == "nosniff"

    def test_of_what_does_not_exist_are_404(self, client):
        assert client.get(f"{ODD}?ids=3,999").status_code == 404
        assert client.get("/api/datasets/nothing/annotations?ids=3").status_code == 404

    def test_of_a_hundred_pictures_of_the_demo_are_told_at_once(self, tmp_path):
        library = open_library()
        client = TestClient(Starlette(routes=routes(library)))
        ids = library.coco("demo").images.ids[:100].tolist()
        url = f"/api/datasets/demo/annotations?ids={','.join(map(str, ids))}"
        found = client.get(url).json()["images"]
        assert [int(image_id) for image_id in found] == ids
        assert all(record["captions"] and record["license"]["url"] for record in found.values())
        assert {type(record["license"]["commercial"]) for record in found.values()} == {bool}


class TestPoses:
    def test_are_points_with_the_lines_between_them(self, tmp_path):
        client = poses(tmp_path, keypoints_file(POSE))
        found = client.get("/api/datasets/poses/images/1/annotations").json()["keypoints"]
        assert found == [
            {
                "id": 900100257839,
                "category_id": 1,
                "category": "person",
                "bbox": [1, 2, 10.55, 9],
                "area": 50.25,
                "iscrowd": 0,
                "points": [[3.125, 4, 2], [0, 0, 0], [8.5, 9, 1]],
                "skeleton": [[1, 2], [2, 3]],
            }
        ]

    @pytest.mark.parametrize(
        "points",
        [None, "none", [], [1, 2], [1, 2, "2"], [1, 2, None], [True, 2, 2], {"x": 1}, [0] * 9],
        ids=repr,
    )
    def test_that_cannot_be_drawn_are_left_out(self, tmp_path, points):
        client = poses(tmp_path, keypoints_file(points))
        found = client.get("/api/datasets/poses/annotations?ids=1").json()["images"]["1"]
        assert found["keypoints"] == []

    @pytest.mark.parametrize(
        ("skeleton", "drawn"),
        [
            (None, []),
            ("all", []),
            ([[1, 2], [2, 4]], [[1, 2]]),
            ([[0, 1], [1], [1, 2, 3], "12", [1, "2"], [1, 2.0], [True, 2], None], []),
            ([[-1, 2], [3, 1]], [[3, 1]]),
        ],
        ids=["none", "text", "beyond the points", "of all kinds", "negative"],
    )
    def test_have_lines_between_points_that_exist(self, tmp_path, skeleton, drawn):
        category = {"id": 1, "name": "person", "skeleton": skeleton}
        client = poses(tmp_path, keypoints_file(POSE, category))
        (pose,) = client.get("/api/datasets/poses/images/1/annotations").json()["keypoints"]
        assert pose["skeleton"] == drawn

    def test_of_a_dataset_without_are_none(self, client):
        assert client.get("/api/datasets/odd/images/3/annotations").json()["keypoints"] == []


class TestTrust:
    def test_hostile_text_is_told_as_text(self, tmp_path):
        text = keypoints_file(POSE, {"id": 1, "name": HOSTILE}, file_name=f"{HOSTILE}.png")
        client = poses(tmp_path, text)
        answer = client.get("/api/datasets/poses/images/1/annotations")
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.json()["image"]["file_name"] == f"{HOSTILE}.png"
        assert answer.json()["keypoints"][0]["category"] == HOSTILE

    @pytest.mark.parametrize("key", ["coco_url", "flickr_url"])
    def test_a_link_that_is_no_web_address_is_none(self, tmp_path, key):
        client = poses(tmp_path, keypoints_file(POSE, **{key: "javascript:alert(1)"}))
        assert client.get("/api/datasets/poses/images/1/annotations").json()[key] is None

    def test_links_of_the_picture_are_told(self, tmp_path):
        links = {"coco_url": "http://a.invalid/1.jpg", "flickr_url": "https://b.invalid/1"}
        client = poses(tmp_path, keypoints_file(POSE, **links))
        found = client.get("/api/datasets/poses/images/1/annotations").json()
        assert {key: found[key] for key in links} == links

    @pytest.mark.parametrize(
        "address", ["javascript:alert(1)", "data:text/html,x", "//x", "", " http://x", None, 5]
    )
    def test_only_web_addresses_become_links(self, address):
        assert web_address(address) is None
        assert web_address("HTTPS://x.invalid") == "HTTPS://x.invalid"

    def test_what_a_licence_allows_is_told(self, odd):
        for file in (odd.instances, odd.captions):
            text = file.read_text("utf-8")
            address = "http://creativecommons.org/licenses/by-nc/2.0/"
            file.write_text(text.replace("http://licence.invalid/1", address), "utf-8")
        client = TestClient(Starlette(routes=routes(Library(odd.settings))))
        found = client.get("/api/datasets/odd/images/3/annotations").json()["license"]
        assert (found["commercial"], found["modifications"]) == (False, True)


def test_ids_that_javascript_cannot_hold_are_text(client):
    assert client.get(f"/api/datasets/odd/images/{BIG}/annotations").json()["image"]["id"] == str(
        BIG
    )
    assert (browser_id(2**53 - 1), browser_id(2**53), browser_id(None)) == (
        2**53 - 1,
        str(2**53),
        None,
    )


def test_numbers_are_rounded_to_the_tenth_and_nothing_else_is_changed():
    before = {"a": [1, 2.04, 2.06, 3.0, -0.01], "b": {"c": float("inf")}, "d": "1.23", "e": None}
    after = rounded(before)
    assert after == {"a": [1, 2, 2.1, 3, 0], "b": {"c": float("inf")}, "d": "1.23", "e": None}
    assert json.dumps(after["a"]) == "[1, 2, 2.1, 3, 0]"


@pytest.fixture(scope="module")
def demo() -> TestClient:
    return TestClient(Starlette(routes=routes(open_library())))


class TestNeighbours:
    URL = "/api/datasets/demo/images/1/neighbours"

    def test_are_the_most_similar_pictures_without_itself(self, demo):
        found = demo.get(f"{self.URL}?model=demo&k=5").json()["neighbours"]
        assert len(found) == 5
        assert 1 not in [one["id"] for one in found]
        assert [one["score"] for one in found] == sorted((o["score"] for o in found), reverse=True)
        first = found[0]
        image = demo.get(f"/api/datasets/demo/images/{first['id']}/annotations").json()["image"]
        assert (first["width"], first["height"]) == (image["width"], image["height"])
        assert first["file"] == image["file_name"]

    def test_are_twelve_by_the_usual_model_unless_said(self, demo):
        usual = demo.get(self.URL).json()
        assert len(usual["neighbours"]) == 12
        assert demo.get(f"{self.URL}?model=demo&k=12").json() == usual

    def test_are_not_sent_again_to_a_browser_that_has_them(self, demo):
        first = demo.get(self.URL)
        again = demo.get(self.URL, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304

    @pytest.mark.parametrize("k", ["0", "101", "-1", "x", "1.5", "", "9" * 30])
    def test_of_a_number_that_makes_no_sense_are_400(self, demo, k):
        assert demo.get(f"{self.URL}?k={k}").status_code == 400

    @pytest.mark.parametrize("model", ["nothing", "../demo", "demo/.."])
    def test_by_a_model_that_is_not_there_are_404(self, demo, model):
        answer = demo.get(self.URL, params={"model": model})
        assert answer.status_code == 404
        assert "Expected a model" in answer.json()["error"]

    def test_of_a_picture_that_is_not_there_are_404(self, demo):
        assert demo.get("/api/datasets/demo/images/999999/neighbours").status_code == 404

    def test_of_a_dataset_without_embeddings_are_409_and_name_the_command(self, odd):
        client = TestClient(Starlette(routes=routes(Library(odd.settings))))
        answer = client.get("/api/datasets/odd/images/3/neighbours")
        assert answer.status_code == 409
        assert "Expected a model" in answer.json()["error"]
