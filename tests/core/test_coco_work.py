"""Indexes are made once, by whom it may be: another process, two at once, one that is killed."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from core.coco import manifest_at, needs_index, open_dataset, register_dataset
from core.coco.columns import map_table
from core.coco.work import BUILD, open_apart
from core.errors import DatasetError
from core.progress import Cancelled
from core.settings import PROJECT_ROOT, Settings
from core.workers import run_apart
from tests.core.coco_files import captions_file, dataset, home, write

OPEN = """
import sys
from pathlib import Path
from core.coco import open_dataset
from core.settings import Settings
home = Path(sys.argv[1])
print("begins", flush=True)
settings = Settings(home=home, cache=home / "cache")
print(len(open_dataset(home / "data/captions_many.json", settings).images))
"""


class Told:
    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []

    def update(self, done: int, total: int) -> None:
        self.steps.append((done, total))


def flat(folder: Path, n: int = 3) -> tuple[Path, Settings]:
    """A dataset of the flat layout that nobody has opened yet."""
    settings = home(folder)
    content = captions_file(list(range(1, n + 1)))
    return write(settings.data / "captions_many.json", content), settings


def index_of(settings: Settings) -> Path:
    return settings.data / ".index/many/captions.arrow"


def opening(settings: Settings) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OPEN, str(settings.home)],
        env=os.environ
        | {"PYTHONPATH": f"{PROJECT_ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_an_index_is_needed_until_it_is_there(tmp_path):
    path, settings = flat(tmp_path)
    assert needs_index(path, settings)
    open_dataset(path, settings)
    assert not needs_index(path, settings)


def changed(path: Path, settings: Settings) -> None:
    write(path, captions_file([1, 2, 3, 4]))


def touched(path: Path, settings: Settings) -> None:
    os.utime(path, (1, 1))


def damaged(path: Path, settings: Settings) -> None:
    index_of(settings).write_bytes(index_of(settings).read_bytes()[:100])


def removed(path: Path, settings: Settings) -> None:
    index_of(settings).unlink()


@pytest.mark.parametrize("happens", [changed, touched, damaged, removed])
def test_an_index_that_does_not_fit_is_needed_anew(tmp_path, happens):
    path, settings = flat(tmp_path)
    open_dataset(path, settings)
    happens(path, settings)

    assert needs_index(path, settings)
    open_dataset(path, settings)
    assert not needs_index(path, settings)


def test_an_index_of_another_version_is_needed_anew(tmp_path, monkeypatch):
    path, settings = flat(tmp_path)
    monkeypatch.setattr("core.coco.annotation_index.INDEX_VERSION", 0)
    open_dataset(path, settings)
    monkeypatch.undo()

    assert needs_index(path, settings)


def test_an_index_in_the_cache_counts(tmp_path):
    path, settings = flat(tmp_path)
    write(settings.data / ".index", b"a file where a folder should be")
    open_dataset(path, settings)

    assert not needs_index(path, settings)


@pytest.mark.parametrize("text", [None, "[annotations", "[annotations]\ncaptions = 'gone.json'"])
def test_a_dataset_that_cannot_be_opened_needs_none(tmp_path, text):
    settings = home(tmp_path)
    if text is not None:
        write(settings.data / "broken/dataset.toml", text)
    assert not needs_index(settings.data / "broken", settings)


def test_what_a_dataset_says_of_itself_is_known_unopened(tmp_path):
    path, settings = flat(tmp_path)
    (settings.data / "many").mkdir()
    manifest = manifest_at(path)
    assert (manifest.split, dict(manifest.annotations)) == ("many", {"captions": path})
    assert manifest.pictures == settings.data / "many"

    folder = register_dataset(settings, "own", captions=path, title="My own")
    path.write_text("no JSON any more")
    assert manifest_at(folder).title == "My own"
    with pytest.raises(DatasetError, match=r"There is no .*dataset\.toml"):
        manifest_at(settings.data / "none")


def test_a_large_file_is_read_in_another_process_with_progress(tmp_path, monkeypatch):
    monkeypatch.setattr("core.coco.work.WORTH_A_PROCESS", 0)
    path, settings = flat(tmp_path, 5_000)
    # Whoever reads it here is found out; the other process imports its own.
    monkeypatch.setattr("core.coco.annotation_index.scan", None)
    told = Told()
    opened = open_apart(path, settings, told)

    assert opened.captions(5_000) == ("picture 5000",)
    assert told.steps[-1] == (1000, 1000)
    assert told.steps == sorted(told.steps)
    assert len(told.steps) > 1
    monkeypatch.setattr("core.coco.work.run_apart", None)
    assert len(open_apart(path, settings).images) == 5_000


def test_a_small_file_is_read_in_this_process(tmp_path, monkeypatch):
    path, settings = flat(tmp_path)
    monkeypatch.setattr("core.coco.work.run_apart", None)

    assert open_apart(path, settings).captions(1) == ("picture 1",)


def test_where_no_folder_can_be_written_to_an_index_lives_here(tmp_path, monkeypatch):
    monkeypatch.setattr("core.coco.work.WORTH_A_PROCESS", 0)
    path, settings = flat(tmp_path)
    write(settings.data / ".index", b"a file where a folder should be")
    write(settings.cache, b"and another")

    assert open_apart(path, settings).captions(1) == ("picture 1",)


@pytest.mark.parametrize("content", ["[1, 2]", '{"images": [', None], ids=["list", "cut", "folder"])
def test_what_another_process_refuses_is_told_here(tmp_path, monkeypatch, content):
    monkeypatch.setattr("core.coco.work.WORTH_A_PROCESS", 0)
    settings = home(tmp_path)
    path = settings.data / "captions_many.json"
    path.mkdir() if content is None else write(path, content)

    with pytest.raises(DatasetError, match=r"captions_many\.json|dataset\.toml"):
        open_apart(path, settings)


def test_giving_up_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("core.coco.work.WORTH_A_PROCESS", 0)
    path, settings = flat(tmp_path, 20_000)
    with pytest.raises(Cancelled):
        open_apart(path, settings, cancelled=lambda: True)

    run_apart("tests.core.apart_tasks:add", {"a": 1, "b": 1}, settings=settings)
    assert not index_of(settings).exists()
    assert open_apart(path, settings).captions(1) == ("picture 1",)


@pytest.mark.slow
def test_two_processes_that_index_at_once_both_end_well(tmp_path):
    path, settings = flat(tmp_path, 20_000)
    both = [opening(settings), opening(settings)]

    for process in both:
        out, error = process.communicate(timeout=120)
        assert (process.returncode, out.split(), error) == (0, ["begins", "20000"], "")
    assert list(index_of(settings).parent.iterdir()) == [index_of(settings)]
    assert not needs_index(path, settings)


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_no_half_index(tmp_path):
    path, settings = flat(tmp_path, 20_000)
    began = time.monotonic()
    opening(settings).communicate(timeout=120)
    whole, took = index_of(settings).read_bytes(), time.monotonic() - began
    choose = random.Random(6)
    for _ in range(6):
        index_of(settings).unlink(missing_ok=True)
        process = opening(settings)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(choose.random() * took / 3)
        process.kill()
        process.communicate()
        if index_of(settings).exists():
            assert index_of(settings).read_bytes() == whole
    assert len(open_dataset(path, settings).images) == 20_000
    assert index_of(settings).read_bytes() == whole


def test_what_killed_processes_left_is_removed_once_it_is_old(tmp_path):
    path, settings = flat(tmp_path)
    folder = index_of(settings).parent
    old = write(folder / ".captions.arrow.abc.tmp.arrow", b"half")
    young = write(folder / ".captions.arrow.xyz.tmp.arrow", b"half")
    others = write(folder / ".instances.arrow.abc.tmp.arrow", b"half")
    for file in (old, others):
        os.utime(file, (1, 1))
    open_dataset(path, settings)

    assert not old.exists()
    assert young.exists()
    assert others.exists()


def test_the_task_gives_what_opening_here_gives(tmp_path):
    path, settings = flat(tmp_path)
    run_apart(BUILD, {"path": str(path)}, settings=settings)
    assert index_of(settings).with_name("caption_words.arrow").is_file()
    there: Any = map_table(index_of(settings))
    index_of(settings).unlink()
    open_dataset(path, settings)

    assert map_table(index_of(settings)).equals(there)
    assert json.loads(there.schema.metadata[b"cocosift"])["kind"] == "captions"


def test_small_indexes_of_registered_files_are_there_at_once(tmp_path):
    dataset(tmp_path, captions=captions_file([1]))
    assert not needs_index(tmp_path / "data/small", home(tmp_path))
