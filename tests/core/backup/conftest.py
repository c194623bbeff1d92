"""Instances with something in them, on both databases."""

import shutil
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from core.backup import rows
from core.catalogue import Catalogue
from core.database import Database
from core.people import Role
from core.people.people import People
from core.settings import Settings
from tests.core.catalogue.conftest import catalogue, catalogue_settings, home
from tests.core.catalogue.recipes import recipe

# What argon2 costs is not what is tried here.
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

__all__ = ["catalogue", "catalogue_settings", "home"]


def fill(settings: Settings, home: Path) -> None:
    """Two subsets (a third one is gone), a person with a session, a token and a deed."""
    database = Database(settings)
    saved = Catalogue(settings, database=database)
    saved.save(recipe(home), name="Dogs", note="Straße 東京 🐕", tags=["Pets", "öl"], who="Ann")
    saved.save(recipe(home, "", [101]), name="Listed", who="Bob")
    gone = saved.save(recipe(home, "a cat"), name="Cats")
    saved.delete(gone.id, gone.version)
    people = People(settings, database=database, hasher=QUICK)
    person = people.add("ann", Role.ADMIN, shown="Ann", password="correct horse battery staple")
    people.begin_session(person)
    people.new_token(person, "script", frozenset({"read"}), None)
    people.secret()
    database.close()


def everything(settings: Settings) -> dict[str, list[dict[str, object]]]:
    """All rows that a backup should keep, by table."""
    database = Database(settings)
    with database.reading() as session:
        found = {
            table.name: [
                dict(row)
                for row in session.execute(table.select().order_by(*table.primary_key)).mappings()
            ]
            for table in rows.lasting()
        }
    database.close()
    return found


@pytest.fixture
def empty(tmp_path: Path) -> Settings:
    """An instance on SQLite with nothing in it."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return Settings(home=folder, cache=folder / "cache", offline=True)


@pytest.fixture
def filled(home: Path, catalogue_settings: Settings, tmp_path: Path) -> Settings:
    """An instance with something in it; its home folder is its own."""
    own = tmp_path / "own"
    own.mkdir()
    settings = Settings(
        home=own, cache=tmp_path / "cache", database_url=catalogue_settings.database_url
    )
    fill(settings, home)
    return settings


@pytest.fixture(scope="session")
def filled_once(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Path:
    """The home folder of an instance on SQLite with something in it; not to be changed."""
    folder = tmp_path_factory.mktemp("filled")
    fill(Settings(home=folder, cache=folder / "cache"), home)
    return folder


@pytest.fixture
def on_sqlite(filled_once: Path, tmp_path: Path) -> Settings:
    """An instance on SQLite with something in it."""
    folder = shutil.copytree(filled_once, tmp_path / "filled")
    return Settings(home=folder, cache=tmp_path / "cache")
