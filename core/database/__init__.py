"""The database of an instance: its catalogue, its people, what they did, its jobs."""

from core.database.database import Database, shared_database

__all__ = ["Database", "shared_database"]
