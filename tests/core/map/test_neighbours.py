"""UMAP: the same seed gives the same map, and what is missing is said."""

import sys

import numpy as np
import pytest

from core import open_library
from core.errors import EmbeddingsError
from core.map import UmapParameters, layout_of, read_layout, umap_points
from core.settings import Settings
from tests.conftest import run_core
from tests.core.vectors import unit_rows


class Heard:
    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []

    def update(self, done: int, total: int) -> None:
        self.told.append((done, total))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_map_and_groups_stay_together(tiny_home_copy):
    pytest.importorskip("umap")
    centres = unit_rows(3, 24, seed=5)
    groups = np.repeat(np.arange(3), 20)
    vectors = centres[groups] + 0.02 * unit_rows(60, 24)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    heard = Heard()
    first = umap_points(vectors, UmapParameters(neighbours=10), heard)
    again = umap_points(vectors, UmapParameters(neighbours=10))
    other = umap_points(vectors, UmapParameters(neighbours=10, seed=7))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()
    assert first.dtype == np.float32
    assert np.abs(first.mean(axis=0)).max() < 1e-3
    distances = np.linalg.norm(first[:, None] - first[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (groups[distances.argmin(axis=1)] == groups).all()
    assert heard.told[-1][0] == heard.told[-1][1] == 500
    # And by the command, which keeps what it makes.
    done = run_core("map", "--dataset", "tiny", "--seed", "3", "--json", home=tiny_home_copy)
    assert done.exit_code == 0, done.stderr
    assert '"count": 12, "seed": 3' in done.stdout
    embeddings = open_library(Settings(home=tiny_home_copy)).embeddings("tiny", "tiny")
    kept = read_layout(embeddings, "umap")
    expected = umap_points(embeddings.vectors, UmapParameters(seed=3))
    assert kept.points.tobytes() == expected.tobytes()


@pytest.mark.parametrize("n", [0, 1, 3])
def test_too_few_pictures_are_refused(n):
    with pytest.raises(EmbeddingsError, match=f"found {n}"):
        umap_points(unit_rows(n, 8))


@pytest.mark.parametrize(
    "options",
    [
        ("--neighbours", "1"),
        ("--min-dist", "2"),
        ("--seed", "-1"),
        ("--method", "tsne"),
        ("--dataset", "nowhere"),
    ],
    ids=lambda options: options[0],
)
def test_a_mistake_is_one_line_and_exit_code_two(tiny_home, options):
    done = run_core("map", *options, home=tiny_home)
    assert done.exit_code == 2
    assert "Expected" in done.stderr
    assert options[1] in done.stderr


def test_without_umap_learn_it_is_said_how_to_install_it(tiny_home, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    done = run_core("map", "--dataset", "tiny", "--model", "tiny", home=tiny_home)
    assert done.exit_code == 2
    assert "pip install -r requirements-map.txt" in done.stderr


def test_the_map_of_principal_axes_can_be_kept_too(tiny_home_copy):
    dataset = open_library(Settings(home=tiny_home_copy, offline=True)).dataset("tiny", "tiny")
    at_once = layout_of(dataset, "pca")
    done = run_core("map", "--method", "pca", home=tiny_home_copy)
    assert done.exit_code == 0
    kept = layout_of(dataset, "pca")
    assert kept is not at_once
    assert kept.points.tobytes() == at_once.points.tobytes()
    assert kept.explained == pytest.approx(at_once.explained)
