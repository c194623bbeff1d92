"""One file comes whole and checked, or what is here stays and the same call goes on."""

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DownloadError
from core.fetch import Patience, Remote, fetch_file, part, size_of, transfer
from core.fetch.lock import only_one
from core.fetch.part import Identity, Part
from core.progress import Cancelled
from core.settings import PROJECT_ROOT
from tests.core.fetch.conftest import QUICK
from tests.core.fetch.faulty_server import (
    Cut,
    Damaged,
    Length,
    OtherRange,
    Page,
    Redirect,
    Reset,
    Served,
    Silence,
    Slow,
    Stall,
    Status,
)

SPAN = 64 * 1024
CONTENT = np.random.default_rng(11).integers(0, 256, 10 * SPAN + 123, dtype=np.uint8).tobytes()
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PATH = "/zips/file.zip"


@pytest.fixture(autouse=True)
def _small_spans(monkeypatch):
    monkeypatch.setattr(transfer, "_SPAN", SPAN)


@pytest.fixture
def served(server) -> Served:
    server.files[PATH] = Served(CONTENT)
    return server.files[PATH]


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "files" / "file.zip"


@pytest.fixture
def remote(server, served) -> Remote:
    return Remote(server.url(PATH), sha256=SHA256, setting="COCOSIFT_COCO_URL")


def fetch(remote, target, **options):
    return fetch_file(remote, target, patience=QUICK, **options)


def left(target: Path) -> set[str]:
    return {path.name for path in target.parent.iterdir()} if target.parent.exists() else set()


def note(target: Path) -> dict:
    return json.loads((target.parent / f".{target.name}.part.json").read_text())


def asked_for(server, path: str = PATH) -> int:
    """The bytes of the ranges that were asked for."""
    ranges = [asked.range.removeprefix("bytes=") for asked in server.asked if asked.path == path]
    spans = [tuple(map(int, text.split("-"))) for text in ranges if text]
    return sum(last - first + 1 for first, last in spans)


class StopsAt:
    def __init__(self, n_bytes: int, error: type[BaseException] = Cancelled) -> None:
        self.n_bytes, self.error = n_bytes, error

    def update(self, done: int, total: int) -> None:
        if done >= self.n_bytes:
            raise self.error


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no ranges"])
@pytest.mark.parametrize(
    "content",
    [b"", b"x", CONTENT[:SPAN], CONTENT],
    ids=["empty", "a byte", "a span", "several spans"],
)
def test_a_file_comes_whole_and_nothing_is_left_beside_it(server, target, content, ranges):
    server.files[PATH] = Served(content, ranges=ranges)
    sums = {"sha256": hashlib.sha256(content).hexdigest(), "md5": hashlib.md5(content).hexdigest()}
    assert fetch(Remote(server.url(PATH), len(content), **sums), target) == target
    assert target.read_bytes() == content
    assert left(target) == {"file.zip"}


def test_several_connections_are_used_at_once(server, remote, target):
    server.fail(PATH, Slow(rate=1_000_000, beyond=1), times=-1)
    fetch(remote, target, connections=4)
    assert server.most_at_once == 4


def test_every_byte_is_sent_once(server, remote, target):
    fetch(remote, target)
    assert asked_for(server) == len(CONTENT) + 1  # one to see whether there are ranges


def test_a_file_that_is_there_is_not_fetched(server, remote, target):
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    fetch(remote, target)
    assert server.asked == []


@pytest.mark.parametrize("old", [CONTENT[:-1], CONTENT[::-1]], ids=["shorter", "other"])
def test_a_file_that_is_another_is_replaced(remote, target, old):
    target.parent.mkdir()
    target.write_bytes(old)
    fetch(remote, target)
    assert target.read_bytes() == CONTENT


