"""What was there comes back, all of it or nothing, and a damaged backup changes nothing."""

import dataclasses
import hashlib
import json
import shutil
import stat
import threading
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import inspect, text

from core.backup import back_up, look_into, restore, rows
from core.backup.contents import FORMAT
from core.catalogue import Catalogue
from core.database import Database, migrations
from core.errors import BackupError
from core.people.people import People
from core.settings import Settings
from tests.core.backup.conftest import everything
from tests.core.catalogue.recipes import recipe


def repack(path, changed, *, keep_sum=False):
    """Write the backup anew with some members changed; the sum over it is right again."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members.update(changed)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if content is not None:
                archive.writestr(name, content)
        archive.comment = b"sha256:" + b"0" * 64
    raw = path.read_bytes()[:-64]
    path.write_bytes(raw + hashlib.sha256(raw).hexdigest().encode())


def with_contents(path, **changes):
    with zipfile.ZipFile(path) as archive:
        record = json.loads(archive.read("contents.json"))
    repack(path, {"contents.json": json.dumps(record | changes)})


@pytest.fixture(scope="module")
def made(tmp_path_factory, filled_once):
    """A backup of a filled instance on SQLite; not to be changed."""
    folder = shutil.copytree(filled_once, tmp_path_factory.mktemp("made") / "home")
    (folder / ".env").write_text("COCOSIFT_SESSION_HOURS=7\n")
    return back_up(Settings(home=folder), folder.parent / "made.cocosift")[0]


@pytest.fixture
def copy(made, tmp_path):
    return shutil.copy(made, tmp_path / "copy.cocosift")


def test_a_backup_brings_everything_to_an_empty_instance(filled, empty, tmp_path):
    path, contents = back_up(filled, tmp_path / "b.cocosift")
    restore(path, empty)
    assert everything(empty) == everything(filled)
    assert contents.rows["subsets"] == 3
    assert contents.rows["people"] == 1


def test_a_backup_moves_to_the_other_database_and_back(filled, empty, postgresql, tmp_path):
    import psycopg

    with psycopg.connect(f"{postgresql}/postgres", autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS moved CASCADE")
        connection.execute("CREATE SCHEMA moved")
    there = dataclasses.replace(
        empty, database_url=f"{postgresql}/postgres?options=-csearch_path%3Dmoved"
    )
    before = everything(filled)
    restore(back_up(filled, tmp_path / "to.cocosift")[0], there)
    assert everything(there) == before
    restore(back_up(there, tmp_path / "back.cocosift")[0], empty)
    assert everything(empty) == before


def test_what_comes_after_a_restore_gets_numbers_that_nothing_had(filled, empty, home, tmp_path):
    saved = Catalogue(filled)
    last = saved.save(recipe(home), name="Last")
    saved.purge()
    with Database(filled).writing() as session:
        session.execute(text("DELETE FROM subsets WHERE id = :id"), {"id": last.id})
    path, _ = back_up(filled, tmp_path / "b.cocosift")
    for settings in (empty, filled):
        restore(path, settings)
        assert Catalogue(settings).save(recipe(home)).id == last.id + 1
    saved.close()


def test_sessions_end_and_people_and_tokens_stay(filled, empty, tmp_path):
    path, _ = back_up(filled, tmp_path / "b.cocosift")
    restore(path, filled)
    people = People(filled)
    with Database(filled).reading() as session:
        assert session.scalar(text("SELECT COUNT(*) FROM sessions")) == 0
        assert session.scalar(text("SELECT COUNT(*) FROM tokens")) == 1
    assert people.sign_in("ann", "correct horse battery staple", "10.0.0.1").shown == "Ann"


def test_a_backup_holds_no_session(made):
    with zipfile.ZipFile(made) as archive:
        database = archive.read("database.sqlite3")
    assert b"argon2" in database
    assert look_into(made).rows.keys().isdisjoint(rows.PASSING)


def test_every_table_of_the_database_is_kept_or_said_to_pass(filled):
    database = Database(filled)
    with database.reading() as session:
        found = set(inspect(session.connection()).get_table_names())
    database.close()
    known = {table.name for table in rows.tables()} | {migrations.REVISION_TABLE}
    assert found - {"sqlite_sequence"} == known
    assert known >= rows.PASSING


def test_what_was_there_is_kept_and_can_be_put_back(made, filled, home):
    Catalogue(filled).save(recipe(home), name="Only here")
    before = everything(filled)
    kept = restore(made, filled).kept
    assert everything(filled) != before
    assert kept.parent == filled.home / "backups"
    restore(kept, filled)
    assert everything(filled) == before


def test_a_second_restore_in_the_same_second_keeps_both(made, empty):
    from datetime import UTC, datetime

    now = datetime(2026, 1, 1, tzinfo=UTC)
    kept = {restore(made, empty, clock=lambda: now).kept for _ in range(2)}
    assert len(kept) == 2
    assert all(path.is_file() for path in kept)


def test_a_restore_that_fails_changes_nothing(made, filled, monkeypatch):
    before = everything(filled)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.backup.rows.go_on_numbering", fail)
    with pytest.raises(Exception, match="No space left"):
        restore(made, filled)
    assert everything(filled) == before


def test_nothing_is_put_back_where_the_old_cannot_be_kept(made, on_sqlite, monkeypatch):
    before = everything(on_sqlite)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.backup.taking.pack", fail)
    with pytest.raises(BackupError, match=r"cannot be kept, so nothing was changed.*No space left"):
        restore(made, on_sqlite)
    assert everything(on_sqlite) == before


def test_a_backup_while_others_write_is_one_state(filled, empty, home, tmp_path):
    """Each save writes a subset and its recipe: a mixture would have one without the other."""
    saved, stop = Catalogue(filled), threading.Event()

    def write():
        while not stop.is_set():
            saved.save(recipe(home, uploads := "a dog"), name=uploads)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [back_up(filled, tmp_path / f"{n}.cocosift") for n in range(3)]
    finally:
        stop.set()
        writer.join()
    for path, contents in made:
        assert contents.rows["subsets"] == contents.rows["recipes"]
        restore(path, empty)
        assert len(everything(empty)["subsets"]) == contents.rows["subsets"]


def test_only_its_owner_may_read_a_backup(made):
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_an_older_file_is_replaced_only_when_told(made, on_sqlite, copy):
    before = copy.read_bytes()
    with pytest.raises(BackupError, match=r"there already.*--replace"):
        back_up(on_sqlite, copy)
    assert copy.read_bytes() == before
    back_up(on_sqlite, copy, replace=True)
    assert look_into(copy).database


def test_in_a_folder_a_backup_is_named_by_its_time(on_sqlite, tmp_path):
    path, contents = back_up(on_sqlite, tmp_path)
    assert path.name == f"cocosift-{contents.made_at:%Y%m%d-%H%M%S}.cocosift"


def test_a_full_disk_leaves_the_older_backup_and_nothing_half_made(on_sqlite, copy, monkeypatch):
    before, there = copy.read_bytes(), set(copy.parent.iterdir())

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.backup.portable.os.fsync", full)
    with pytest.raises(BackupError, match=r"No space left on device.*as it was"):
        back_up(on_sqlite, copy, replace=True)
    assert copy.read_bytes() == before
    assert set(copy.parent.iterdir()) == there


@given(st.data())
def test_one_byte_that_changed_anywhere_is_noticed(made, tmp_path_factory, data):
    raw = bytearray(made.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.getbasetemp() / "changed.cocosift"
    path.write_bytes(raw)
    with pytest.raises(BackupError):
        look_into(path)


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_half_a_backup_is_none(copy, share):
    raw = copy.read_bytes()
    copy.write_bytes(raw[: int(len(raw) * share)])
    with pytest.raises(BackupError, match="no backup, or only the beginning"):
        look_into(copy)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": FORMAT + 1}, "newer CocoSift made this backup.*git pull"),
        ({"format": "something-else"}, "damaged"),
        ({"rows": {"subsets": -1}}, "damaged"),
        ({"rows": "many"}, "damaged"),
        ({"made_at": "yesterday"}, "damaged"),
        ({"made_at": "2026-01-01T00:00:00"}, "damaged"),
        ({"settings": ["../../etc/passwd"]}, "damaged"),
        ({"settings": [".env", "cocosift.toml"]}, "damaged"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_says_something_odd_of_itself_is_refused(copy, empty, changes, said):
    with_contents(copy, **changes)
    with pytest.raises(BackupError, match=said):
        restore(copy, empty)
    assert not everything(empty)["subsets"]


@pytest.mark.parametrize(
    "members",
    [
        {"database.sqlite3": b"no database"},
        {"database.sqlite3": b""},
        {"database.sqlite3": None},
        {"contents.json": b"{"},
        {"contents.json": b"[" * 100_000},
        {"../outside": b"x"},
        {"settings/.env": b"0" * (2**20 + 1)},
        {"database.sqlite3": b"\0" * 50_000_000},
    ],
    ids=["no database", "empty", "missing", "no JSON", "deep", "traversal", "large", "bomb"],
)
def test_a_forged_backup_with_a_right_sum_changes_nothing(copy, empty, members):
    repack(copy, members)
    with pytest.raises(BackupError):
        restore(copy, empty, with_settings=True)
    assert not everything(empty)["subsets"]
    assert not (empty.home / ".env").exists()


def test_rows_that_are_missing_are_noticed(copy, empty):
    contents = look_into(copy)
    with_contents(copy, rows=dict(contents.rows) | {"subsets": 2})
    with pytest.raises(BackupError, match="not what was written"):
        restore(copy, empty)


def test_a_backup_of_a_newer_database_is_refused(copy, empty, tmp_path):
    import sqlite3

    with zipfile.ZipFile(copy) as archive:
        archive.extract("database.sqlite3", tmp_path)
    with sqlite3.connect(tmp_path / "database.sqlite3") as connection:
        connection.execute(f"UPDATE {migrations.REVISION_TABLE} SET version_num = '9999'")
    connection.close()
    repack(copy, {"database.sqlite3": (tmp_path / "database.sqlite3").read_bytes()})
    with pytest.raises(BackupError, match="newer CocoSift"):
        restore(copy, empty)
    assert not everything(empty)["subsets"]


def test_settings_come_back_only_when_asked_and_the_old_stay_beside(made, empty):
    (empty.home / ".env").write_text("COCOSIFT_SESSION_HOURS=1\n")
    assert restore(made, empty).settings == ()
    assert (empty.home / ".env").read_text() == "COCOSIFT_SESSION_HOURS=1\n"
    (path,) = restore(made, empty, with_settings=True).settings
    assert path.read_text() == "COCOSIFT_SESSION_HOURS=7\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (old,) = empty.home.glob(".env.before-*")
    assert old.read_text() == "COCOSIFT_SESSION_HOURS=1\n"


def test_a_file_that_is_not_there_is_said(empty, tmp_path):
    with pytest.raises(BackupError, match="No such file"):
        restore(tmp_path / "none", empty)
