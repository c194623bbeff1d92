"""A database of either kind; PostgreSQL runs for the session, a schema of it a test."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

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