def test_progress_counts_what_earlier_calls_brought(server, remote, target):
    fetch_some(server, remote, target)
    here = sum(end - start for start, end in note(target)["ranges"])
    told = []

    class Told:
        def update(self, done, total):
            told.append((done, total))

    fetch(remote, target, progress=Told())
    assert told[0] == (here, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


PASSING = [
    Status(503),
    Status(500, beyond=1),
    Status(429, retry_after="0"),
    Reset(after=0),
    Reset(after=1000, beyond=1),
    Cut(after=1000, beyond=1),
    Stall(after=1000, beyond=1),
    Silence(beyond=1),
    Length(more=1000, beyond=1),
    Length(more=-1000, beyond=1),
    OtherRange(beyond=1),
]
NAMES = [
    *("busy at first", "broken in the middle", "too many requests", "reset at once", "reset later"),
    *("half-closed", "stalled", "no answer", "length too large", "length too small"),
    "another range",
]


class TestPassingFaults:
    @pytest.mark.parametrize("fault", PASSING, ids=NAMES)
    def test_they_are_overcome_where_there_are_ranges(self, server, remote, target, fault):
        server.fail(PATH, fault, times=2)
        fetch(remote, target)
        assert target.read_bytes() == CONTENT

    @pytest.mark.parametrize("fault", PASSING[:8], ids=NAMES[:8])
    def test_they_are_overcome_where_there_are_none(self, server, served, remote, target, fault):
        served.ranges = False
        server.fail(PATH, fault, times=2)
        fetch(remote, target)
        assert target.read_bytes() == CONTENT

    # Too large a length does no harm: no more is read than was asked for.
    @pytest.mark.parametrize(
        "fault",
        [fault for fault in PASSING if fault != Length(more=1000, beyond=1)],
        ids=[name for name in NAMES if name != "length too large"],
    )
    def test_when_they_stay_they_are_named_and_the_same_call_goes_on(
        self, server, remote, target, fault
    ):
        fetch_some(server, remote, target)
        server.fail(PATH, fault, times=-1)
        with pytest.raises(DownloadError, match=r"Tried \d times\. Run the same command again: it"):
            fetch(remote, target)
        server.heal(PATH)
        server.asked.clear()
        fetch(remote, target)
        assert target.read_bytes() == CONTENT
        assert asked_for(server) < len(CONTENT) - SPAN + 2

    def test_a_connection_that_breaks_after_each_bit_still_gets_there(
        self, server, remote, target, monkeypatch
    ):
        monkeypatch.setattr(transfer, "_FRUITFUL", 1000)
        server.fail(PATH, Reset(after=5000, beyond=1), times=-1)
        fetch(remote, target)
        assert target.read_bytes() == CONTENT
        assert server.sent[PATH] < 1.2 * len(CONTENT)

    def test_a_server_that_asks_for_much_patience_is_not_waited_for(self, server, remote, target):
        server.fail(PATH, Status(503, retry_after="86400"), times=-1)
        with pytest.raises(DownloadError, match=r"come again in 86,400 s"):
            fetch(remote, target)
        assert len(server.asked) == 1


def fetch_some(server, remote, target) -> None:
    """Leave at least a span of the file, and not all of it."""
    server.fail(PATH, Slow(rate=1_000_000, beyond=1), times=-1)
    with pytest.raises(Cancelled):
        fetch(remote, target, connections=1, progress=StopsAt(SPAN))
    server.heal(PATH)
    assert SPAN <= sum(end - start for start, end in note(target)["ranges"]) < len(CONTENT)


class TestLastingFaults:
    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            (Status(404), r"has no /zips/file\.zip \(HTTP 404\).*COCOSIFT_COCO_URL"),
            (Status(410), r"HTTP 410"),
            (Status(403), r"refuses /zips/file\.zip \(HTTP 403\).*COCOSIFT_COCO_URL"),
            (Status(401), r"refuses /zips/file\.zip \(HTTP 401\)"),
            (Status(418), r"with HTTP 418"),
            (Page(), r"sent a web page, not the file\. Is a proxy"),
            (Page(content_type="application/zip"), r"sent a web page, not the file"),
            (Redirect(to=PATH), r"redirects more than 8 times"),
            (Redirect(to="ftp://127.0.0.1/file.zip"), r"redirects to 'ftp://"),
            (Redirect(to="file:///etc/passwd"), r"redirects to 'file:///"),
            (Redirect(to=""), r"redirects to ''"),
            (Redirect(to="http://[127"), r"redirects to 'http://\[127'"),
        ],
        ids=[
            *("not there", "gone", "refused", "sign-in", "odd", "page", "page named zip", "circle"),
            *("ftp", "file", "nowhere", "no address"),
        ],
    )
    def test_they_are_named_at_once_and_what_is_here_stays(
        self, server, remote, target, fault, words
    ):
        fetch_some(server, remote, target)
        before = note(target)["ranges"]
        server.asked.clear()
        server.fail(PATH, fault, times=-1)
        with pytest.raises(DownloadError, match=words):
            fetch(remote, target)
        assert len(server.asked) <= 9
        assert note(target)["ranges"] == before
        server.heal(PATH)
        fetch(remote, target)
        assert target.read_bytes() == CONTENT

    def test_a_page_in_the_middle_is_named(self, server, remote, target):
        server.fail(PATH, Page(beyond=1), times=-1)
        with pytest.raises(DownloadError, match="sent a web page"):
            fetch(remote, target)

    def test_a_redirect_leads_to_the_file(self, server, remote, target):
        server.files["/elsewhere"] = server.files[PATH]
        server.fail(PATH, Redirect(to=server.url("/elsewhere")), times=-1)
        fetch(remote, target)
        assert target.read_bytes() == CONTENT

    def test_a_host_that_is_none_is_named(self, target):
        remote = Remote("http://no-such-host.invalid/file.zip", setting="COCOSIFT_COCO_URL")
        words = (
            r"There is no host 'no-such-host\.invalid', or .* COCOSIFT_COCO_URL names the server"
        )
        with pytest.raises(DownloadError, match=words):
            fetch(remote, target)

    def test_a_port_where_nothing_listens_is_named(self, target):
        with pytest.raises(DownloadError, match=r"127\.0\.0\.1:9 refuses connections"):
            fetch(Remote("http://127.0.0.1:9/file.zip"), target)

    @pytest.mark.parametrize("url", ["http://", "nonsense", "ftp://127.0.0.1/x", "http://[::1/x"])
    def test_an_address_that_is_none_is_named(self, target, url):
        with pytest.raises(DownloadError):
            fetch(Remote(url), target)

    def test_a_failure_leaves_nothing_where_nothing_came(self, server, remote, target):
        server.fail(PATH, Status(404), times=-1)
        with pytest.raises(DownloadError):
            fetch(remote, target)
        assert left(target) == set()


