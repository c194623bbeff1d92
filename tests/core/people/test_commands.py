"""`python -m core users`, `tokens` and `trail`, as typed on a server."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from core.cli import app
from core.errors import PeopleError
from core.people import shared_people


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command on an instance of the test's own; return what it printed."""
    monkeypatch.setenv("COCOSIFT_HOME", str(tmp_path))
    monkeypatch.setenv("COCOSIFT_DATABASE_URL", f"sqlite:///{tmp_path / 'cli.sqlite3'}")
    monkeypatch.setenv("COCOSIFT_SIGN_IN", "local")

    def run_it(*words, stdin=""):
        done = CliRunner().invoke(app, list(words), input=stdin)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout

    return run_it


@pytest.fixture
def people(run):
    """The people whom the commands change."""
    from core.settings import Settings

    return shared_people(Settings.from_environment())


def test_a_person_who_is_added_comes_in_by_the_password_that_is_printed(run, people):
    added = json.loads(run("users", "add", "ann", "--role", "editor", "--json"))
    person = people.sign_in("ann", added["one_time_password"])
    assert (person.role, person.must_change) == ("editor", True)
    again = run("users", "reset", "ann")
    assert people.sign_in("ann", again.split()[-1]).must_change


def test_a_password_may_come_from_standard_input(run, people):
    run("users", "add", "ann", "--password-stdin", stdin="several words in a row\n")
    assert not people.sign_in("ann", "several words in a row").must_change


def test_where_a_provider_names_people_no_password_is_made(run, monkeypatch):
    monkeypatch.setenv("COCOSIFT_SIGN_IN", "oidc")
    added = json.loads(run("users", "add", "ann@example.org", "--json"))
    assert (added["way"], "one_time_password" in added) == ("oidc", False)


def test_roles_and_doors_are_changed_and_listed(run):
    run("users", "add", "root", "--role", "admin")
    run("users", "add", "ann", "--shown", "Ann Lee")
    assert "ann is an editor now." in run("users", "role", "ann", "editor")
    assert "ann is disabled." in run("users", "disable", "ann")
    listed = json.loads(run("users", "list", "--json"))
    assert [(one["name"], one["role"], one["disabled"]) for one in listed] == [
        ("ann", "editor", True),
        ("root", "admin", False),
    ]
    table = run("users", "list").splitlines()
    assert table[1].split() == ["ann", "editor", "password", "never", "0", "0", "disabled"]
    assert "may come in" in run("users", "enable", "ann")
    with pytest.raises(PeopleError, match="only admin"):
        run("users", "disable", "root")
    with pytest.raises(PeopleError, match="There is nobody called 'bob'"):
        run("users", "disable", "bob")


def test_an_instance_without_people_says_what_to_type(run):
    assert "users add NAME --role admin" in run("users", "list")
    assert "tokens make PERSON NAME" in run("tokens", "list")


def test_a_token_is_made_listed_and_revoked(run, people):
    run("users", "add", "ann", "--role", "editor")
    secret = run("tokens", "make", "ann", "nightly", "--scope", "write", "--days", "30").strip()
    assert people.by_token(secret).name == "ann"
    (token,) = json.loads(run("tokens", "list", "--person", "ann", "--json"))
    until = datetime.fromisoformat(token["expires"]) - datetime.now(UTC)
    assert timedelta(days=29) < until <= timedelta(days=30)
    assert secret not in run("tokens", "list")
    assert "counts no more" in run("tokens", "revoke", str(token["id"]))
    assert people.by_token(secret) is None
    assert "revoked" in run("tokens", "list")
    with pytest.raises(PeopleError, match="more than the role editor"):
        run("tokens", "make", "ann", "all", "--scope", "admin")
    with pytest.raises(PeopleError, match="no token number 99"):
        run("tokens", "revoke", "99")


def test_the_trail_is_listed_and_written(run, tmp_path):
    run("users", "add", "ann")
    run("users", "add", "=cmd()")
    page = json.loads(run("trail", "list", "--what", "person-added", "--json"))
    assert [line["subject"] for line in page["trail"]] == ["=cmd()", "ann"]
    assert page["trail"][0]["who_id"] == 0
    assert "(operator)" in run("trail", "list")
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert "ann" in run("trail", "list", "--until", today, "--since", today)
    assert run("trail", "list", "--since", "2999-01-01").strip() == "Nothing that fits was done."
    run("trail", "csv", str(tmp_path / "trail.csv"))
    written = (tmp_path / "trail.csv").read_text("utf-8")
    assert list(csv.reader(io.StringIO(written))) == list(
        csv.reader(io.StringIO(run("trail", "csv")))
    )
    assert "'=cmd()" in written


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trail", "list", "--since", "yesterday"], "Expected a date such as 2026-05-01"),
        (["trail", "list", "--until", "9999-12-31"], "Expected a date"),
        (["trail", "list", "--what", "danced"], "found 'danced'"),
        (["trail", "csv", "/dev/null/trail.csv"], "cannot be written"),
    ],
)
def test_what_cannot_be_asked_is_said_in_words(run, words, said):
    with pytest.raises(PeopleError, match=said):
        run(*words)
