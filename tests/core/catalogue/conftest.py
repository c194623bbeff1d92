"""Catalogues on both databases; PostgreSQL runs for the session, a schema of it a test."""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.catalogue import Catalogue
from core.settings import Settings
from tests.core.catalogue.postgres import running_server

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server, without a database's name."""
    with running_server() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, or a schema as good as one, of the test's own."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalogue.sqlite3'}"
    import psycopg

    server = request.getfixturevalue("postgresql")
    # A schema is as good as a database here, and makes no thousand files.
    schema = f"test_{next(_numbers)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
    return f"{server}/postgres?options=-csearch_path%3D{schema}"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_dataset_folder: Path) -> Path:
    """A home folder with the tiny dataset and nothing else; not to be changed."""
    folder = tmp_path_factory.mktemp("catalogue-home")
    shutil.copytree(tiny_dataset_folder, folder / "data" / "tiny")
    return folder


@pytest.fixture
def catalogue_settings(home: Path, tmp_path: Path, database_url: str) -> Settings:
    """Settings with the tiny dataset and an empty database."""
    return Settings(home=home, cache=tmp_path / "cache", offline=True, database_url=database_url)


@pytest.fixture
def catalogue(catalogue_settings: Settings) -> Iterator[Catalogue]:
    """An empty catalogue."""
    opened = Catalogue(catalogue_settings)
    yield opened
    opened.close()
