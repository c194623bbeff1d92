"""Downloads are made behind the scenes, shared by those who want the same, and cleaned up."""

import os
import signal
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import core.downloads.exports
from core.catalogue import shared_catalogue
from core.coco import register_dataset
from core.downloads import (
    PATIENCE_S,
    Download,
    Downloads,
    Finished,
    State,
    Then,
    compare,
    remember,
    shared_downloads,
)
from core.errors import CatalogueError, ExportError, JobError, RightsError, SettingsError
from core.export import plan_export
from core.people import NOBODY, OPERATOR, Person, Role
from core.people.acting import acting_as
from core.settings import Settings
from tests.core.odd_dataset import NAMES, Odd, make_odd


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Host:
    """A host that has the pictures, as slow as it is told and without those that it is to lack."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self.reached = threading.Event()
        self.lacks: set[int] = set()
        self.pictures: dict[int, Path] = {}

    def let_through(self) -> None:
        self._open.set()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.reached.set()
        assert self._open.wait(60)
        image_id = int(handler.path[1:])
        handler.send_response(404 if image_id in self.lacks else 200)
        handler.end_headers()
        if image_id not in self.lacks:
            handler.wfile.write(self.pictures[image_id].read_bytes())


@pytest.fixture
def host() -> Iterator[tuple[Host, str]]:
    host = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(ConnectionError):  # nobody waits any more
                host.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield host, f"127.0.0.1:{server.server_port}"
        host.let_through()
        server.shutdown()
        thread.join()


@pytest.fixture
def odd(tmp_path: Path, host: tuple[Host, str]) -> Odd:
    made = make_odd(tmp_path)
    hosts = frozenset({host[1]})
    return replace(made, settings=replace(made.settings, offline=False, image_hosts=hosts))


@pytest.fixture
def gate(odd: Odd, host: tuple[Host, str]) -> Host:
    """The pictures are not here any more but on a host that does not answer until it is told."""
    register_dataset(
        odd.settings,
        "odd",
        instances=odd.instances,
        captions=odd.captions,
        url=f"http://{host[1]}/{{id}}",
        split="val2014",
        replace=True,
    )
    host[0].pictures = {image_id: odd.file(image_id) for image_id in NAMES}
    return host[0]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def downloads(odd: Odd, clock: Clock) -> Iterator[Downloads]:
    downloads = Downloads(odd.settings, clock=clock)
    yield downloads
    downloads.close()


def finished(downloads: Downloads, token: str) -> Download:
    deadline = time.monotonic() + 60
    while (download := downloads.get(token)).state is State.PREPARING:
        assert time.monotonic() < deadline, "the download takes too long"
        time.sleep(0.005)
    return download


def workers_at_work() -> list[int]:
    """Processes whose parent is a child of this one: what the kept process has forked."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
    return [pid for pid, parent in parents.items() if parents.get(parent) == os.getpid()]


def test_a_download_becomes_a_zip_on_disk(downloads, odd):
    begun = downloads.start(odd.request(), "a dog on a beach")
    download = finished(downloads, begun.token)
    assert download.state is State.READY
    assert download.done == download.total > 0
    assert zipfile.ZipFile(download.path).testzip() is None
    assert download.report.n_images == 2
    assert download.path.is_relative_to(odd.settings.cache / "downloads")


@pytest.mark.parametrize(
    ("title", "filename"),
    [
        ("a dog on a beach", "a-dog-on-a-beach.zip"),
        ("Собака на пляже", "Собака-на-пляже.zip"),
        ("../../etc/passwd", "etc-passwd.zip"),
        ('a "b" \r\nSet-Cookie: x', "a-b-Set-Cookie-x.zip"),
        ("", "subset.zip"),
        ("?!", "subset.zip"),
        ("x" * 500, "x" * 60 + ".zip"),
    ],
)
def test_the_file_is_named_by_the_title(downloads, odd, title, filename):
    assert downloads.start(odd.request(), title).filename == filename


def test_the_address_holds_a_token_that_cannot_be_guessed(downloads, odd):
    one, other = (downloads.start(odd.request(), "Käse") for _ in range(2))
    assert one.token != other.token
    assert len(one.token) >= 32
    assert one.url == f"/api/downloads/{one.token}/K%C3%A4se.zip"


def test_the_same_subset_asked_for_twice_is_made_once(downloads, odd):
    one = finished(downloads, downloads.start(odd.request(), "one").token)
    two = finished(downloads, downloads.start(odd.request(), "two").token)
    assert one.path == two.path
    assert (one.filename, two.filename) == ("one.zip", "two.zip")


