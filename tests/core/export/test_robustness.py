"""Nothing half: killed, out of room, or two at once, a package is whole or not there."""

import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from core.errors import ExportError
from core.export import ExportPlan, plan_export, verify_package, write_zip
from core.library import open_library

KILLS = 24
FORK = multiprocessing.get_context("fork")


@pytest.fixture(scope="module")
def plan() -> ExportPlan:
    coco, pictures = open_library().coco_and_pictures("demo")
    return plan_export(coco, pictures, coco.images.ids[:120])


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".zip")


def child(work: Callable[[], None]) -> multiprocessing.process.BaseProcess:
    process = FORK.Process(target=work)
    process.start()
    return process


def test_killed_at_any_time_leaves_no_file_under_the_final_name(plan, tmp_path):
    """SIGKILL after random delays: the file is whole or not there, and the next start cleans up."""
    dice = random.Random(7)
    begun = time.monotonic()
    write_zip(plan, tmp_path / "first.zip")
    usual = time.monotonic() - begun
    interrupted = 0
    for number in range(5 * KILLS):
        if interrupted == KILLS:
            break
        path = tmp_path / f"{number}.zip"
        process = child(lambda path=path: write_zip(plan, path))
        time.sleep(dice.uniform(0, 1.2 * usual))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        if path.exists():
            assert verify_package(path).is_whole
        elif leftovers(tmp_path):
            interrupted += 1
    assert interrupted == KILLS
    write_zip(plan, tmp_path / "last.zip")
    assert leftovers(tmp_path) == []


def test_what_another_process_is_writing_is_not_swept_away(plan, tmp_path):
    stopped = FORK.Event()
    go_on = FORK.Event()

    class Halting:
        def update(self, done: int, total: int) -> None:
            if done > total / 2:
                stopped.set()
                assert go_on.wait(30)

    process = child(lambda: write_zip(plan, tmp_path / "slow.zip", progress=Halting()))
    assert stopped.wait(30)
    write_zip(plan, tmp_path / "quick.zip")
    assert len(leftovers(tmp_path)) == 1
    go_on.set()
    process.join(30)
    assert process.exitcode == 0
    assert leftovers(tmp_path) == []
    assert (tmp_path / "slow.zip").read_bytes() == (tmp_path / "quick.zip").read_bytes()


def test_two_at_once_to_one_name_are_both_right(plan, tmp_path):
    path = tmp_path / "a.zip"
    reports = []
    threads = [Thread(target=lambda: reports.append(write_zip(plan, path))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({report.sha256 for report in reports}) == 1
    assert len(reports) == 3
    assert verify_package(path, plan.dataset).is_whole
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("share", [0.0001, 0.5, 0.9999], ids=["at once", "midway", "at the end"])
def test_without_room_it_says_so_and_leaves_nothing(plan, tmp_path, share):
    """A limit on the size of files stands for a full disk: the write fails in the same way."""
    answer = FORK.Queue()

    def work() -> None:
        limit = int(plan.n_bytes * share)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            write_zip(plan, tmp_path / "a.zip")
        except ExportError as error:
            answer.put(str(error))

    older = b"older"
    (tmp_path / "a.zip").write_bytes(older)
    process = child(work)
    said = answer.get(timeout=30)
    process.join(30)
    assert "There is no room for" in said
    assert "Make room" in said
    assert (tmp_path / "a.zip").read_bytes() == older
    assert leftovers(tmp_path) == []


def test_a_disk_with_too_little_room_is_refused_before_anything_is_written(
    plan, tmp_path, monkeypatch
):
    usage = shutil.disk_usage(tmp_path)._replace(free=plan.n_bytes - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ExportError, match=f"takes {plan.n_bytes:,} bytes"):
        write_zip(plan, tmp_path / "a.zip")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", [20_000, 300_000, 1_500_000])
def test_beyond_the_limits_of_the_old_format_it_uses_the_64_bit_one(
    plan, tmp_path, monkeypatch, limit
):
    """Two gibibytes stand for less here: the same code writes the larger records."""
    monkeypatch.setattr("core.export.stored.LARGEST", limit)
    large = plan_export(plan.dataset, plan.pictures, plan.image_ids)
    report = write_zip(large, tmp_path / "a.zip")
    assert report.n_bytes == large.n_bytes > plan.n_bytes
    monkeypatch.undo()
    assert verify_package(report.path, plan.dataset).differences == ()
    if shutil.which("unzip"):
        subprocess.run(["unzip", "-tqq", report.path], check=True)


def test_order_and_times_in_the_archive_are_fixed(plan, tmp_path):
    report = write_zip(plan, tmp_path / "a.zip")
    with zipfile.ZipFile(report.path) as archive:
        infos = archive.infolist()
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert {info.create_system for info in infos} == {3}
    assert {info.external_attr for info in infos} == {0o644 << 16}
    assert infos[-1].filename == "SHA256SUMS"
