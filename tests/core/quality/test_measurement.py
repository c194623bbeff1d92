"""Measurements of real datasets: what they say, that they are kept, and that they go on."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.embeddings import find_embeddings
from core.errors import DatasetError, QueryError, SettingsError
from core.library import Library, SearchableDataset, open_library
from core.progress import Cancelled
from core.quality import work
from core.quality.measurement import Measurement
from core.quality.store import find_measurement, folder_of, keep_measurement
from core.quality.subject import subject_of
from core.quality.work import measure_apart, measured
from core.settings import Settings
from tests.conftest import run_core


@pytest.fixture
def tiny(tiny_settings: Settings) -> SearchableDataset:
    return open_library(tiny_settings).dataset("tiny", "tiny")


@pytest.fixture(scope="module")
def demo(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Measurement:
    """The demo, measured."""
    cache = tmp_path_factory.mktemp("cache")
    library = open_library(Settings(home=demo_home, cache=cache, offline=True))
    return measured(library.dataset("demo", "demo"))


class Steps:
    """Progress that is noted, and that ends the work at some step."""

    def __init__(self, stop_at: int = 1_000) -> None:
        self.seen: list[tuple[int, int]] = []
        self._stop_at = stop_at

    def update(self, done: int, total: int) -> None:
        self.seen.append((done, total))
        if done >= self._stop_at:
            raise Cancelled


def test_a_measurement_says_what_it_is_of(tiny: SearchableDataset) -> None:
    found = measured(tiny)
    assert (found.subject.dataset, found.subject.model) == ("tiny", "tiny")
    assert found.image_ids.tolist() == list(range(101, 113))
    assert found.labelled_ids.tolist() == list(range(101, 113))
    assert [one.name for one in found.categories] == ["square", "box"]
    assert found.measured_categories == 2
    assert [(one.kind, one.direction) for one in found.recall[:2]] == [
        ("all", "captions"),
        ("all", "pictures"),
    ]
    assert len(found.caption_ranks) == len(found.picture_ranks) == 12


def test_figures_are_those_of_the_whole_table_of_scores(tiny: SearchableDataset) -> None:
    """One caption a picture: recall and ranks from a plain sort."""
    found = measured(tiny)
    texts = [tiny.coco.captions(image_id)[0] for image_id in range(101, 113)]
    order = np.argsort(tiny.embeddings.image_ids)
    scores = tiny.encoder.encode_texts(texts) @ tiny.embeddings.vectors[order].T
    for direction, table in (("captions", scores), ("pictures", scores.T)):
        ranks = np.argmax(np.argsort(-table, axis=1, kind="stable") == np.arange(12)[:, None], 1)
        overall = found.overall(direction)  # type: ignore[arg-type]
        assert overall is not None
        assert {k: one.value for k, one in overall.recall.items()} == {
            k: pytest.approx(np.mean(ranks < k)) for k in (1, 5, 10)
        }
        assert overall.median_rank.value == np.median(ranks + 1)


def test_it_is_kept_and_found_again_as_it_was(tiny: SearchableDataset) -> None:
    made = measured(tiny)
    found = find_measurement(tiny.library.settings, made.subject.key)
    assert found is not None
    assert found.subject == made.subject
    assert found.seconds == made.seconds > 0
    for one, other in zip(made.recall, found.recall, strict=True):
        assert (one.kind, one.group, one.direction) == (other.kind, other.group, other.direction)
        assert one.recall[5].value == other.recall[5].value
        assert np.array_equal(one.recall[5].draws, other.recall[5].draws, equal_nan=True)
        assert one.median_rank.interval() == other.median_rank.interval()
    for mine, kept in zip(made.categories, found.categories, strict=True):
        assert (mine.name, mine.missed, mine.false) == (kept.name, kept.missed, kept.false)
        assert mine.by_size.keys() == kept.by_size.keys()
    assert made.hardest == found.hardest
    assert np.array_equal(made.caption_ranks, found.caption_ranks)


def test_asking_again_measures_nothing(tiny: SearchableDataset, monkeypatch: Any) -> None:
    first = measured(tiny)
    monkeypatch.setattr(work, "measure", lambda *_: pytest.fail("measured again"))
    assert measured(tiny).subject == first.subject


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", None])
def test_a_damaged_file_is_measured_anew(tiny: SearchableDataset, content: bytes | None) -> None:
    made = measured(tiny)
    (file,) = (folder_of(tiny.library.settings) / "measurements").iterdir()
    file.write_bytes(file.read_bytes()[:-2000] if content is None else content)
    assert find_measurement(tiny.library.settings, made.subject.key) is None
    assert measured(tiny).hardest == made.hardest


def test_of_many_measurements_the_oldest_go(tiny: SearchableDataset, monkeypatch: Any) -> None:
    monkeypatch.setattr("core.quality.store.KEPT", 1)
    first, second = measured(tiny), measured(tiny, 5)
    assert find_measurement(tiny.library.settings, second.subject.key) is not None
    assert find_measurement(tiny.library.settings, first.subject.key) is None


def test_a_cache_that_cannot_be_written_is_said(tiny: SearchableDataset) -> None:
    made = measured(tiny)
    shutil.rmtree(folder_of(tiny.library.settings))
    folder_of(tiny.library.settings).write_text("a file")
    with pytest.raises(SettingsError, match="COCOSIFT_CACHE"):
        keep_measurement(tiny.library.settings, made)


def test_what_was_stopped_goes_on_where_it_was(tiny: SearchableDataset, monkeypatch: Any) -> None:
    monkeypatch.setattr("core.quality.sample.PICTURES_A_BLOCK", 4)
    encoded: list[str] = []
    encoder = tiny.encoder
    encode = encoder.encode_texts
    monkeypatch.setattr(
        encoder, "encode_texts", lambda texts: encoded.extend(texts) or encode(texts)
    )
    with pytest.raises(Cancelled):
        measured(tiny, progress=Steps(stop_at=50))
    assert len(encoded) == 8
    assert not (folder_of(tiny.library.settings) / "measurements").exists()
    measured(tiny)
    captions = [text for text in encoded if text.startswith("square")]
    assert len(captions) == len(set(captions)) == 12


def test_progress_only_grows_and_ends_with_the_whole(tiny: SearchableDataset) -> None:
    steps = Steps()
    measured(tiny, progress=steps)
    done = [one for one, _ in steps.seen]
    assert done == sorted(done)
    assert steps.seen[-1] == (100, 100)


def test_fewer_pictures_compete_when_asked(tiny: SearchableDataset) -> None:
    found = measured(tiny, 5)
    assert len(found.image_ids) == len(found.caption_ranks) == 5
    assert len(found.labelled_ids) == 12
    assert found.subject.key != measured(tiny).subject.key


def test_more_pictures_than_there_are_means_all(tiny: SearchableDataset) -> None:
    assert subject_of(tiny, 5_000) == subject_of(tiny, None)


def test_one_picture_alone_is_refused(tiny: SearchableDataset) -> None:
    with pytest.raises(QueryError, match="at least 2 pictures"):
        subject_of(tiny, 1)


class TestTheKey:
    """Changes with all that went in, and with nothing else."""

    @pytest.fixture
    def home(self, tiny_home_copy: Path) -> Path:
        return tiny_home_copy

    def key(self, home: Path) -> str:
        settings = Settings(home=home, cache=home / ".cache", offline=True)
        return subject_of(Library(settings).dataset("tiny", "tiny")).key

    def test_stays_when_files_are_only_touched(self, home: Path) -> None:
        before = self.key(home)
        for path in home.rglob("*"):
            path.touch()
        assert self.key(home) == before

    def test_changes_with_a_caption(self, home: Path) -> None:
        before = self.key(home)
        path = home / "data/tiny/annotations/captions_tiny.json"
        path.write_text(path.read_text().replace("square 3", "square 4"))
        files = find_embeddings(Settings(home=home))["tiny", "tiny"]
        manifest = json.loads(files.manifest.read_text())
        coco = Library(Settings(home=home, cache=home / ".cache")).coco("tiny")
        manifest["annotation_hash"] = coco.annotation_hash
        files.manifest.write_text(json.dumps(manifest))
        assert self.key(home) != before

    def test_changes_with_a_vector(self, home: Path) -> None:
        before = self.key(home)
        path = find_embeddings(Settings(home=home))["tiny", "tiny"].vectors
        vectors = np.load(path)
        path.unlink()
        np.save(path, np.roll(vectors, 1, axis=1))
        assert self.key(home) != before

    def test_changes_with_what_is_said_of_the_model(self, home: Path) -> None:
        before = self.key(home)
        path = home / "models/tiny/model.json"
        path.write_text(path.read_text().replace("Tiny: random weights", "Tiny: other words"))
        assert self.key(home) != before


def lacking(home: Path, tiny_home: Path, *kinds: str) -> SearchableDataset:
    """A copy of the tiny dataset without instances, or with captions of no picture."""
    shutil.copytree(tiny_home, home, dirs_exist_ok=True)
    folder = home / "data/tiny"
    for kind in kinds:
        name = f"annotations/{kind}_tiny.json"
        record = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(record | {"annotations": [], "categories": []}))
    shutil.rmtree(home / "embeddings")
    assert run_core("embed", "--dataset", "tiny", "--model", "tiny", home=home).exit_code == 0
    settings = Settings(home=home, cache=home / ".cache", offline=True)
    return Library(settings).dataset("tiny", "tiny")


def test_without_captions_there_are_categories_alone(tmp_path: Path, tiny_home: Path) -> None:
    found = measured(lacking(tmp_path, tiny_home, "captions"))
    assert (found.recall, found.hardest, len(found.image_ids)) == ((), (), 0)
    assert found.mean_average_precision is not None


def test_without_instances_there_is_recall_alone(tmp_path: Path, tiny_home: Path) -> None:
    found = measured(lacking(tmp_path, tiny_home, "instances"))
    assert found.overall("captions") is not None
    assert (found.categories, found.mean_average_precision) == ((), None)
    assert {one.kind for one in found.recall} == {"all", "length"}


def test_without_either_it_is_said_with_the_command(tmp_path: Path, tiny_home: Path) -> None:
    bare = lacking(tmp_path, tiny_home, "captions", "instances")
    with pytest.raises(DatasetError, match=r"python -m core add tiny --replace"):
        measured(bare)


def test_a_worker_measures_as_this_process_does(tiny: SearchableDataset) -> None:
    arguments = {"dataset": "tiny", "model": "tiny", "pictures": None}
    key = measure_apart(tiny.library.settings, arguments, Steps())
    assert key == subject_of(tiny).key
    assert find_measurement(tiny.library.settings, key) is not None


class TestTheDemo:
    def test_has_the_figures_that_evaluate_gives(self, demo: Measurement, demo_home: Path) -> None:
        """The two ask the same of captions; categories are those of the annotations here."""
        result = run_core(
            "evaluate", "--dataset", "demo", "--model", "demo", "--json", home=demo_home
        )
        figures = json.loads(result.stdout)
        overall = demo.overall("captions")
        assert overall is not None
        for k, estimate in overall.recall.items():
            assert estimate.value == pytest.approx(figures[f"recall@{k}"], abs=1e-3)
        assert overall.median_rank.value == figures["median_rank"]
        assert demo.mean_average_precision is not None
        assert demo.mean_average_precision.value == pytest.approx(figures["category_map"], abs=0.01)

    def test_every_figure_lies_in_its_interval(self, demo: Measurement) -> None:
        figures = [one for recall in demo.recall for one in recall.recall.values()]
        figures += [c.average_precision for c in demo.categories if c.average_precision]
        assert len(figures) > 100
        for one in figures:
            interval = one.interval()
            assert interval.low - 1e-6 <= one.value <= interval.high + 1e-6

    def test_the_hardest_captions_are_those_of_the_highest_rank(self, demo: Measurement) -> None:
        ranks = [one.rank for one in demo.hardest]
        highest = np.sort(demo.caption_ranks)[::-1][: len(ranks)].tolist()
        assert ranks == highest
        assert all(one.first_id != one.image_id for one in demo.hardest)

    def test_each_picture_is_among_the_hardest_once(self, demo: Measurement) -> None:
        few = demo.hardest_of_pictures(12)
        assert len({one.image_id for one in few}) == len(few) == 12
        assert few[0] == demo.hardest[0]
        for one in few:
            assert one.rank == max(
                other.rank for other in demo.hardest if other.image_id == one.image_id
            )

    def test_groups_together_are_the_whole(self, demo: Measurement) -> None:
        overall = demo.overall("captions")
        assert overall is not None
        for kind in ("size", "length"):
            groups = demo.by(kind)  # type: ignore[arg-type]
            hits = sum(one.recall[1].value * one.queries for one in groups)
            queries = sum(one.queries for one in groups)
            rest = overall.recall[1].value * overall.queries - hits
            assert queries > 0.9 * overall.queries
            assert -1e-6 <= rest <= overall.queries - queries + 1e-6
