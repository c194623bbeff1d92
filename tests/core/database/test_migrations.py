"""A catalogue of an older revision is brought up to date, one of a newer is left alone."""

import hashlib
import importlib
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from core.catalogue import Catalogue
from core.database import Database, migrations
from core.database.tables import Table
from core.errors import CatalogueError, SettingsError
from core.settings import PROJECT_ROOT, Settings
from tests.core.catalogue.recipes import recipe

OLDER = """
INSERT INTO subsets (version, name, name_key, note, who, created_at, changed_by, changed_at,
  query, origin, dataset, annotation_hash, n_images, thumbnails, search_text)
VALUES (3, 'Old dogs', 'old dogs', 'kept', 'Ann', '2026-01-01 10:00:00+00', 'Bob',
  '2026-01-02 10:00:00+00', 'a dog', 'query', 'tiny', 'ff', 2, '[101, 102]', 'old dogs ann')
"""


@pytest.fixture
def engine(database_url):
    """A plain connection to the database, past the catalogue."""
    opened = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    yield opened
    opened.dispose()


def test_the_newest_revision_is_the_one_that_is_named():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]


def test_revisions_and_tables_agree(catalogue, engine):
    for path in sorted((PROJECT_ROOT / "core").rglob("tables.py")):
        parts = path.relative_to(PROJECT_ROOT).with_suffix("").parts
        importlib.import_module(".".join(parts))
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"version_table": migrations.REVISION_TABLE, "compare_type": True},
        )
        assert compare_metadata(context, Table.metadata) == []


def test_an_older_catalogue_keeps_all_that_it_holds(catalogue_settings, engine, home):
    with engine.begin() as connection:
        migrations.upgrade(connection, "0001")
        connection.execute(text(OLDER))
        connection.execute(
            text(
                "INSERT INTO subset_tags (subset_id, tag_key, tag, position) "
                "VALUES (1, 'pets', 'Pets', 0)"
            )
        )
    catalogue = Catalogue(catalogue_settings)
    entry = catalogue.list("dogs", tag="pets").entries[0]
    assert (entry.name, entry.note, entry.tags, entry.version) == ("Old dogs", "kept", ("Pets",), 3)
    assert entry.owner_id is None
    assert entry.when.isoformat() == "2026-01-01T10:00:00+00:00"
    told = [(one.version, one.what, one.who) for one in catalogue.history(entry.id)]
    assert told == [(1, "saved", "Ann"), (3, "changed", "Bob")]
    assert catalogue.rename(entry.id, 3, "New dogs").version == 4
    assert catalogue.save(recipe(home)).id > entry.id
    catalogue.close()


def test_an_upgrade_that_fails_changes_nothing(catalogue_settings, engine, monkeypatch):
    with engine.begin() as connection:
        migrations.upgrade(connection, "0001")
        # In the way of a table that the next revision makes after another.
        connection.execute(text("CREATE TABLE subset_uploads (x INTEGER)"))
    with pytest.raises(Exception, match="subset_uploads"):
        Catalogue(catalogue_settings)
    with engine.connect() as connection:
        assert migrations.revision_of(connection) == "0001"
        assert not inspect(connection).has_table("subset_changes")


def test_a_newer_catalogue_is_refused_with_the_command_and_left_alone(
    catalogue, catalogue_settings, engine, home
):
    entry = catalogue.save(recipe(home))
    with engine.begin() as connection:
        connection.execute(text("UPDATE catalogue_revision SET version_num = '9999'"))
    with pytest.raises(CatalogueError, match=r"newer CocoSift.*'9999'.*git pull && make install"):
        Catalogue(catalogue_settings)
    with engine.begin() as connection:
        assert migrations.revision_of(connection) == "9999"
        connection.execute(text(f"UPDATE catalogue_revision SET version_num = '{migrations.HEAD}'"))
    assert Catalogue(catalogue_settings).get(entry.id) == entry


def test_a_catalogue_that_is_up_to_date_opens_without_alembic(catalogue, catalogue_settings):
    import subprocess
    import sys

    code = (
        "import sys\n"
        "from core.catalogue import Catalogue\n"
        "from core.settings import Settings\n"
        "Catalogue(Settings.from_environment())\n"
        "print('alembic' in sys.modules, 'torch' in sys.modules)"
    )
    environment = {
        "PATH": "",
        "COCOSIFT_HOME": str(catalogue_settings.home),
        "COCOSIFT_DATABASE_URL": catalogue_settings.database_url,
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


class TestWhere:
    def test_by_default_it_is_a_file_below_home_in_write_ahead_mode(self, tmp_path):
        database = Database(Settings(home=tmp_path))
        assert database.where == str(tmp_path / "catalogue" / "catalogue.sqlite3")
        with database.reading() as session:
            asked = ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
            found = [session.scalar(text(f"PRAGMA {name}")) for name in asked]
        assert found == ["wal", 1, 2, 60_000]
        database.close()

    @pytest.mark.parametrize(
        "url",
        [
            "sqlite://",
            "sqlite:///:memory:",
            "sqlite://host/file",
            "sqlite:///file?mode=memory",
            "postgresql://ann:secret@host",
            "postgresql://ann:secret@host:port/sift",
            "mysql://ann:secret@host/sift",
        ],
    )
    def test_an_address_that_cannot_be_is_refused_without_its_password(self, tmp_path, url):
        with pytest.raises(SettingsError, match="COCOSIFT_DATABASE_URL") as caught:
            Database(Settings(home=tmp_path, database_url=url))
        assert "secret" not in str(caught.value)

    def test_a_server_that_is_not_there_is_named_without_its_password(self, tmp_path):
        url = "postgresql://ann:secret@127.0.0.1:1/sift"
        with pytest.raises(CatalogueError, match=r"ann:\*\*\*@127\.0\.0\.1:1/sift") as caught:
            Database(Settings(home=tmp_path, database_url=url))
        assert "secret" not in str(caught.value)

    def test_a_file_of_another_kind_is_left_as_it_is(self, tmp_path):
        file = tmp_path / "mine.sqlite3"
        file.write_bytes(b"not a database, but something of mine\n" * 100)
        before = hashlib.sha256(file.read_bytes()).hexdigest()
        with pytest.raises(CatalogueError, match=r"mine\.sqlite3 cannot be used"):
            Database(Settings(home=tmp_path, database_url=f"sqlite:///{file}"))
        assert hashlib.sha256(file.read_bytes()).hexdigest() == before

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path):
        (tmp_path / "catalogue").write_text("a file")
        with pytest.raises(CatalogueError, match=r"catalogue\.sqlite3 cannot be used"):
            Database(Settings(home=tmp_path))

    def test_a_user_who_may_not_write_is_told(self, tmp_path, postgresql):
        import psycopg

        with psycopg.connect(f"{postgresql}/postgres", autocommit=True) as connection:
            connection.execute("CREATE SCHEMA theirs")
            connection.execute("CREATE ROLE guest LOGIN")
            connection.execute("GRANT USAGE ON SCHEMA theirs TO guest")
        url = f"{postgresql}/postgres?options=-csearch_path%3Dtheirs"
        settings = Settings(home=tmp_path, database_url=url.replace("cocosift@", "guest@"))
        with pytest.raises(CatalogueError, match=r"permission denied.*Let this user write there"):
            Database(settings)

    def test_a_server_that_was_restarted_is_found_again(self, catalogue, home, engine):
        catalogue.save(recipe(home))
        if engine.dialect.name == "postgresql":
            with engine.connect() as connection:
                connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )
        assert catalogue.list().total == 1
