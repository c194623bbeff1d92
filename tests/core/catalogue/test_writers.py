"""Many writers at once lose nothing and wait for one another; a killed one loses nothing told."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, text

from core.catalogue import Catalogue
from core.errors import CatalogueError, ConflictError
from core.settings import PROJECT_ROOT, Settings
from tests.core.catalogue.recipes import recipe

PROCESSES, THREADS, TIMES = 4, 5, 2


@contextlib.contextmanager
def writers(settings: Settings, *commands: tuple[object, ...]) -> Iterator[list[subprocess.Popen]]:
    """Processes of `tests.core.catalogue.writers`, ready to begin."""
    environment = os.environ | {
        "COCOSIFT_HOME": str(settings.home),
        "COCOSIFT_CACHE": str(settings.cache),
        "COCOSIFT_DATABASE_URL": settings.database_url,
    }
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.core.catalogue.writers", *map(str, command)],
            cwd=PROJECT_ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    try:
        for process in started:
            assert process.stdout.readline() == "ready\n", process.stderr.read()
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def go(process: subprocess.Popen) -> None:
    process.stdin.write("go\n")
    process.stdin.flush()


def test_many_may_open_an_empty_database_together(catalogue_settings, home):
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(Catalogue, [catalogue_settings] * 8))
    assert [catalogue.save(recipe(home)).id for catalogue in opened] == list(range(1, 9))
    for catalogue in opened:
        catalogue.close()


@pytest.mark.slow
def test_twenty_writers_in_processes_and_threads_lose_no_update(
    catalogue, catalogue_settings, home
):
    counted = catalogue.save(recipe(home), name="counted", note="0")
    commands = [("count", counted.id, THREADS, TIMES, f"p{number}") for number in range(PROCESSES)]
    with writers(catalogue_settings, *commands) as started:
        for process in started:
            go(process)
        for process in started:
            _, errors = process.communicate(timeout=200)
            assert process.returncode == 0, errors
    people = {f"p{process}-{thread}" for process in range(PROCESSES) for thread in range(THREADS)}
    names = [entry.name for entry in catalogue.list(limit=500).entries]
    assert sorted(names) == sorted([*people, "counted"])
    total = len(people) * TIMES
    entry, history = catalogue.get(counted.id), catalogue.history(counted.id)
    assert (entry.note, entry.version) == (str(total), total + 1)
    assert [one.version for one in history] == list(range(1, total + 2))
    assert Counter(one.who for one in history[1:]) == dict.fromkeys(people, TIMES)


def test_readers_see_whole_entries_while_others_write(catalogue, home):
    entry = catalogue.save(recipe(home), name="0", note="0")

    def write(number: int) -> None:
        current = catalogue.get(entry.id)
        with contextlib.suppress(ConflictError):
            catalogue.annotate(entry.id, current.version, note=str(number), tags=[str(number)])

    def read(_: int) -> None:
        seen = catalogue.get(entry.id)
        assert seen.tags in ((), (seen.note,))

    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(job, number) for number in range(1, 30) for job in (write, read, read)]
        for job in jobs:
            job.result()
    assert catalogue.get(entry.id).version > 1


@pytest.mark.slow
def test_what_a_killed_writer_had_saved_is_there(catalogue_settings, home):
    seed = random.randrange(10**6)
    waits = random.Random(seed)
    told: list[int] = []
    for _ in range(3):
        with writers(catalogue_settings, ("endless",)) as (process,):
            go(process)
            told.append(int(process.stdout.readline()))
            time.sleep(waits.uniform(0, 0.4))
            process.send_signal(signal.SIGKILL)
            rest, _ = process.communicate()
        # The last line may be cut, as any line of a killed process.
        told += map(int, rest.splitlines()[: rest.count("\n")])
    catalogue = Catalogue(catalogue_settings)
    assert len(told) == len(set(told)) >= 3
    for entry_id in told:
        entry = catalogue.get(entry_id)
        assert (entry.name, entry.version, entry.tags) == (f"endless {entry_id}", 2, ("t",)), seed
        assert catalogue.recipe(entry_id) == recipe(home)
    # What was not told is whole or not there at all, and the catalogue can be written.
    for entry in catalogue.list(limit=500).entries:
        assert catalogue.recipe(entry.id) == recipe(home)
        assert len(catalogue.history(entry.id)) == entry.version
    assert catalogue.save(recipe(home)).id > max(told)
    catalogue.close()


def test_who_waits_too_long_for_a_writer_that_hangs_is_told(
    catalogue, catalogue_settings, home, monkeypatch
):
    entry = catalogue.save(recipe(home), name="a")
    monkeypatch.setattr("core.database.database.WAIT_S", 0.2)
    impatient = Catalogue(catalogue_settings)
    with catalogue._database.writing() as session:
        session.execute(text("UPDATE subsets SET note = 'hangs'"))
        assert impatient.get(entry.id).note == ""  # readers never wait
        for late in (impatient, catalogue):
            if late is impatient or catalogue_settings.database_url.startswith("sqlite"):
                with pytest.raises(CatalogueError, match="Others are writing; try again"):
                    late.rename(entry.id, 1, "b")
    assert impatient.rename(entry.id, 1, "b").note == "hangs"
    impatient.close()


def test_a_full_disk_loses_nothing_that_was_saved(home, tmp_path):
    settings = Settings(home=home, database_url=f"sqlite:///{tmp_path / 'full.sqlite3'}")
    catalogue = Catalogue(settings)
    first = catalogue.save(recipe(home), name="first")
    pages = 60  # of 4 KB; SQLite answers as it does when the disk is full

    @event.listens_for(catalogue._database._engine, "checkout")
    def limit(connection, *_):
        connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(CatalogueError, match=r"is full.*Make room.*was saved before is safe"):
        for number in range(1000):
            catalogue.save(recipe(home), name=f"{number}", note="n" * 4000)
    assert catalogue.get(first.id) == first
    pages = 10_000
    assert catalogue.save(recipe(home), name="last").name == "last"
    for entry in catalogue.list(limit=500).entries:
        assert catalogue.recipe(entry.id) == recipe(home)
    catalogue.close()