class TestAnotherFile:
    def test_a_wrong_size_is_named_before_anything_is_fetched(self, server, target, served):
        with pytest.raises(DownloadError, match=r"has 655,483 bytes; expected 1,000"):
            fetch(Remote(server.url(PATH), 1000), target)
        assert asked_for(server) == 1

    @pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no ranges"])
    def test_a_wrong_checksum_is_named_and_nothing_of_it_stays(
        self, server, served, remote, target, ranges
    ):
        served.ranges = ranges
        server.fail(PATH, Damaged(beyond=1), times=-1)
        with pytest.raises(DownloadError, match=rf"expected sha256 {SHA256}, found .* removed"):
            fetch(remote, target)
        assert left(target) == set()
        server.heal(PATH)
        fetch(remote, target)

    @pytest.mark.parametrize(
        "change",
        [{"etag": '"two"'}, {"last_modified": "Thu, 22 Oct 2015 07:28:00 GMT"}, {}],
        ids=["etag", "last modified", "size"],
    )
    def test_a_file_that_changed_between_calls_is_fetched_anew(
        self, server, served, target, change
    ):
        remote = Remote(server.url(PATH))
        fetch_some(server, remote, target)
        new = CONTENT[::-1] if change else CONTENT[::-1] + b"more"
        server.files[PATH] = Served(new, **change)
        fetch(remote, target)
        assert target.read_bytes() == new

    def test_a_file_that_changes_while_it_is_fetched_is_not_mixed(self, server, served, target):
        new = CONTENT[::-1]

        class Changes:
            def update(self, done, total):
                if done >= 2 * SPAN:
                    server.files[PATH] = Served(new, etag='"two"')

        server.fail(PATH, Slow(rate=1_000_000, beyond=1), times=-1)
        fetch(Remote(server.url(PATH)), target, progress=Changes(), connections=2)
        assert target.read_bytes() == new

    def test_one_that_keeps_changing_is_named(self, server, served, target, monkeypatch):
        tags = iter(range(10_000))
        monkeypatch.setattr(Served, "etag", property(lambda _: f'"{next(tags)}"', lambda *_: None))
        with pytest.raises(DownloadError, match="keeps changing"):
            fetch(Remote(server.url(PATH)), target)

    def test_with_a_checksum_a_mirror_that_was_copied_anew_costs_nothing(
        self, server, served, remote, target
    ):
        fetch_some(server, remote, target)
        server.files["/mirror"] = Served(CONTENT, etag='"other"', last_modified="")
        fetch(Remote(server.url("/mirror"), sha256=SHA256), target)
        assert asked_for(server, "/mirror") < len(CONTENT) - SPAN + 2

    def test_a_length_that_nobody_tells_is_refused_unless_a_checksum_decides(self, server, target):
        server.files[PATH] = Served(CONTENT, ranges=False, sized=False)
        with pytest.raises(DownloadError, match="does not say how long"):
            fetch(Remote(server.url(PATH)), target)
        fetch(Remote(server.url(PATH), sha256=SHA256), target)
        assert target.read_bytes() == CONTENT