def test_another_order_is_another_file(downloads, odd):
    one = finished(downloads, downloads.start(odd.request(3, 7), "one").token)
    two = finished(downloads, downloads.start(odd.request(7, 3), "two").token)
    assert one.path != two.path


def test_two_people_at_once_each_get_what_they_asked_for(downloads, odd):
    wishes = [(3,), (7,), (3, 7), (12, 3), (3,), (7, 12)] * 4

    def fetch(image_ids: tuple[int, ...]) -> list[str]:
        download = finished(downloads, downloads.start(odd.request(*image_ids), "x").token)
        with zipfile.ZipFile(download.path) as archive:
            scores = archive.read("scores.csv").decode().splitlines()[1:]
            return [line.split(",")[0] for line in scores]

    with ThreadPoolExecutor(8) as people:
        found = list(people.map(fetch, wishes))
    assert found == [[str(image_id) for image_id in wish] for wish in wishes]
    files = list((odd.settings.cache / "downloads").rglob("*.zip"))
    assert len(files) == len(set(wishes))


def test_progress_is_told_while_it_is_made(downloads, odd, gate):
    begun = downloads.start(odd.request(), "x")
    assert gate.reached.wait(10)
    during = downloads.get(begun.token)
    assert during.state is State.PREPARING
    assert during.path is None
    assert 0 <= during.done < during.total
    gate.let_through()
    after = finished(downloads, begun.token)
    assert after.done == after.total


def test_cancelling_stops_the_work_and_leaves_no_file(downloads, odd, gate):
    begun = downloads.start(odd.request(), "x")
    assert gate.reached.wait(10)
    assert downloads.cancel(begun.token).state is State.CANCELLED
    gate.let_through()
    downloads.close()
    assert not list((odd.settings.cache / "downloads").rglob("*.zip"))


def test_cancelling_takes_nothing_from_another_who_waits(downloads, odd, gate):
    mine, theirs = (downloads.start(odd.request(), "x") for _ in range(2))
    downloads.cancel(mine.token)
    gate.let_through()
    assert finished(downloads, theirs.token).state is State.READY
    assert downloads.get(mine.token).state is State.CANCELLED


def test_after_cancelling_the_same_subset_can_be_asked_for_again(downloads, odd, gate):
    first = downloads.start(odd.request(), "x")
    assert gate.reached.wait(10)
    downloads.cancel(first.token)
    second = downloads.start(odd.request(), "x")
    gate.let_through()
    assert finished(downloads, second.token).state is State.READY


def test_a_download_that_waits_its_turn_can_be_cancelled(downloads, odd, gate):
    waiting = [downloads.start(odd.request(image_id), "x") for image_id in (3, 7, 12)][-1]
    assert downloads.cancel(waiting.token).state is State.CANCELLED
    gate.let_through()
    assert finished(downloads, waiting.token).state is State.CANCELLED


def test_how_many_are_made_before_is_told_until_the_turn_has_come(odd, gate, clock):
    downloads = Downloads(odd.settings, clock=clock, workers=1)
    try:
        tokens = [downloads.start(odd.request(image_id), "x").token for image_id in (3, 7, 12)]
        assert gate.reached.wait(10)
        assert [downloads.get(token).waiting for token in tokens] == [0, 1, 2]
        downloads.cancel(tokens[1])
        assert [downloads.get(token).waiting for token in tokens] == [0, 0, 1]
        gate.let_through()
        assert finished(downloads, tokens[2]).waiting == 0
    finally:
        gate.let_through()
        downloads.close()


def test_what_nobody_asks_about_any_more_is_given_up(downloads, odd, gate, clock):
    begun = downloads.start(odd.request(), "x")
    assert gate.reached.wait(10)
    clock.now += PATIENCE_S + 1
    gate.let_through()
    deadline = time.monotonic() + 10
    while downloads._jobs.get(begun.job_id).is_under_way:  # to ask `downloads` would be to wait
        assert time.monotonic() < deadline
        time.sleep(0.005)
    after = downloads.get(begun.token)
    assert after.state is State.CANCELLED
    assert "given up" in after.error
    assert not list((odd.settings.cache / "downloads").rglob("*.zip"))


def test_what_somebody_asks_about_is_made_however_long_it_takes(downloads, odd, gate, clock):
    begun = downloads.start(odd.request(), "x")
    assert gate.reached.wait(10)
    for _ in range(3):
        clock.now += PATIENCE_S - 1
        downloads.get(begun.token)
    gate.let_through()
    assert finished(downloads, begun.token).state is State.READY


