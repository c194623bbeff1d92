"""What an instance does when something that it needs fails: it says so in words, and goes on.

A real server runs; the database is stopped, the disk is full, workers are killed. In each
drill people get words, no log has a traceback, and all is well again by itself.
"""

import asyncio
import os
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import requests
from argon2 import PasswordHasher

from benchmarks.visitors import visiting
from core.database import Database
from core.errors import SignInError
from core.people import Role
from core.people.acting import OPERATOR, acting_as
from core.people.people import People
from core.settings import Settings
from tests.drill_servers import (
    PATIENCE_S,
    START_S,
    eventually,
    fill_up,
    processes_below,
    running_app,
    small_disk,
    stoppable_postgresql,
)

pytestmark = pytest.mark.slow

# What argon2 costs is not what is tried here.
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
SOME = list(range(1, 25))
AWAY = "database is away just now"


def person_of(database_url, tmp_path, **rest):
    """Make a person; return a cookie of theirs and a token."""
    database = Database(settings := Settings(home=tmp_path, database_url=database_url, **rest))
    people = People(settings, database=database)
    with acting_as(OPERATOR):
        person = people.add("ann", Role.ADMIN, shown="Ann", password="correct horse battery")
        if settings.sign_in == "oidc":
            person = people.arrived("oidc", "bob@example.org", "Bob")
        token = people.new_token(person, "drill", frozenset({"read"}), None)
    session = people.begin_session(person)
    database.close()
    return {"Cookie": f"cocosift_session={session}"}, {"Authorization": f"Bearer {token}"}


async def look(url, headers, page, query=""):
    async with visiting(url, headers) as visitor:
        return await visitor.open(query, page)


def seen(url, headers, page="", query="q=a+dog"):
    """Open a page; return its warnings and errors, and how many pictures it shows."""
    run = asyncio.run(look(url, headers, page, query))
    return " ".join(run.said), run.pictures


async def back_by_itself(app, headers, start):
    """Stay on Subsets while the database is away and then back; nobody does anything.

    Return what the page said before, and whether it drew itself anew.
    """
    async with visiting(app.url, headers) as visitor:
        first = await visitor.open("", "subsets")
        widgets = set(visitor._keys)
        await asyncio.to_thread(start)
        end = time.monotonic() + PATIENCE_S
        # A part of the page runs by itself; once it can, it draws the whole page.
        while set(visitor._keys) == widgets and time.monotonic() < end:
            await visitor.stay(4)
        return " ".join(first.said), set(visitor._keys) > widgets


def test_the_database_goes_away_and_comes_back(tmp_path):
    with stoppable_postgresql() as postgresql:
        postgresql.start()
        cookie, token = person_of(postgresql.url, tmp_path, sign_in="local")
        with running_app(
            tmp_path, COCOSIFT_DATABASE_URL=postgresql.url, COCOSIFT_SIGN_IN="local"
        ) as app:
            said, pictures = seen(app.url, cookie)
            assert (said, pictures) == ("", 24)
            postgresql.stop()

            assert app.status("/health/live") == 200
            eventually(lambda: not app.is_ready(), "it is not ready")
            assert "database" in requests.get(f"{app.url}/health/ready").text
            said, _ = seen(app.url, cookie, "subsets", "")
            assert AWAY in said
            said, pictures = seen(app.url, cookie, "", "q=a+cat")
            assert pictures == 24, said
            answer = requests.get(f"{app.url}/api/v1/subsets", headers=token)
            assert answer.status_code == 503
            assert answer.headers["Content-Type"].startswith("application/problem+json")
            stranger = requests.get(
                app.url, headers={"Cookie": "cocosift_session=x", "Accept": "text/html"}
            )
            assert stranger.status_code in (200, 503)
            assert "Traceback" not in stranger.text

            said, is_back = asyncio.run(back_by_itself(app, cookie, postgresql.start))
            assert AWAY in said
            assert is_back
            eventually(app.is_ready, "it is ready again")
            said, pictures = seen(app.url, cookie, "subsets", "")
            assert said == ""
            assert requests.get(f"{app.url}/api/v1/subsets", headers=token).status_code == 200
        assert "Traceback" not in app.said()


def test_a_server_that_starts_before_its_database_is_well_once_it_is_there(tmp_path):
    with stoppable_postgresql() as postgresql:
        with running_app(tmp_path, ready=False, COCOSIFT_DATABASE_URL=postgresql.url) as app:
            assert not app.is_ready()
            said, _ = seen(app.url, {}, "subsets", "")
            assert AWAY in said
            postgresql.start()
            eventually(app.is_ready, "it is ready", START_S)
            assert seen(app.url, {}, "subsets", "")[0] == ""
        assert "Traceback" not in app.said()


def test_a_full_disk_is_said_and_nothing_half_made_is_kept(tmp_path):
    try:
        with small_disk(tmp_path / "small", 24) as small:
            full_disk(tmp_path, small)
    except PermissionError as error:
        pytest.skip(f"this user may not mount a small disk: {error}")


