"""The map as a script: what the component is sent, and what the page says when it cannot."""

import base64

import numpy as np
import pytest
import streamlit as st

from core import open_library
from core.map import Layout, by_category, by_score, by_subset, layout_of, regions_of
from core.query import Cut, Query, unpack_ids
from pages.shared.map.drawn import map_data
from pages.shared.map.wishes import only_these
from tests.pages.screen import page, words

COMMAND = "python -m core map --dataset demo --model demo"


@pytest.fixture(scope="module")
def demo():
    return open_library().dataset("demo", "demo")


def sent(demo, text: str = "", **options) -> dict:
    layout = layout_of(demo, "umap")
    found = demo.find(Query.text(text))
    options = {"labels": True, "light_up": True} | options
    colouring = options.pop("colouring", None) or by_category(demo.coco, layout.image_ids)
    return map_data(demo, layout, colouring, regions_of(demo, "umap"), found, **options)


def array(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype=kind)


def test_points_lie_by_ascending_id_with_one_unit_for_both_axes(demo):
    data = sent(demo)
    layout = layout_of(demo, "umap")
    order = np.argsort(layout.image_ids)
    assert list(unpack_ids(data["ids"])) == sorted(layout.image_ids.tolist())
    unit = array(data["points"], "<u2").reshape(-1, 2) / 65_535
    points = layout.points[order].astype(np.float64)
    span = np.ptp(points, axis=0).max()
    differences = (points - points[0]) / span
    np.testing.assert_allclose(unit - unit[0], differences, atol=2 / 65_535)


def test_each_point_has_its_class_and_its_score(demo):
    ids = layout_of(demo, "umap").image_ids
    found = demo.find(Query.text("a dog on a beach"))
    colouring = by_score(found, ids)
    data = sent(demo, "a dog on a beach", colouring=colouring)
    classes = array(data["classes"], "u1")
    order = np.argsort(ids)
    assert classes.tolist() == colouring.of[order].tolist()
    assert [entry["count"] for entry in data["legend"]["entries"]] == colouring.counts.tolist()
    scores = data["scores"]
    values = array(scores["values"], "<u2") / 65_534
    told = scores["low"] + values * (scores["high"] - scores["low"])
    rows = demo.coco.images.rows_of(np.sort(ids))
    expected = found.ranking.scores_by_row(len(demo.coco.images))[rows]
    np.testing.assert_allclose(told, expected, atol=1e-4)


def test_the_result_is_lit_when_something_is_asked(demo):
    found = demo.find(Query.text("a dog on a beach"))
    data = sent(demo, "a dog on a beach")
    lit = np.unpackbits(array(data["lit"], "u1"))[: len(demo.embeddings)].astype(bool)
    ids = np.array(unpack_ids(data["ids"]))
    assert set(ids[lit].tolist()) == set(found.image_ids.tolist())
    assert sent(demo)["lit"] is None
    assert sent(demo, "a dog on a beach", light_up=False)["lit"] is None


def test_file_names_are_told_by_what_they_have_in_common(demo):
    files = sent(demo)["files"]
    for image_id in (1, 42, 440):
        name = f"{files['before']}{image_id:0{files['digits']}d}{files['after']}"
        assert name == demo.coco.image_record(image_id)["file_name"]


def test_near_colours_differ_in_shape(demo):
    entries = sent(demo)["legend"]["entries"]
    by_name = {entry["name"]: entry for entry in entries if not entry["rest"]}
    assert by_name["refrigerator"]["shape"] != by_name["bus"]["shape"]
    assert {entry["shape"] for entry in entries} == {"circle", "square", "triangle", "diamond"}


def test_a_name_or_a_class_more_changes_the_key_of_the_colours(demo):
    ids = layout_of(demo, "umap").image_ids
    keys = {
        sent(demo, colouring=by_subset(ids, chosen))["colour_key"]
        for chosen in ([], [("a", ids[:3])], [("b", ids[:3])], [("a", ids[:4])])
    }
    assert len(keys) == 4


def test_what_is_opened_is_exactly_what_was_selected(demo):
    query = Query.text("a dog", 24).with_filters(licenses=("commercial",))
    wanted = only_these(query, [3, 1, 440])
    assert wanted.cut == Cut("top", 3)
    assert sorted(demo.find(wanted).image_ids.tolist()) == [1, 3, 440]
    assert wanted.parts == query.parts


@pytest.mark.parametrize(
    "address",
    [
        "",
        "q=a dog&colour=score",
        "colour=cluster&clusters=4",
        "colour=subset",
        "colour=licence&map=pca",
        "show=dog&show=cat",
    ],
    ids=lambda address: address or "as it opens",
)
def test_the_page_opens_at_its_addresses(home, address):
    test = page("map", address)
    assert not test.exception
    assert not test.error


@pytest.mark.parametrize(
    "address",
    ["colour=score", "colour=no", "map=tsne", "clusters=many&colour=cluster", "show=unicorn"],
)
def test_what_an_address_says_and_is_not_there_is_no_problem(home, address):
    test = page("map", address)
    assert not test.exception
    assert not test.error
    if address == "colour=score":
        assert "no scores to colour by" in words(test)


def test_without_a_map_by_umap_pca_is_shown_and_the_command_said(home):
    for path in (home / "embeddings/demo/demo").glob("map_umap.*"):
        path.unlink()
    test = page("map")
    assert not test.exception
    assert not test.error
    assert COMMAND in [block.value for block in test.code]
    assert "The axes hold" in words(test)


def test_a_map_of_earlier_embeddings_is_refused_and_pca_shown(home):
    path = home / "embeddings/demo/demo/demo_embeddings.npy"
    vectors = np.load(path)
    vectors[[0, 1]] = vectors[[1, 0]]
    np.save(path, vectors)
    test = page("map", "map=umap")
    assert not test.exception
    assert "earlier ones" in words(test)
    assert COMMAND in [block.value for block in test.code]
    assert "principal axes meanwhile" in words(test)


def test_a_query_that_cannot_be_answered_leaves_the_map(home):
    test = page("map", "q=a dog&not=a dog")
    assert not test.exception
    assert test.error


def test_a_dataset_without_instances_has_no_categories_to_colour_by(tiny_home_copy, monkeypatch):
    path = tiny_home_copy / "data/tiny/dataset.toml"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if not line.startswith("instances")))
    monkeypatch.setenv("COCOSIFT_HOME", str(tiny_home_copy))
    st.cache_resource.clear()
    test = page("map", "colour=category")
    st.cache_resource.clear()
    assert not test.exception
    assert "no categories" in words(test)


def test_one_picture_is_a_map_of_one_point(demo):
    layout = layout_of(demo, "pca")
    one = Layout("pca", layout.image_ids[:1], layout.points[:1])
    colouring = by_category(demo.coco, one.image_ids)
    found = demo.find(Query.text("a dog"))
    data = map_data(demo, one, colouring, (), found, labels=True, light_up=True)
    assert array(data["points"], "<u2").tolist() == [32_768, 32_768]
    assert data["regions"] == []
    assert data["files"]["after"] == ".jpg"
