"""Maps on disk: they belong to their embeddings, whole, or are refused with the command."""

import json

import numpy as np
import pytest

from core import open_library
from core.embeddings import Embeddings
from core.errors import EmbeddingsError
from core.map import (
    Layout,
    MapFiles,
    UmapParameters,
    embeddings_sha256,
    layout_of,
    principal_points,
    read_layout,
    write_layout,
)
from core.settings import Settings
from tests.conftest import run_core

COMMAND = "python -m core map --dataset tiny --model tiny"


@pytest.fixture
def embeddings(tiny_home_copy) -> Embeddings:
    return open_library(Settings(home=tiny_home_copy, offline=True)).embeddings("tiny", "tiny")


@pytest.fixture
def files(embeddings) -> MapFiles:
    """A map as if UMAP had made it; what it looks like is no matter here."""
    return write(embeddings)


def write(embeddings: Embeddings, seed: int = 1) -> MapFiles:
    points = np.random.default_rng(seed).normal(size=(len(embeddings), 2)).astype(np.float32)
    layout = Layout("umap", embeddings.image_ids, points, seed=seed)
    return write_layout(
        layout, embeddings, parameters={"neighbours": 5}, versions={"numpy": "2"}, made_by="a test"
    )


def test_a_map_comes_back_as_it_was(embeddings, files):
    found = read_layout(embeddings, "umap")
    expected = np.random.default_rng(1).normal(size=(len(embeddings), 2)).astype(np.float32)
    assert found.points.tobytes() == expected.tobytes()
    assert found.image_ids.tolist() == embeddings.image_ids.tolist()
    assert (found.method, found.seed, found.explained) == ("umap", 1, None)
    assert files.points.parent == embeddings.files.folder


def test_the_manifest_names_what_the_map_was_made_of(embeddings, files):
    manifest = json.loads(files.manifest.read_bytes())
    assert manifest["embeddings_sha256"] == embeddings_sha256(embeddings)
    assert manifest["parameters"] == {"neighbours": 5}
    assert manifest["versions"] == {"numpy": "2"}
    assert (manifest["dataset"], manifest["model"], manifest["count"]) == ("tiny", "tiny", 12)


def unpickled(path) -> None:
    array = np.load(path, allow_pickle=False)
    with path.open("wb") as file:
        np.save(file, array.astype(object), allow_pickle=True)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda files: files.manifest.unlink(), "found none"),
        (lambda files: files.points.unlink(), "Expected an array"),
        (lambda files: files.points.write_bytes(b"\x93NUMPY"), "Expected an array"),
        (lambda files: unpickled(files.points), "Expected an array"),
        (lambda files: np.save(files.points, np.zeros((12, 2), np.float32)), "of two runs"),
        (lambda files: np.save(files.points, np.zeros((11, 2), np.float32)), "(12, 2)"),
        (lambda files: np.save(files.points, np.zeros((12, 2))), "float64"),
        (lambda files: files.manifest.write_text("["), "Expected JSON"),
        (lambda files: files.manifest.write_text("[]"), "format 1"),
        (lambda files: files.manifest.write_text('{"format_version": 2}'), "format 1"),
    ],
    ids=[
        *("no manifest", "no points", "cut off", "pickled", "points of another run"),
        *("a point less", "another type", "no JSON", "a list", "a later format"),
    ],
)
def test_a_damaged_map_is_refused_with_the_command(embeddings, files, damage, says):
    damage(files)
    with pytest.raises(EmbeddingsError) as refused:
        read_layout(embeddings, "umap")
    assert says in str(refused.value)
    assert COMMAND in str(refused.value)


def test_a_map_of_earlier_embeddings_is_refused(tiny_home_copy, embeddings, files):
    path = embeddings.files.vectors
    vectors = np.load(path)
    vectors[[0, 1]] = vectors[[1, 0]]
    np.save(path, vectors)
    later = open_library(Settings(home=tiny_home_copy, offline=True)).embeddings("tiny", "tiny")
    with pytest.raises(
        EmbeddingsError, match=r"found one of earlier ones.*Run: python -m core map"
    ):
        read_layout(later, "umap")


def test_embeddings_that_are_made_anew_take_their_map_along(tiny_home_copy, files):
    assert files.exists
    done = run_core("embed", "--dataset", "tiny", "--model", "tiny", home=tiny_home_copy)
    assert done.exit_code == 0
    assert not files.exists


def test_a_folder_that_cannot_be_written_is_said(embeddings):
    MapFiles(embeddings.files, "umap").points.mkdir()
    with pytest.raises(EmbeddingsError, match="cannot be written"):
        write(embeddings)


def test_a_new_map_is_seen_by_who_has_opened_the_old_one(tiny_home_copy):
    dataset = open_library(Settings(home=tiny_home_copy, offline=True)).dataset("tiny", "tiny")
    write(dataset.embeddings, seed=1)
    first = layout_of(dataset, "umap")
    assert layout_of(dataset, "umap") is first
    write(dataset.embeddings, seed=2)
    assert layout_of(dataset, "umap").seed == 2


def test_the_map_of_the_older_layout_lies_in_a_folder_of_its_own(tiny_settings):
    from core.embeddings import FLAT_STEM, EmbeddingsFiles

    flat = EmbeddingsFiles("val2014", "clip", tiny_settings.embeddings, FLAT_STEM)
    folder = tiny_settings.embeddings / "val2014" / "clip"
    assert MapFiles(flat, "umap").points == folder / "map_umap.npy"


def test_the_demos_map_belongs_to_the_embeddings_that_ship():
    embeddings = open_library().embeddings("demo", "demo")
    layout = read_layout(embeddings, "umap")
    manifest = json.loads(MapFiles(embeddings.files, "umap").manifest.read_bytes())
    assert len(layout) == 440
    assert manifest["parameters"] == UmapParameters().described()
    assert manifest["seed"] == UmapParameters().seed


def test_the_demos_map_keeps_pictures_with_their_likes():
    """On the map the nearest picture is among the most alike far more often than by chance."""
    embeddings = open_library().embeddings("demo", "demo")
    layout = read_layout(embeddings, "umap")
    cosines = np.asarray(embeddings.vectors) @ np.asarray(embeddings.vectors).T
    distances = np.linalg.norm(layout.points[:, None] - layout.points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    np.fill_diagonal(cosines, -np.inf)
    ranks = (cosines > np.take_along_axis(cosines, distances.argmin(axis=1)[:, None], 1)).sum(
        axis=1
    )
    assert np.median(ranks) < 10
    points, _ = principal_points(embeddings.vectors)
    assert np.corrcoef(points[:, 0], layout.points[:, 0])[0, 1] > 0.5