def test_a_cache_folder_that_cannot_be_written_is_named(odd):
    cache = odd.settings.home / "file"
    cache.write_text("in the way")
    with pytest.raises(SettingsError, match=r"file/downloads cannot be written.*COCOSIFT_CACHE"):
        Downloads(replace(odd.settings, cache=cache))


def test_a_missing_picture_fails_the_download_with_its_name(downloads, odd):
    odd.file(3).unlink()
    download = finished(downloads, downloads.start(odd.request(), "x").token)
    assert download.state is State.FAILED
    assert "test/x.png" in download.error
    assert [picture.image_id for picture in download.missing] == [3]


def test_a_failed_download_is_tried_anew_when_asked_again(downloads, odd):
    content = odd.file(3).read_bytes()
    odd.file(3).unlink()
    assert finished(downloads, downloads.start(odd.request(), "x").token).state is State.FAILED
    odd.file(3).write_bytes(content)
    assert finished(downloads, downloads.start(odd.request(), "x").token).state is State.READY


def test_going_on_without_a_picture_reports_it(downloads, odd):
    odd.file(3).unlink()
    download = finished(downloads, downloads.start(odd.request(), "x", without_missing=True).token)
    assert download.state is State.READY
    assert [picture.image_id for picture in download.report.missing] == [3]


def test_a_file_that_lacks_more_than_it_must_is_not_shared(downloads, odd, gate):
    gate.lacks = {3}
    gate.let_through()
    first = finished(downloads, downloads.start(odd.request(), "x", without_missing=True).token)
    assert [picture.image_id for picture in first.report.missing] == [3]
    gate.lacks = set()
    second = finished(downloads, downloads.start(odd.request(), "x", without_missing=True).token)
    assert second.report.missing == ()


@pytest.mark.parametrize("change", ["gone", "another"])
def test_a_finished_file_is_not_given_when_a_picture_is_not_as_it_was(downloads, odd, change):
    first = finished(downloads, downloads.start(odd.request(), "x").token)
    if change == "gone":
        odd.file(3).unlink()
    else:
        Image.new("RGB", (40, 30), "red").save(odd.file(3))
    second = finished(downloads, downloads.start(odd.request(), "x").token)
    if change == "gone":
        assert [picture.image_id for picture in second.missing] == [3]
    else:
        assert second.report.sha256 != first.report.sha256
    assert first.path.exists()


def test_annotations_that_have_changed_since_are_not_exported_unseen(downloads, odd):
    wanted = odd.request()
    odd.instances.write_text(odd.instances.read_text("utf-8").replace("100,", "101,"), "utf-8")
    download = finished(downloads, downloads.start(wanted, "x").token)
    assert download.state is State.FAILED
    assert "have changed" in download.error


def test_an_unforeseen_error_fails_the_download_without_its_details(downloads, odd, monkeypatch):
    monkeypatch.setattr(core.downloads.exports, "MAKE", "tests.core.apart_tasks:mistake")
    download = finished(downloads, downloads.start(odd.request(), "x").token)
    assert download.state is State.FAILED
    assert "nothing" not in download.error
    assert "server's log" in download.error


def test_a_killed_process_fails_the_download_in_words_and_leaves_no_file(downloads, odd, gate):
    begun = downloads.start(odd.request(), "x")
    assert gate.reached.wait(10)
    for pid in workers_at_work():
        os.kill(pid, signal.SIGKILL)
    download = finished(downloads, begun.token)
    assert download.state is State.FAILED
    assert "ended from outside" in download.error
    gate.let_through()
    again = finished(downloads, downloads.start(odd.request(), "x").token)
    assert again.state is State.READY
    assert [path.name for path in again.path.parent.iterdir()] == [again.path.name]


def test_an_unknown_token_is_refused(downloads):
    with pytest.raises(ExportError, match="not there any more"):
        downloads.get("nobody")


def test_a_file_is_removed_an_hour_after_its_last_use(downloads, odd, clock):
    download = finished(downloads, downloads.start(odd.request(), "x").token)
    clock.now += 3_000
    downloads.get(download.token)
    clock.now += 3_000
    assert downloads.get(download.token).path.exists()
    clock.now += 3_601
    with pytest.raises(ExportError, match="60 minutes"):
        downloads.get(download.token)
    assert not download.path.exists()


