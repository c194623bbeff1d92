"""Figures: what is counted appears, by names and labels that stay few."""

import re

import pytest

from core.library import Library
from core.observe import metrics
from core.observe.metrics import Stage, counted, stage_seconds
from core.recent import Recent


def figure(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.fixture
def library(tiny_settings) -> Library:
    return Library(tiny_settings)


def test_a_request_is_counted_by_route_and_status_and_timed_by_route():
    labels = {"route": "/api/views/{view}", "method": "GET", "status": "404"}
    before = figure("cocosift_requests_total", **labels)
    metrics.requests("/api/views/{view}", "GET", 404, 0.03)
    assert figure("cocosift_requests_total", **labels) == before + 1
    assert figure("cocosift_request_seconds_count", route="/api/views/{view}") >= 1


@pytest.mark.parametrize(
    ("stages", "filters"),
    [
        ((Stage.TEXT, Stage.SCAN, Stage.ORDER, Stage.ALL), {}),
        ((Stage.ANNOTATIONS, Stage.ORDER, Stage.ALL), {"category": "dog"}),
    ],
    ids=["a text", "filters"],
)
def test_a_search_times_each_stage_that_it_goes_through(library, stages, filters):
    counts = {stage: figure("cocosift_query_seconds_count", stage=stage.value) for stage in Stage}
    names = [category.name for category in library.coco("tiny").categories]
    wanted = {"category": names[0]} if filters else {}
    library.dataset("tiny", "tiny").search("a red square", **wanted)
    for stage in stages:
        assert figure("cocosift_query_seconds_count", stage=stage.value) > counts[stage]


def test_a_search_that_is_repeated_is_a_hit_and_scans_nothing(library):
    dataset = library.dataset("tiny", "tiny")
    dataset.search("a blue square")
    hits = figure("cocosift_cache_hits_total", cache="rankings")
    scans = figure("cocosift_query_seconds_count", stage="scan")
    dataset.search("a blue square")
    assert figure("cocosift_cache_hits_total", cache="rankings") == hits + 1
    assert figure("cocosift_query_seconds_count", stage="scan") == scans


def test_what_a_search_finds_is_the_same_with_figures_as_without(library):
    dataset = library.dataset("tiny", "tiny")
    first, again = dataset.search("a red square"), dataset.search("a red square")
    assert first.image_ids.tolist() == again.image_ids.tolist()
    assert first.scores.tolist() == again.scores.tolist()


def test_what_cannot_be_made_is_a_miss_and_raises_what_it_raises():
    kept: Recent[int] = Recent(2)
    misses = figure("cocosift_cache_misses_total", cache="of a test")

    def fail() -> int:
        raise KeyError("no")

    with pytest.raises(KeyError):
        counted("of a test", kept, "key", fail)
    assert figure("cocosift_cache_misses_total", cache="of a test") == misses + 1
    assert counted("of a test", kept, "key", lambda: 7) == 7


def test_browsers_are_counted_while_they_are_connected():
    before = metrics.connected()
    with metrics.sessions(), metrics.sessions():
        assert metrics.connected() == before + 2
    assert metrics.connected() == before


def test_a_stage_that_fails_is_timed_all_the_same():
    before = figure("cocosift_query_seconds_count", stage="scan")
    with pytest.raises(ValueError, match="no"), stage_seconds(Stage.SCAN):
        raise ValueError("no")
    assert figure("cocosift_query_seconds_count", stage="scan") == before + 1


def test_a_figure_that_cannot_be_read_takes_no_other_along():
    def away() -> dict[tuple[str, ...], float]:
        raise OSError("the database is away")

    metrics.watch("cocosift_of_a_test_away", "What cannot be read.", ("a",), away)
    metrics.watch("cocosift_of_a_test", "What can be read.", ("a",), lambda: {("b",): 4.0})
    text = metrics.exposition().decode()
    assert 'cocosift_of_a_test{a="b"} 4.0' in text
    assert "process_resident_memory_bytes" in text
    assert not re.search(r"^cocosift_of_a_test_away[{ ]", text, re.M)


def test_who_watches_a_figure_again_takes_the_place_of_the_one_before():
    for value in (1.0, 2.0):
        metrics.watch("cocosift_of_a_test", "What is read.", ("a",), lambda v=value: {("b",): v})
    assert metrics.exposition().decode().count('cocosift_of_a_test{a="b"}') == 1
    assert figure("cocosift_of_a_test", a="b") == 2.0


def test_every_figure_is_named_in_the_module_and_has_few_labels():
    from prometheus_client.parser import text_string_to_metric_families

    metrics.requests("/x", "GET", 200, 0.1)
    families = list(text_string_to_metric_families(metrics.exposition().decode()))
    ours = [one for one in families if one.name.startswith("cocosift_") and "_test" not in one.name]
    assert len(ours) >= 10
    for family in ours:
        assert family.name in (metrics.__doc__ or "") or family.name == "cocosift_info"
        assert family.documentation.endswith(".")