class TestWhatIsLeft:
    def test_a_stop_says_how_much_is_here(self, remote, target):
        with pytest.raises(Cancelled, match=r"of 655,483 bytes of file\.zip are here\. The same"):
            fetch(remote, target, progress=StopsAt(SPAN))

    def test_an_interrupt_is_a_stop(self, remote, target):
        with pytest.raises(Cancelled, match="are here"):
            fetch(remote, target, progress=StopsAt(SPAN, KeyboardInterrupt))
        assert note(target)["ranges"]

    @pytest.mark.parametrize(
        "text",
        ["", "{", "[]", '{"url": 1}', '{"ranges": [[5, 3]]}', "\udcff", "9" * 5000],
        ids=["empty", "cut", "list", "other", "backwards", "not UTF-8", "a long number"],
    )
    def test_a_note_that_is_damaged_begins_anew(self, server, remote, target, text):
        fetch_some(server, remote, target)
        path = target.parent / ".file.zip.part.json"
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        fetch(remote, target)
        assert target.read_bytes() == CONTENT

    @pytest.mark.parametrize(
        "ranges",
        [[[0, 10**9]], [[0, 100], [50, 200]], [[-5, 100]], [["0", None]]],
        ids=["beyond the file", "overlapping", "negative", "no numbers"],
    )
    def test_a_note_that_promises_too_much_begins_anew(self, server, remote, target, ranges):
        fetch_some(server, remote, target)
        path = target.parent / ".file.zip.part.json"
        path.write_text(json.dumps({**note(target), "ranges": ranges}))
        fetch(remote, target)
        assert target.read_bytes() == CONTENT

    def test_a_part_that_is_gone_begins_anew(self, server, remote, target):
        fetch_some(server, remote, target)
        (target.parent / ".file.zip.part").unlink()
        fetch(remote, target)
        assert target.read_bytes() == CONTENT

    def test_the_note_holds_no_password(self, server, served, target):
        url = server.url(PATH).replace("//", "//ann:secret@") + "?key=hidden"
        fetch_some(server, Remote(url), target)
        text = (target.parent / ".file.zip.part.json").read_text()
        assert "secret" not in text
        assert "hidden" not in text


class TestPasswords:
    def test_one_in_the_address_is_sent_to_that_host_alone(self, server, remote, target):
        server.files["/elsewhere"] = server.files[PATH]
        elsewhere = server.url("/elsewhere").replace("127.0.0.1", "localhost")
        server.fail(PATH, Redirect(to=elsewhere), times=-1)
        fetch(Remote(server.url(PATH).replace("//", "//ann:secret@")), target)
        sent = {asked.path: "Authorization" in asked.headers for asked in server.asked}
        assert sent == {PATH: True, "/elsewhere": False}

    def test_none_is_looked_for_in_netrc(self, server, remote, target, tmp_path, monkeypatch):
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password secret\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        fetch(remote, target)
        assert not any("Authorization" in asked.headers for asked in server.asked)

    def test_none_is_in_a_message(self, server, target):
        url = server.url(PATH).replace("//", "//ann:secret@")
        with pytest.raises(DownloadError) as caught:
            fetch(Remote(url), target)
        assert "secret" not in str(caught.value)