def test_beyond_the_limit_the_longest_unused_go_first(odd, clock):
    sizes = plan_export(odd.coco, odd.pictures, [3]).n_bytes
    downloads = Downloads(odd.settings, clock=clock, max_bytes=int(sizes * 2.5))
    made = []
    for image_id in (3, 7, 12):
        clock.now += 1
        made.append(finished(downloads, downloads.start(odd.request(image_id), "x").token))
    assert [download.path.exists() for download in made] == [False, True, True]
    downloads.close()


def test_a_file_that_somebody_removed_is_made_again(downloads, odd):
    first = finished(downloads, downloads.start(odd.request(), "x").token)
    first.path.unlink()
    again = finished(downloads, downloads.start(odd.request(), "x").token)
    assert again.path.exists()


def test_closing_keeps_finished_files_and_their_tickets_for_the_next_start(odd):
    before = Downloads(odd.settings)
    made = finished(before, before.start(odd.request(), "a dog").token)
    before.close()
    after = Downloads(odd.settings)
    found = after.get(made.token)
    assert (found.state, found.filename, found.report) == (State.READY, "a-dog.zip", made.report)
    assert zipfile.ZipFile(found.path).testzip() is None
    after.close()


def test_what_is_made_when_the_server_stops_is_made_by_the_next(odd, gate):
    before = Downloads(odd.settings)
    begun = before.start(odd.request(), "a dog")
    assert gate.reached.wait(10)
    before.close()
    assert not [*(odd.settings.cache / "downloads").iterdir()]
    after = Downloads(odd.settings)
    assert after.get(begun.token).state is State.PREPARING
    gate.let_through()
    assert finished(after, begun.token).report.n_images == 2
    after.close()


def test_what_the_next_server_finishes_is_told_to_its_asker(odd, gate):
    before = Downloads(odd.settings)
    begun = before.start(odd.request(), "a dog", then=Then("ear", {"of": "Ann"}))
    assert gate.reached.wait(10)
    before.close()
    ear = Ear()
    after = Downloads(odd.settings, followers={"ear": ear})
    gate.let_through()
    assert finished(after, begun.token).note == "Told 1 times."
    assert ear.details == [{"of": "Ann"}]
    after.close()


def test_folders_that_earlier_versions_have_left_are_removed(odd):
    left = odd.settings.cache / "downloads" / "123-abc" / "1.zip"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    Downloads(odd.settings).close()
    assert not left.exists()


class TestOwners:
    ANN, BOB = (
        Person(number, f"{name}@x", name, Role.READER, "local")
        for number, name in ((7, "Ann"), (8, "Bob"))
    )

    def test_have_what_they_asked_for_and_nobody_else_does(self, downloads, odd):
        with acting_as(self.ANN):
            begun = downloads.start(odd.request(), "a dog")
            assert begun.owner == self.ANN.id
            finished(downloads, begun.token)
        for other in (self.BOB, NOBODY, OPERATOR):
            with acting_as(other), pytest.raises(ExportError, match="not there any more"):
                downloads.get(begun.token)
            with acting_as(other), pytest.raises(ExportError, match="not there any more"):
                downloads.cancel(begun.token)

    def test_can_share_it_on_purpose(self, downloads, odd):
        with acting_as(self.ANN):
            begun = downloads.start(odd.request(), "a dog")
        with acting_as(self.BOB):
            assert downloads.get(begun.token, shared=True).owner == self.ANN.id

    def test_share_one_file_and_cancel_each_their_own(self, downloads, odd, gate):
        with acting_as(self.ANN):
            one = downloads.start(odd.request(), "one")
        with acting_as(self.BOB):
            two = downloads.start(odd.request(), "two")
        assert one.job_id == two.job_id
        with acting_as(self.ANN):
            assert downloads.cancel(one.token).state is State.CANCELLED
        gate.let_through()
        with acting_as(self.BOB):
            assert finished(downloads, two.token).state is State.READY

    def test_have_so_many_under_way_at_most(self, odd, gate):
        downloads = Downloads(replace(odd.settings, jobs_per_person=2))
        with acting_as(self.ANN):
            first = downloads.start(odd.request(3), "x")
            downloads.start(odd.request(7), "x")
            with pytest.raises(JobError, match="2 things are being made for you"):
                downloads.start(odd.request(12), "x")
            downloads.start(odd.request(3), "the same again")
        with acting_as(self.BOB):
            downloads.start(odd.request(12), "x")
        with acting_as(self.ANN), pytest.raises(JobError):
            downloads.start(odd.request(12), "what another makes already counts for both")
        gate.let_through()
        with acting_as(self.ANN):
            finished(downloads, first.token)
        downloads.close()

    def test_who_may_not_read_gets_nothing(self, downloads, odd):
        with acting_as(NOBODY), pytest.raises(RightsError):
            downloads.start(odd.request(), "x")


