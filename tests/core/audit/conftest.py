"""The people's database, for the trail that lies in it."""

from tests.core.people.conftest import (
    ann,
    clock,
    migrated_file,
    migrated_schema,
    open_people,
    people,
    people_url,
    root,
    settings,
)

__all__ = [
    "ann",
    "clock",
    "migrated_file",
    "migrated_schema",
    "open_people",
    "people",
    "people_url",
    "root",
    "settings",
]
