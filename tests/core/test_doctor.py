"""The doctor finds what is wrong, says what to do, and goes on past what breaks."""

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import pytest
from typer import Typer
from typer.testing import CliRunner

from core.cli.doctor import doctor
from core.doctor import Finding, Level, artefacts, examine, machine
from core.doctor.database import compared, database, kind_of_disk
from core.doctor.entrance import NOBODY, provider, proxy, sign_in
from core.doctor.packages import versions
from core.doctor.server import server
from core.errors import DatasetError
from core.settings import Settings

OK, WARN, FAIL = Level.OK, Level.WARN, Level.FAIL


@pytest.fixture
def here(tmp_path):
    return Settings(home=tmp_path, cache=tmp_path / "cache", offline=True)


def having(settings, **changes):
    import dataclasses

    return dataclasses.replace(settings, **changes)


def worst(findings):
    """The worst level among findings, and all their words."""
    found = list(findings)
    order = [OK, WARN, FAIL]
    said = " ".join(f"{one.said} {one.todo}" for one in found)
    return max((one.level for one in found), key=order.index, default=OK), said


@contextmanager
def answering(answers):
    """A server that answers each path with a status and a body, all else with 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer = answers.get(self.path, (404, ""))
            status, body = answer(self.headers) if callable(answer) else answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}"
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def test_what_breaks_in_one_check_hides_no_other(here):
    def breaks(_settings):
        raise ZeroDivisionError("a mistake")
        yield

    def refuses(_settings):
        raise DatasetError("A dataset is broken.")
        yield

    def well(_settings):
        yield Finding("well", OK, "All is well.")

    found = list(examine(here, {"a": breaks, "b": refuses, "c": well}))
    assert [(one.about, one.level) for one in found] == [("a", FAIL), ("b", FAIL), ("well", OK)]
    assert "ZeroDivisionError: a mistake" in found[0].said


def test_what_is_not_fine_always_says_what_to_do():
    with pytest.raises(ValueError, match="what to do"):
        Finding("disk", WARN, "It is full.")


@pytest.mark.parametrize(
    ("line", "level", "said"),
    [
        (f"numpy=={version('numpy')}", OK, "All 1 packages"),
        ("numpy==0.0.1  # an old one", WARN, "tried was 0.0.1. Run: make install"),
        ("no-such-package[extra]==1", FAIL, "no-such-package is not installed"),
    ],
)
def test_packages_are_compared_with_what_is_pinned(here, tmp_path, line, level, said):
    (tmp_path / "requirements.txt").write_text(f"# pinned\n{line}\n")
    found = worst(versions(here, tmp_path))
    assert found[0] is level
    assert said in found[1]


def test_postgresql_needs_its_driver(here, tmp_path):
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "requirements-postgres.txt").write_text("-r requirements.txt\nno-driver==3\n")
    there = having(here, database_url="postgresql://db/sift")
    level, said = worst(versions(there, tmp_path))
    assert level is FAIL
    assert "pip install -r requirements-postgres.txt" in said


def test_a_cache_that_cannot_be_written_is_named(here, tmp_path):
    (tmp_path / "file").write_text("")
    level, said = worst(machine.folders(having(here, cache=tmp_path / "file" / "cache")))
    assert level is FAIL
    assert "COCOSIFT_CACHE" in said


def test_folders_that_can_be_written_are_left_as_they_were(here, tmp_path):
    assert worst(machine.folders(here))[0] is OK
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


@pytest.mark.parametrize(
    ("free", "cache", "level"), [(0, 0, OK), (0, 2**60, WARN), (2**60, 0, FAIL)]
)
def test_a_disk_with_little_room_is_named(here, free, cache, level):
    settings = having(here, min_free_disk_bytes=free, picture_cache_bytes=cache)
    assert worst(machine.disk(settings))[0] is level


def test_models_that_may_take_more_memory_than_there_is(here):
    assert worst(machine.memory(having(here, model_memory_bytes=2**30)))[0] is OK
    level, said = worst(machine.memory(having(here, model_memory_bytes=2**60)))
    assert level is WARN
    assert "COCOSIFT_MODEL_MEMORY_MB" in said


def test_a_clock_that_was_set_back_is_named(here):
    level, said = worst(machine.clock(here, datetime(1970, 1, 1, tzinfo=UTC)))
    assert level is FAIL
    assert "timedatectl" in said
    now = datetime.now(UTC)
    assert worst(compared(now, now))[0] is OK
    assert "60 s ahead of" in worst(compared(now - timedelta(minutes=1), now))[1]
    assert worst(compared(now + timedelta(minutes=1), now))[0] is WARN


def test_a_worker_starts(here):
    assert worst(machine.worker(here))[0] is OK


def test_a_database_that_is_well(here):
    assert worst(database(here))[0] is OK


def test_a_damaged_database_is_named(here, tmp_path):
    list(database(here))
    (tmp_path / "catalogue" / "catalogue.sqlite3").write_bytes(b"no database" * 1000)
    assert worst(database(here))[0] is FAIL


def test_a_database_that_does_not_answer_is_named_without_its_password(here):
    away = having(here, database_url="postgresql://ann:geheim@127.0.0.1:9/sift")
    level, said = worst(database(away))
    assert level is FAIL
    assert "geheim" not in said


def test_postgresql_without_fsync_is_refused(here, postgresql):
    # The tests' own runs without, because its data are worth nothing.
    level, said = worst(database(having(here, database_url=f"{postgresql}/postgres")))
    assert level is FAIL
    assert "fsync off" in said


def test_a_network_folder_is_recognised(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"none / ext4 rw 0 0\nsrv:/a {tmp_path}/with\\040space nfs4 rw 0 0\n")
    assert kind_of_disk(tmp_path / "with space" / "file", mounts) == "nfs4"
    assert kind_of_disk(tmp_path / "file", mounts) == "ext4"
    assert kind_of_disk(tmp_path, tmp_path / "none") == ""


def test_embeddings_that_do_not_fit_are_named_with_the_command(tiny_home_copy):
    settings = Settings(home=tiny_home_copy, cache=tiny_home_copy / "cache", offline=True)
    assert worst(artefacts.library(settings))[0] is OK
    (tiny_home_copy / "embeddings" / "tiny" / "tiny" / "manifest.json").write_text("{}")
    level, said = worst(artefacts.library(settings))
    assert level is FAIL
    assert "Nothing can be searched" in said


@pytest.mark.parametrize(
    ("changes", "level", "said"),
    [
        ({}, OK, "this machine alone"),
        ({"open_to_all": True}, WARN, "Everybody who reaches the port"),
        ({"url": "https://sift.example.org"}, WARN, "nobody signs in"),
        ({"sign_in": "local", "url": "https://sift.example.org"}, WARN, "users add NAME"),
        ({"sign_in": "local", "url": "http://sift.example.org"}, WARN, "in the open"),
        (
            {"sign_in": "proxy", "url": "https://a.example", "admins": frozenset({"a@b.org"})},
            OK,
            "1 is admin",
        ),
    ],
    ids=["here alone", "open", "forgotten", "no admin", "no TLS", "admin"],
)
def test_sign_in_is_looked_at(here, changes, level, said):
    found = worst(sign_in(having(here, **changes)))
    assert found[0] is level
    assert said in found[1]


@pytest.mark.parametrize("address", ["0.0.0.0/0", "10.0.0.0/7", "::/0"])
def test_a_proxy_that_is_nearly_anybody_is_refused(here, address):
    assert worst(proxy(having(here, proxy_addresses=frozenset({address}))))[0] is FAIL


@pytest.mark.parametrize(("status", "level"), [(200, FAIL), (401, OK)])
def test_a_header_that_anybody_can_send_is_noticed(here, status, level):
    def answer(headers):
        return (status if headers["X-Forwarded-Email"] == NOBODY else 500), ""

    with answering({"/api/v1/datasets": answer}) as url:
        settings = having(here, sign_in="proxy", proxy_addresses=frozenset({"127.0.0.1"}), url=url)
        assert worst(proxy(settings))[0] is level


class TestProvider:
    def written(self, tmp_path, url, **changes):
        lines = {
            "redirect_uri": "https://sift.example.org/oauth2callback",
            "cookie_secret": "x" * 32,
            "client_id": "id",
            "client_secret": "geheim",
            "server_metadata_url": url,
        } | changes
        file = tmp_path / "secrets.toml"
        file.write_text(
            "[auth]\n" + "".join(f'{key} = "{value}"\n' for key, value in lines.items() if value)
        )
        return (file,)

    @pytest.fixture
    def online(self, here):
        return having(here, sign_in="oidc", url="https://sift.example.org", offline=False)

    def test_one_that_answers_is_well(self, online, tmp_path):
        with answering({"/meta": (200, '{"issuer": "https://id.example.org"}')}) as url:
            level, said = worst(provider(online, self.written(tmp_path, f"{url}/meta")))
        assert level is OK
        assert "https://id.example.org" in said

    def test_one_that_is_away_is_named(self, online, tmp_path):
        level, said = worst(provider(online, self.written(tmp_path, "http://127.0.0.1:9/meta")))
        assert level is FAIL
        assert "does not answer" in said

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"redirect_uri": "https://other.example.org/oauth2callback"}, "redirect_uri"),
            ({"cookie_secret": "short"}, "cookie_secret"),
            ({"client_secret": ""}, "lacks client_secret"),
        ],
        ids=["redirect", "cookie", "client"],
    )
    def test_what_is_wrong_in_the_secrets_is_named_without_them(
        self, online, tmp_path, changes, said
    ):
        with answering({"/meta": (200, '{"issuer": "x"}')}) as url:
            files = self.written(tmp_path, f"{url}/meta", **changes)
            level, found = worst(provider(online, files))
        assert level is FAIL
        assert said in found
        assert "geheim" not in found

    def test_secrets_that_are_not_there_are_named(self, online, tmp_path):
        level, said = worst(provider(online, (tmp_path / "none.toml",)))
        assert level is FAIL
        assert "[auth]" in said


@pytest.mark.parametrize(
    ("answers", "level", "said"),
    [
        ({"/health/live": (200, ""), "/health/ready": (200, "")}, OK, "is ready"),
        ({"/health/live": (200, ""), "/health/ready": (503, "disk")}, WARN, "not ready: disk"),
        ({"/": (200, "another program")}, WARN, "Something else"),
    ],
    ids=["ready", "not ready", "another program"],
)
def test_who_listens_at_the_address_is_told_apart(here, answers, level, said):
    with answering(answers) as url:
        found = worst(server(having(here, url=url)))
    assert found[0] is level
    assert said in found[1]


def test_a_free_port_is_fine(here):
    assert worst(server(having(here, url="http://127.0.0.1:9")))[0] is OK


@pytest.fixture
def run(monkeypatch, tmp_path, tiny_home_copy):
    monkeypatch.setenv("COCOSIFT_HOME", str(tiny_home_copy))
    monkeypatch.setenv("COCOSIFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COCOSIFT_URL", "http://127.0.0.1:9")
    app = Typer()
    app.command()(doctor)
    return lambda *arguments: CliRunner().invoke(app, arguments)


def test_the_command_ends_with_1_only_when_something_does_not_work(run, monkeypatch):
    done = run()
    assert done.exit_code == 0, done.stdout
    assert done.stdout.startswith(("ok ", "warn"))
    monkeypatch.setenv("COCOSIFT_MIN_FREE_DISK_MB", str(2**40))
    done = run()
    assert done.exit_code == 1
    assert "fail  disk" in done.stdout
    assert "-> Make room" in done.stdout


def test_the_command_gives_json(run):
    records = json.loads(run("--json").stdout)
    assert {"about", "level", "said", "todo"} == set(records[0])
    assert "database" in {record["about"] for record in records}
