"""The database of an instance: its catalogue, its people, what they did, its jobs."""

from core.database.database import Database, shared_database
from core.database.moment import time_of

__all__ = ["Database", "shared_database", "time_of"]
