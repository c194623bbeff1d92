"""Work in a process of its own ends as it would have ended here, and when this process ends."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import core.workers
from core.errors import ExportError, QueryError, WorkerError
from core.progress import Cancelled
from core.settings import PROJECT_ROOT, Settings
from core.workers import NICENESS, run_apart

TASKS = "tests.core.apart_tasks"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, cache=tmp_path / "cache", database_url="postgresql://a:b@c/d")


@pytest.fixture
def run(settings: Settings) -> Callable[..., Any]:
    def run(name: str, arguments: dict[str, Any] | None = None, **more: Any) -> Any:
        return run_apart(f"{TASKS}:{name}", arguments or {}, settings=settings, **more)

    return run


class Heard:
    """Progress that is kept, and a wish to stop after so many steps."""

    def __init__(self, stop_after: int = 1_000_000) -> None:
        self.told: list[tuple[int, int]] = []
        self._stop_after = stop_after

    def update(self, done: int, total: int) -> None:
        self.told.append((done, total))
        if len(self.told) >= self._stop_after:
            raise Cancelled


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_task_gets_arguments_and_returns_its_result(run):
    assert run("add", {"a": "x", "b": "y"}) == "xy"
    assert run("add", {"a": np.arange(3), "b": 1}).tolist() == [1, 2, 3]


def test_settings_arrive_whole(run, settings):
    assert run("home") == settings


def test_it_is_another_process_of_low_priority(run):
    first, second = run("who"), run("who")
    assert len({first["pid"], second["pid"], os.getpid()}) == 3
    assert first["nice"] >= min(19, os.nice(0) + NICENESS)
    # Linux may share time by sessions first: in another one it would count as much as all of us.
    assert first["session"] == os.getsid(0)


def test_the_main_script_of_this_process_is_not_run_again(tmp_path):
    script = tmp_path / "page.py"
    script.write_text(
        "from pathlib import Path\n"
        "from core.settings import Settings\n"
        "from core.workers import run_apart\n"
        "with Path('runs').open('a') as file:\n    file.write('x')\n"
        f"run_apart('{TASKS}:add', {{'a': 1, 'b': 2}}, settings=Settings())\n"
    )
    environment = os.environ | {"PYTHONPATH": str(PROJECT_ROOT)}
    subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "runs").read_text() == "x"


def test_nothing_is_imported_from_the_folder_that_one_stands_in(tmp_path):
    (tmp_path / "core").mkdir()
    (tmp_path / "core/__init__.py").write_text("raise SystemExit('the wrong one')")
    code = (
        f"import sys; sys.path.insert(0, {str(PROJECT_ROOT)!r})\n"
        "from core.settings import Settings\nfrom core.workers import run_apart\n"
        f"assert run_apart('{TASKS}:add', {{'a': 1, 'b': 2}}, settings=Settings()) == 3\n"
    )
    subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, check=True)


def test_what_libraries_print_disturbs_nothing(run):
    assert run("noise") == "heard"


def test_progress_is_told_to_its_end(run):
    heard = Heard()
    assert run("count", {"to": 5, "pause": 0.12}, progress=heard).tolist() == [0, 1, 2, 3, 4]
    assert heard.told[-1] == (5, 5)
    assert len(heard.told) > 2
    assert heard.told == sorted(heard.told)


@pytest.mark.parametrize("how", ["progress", "asked"])
def test_what_is_cancelled_cleans_up_before_it_is_over(run, tmp_path, how):
    file = tmp_path / "half"
    means = {"progress": Heard(stop_after=1)} if how == "progress" else {"cancelled": file.exists}
    with pytest.raises(Cancelled):
        run("tidy", {"file": str(file)}, **means)
    assert not file.exists()


def test_what_does_not_stop_when_cancelled_is_ended(run, tmp_path, monkeypatch):
    monkeypatch.setattr(core.workers, "PATIENCE_S", 0.1)
    file = tmp_path / "pid"
    with pytest.raises(Cancelled):
        run("stubborn", {"file": str(file)}, cancelled=file.exists)
    wait_until(lambda: not is_alive(int(file.read_text())))


def test_a_domain_error_arrives_as_it_was_raised(run):
    with pytest.raises(QueryError, match=r"^Expected this, found that\. Do so\.$"):
        run("refuse")


def test_a_domain_error_that_cannot_cross_keeps_its_kind_and_words(run):
    with pytest.raises(ExportError, match=r"^one and two$"):
        run("refuse_with_two")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mistake", "KeyError: 'nothing'"),
        ("strange_result", "cannot pickle"),
        ("no_such_task", "no_such_task"),
    ],
)
def test_a_mistake_of_ours_shows_where_it_was_made(run, name, said):
    with pytest.raises(RuntimeError, match=said):
        run(name)


def test_a_module_that_cannot_be_imported_is_told_and_hinders_nothing_else(run, settings):
    with pytest.raises(RuntimeError, match="no_such_module"):
        run_apart("no_such_module:task", {}, settings=settings)
    assert run("add", {"a": 1, "b": 2}) == 3


def test_a_killed_process_is_told_in_words(run):
    with pytest.raises(WorkerError, match="ended from outside"):
        run("killed")
    assert run("add", {"a": 1, "b": 2}) == 3


def test_when_the_kept_process_is_killed_another_is_started(run):
    run("kill_the_kept")
    results = [run("add", {"a": 1, "b": 2}) for _ in range(3)]
    assert results == [3, 3, 3]


def test_many_at_once_each_get_their_own_result(run):
    with ThreadPoolExecutor(8) as people:
        found = list(people.map(lambda n: run("add", {"a": n, "b": 1}), range(24)))
    assert found == list(range(1, 25))


def test_all_of_it_ends_when_this_process_is_killed(tmp_path):
    code = (
        "import threading\nfrom core.settings import Settings\nfrom core.workers import run_apart\n"
        f"run_apart('{TASKS}:stubborn', {{'file': {str(tmp_path / 'pid')!r}}}, settings=Settings())"
    )
    ours = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT_ROOT)
    file = tmp_path / "pid"
    wait_until(lambda: file.exists() and file.read_text().isdecimal())
    worker = int(file.read_text())
    kept = int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1])
    assert kept != ours.pid
    ours.kill()
    ours.wait()
    wait_until(lambda: not is_alive(worker) and not is_alive(kept))


def test_no_process_and_no_open_file_is_left_of_finished_work(run):
    run("add", {"a": 1, "b": 2})
    before = len(list(Path("/proc/self/fd").iterdir()))
    pids = [run("who")["pid"] for _ in range(5)]
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_threads_that_end_take_no_worker_with_them(run):
    thread = threading.Thread(target=run, args=("add", {"a": 1, "b": 2}))
    thread.start()
    thread.join()
    assert run("count", {"to": 3, "pause": 0.05}).tolist() == [0, 1, 2]