def full_disk(tmp_path, small):
    """Fill the disk of cache and database under a running server, then make room again."""
    with running_app(
        tmp_path,
        COCOSIFT_CACHE=str(small / "cache"),
        COCOSIFT_DATABASE_URL=f"sqlite:///{small / 'catalogue.sqlite3'}",
        COCOSIFT_MIN_FREE_DISK_MB="1",
    ) as app:
        assert export(app.url, 64)[0] == "ready"
        filler = fill_up(small)
        eventually(lambda: not app.is_ready(), "it is not ready")
        assert "disk" in requests.get(f"{app.url}/health/ready").text
        assert seen(app.url, {}, "", "q=a+bird")[1] == 24
        state, said = export(app.url, 65)
        assert state != "ready"
        assert any(word in said for word in ("disk", "room", "space")), said
        filler.unlink()
        eventually(app.is_ready, "it is ready again")
        assert export(app.url, 66)[0] == "ready"
        assert not list((small / "cache").rglob("*.tmp*"))
    assert "Traceback" not in app.said()


def begin(url, longest_side, **pictures):
    """Have the API begin a ZIP of two dozen pictures; each size is another ZIP."""
    return requests.post(
        f"{url}/api/v1/exports",
        json={
            "dataset": "demo",
            **(pictures or {"image_ids": SOME}),
            "choices": {"longest_side": longest_side},
        },
    )


def ended(url, asked):
    """Wait until it has ended; return how, and what was said."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        answer = requests.get(f"{url}/api/v1/exports/{asked.json()['id']}")
        if answer.ok and answer.json()["state"] != "preparing":
            return answer.json()["state"], answer.json()["error"] or ""
        time.sleep(0.2)
    raise AssertionError(f"the export never ended: {answer.text}")


def export(url, longest_side):
    """Make a ZIP; return how it ended, "refused" if it was not even begun, and what was said."""
    asked = begin(url, longest_side)
    return ended(url, asked) if asked.ok else ("refused", asked.text)


def test_a_worker_that_is_killed_is_said_and_the_next_one_works(tmp_path):
    with running_app(tmp_path) as app:
        asked = begin(app.url, 320, image_ids=list(range(1, 121)))
        working = {}

        def has_begun():
            working.update(
                (pid, line)
                for pid, line in processes_below(app.pid).items()
                if "core.workers import serve" in line
            )
            return len(working) > 1

        eventually(has_begun, "a worker works")
        for pid in working:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        state, said = ended(app.url, asked)
        # It was begun anew, or whoever waits is told.
        assert state == "ready" or "ended from outside" in said, (state, said)
        assert export(app.url, 321)[0] == "ready"
        assert app.is_ready()
        assert "Traceback" not in app.said()


def test_an_identity_provider_that_is_away_keeps_nobody_out_who_is_in(tmp_path):
    """Nothing listens where the provider should; who has signed in works on, others are told."""
    database_url = f"sqlite:///{tmp_path / 'catalogue.sqlite3'}"
    cookie, _ = person_of(database_url, tmp_path, sign_in="oidc")
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(
        "[auth]\n"
        'redirect_uri = "http://127.0.0.1:8501/oauth2callback"\n'
        f'cookie_secret = "{"s" * 40}"\n'
        'client_id = "cocosift"\n'
        'client_secret = "of the drill"\n'
        'server_metadata_url = "http://127.0.0.1:9/.well-known/openid-configuration"\n'
    )
    with running_app(tmp_path, f"--secrets.files={secrets}", COCOSIFT_SIGN_IN="oidc") as app:
        assert seen(app.url, cookie) == ("", 24)
        page = requests.get(f"{app.url}/sign-in")
        assert page.status_code == 200
        tried = requests.get(f"{app.url}/auth/login", headers={"Accept": "text/html"})
        assert "Traceback" not in tried.text
        assert app.is_ready()
        assert seen(app.url, cookie, "", "q=a+cat") == ("", 24)
    assert "Traceback" not in app.said()


def test_a_clock_that_is_set_back_throws_nobody_out_and_locks_nobody_out(tmp_path):
    now = [datetime(2026, 6, 2, 12, tzinfo=UTC)]
    settings = Settings(home=tmp_path, sign_in="local")
    database = Database(settings)

    def people():
        # A new one has nothing in memory, as after a restart.
        return People(settings, database=database, clock=lambda _session: now[0], hasher=QUICK)

    password = "correct horse battery staple"
    with acting_as(OPERATOR):
        ann = people().add("ann", Role.EDITOR, password=password)
    token, gone = people().begin_session(ann), people().begin_session(ann)
    people().end_session(gone)
    for _ in range(12):
        with suppress(SignInError):
            people().sign_in("ann", "wrong password, quite long", "10.0.0.1")
    # Further than an hour, sessions end: they could last for years.
    now[0] -= timedelta(minutes=30)
    session = people().session(token)
    assert session is not None
    assert session.person.name == "ann"
    assert people().session(gone) is None
    now[0] += timedelta(hours=1)
    assert people().sign_in("ann", password, "10.0.0.2").name == "ann"
    database.close()
