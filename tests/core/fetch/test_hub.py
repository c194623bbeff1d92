"""The hub is asked what a file is, and the answer is held to."""

import subprocess

import pytest

from core.errors import DownloadError
from core.fetch.asking import Patience
from core.fetch.hub import HubFile, fetch_hub_file, find_file
from core.settings import Settings
from tests.core.fetch.faulty_server import (
    Cut,
    Damaged,
    Page,
    Redirect,
    Reset,
    Status,
    faulty_server,
)
from tests.core.fetch.hub_server import COMMIT, Hub, blob_name, path_of

REPO, NAME = "timm/tiny", "open_clip_model.safetensors"
CONTENT = bytes(range(256)) * 4_000
HASTY = Patience(connect=2, read=2, tries=2, pause=0.01)


@pytest.fixture
def settings(server):
    return Settings(hub_url=server.url())


def test_a_file_is_fetched_by_its_commit_and_checked(hub, settings, tmp_path):
    path = hub.add(REPO, NAME, CONTENT)
    found = find_file(settings, REPO, [NAME])
    assert (found.revision, found.size) == (COMMIT, len(CONTENT))
    assert found.sha256 is not None
    assert fetch_hub_file(settings, found, tmp_path / "weights").read_bytes() == CONTENT
    assert {asked.path for asked in hub.server.asked if asked.method == "GET"} == {path}


def test_the_first_name_that_is_there_is_taken(hub, settings):
    hub.add(REPO, "open_clip_pytorch_model.bin", CONTENT)
    found = find_file(settings, REPO, [NAME, "open_clip_pytorch_model.bin"])
    assert found.name == "open_clip_pytorch_model.bin"


def test_a_repository_that_was_renamed_is_found(hub, settings, server):
    hub.add("timm/renamed", NAME, CONTENT)
    server.fail(
        path_of(REPO, NAME), Redirect(path_of("timm/renamed", NAME), 307, beyond=-1), times=-1
    )
    assert find_file(settings, REPO, [NAME]).revision == COMMIT


def test_bytes_on_another_host_are_fetched_from_there(hub, settings, server, tmp_path):
    with faulty_server() as store:
        elsewhere = Hub(store)
        elsewhere.add("blob", "store", CONTENT)
        hub.add(REPO, NAME, CONTENT)
        there = store.url(path_of("blob", "store"))
        told = server.files[path_of(REPO, NAME)].headers
        for revision in ("main", COMMIT):
            path = path_of(REPO, NAME, revision)
            server.fail(path, Redirect(there, 302, headers=told), times=-1)
        found = find_file(settings, REPO, [NAME])
        assert (found.revision, found.size) == (COMMIT, len(CONTENT))
        assert fetch_hub_file(settings, found, tmp_path / "w").read_bytes() == CONTENT
        assert not any(server.sent.values())


def test_a_plain_mirror_without_a_hubs_headers_will_do(server, settings, tmp_path):
    hub = Hub(server)
    hub.add(REPO, NAME, CONTENT)
    plain = server.files[path_of(REPO, NAME)]
    plain.headers.clear()
    found = find_file(settings, REPO, [NAME])
    assert (found.revision, found.sha256, found.size) == ("main", None, len(CONTENT))
    assert fetch_hub_file(settings, found, tmp_path / "w").read_bytes() == CONTENT


class TestSmallFiles:
    def test_are_checked_by_gits_name_of_them(self, hub, settings, tmp_path):
        hub.add(REPO, "tokenizer.json", b"{}", large=False)
        found = find_file(settings, REPO, ["tokenizer.json"])
        assert found.blob == blob_name(b"{}")
        assert fetch_hub_file(settings, found, tmp_path / "t").read_bytes() == b"{}"

    def test_damaged_are_refused_and_removed(self, hub, settings, tmp_path):
        path = hub.add(REPO, "tokenizer.json", b"{}" * 100, large=False)
        found = find_file(settings, REPO, ["tokenizer.json"])
        hub.server.fail(path, Damaged(beyond=1))
        with pytest.raises(DownloadError, match=r"not the file that is published.*same command"):
            fetch_hub_file(settings, found, tmp_path / "t")
        assert not (tmp_path / "t").exists()
        assert fetch_hub_file(settings, found, tmp_path / "t").read_bytes() == b"{}" * 100

    def test_name_is_what_git_says(self, tmp_path):
        (tmp_path / "f").write_bytes(CONTENT)
        said = subprocess.run(
            ["git", "hash-object", "--no-filters", tmp_path / "f"], capture_output=True, text=True
        )
        assert blob_name(CONTENT) == said.stdout.strip()


