"""Health: it lives, people may be sent here or which thing fails, and the figures."""

import shutil
import threading
from dataclasses import replace

import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.database import shared_database
from core.http import health
from core.library import Library
from core.observe.stopping import Stopping
from core.settings import Settings


@pytest.fixture
def settings(tiny_settings, tmp_path) -> Settings:
    return replace(
        tiny_settings,
        database_url=f"sqlite:///{tmp_path / 'catalogue.sqlite3'}",
        min_free_disk_bytes=0,
    )


@pytest.fixture(autouse=True)
def looked_at_each_time(monkeypatch):
    monkeypatch.setattr(health, "STANDS_S", -1.0)


def client(settings: Settings, *, warm: bool = True, stopping: Stopping | None = None, **more):
    told = Stopping() if stopping is None else stopping
    readiness = health.Readiness(lambda: settings, told, **({"database_s": 30.0} | more))
    if warm:
        readiness.warmed_up()
    routes = health.routes(Library(settings), readiness, "/base", told)
    return TestClient(Starlette(routes=routes))


def ready(app: TestClient) -> tuple[int, object]:
    answer = app.get("/base/health/ready")
    return answer.status_code, answer.json()


@pytest.mark.slow
def test_when_all_is_well_people_may_be_sent_here(settings, database_url):
    app = client(replace(settings, database_url=database_url))
    assert ready(app) == (200, {"status": "ready"})


def test_before_the_warm_up_is_over_nobody_is_sent_here(settings):
    app = client(settings, warm=False)
    assert ready(app) == (503, {"status": "not ready", "failing": ["model"]})


def test_a_disk_below_the_mark_fails(settings):
    much = shutil.disk_usage(settings.home).total + 1
    app = client(replace(settings, min_free_disk_bytes=much))
    assert ready(app) == (503, {"status": "not ready", "failing": ["disk"]})


def test_a_database_that_cannot_be_reached_fails_and_its_address_is_not_told(settings):
    app = client(replace(settings, database_url="sqlite:////proc/no/such/folder/c.sqlite3"))
    status, said = ready(app)
    assert (status, said) == (503, {"status": "not ready", "failing": ["database"]})


def test_a_database_that_does_not_answer_in_time_fails_and_is_asked_again(settings, monkeypatch):
    release, asked = threading.Event(), []

    def slow(given: Settings):
        asked.append(given)
        release.wait(30)
        return shared_database(given)

    monkeypatch.setattr(health, "shared_database", slow)
    with client(settings, database_s=0.1) as app:
        for _ in range(5):
            assert ready(app)[1] == {"status": "not ready", "failing": ["database"]}
        assert len(asked) == 1, "who waits already is not joined by others"
        release.set()
        while ready(app)[0] != 200:
            pass


def test_what_stops_says_so_first_whatever_else_is_well(settings):
    stopping = Stopping()
    app = client(settings, stopping=stopping)
    assert ready(app)[0] == 200
    stopping.begin()
    assert ready(app) == (503, {"status": "not ready", "failing": ["stopping"]})
    assert app.get("/base/health/live").status_code == 200
    assert stopping.grace_s() > 0, "who asked is waited for"


def test_it_lives_whatever_fails(settings):
    app = client(replace(settings, database_url="sqlite:////proc/no/c.sqlite3"), warm=False)
    answer = app.get("/base/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_many_who_ask_cost_one_look(settings, monkeypatch):
    monkeypatch.setattr(health, "STANDS_S", 3600.0)
    asked = []
    monkeypatch.setattr(
        health, "shared_database", lambda given: asked.append(1) or shared_database(given)
    )
    with client(settings) as app:
        for _ in range(20):
            ready(app)
    assert len(asked) == 1


def test_the_figures_are_those_of_this_library(settings):
    app = client(settings)
    with shared_database(settings).reading() as session:
        session.execute(text("SELECT 1"))
    answer = app.get("/base/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'cocosift_disk_free_bytes{holds="home"}' in answer.text
    assert 'cocosift_jobs_now{state="waiting"} 0.0' in answer.text
    assert "cocosift_held_bytes{" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_what_is_loaded_is_among_the_figures(settings):
    library = Library(settings)
    library.dataset("tiny", "tiny").search("a red square")
    readiness = health.Readiness(lambda: settings, Stopping())
    app = TestClient(Starlette(routes=health.routes(library, readiness)))
    assert 'cocosift_held_bytes{kind="model",name="tiny"}' in app.get("/metrics").text