class TestDisk:
    def test_too_little_room_is_named_before_anything_is_fetched(
        self, server, remote, target, monkeypatch
    ):
        usage = shutil.disk_usage("/")._replace(free=1000)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
        with pytest.raises(DownloadError, match=r"has 1,000 bytes free; file\.zip needs 655,483"):
            fetch(remote, target)
        assert asked_for(server) == 1

    def test_a_disk_that_is_full_is_named_and_the_same_call_goes_on(
        self, server, remote, small_disk, monkeypatch
    ):
        filler = small_disk / "filler"
        filler.write_bytes(bytes(600_000))  # of 1 MiB: what is left takes half of the file
        usage = shutil.disk_usage("/")._replace(free=10**9)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)  # somebody else was quicker
        with pytest.raises(DownloadError, match=r"disk of .* is full; what is here .* stays"):
            fetch(remote, small_disk / "file.zip")
        filler.unlink()
        server.asked.clear()
        fetch(remote, small_disk / "file.zip")
        assert (small_disk / "file.zip").read_bytes() == CONTENT
        assert asked_for(server) < len(CONTENT) - SPAN

    def test_a_limit_of_file_sizes_is_named(self, server, remote, target):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2 * SPAN, before[1]))
            with pytest.raises(DownloadError, match="does not take a file as large"):
                fetch(remote, target)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
        fetch(remote, target)
        assert target.read_bytes() == CONTENT

    def test_a_folder_that_is_a_file_is_named(self, remote, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(DownloadError, match=r"file cannot be written: .*choose another folder"):
            fetch(remote, tmp_path / "file" / "file.zip")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_that_is_read_only_is_named(self, remote, tmp_path):
        tmp_path.chmod(0o500)
        with pytest.raises(DownloadError, match="cannot be written: Permission denied"):
            fetch(remote, tmp_path / "file.zip")

    def test_what_the_system_refuses_is_named(self, remote, target, monkeypatch):
        def refuse(*_):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(part.os, "pwrite", refuse)
        with pytest.raises(DownloadError, match="cannot be written: Permission denied"):
            fetch(remote, target)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small file system needs the right to mount one")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


PROGRAM = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from core.errors import DownloadError
    from core.fetch import Patience, Remote, fetch_file, transfer
    from core.progress import Cancelled

    transfer._SPAN, transfer._SAVE_EVERY = 65536, 1

    class Told:
        def update(self, done, total):
            print(done, flush=True)

    try:
        remote = Remote(sys.argv[1], sha256=sys.argv[3])
        fetch_file(remote, Path(sys.argv[2]), Told(), patience=Patience(2, 2, 3, 0.01))
    except (DownloadError, Cancelled) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    """
)


def program(remote: Remote, target: Path) -> subprocess.Popen:
    arguments = [sys.executable, "-c", PROGRAM, remote.url, str(target), SHA256]
    return subprocess.Popen(
        arguments,
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(running: subprocess.Popen, n_bytes: int) -> None:
    for line in running.stdout:
        if int(line) >= n_bytes:
            return


class TestProcesses:
    @pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9])
    def test_a_killed_one_loses_little_and_the_next_goes_on(self, server, remote, target, share):
        server.fail(PATH, Slow(rate=200_000, beyond=1), times=-1)
        running = program(remote, target)
        wait_for(running, int(share * len(CONTENT)))
        running.kill()
        running.communicate()
        assert not target.exists()
        server.heal(PATH)
        server.asked.clear()
        fetch(remote, target)
        assert target.read_bytes() == CONTENT
        assert left(target) == {"file.zip"}
        if share >= 0.5:
            assert asked_for(server) < len(CONTENT)

    def test_an_interrupted_one_says_what_is_here(self, server, remote, target):
        server.fail(PATH, Slow(rate=20_000, beyond=1), times=-1)
        running = program(remote, target)
        wait_for(running, 100_000)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=20)
        assert "Cancelled: Stopped; " in errors
        assert "Traceback" not in errors
        server.heal(PATH)
        fetch(remote, target)
        assert target.read_bytes() == CONTENT

    def test_two_at_once_do_not_meet(self, server, remote, target):
        server.fail(PATH, Slow(rate=200_000, beyond=1), times=6)
        first = program(remote, target)
        wait_for(first, 50_000)
        with pytest.raises(DownloadError, match=r"Another command is fetching file\.zip"):
            fetch(remote, target)
        _, errors = first.communicate(timeout=30)
        assert first.returncode == 0, errors
        assert target.read_bytes() == CONTENT
        assert left(target) == {"file.zip"}

    def test_the_lock_of_a_killed_one_holds_nobody(self, tmp_path):
        (tmp_path / "lock").write_text("")
        with only_one(tmp_path / "lock", "x"):
            pass
        assert not (tmp_path / "lock").exists()


class TestPart:
    @given(
        st.lists(
            st.tuples(st.integers(0, 60), st.integers(0, 60))
            .map(sorted)
            .filter(lambda s: s[0] < s[1])
        )
    )
    def test_its_ranges_are_the_bytes_that_were_added(self, spans):
        kept = Part(Path("x"))
        kept.identity = Identity("u", 60)
        here = set()
        for start, end in spans:
            kept.added(start, end)
            here |= set(range(start, end))
        missing = [byte for start, end in kept.missing(7) for byte in range(start, end)]
        assert missing == [byte for byte in range(60) if byte not in here]
        assert kept.n_bytes == len(here)
        assert kept.front == next(byte for byte in range(61) if byte not in here)


def test_the_size_is_asked_for_without_fetching(server, served):
    assert size_of(Remote(server.url(PATH)), QUICK) == len(CONTENT)
    served.ranges = False
    assert size_of(Remote(server.url(PATH)), QUICK) == len(CONTENT)


def test_pauses_grow_and_heed_the_server():
    patience = Patience(pause=0.5)
    assert [patience.wait(n, 0) for n in (1, 2, 3)] == [0.5, 1.0, 2.0]
    assert patience.wait(1, 7) == 7