@pytest.mark.parametrize("fault", [Reset(after=300_000), Cut(after=10)], ids=["reset", "cut"])
def test_a_connection_that_breaks_is_made_good(hub, settings, tmp_path, fault):
    path = hub.add(REPO, NAME, CONTENT)
    hub.server.fail(path, fault)
    fetch_hub_file(settings, find_file(settings, REPO, [NAME]), tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == CONTENT


def test_damaged_bytes_are_refused_and_the_same_call_goes_on(hub, settings, tmp_path):
    path = hub.add(REPO, NAME, CONTENT)
    hub.server.fail(path, Damaged(beyond=1))
    found = find_file(settings, REPO, [NAME])
    with pytest.raises(DownloadError, match=r"expected sha256 .* Run the same command"):
        fetch_hub_file(settings, found, tmp_path / "w")
    assert fetch_hub_file(settings, found, tmp_path / "w").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Status(404, beyond=-1), r"has no open_clip_model.safetensors in timm/tiny.*--from"),
        (Status(401, beyond=-1), r"asks for a sign-in.*--from"),
        (Status(403, beyond=-1), r"asks for a sign-in.*--from"),
        (Status(500, beyond=-1), r"answers timm/tiny with HTTP 500.*COCOSIFT_HUB_URL"),
        (Status(429, beyond=-1), r"HTTP 429"),
        (Page(beyond=-1), r"sent a web page, not a file.*proxy"),
    ],
    ids=["404", "401", "403", "500", "429", "a page"],
)
def test_what_the_hub_refuses_is_named(server, settings, fault, said):
    server.fail(path_of(REPO, NAME), fault, times=-1)
    with pytest.raises(DownloadError, match=said):
        find_file(settings, REPO, [NAME], patience=HASTY)


def test_a_hub_that_is_busy_for_a_moment_is_asked_again(hub, settings, server):
    hub.add(REPO, NAME, CONTENT)
    server.fail(path_of(REPO, NAME), Status(503))
    assert find_file(settings, REPO, [NAME], patience=HASTY).size == len(CONTENT)


def test_a_hub_that_is_not_there_is_named():
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:9 cannot be reached.*COCOSIFT_HUB_URL"):
        find_file(Settings(hub_url="http://127.0.0.1:9"), REPO, [NAME], patience=HASTY)


def test_offline_asks_nothing(server, tmp_path):
    offline = Settings(hub_url=server.url(), offline=True)
    with pytest.raises(DownloadError, match="COCOSIFT_OFFLINE"):
        find_file(offline, REPO, [NAME])
    with pytest.raises(DownloadError, match="COCOSIFT_OFFLINE"):
        fetch_hub_file(offline, HubFile(REPO, NAME, COMMIT), tmp_path / "w")
    assert not server.asked


def test_a_name_and_password_of_the_hub_are_not_shown(server):
    server.fail(path_of(REPO, NAME), Status(500, beyond=-1), times=-1)
    secret = Settings(hub_url=server.url().replace("http://", "http://me:geheim@"))
    with pytest.raises(DownloadError) as raised:
        find_file(secret, REPO, [NAME], patience=HASTY)
    assert "geheim" not in str(raised.value)


@pytest.mark.parametrize("repo", ["../../etc", "timm/tiny/../x", "", "https://elsewhere/x"])
def test_a_repository_is_an_owner_and_a_name(settings, repo):
    with pytest.raises(DownloadError, match="owner/name"):
        find_file(settings, repo, [NAME])


def test_what_is_remembered_of_a_file_is_read_again():
    file = HubFile(REPO, NAME, COMMIT, size=7, sha256="a" * 64)
    assert HubFile.from_json(file.to_json()) == file
    assert HubFile.from_json({"url": "http://elsewhere"}) is None