def test_routes_and_pages_share_one(odd):
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(shared_downloads, [odd.settings] * 8))
    assert all(downloads is found[0] for downloads in found)
    found[0].close()


class Ear:
    """Notes what it is told of, and says how often."""

    def __init__(self, error: Exception | None = None) -> None:
        self.told: list[Finished] = []
        self.details: list[Mapping[str, Any]] = []
        self.error = error

    def __call__(self, settings: Settings, told: Finished, details: Mapping[str, Any]) -> str:
        self.told.append(told)
        self.details.append(details)
        if self.error:
            raise self.error
        return f"Told {len(self.told)} times."


@pytest.fixture
def ears() -> dict[str, Ear]:
    """Who listens, by name."""
    return {name: Ear() for name in ("one", "two", "three")}


@pytest.fixture
def heard(odd: Odd, ears: dict[str, Ear]) -> Iterator[Downloads]:
    """Downloads that somebody listens to."""
    downloads = Downloads(odd.settings, followers=ears)
    yield downloads
    downloads.close()


def test_who_asks_is_told_before_the_file_counts_as_ready(heard, ears, odd, gate):
    begun = heard.start(odd.request(), "a dog", then=Then("one"))
    assert ears["one"].told == []
    gate.let_through()
    download = finished(heard, begun.token)
    told = ears["one"].told
    assert [one.report for one in told] == [download.report]
    assert told[0].filename == "a-dog.zip"
    assert told[0].is_first
    assert download.note == "Told 1 times."


def test_each_asker_of_a_shared_file_is_told_once_and_one_is_the_first(heard, ears, odd, gate):
    names = list(ears)
    first, second = (heard.start(odd.request(), "a dog", then=Then(name)) for name in names[:2])
    gate.let_through()
    finished(heard, first.token)
    finished(heard, second.token)
    late = finished(heard, heard.start(odd.request(), "late", then=Then(names[2])).token)
    assert late.note == "Told 1 times."
    assert [len(ear.told) for ear in ears.values()] == [1, 1, 1]
    firsts = [ear.told[0].is_first for ear in ears.values()]
    assert sorted(firsts) == [False, False, True]


def test_who_has_cancelled_is_not_told(heard, ears, odd, gate):
    heard.cancel(heard.start(odd.request(), "a dog", then=Then("one")).token)
    begun = heard.start(odd.request(), "a dog", then=Then("two"))
    gate.let_through()
    finished(heard, begun.token)
    assert (len(ears["one"].told), len(ears["two"].told)) == (0, 1)


@pytest.mark.parametrize(
    ("error", "note"),
    [(CatalogueError("The disk is full."), "The disk is full."), (RuntimeError("ours"), "")],
    ids=["what a person can mend", "ours"],
)
def test_what_cannot_be_noted_takes_no_file_from_anybody(heard, ears, odd, error, note):
    ears["one"].error = error
    begun = heard.start(odd.request(), "a dog", then=Then("one"))
    download = finished(heard, begun.token)
    assert download.state is State.READY
    assert download.note == note


def test_a_follower_that_this_version_does_not_know_takes_no_file_from_anybody(heard, odd):
    begun = heard.start(odd.request(), "a dog", then=Then("of a newer version"))
    assert finished(heard, begun.token).state is State.READY


def test_a_package_is_remembered_in_the_catalogue_with_its_facts(downloads, odd):
    then = remember(name="Dogs", note="two", tags=["dog"], who="Ann")
    download = finished(downloads, downloads.start(odd.request(), "a dog", then=then).token)
    entry = shared_catalogue(odd.settings).list("").entries[0]
    assert download.note == "Remembered in Subsets as “Dogs”."
    assert (entry.name, entry.note, entry.tags, entry.who) == ("Dogs", "two", ("dog",), "Ann")
    assert (entry.package.file_name, entry.package.sha256) == ("a-dog.zip", download.report.sha256)


def test_a_package_made_again_is_compared_with_the_first(downloads, odd):
    then = remember(name="Dogs")
    finished(downloads, downloads.start(odd.request(), "a dog", then=then).token)
    entry = shared_catalogue(odd.settings).list("").entries[0]
    again = downloads.start(odd.request(), "a dog", then=compare(entry.id))
    assert "byte for byte" in finished(downloads, again.token).note
    other = downloads.start(odd.request(3), "a dog", then=compare(entry.id))
    assert "Not the same" in finished(downloads, other.token).note
