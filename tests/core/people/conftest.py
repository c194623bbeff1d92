"""People on both databases, whose tables are made once a session, with a clock to be set."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from sqlalchemy import text

from core.audit import Trail
from core.database import Database
from core.people import OPERATOR, People, Person, Role
from core.people.acting import acting_as
from core.settings import Settings

SCHEMA = "people_tests"
TABLES = "people, sessions, tokens, sign_in_attempts, instance, trail"
PASSWORD = "several words in a row"


@dataclass
class Clock:
    """Tells the time that a test sets."""

    now: datetime = datetime(2026, 5, 1, 12, tzinfo=UTC)

    def __call__(self, _session: object) -> datetime:
        return self.now

    def forward(self, **much: float) -> None:
        self.now += timedelta(**much)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables and nothing in them; to be copied."""
    file = tmp_path_factory.mktemp("people") / "people.sqlite3"
    Database(Settings(database_url=f"sqlite:///{file}")).close()
    return file


@pytest.fixture(scope="session")
def migrated_schema(postgresql: str) -> str:
    """The address of a schema with all tables."""
    import psycopg

    with psycopg.connect(f"{postgresql}/postgres", autocommit=True) as connection:
        # Those of the trail take this fixture too, which then is made a second time.
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    url = f"{postgresql}/postgres?options=-csearch_path%3D{SCHEMA}"
    Database(Settings(database_url=url)).close()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def people_url(request: pytest.FixtureRequest, tmp_path: Path, migrated_file: Path) -> str:
    """The address of a database in which there is nobody."""
    if request.param == "sqlite":
        return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'people.sqlite3')}"
    url = request.getfixturevalue("migrated_schema")
    database = Database(Settings(database_url=url))
    with database.writing() as session:
        session.execute(text(f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE"))
    database.close()
    return url


@pytest.fixture
def clock() -> Clock:
    """The time, the same for all who share the database."""
    return Clock()


@pytest.fixture
def settings(people_url: str, tmp_path: Path) -> Settings:
    """Settings of an instance where people sign in by passwords."""
    return Settings(home=tmp_path, database_url=people_url, sign_in="local")


@pytest.fixture
def open_people(settings: Settings, clock: Clock) -> Iterator[Callable[..., People]]:
    """Open people as another process does; settings that are given count instead."""
    opened = []

    def open_them(**changes: object) -> People:
        database = Database(settings)
        opened.append(database)
        with_these = replace(settings, **changes)
        hasher = PasswordHasher.from_parameters(CHEAPEST)
        return People(with_these, database=database, clock=clock, hasher=hasher)

    yield open_them
    for database in opened:
        database.close()


@pytest.fixture
def people(open_people: Callable[..., People]) -> People:
    """The people of one process; nobody yet."""
    return open_people()


@pytest.fixture
def root(people: People) -> Person:
    """The only admin."""
    return people.add("root", Role.ADMIN, password=PASSWORD)


@pytest.fixture
def ann(people: People, root: Person) -> Person:
    """An editor."""
    return people.add("ann", Role.EDITOR, shown="Ann Lee", password=PASSWORD)


@pytest.fixture
def told(people: People) -> Callable[[], list[tuple[str, str, str]]]:
    """What, who and subject of each line of the trail, the oldest first."""

    def read() -> list[tuple[str, str, str]]:
        with acting_as(OPERATOR):
            lines = Trail(people._database).list(limit=500).lines
        return [(line.what, line.who, line.subject) for line in reversed(lines)]

    return read
