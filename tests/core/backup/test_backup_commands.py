"""`backup` and `restore` on the command line: asked before, told after, one line on a mistake."""

import json

import pytest
from typer import Typer
from typer.testing import CliRunner

from core.cli.backup import backup
from core.cli.restore import restore
from core.errors import BackupError
from tests.core.backup.conftest import everything, fill


@pytest.fixture
def run(monkeypatch, empty):
    """Run a command on an empty instance."""
    monkeypatch.setenv("COCOSIFT_HOME", str(empty.home))
    monkeypatch.delenv("COCOSIFT_DATABASE_URL", raising=False)
    app = Typer()
    app.command()(backup)
    app.command()(restore)

    def invoke(*arguments, **options):
        return CliRunner().invoke(app, list(map(str, arguments)), **options)

    return invoke


def test_a_backup_says_what_is_in_it(run, empty, home, tmp_path):
    fill(empty, home)
    done = run("backup", tmp_path / "b.cocosift")
    assert "3 subsets and 1 person, as of 20" in done.stdout
    assert "from SQLite." in done.stdout


def test_what_is_in_it_comes_as_json_too(run, empty, home, tmp_path):
    fill(empty, home)
    done = run("backup", tmp_path / "b.cocosift", "--json")
    assert json.loads(done.stdout)["rows"]["subsets"] == 3


def test_a_check_changes_nothing(run, empty, home, tmp_path):
    run("backup", tmp_path / "b.cocosift")
    fill(empty, home)
    before = everything(empty)
    done = run("restore", tmp_path / "b.cocosift", "--check")
    assert "is whole: 0 subsets and 0 people" in done.stdout
    assert everything(empty) == before


def test_nothing_is_put_back_without_a_yes(run, empty, home, tmp_path):
    run("backup", tmp_path / "b.cocosift")
    fill(empty, home)
    before = everything(empty)
    done = run("restore", tmp_path / "b.cocosift")
    assert isinstance(done.exception, BackupError)
    assert "add --yes" in str(done.exception)
    assert everything(empty) == before


def test_a_restore_is_told_and_noted(run, empty, home, tmp_path):
    fill(empty, home)
    run("backup", tmp_path / "b.cocosift")
    done = run("restore", tmp_path / "b.cocosift", "--yes")
    assert "What was there is kept in" in done.stdout
    deeds = everything(empty)["trail"]
    assert deeds[-1]["what"] == "restored"
