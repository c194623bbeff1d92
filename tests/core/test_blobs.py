"""What is kept under its hash comes back, for a time and up to a size, whoever shares it."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.blobs import BlobStore
from core.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]
AN_AGE = 100.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Callable[..., BlobStore]:
    def store(max_bytes: int = 10**6, digits: int = 64) -> BlobStore:
        return BlobStore(tmp_path / "kept", max_bytes, AN_AGE, clock, digits)

    return store


def files(store: BlobStore) -> list[Path]:
    return [path for path in store.folder.rglob("*") if path.is_file() and path.name != ".lock"]


@given(data=st.binary(max_size=500))
@settings(max_examples=25)
def test_bytes_come_back_by_their_sha256(tmp_path_factory, data):
    store = BlobStore(tmp_path_factory.mktemp("kept"), 10**6, AN_AGE)
    name = store.put(data)
    assert name == hashlib.sha256(data).hexdigest()
    assert store.get(name) == data
    assert store.path(name).read_bytes() == data


def test_nothing_is_made_before_something_is_kept(make):
    store = make()
    assert store.get("0" * 64) is None
    assert not store.folder.exists()


def test_the_same_bytes_are_kept_once(make):
    store = make()
    assert store.put(b"one") == store.put(b"one") == make().put(b"one")
    assert len(files(store)) == 1


def test_a_name_may_be_shorter(make):
    name = make(digits=24).put(b"one")
    assert name == hashlib.sha256(b"one").hexdigest()[:24]
    assert make(digits=24).get(name) == b"one"


@pytest.mark.parametrize(
    "name",
    ["", "0" * 63, "0" * 65, "A" * 64, "../" + "0" * 61, "0/" + "0" * 62, "٠" * 64, "\0" * 64],
    ids=["empty", "short", "long", "upper", "parent", "slash", "digits of another script", "nul"],
)
def test_a_name_that_is_none_is_not_there(make, name):
    store = make()
    store.put(b"one")
    assert store.get(name) is None
    assert store.path(name) is None


def test_what_nobody_uses_expires(make, clock):
    store = make()
    name = store.put(b"one")
    clock.now += AN_AGE + 1
    assert store.get(name) is None
    assert store.path(name) is None


@pytest.mark.parametrize("use", ["get", "path", "put"])
def test_use_keeps_it_longer(make, clock, use):
    store = make()
    name = store.put(b"one")
    clock.now += AN_AGE - 1
    getattr(store, use)(b"one" if use == "put" else name)
    clock.now += AN_AGE - 1
    assert store.get(name) == b"one"


def test_what_has_expired_leaves_the_disk(make, clock):
    store = make()
    for number in range(5):
        store.put(bytes([number]))
    clock.now += 3601
    kept = store.put(b"new")
    assert [path.name for path in files(store)] == [kept]


def test_what_has_expired_leaves_the_disk_also_where_nothing_new_is_kept(make, clock):
    old = make().put(b"old")
    clock.now += AN_AGE - 1
    used = make().put(b"used")
    clock.now += 2
    store = make()
    assert store.get(used) == b"used"
    assert [path.name for path in files(store)] == [used]
    assert store.get(old) is None


def test_a_folder_that_is_read_only_still_gives_what_it_has(make, clock):
    name = make().put(b"one")
    store = make()
    store.folder.chmod(0o555)
    (store.folder / name[:2]).chmod(0o555)
    try:
        assert store.get(name) == b"one"
    finally:
        (store.folder / name[:2]).chmod(0o755)
        store.folder.chmod(0o755)


def test_the_longest_unused_goes_when_there_is_too_much(make, clock):
    store = make(max_bytes=50_000)
    names = []
    for number in range(10):
        clock.now += 1
        names.append(store.put(bytes([number]) * 9_000))
        store.get(names[0])
    assert store.get(names[0]) is not None
    assert store.get(names[-1]) is not None
    assert store.get(names[1]) is None
    assert sum(path.stat().st_size for path in files(store)) <= 50_000


def test_many_small_files_count_as_the_blocks_they_take(make):
    store = make(max_bytes=40_960)
    for number in range(40):
        store.put(bytes([number]))
    assert len(files(store)) <= 10


def test_what_is_just_kept_stays_even_when_it_is_too_much_alone(make):
    store = make(max_bytes=100)
    assert store.get(store.put(b"x" * 5_000)) == b"x" * 5_000


def test_what_a_dead_writer_left_is_removed(make, clock):
    store = make()
    name = store.put(b"one")
    left = store.folder / name[:2] / f".{name}.abc.tmp"
    left.write_bytes(b"half")
    clock.now += 3601
    store.put(b"two")
    assert not left.exists()


def test_a_file_that_was_damaged_is_not_given(make):
    store = make()
    name = store.put(b"one")
    store.path(name).write_bytes(b"two")
    assert store.get(name) is None


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = BlobStore(tmp_path / "file" / "kept", 10**6, AN_AGE)
    with pytest.raises(SettingsError, match=r"kept cannot be written.*COCOSIFT_CACHE"):
        store.put(b"one")


CHILD = """
import sys
from pathlib import Path
from core.blobs import BlobStore
store = BlobStore(Path(sys.argv[1]), 200_000, 100.0)
print("ready", flush=True)
sys.stdin.readline()
for turn in range(300):
    data = bytes([turn % 60]) * 5_000
    name = store.put(data)
    assert store.get(name) in (data, None), turn
print("done", flush=True)
"""


def test_threads_and_another_process_share_a_folder_that_overflows(tmp_path):
    folder = tmp_path / "kept"
    stores = [BlobStore(folder, 200_000, AN_AGE) for _ in range(2)]

    def work(worker: int) -> None:
        for turn in range(100):
            data = bytes([(7 * worker + turn) % 60]) * 5_000
            name = stores[worker % 2].put(data)
            # Others may already have pushed it out, but it is never half there.
            assert stores[worker % 2].get(name) in (data, None)

    with (
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as child,
        ThreadPoolExecutor(8) as pool,
    ):
        assert child.stdout.readline() == "ready\n"
        child.stdin.write("go\n")
        child.stdin.flush()
        list(pool.map(work, range(8)))
        assert child.communicate(timeout=30)[0] == "done\n"
    assert child.returncode == 0
    left = files(stores[0])
    assert all(len(path.name) == 64 for path in left)
    assert sum(path.stat().st_size for path in left) <= 200_000 * 1.15


def test_what_one_keeps_again_is_not_taken_by_another_that_makes_room(tmp_path):
    """Each keeps its own bytes again and again while the other overflows the folder."""
    folder = tmp_path / "kept"
    mine = b"mine" * 100

    def overflow(worker: int) -> None:
        store = BlobStore(folder, 100_000, AN_AGE)
        for turn in range(60):
            store.put(bytes([worker, turn]) * 2_000)

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(overflow, worker) for worker in range(4)]
        store = BlobStore(folder, 100_000, AN_AGE)
        while not all(job.done() for job in jobs):
            assert store.get(store.put(mine)) == mine
        for job in jobs:
            job.result()
