"""Backups of an instance: its database and its settings in one file, made while it runs.

    back_up(settings, Path("monday.cocosift"))
    restore(Path("monday.cocosift"), settings)

The file is the same whether the database is SQLite or PostgreSQL, so that it also moves an
instance from one to the other. Pictures, models and vectors are not in it, nor what passes:
sessions, failed sign-ins, and slow work that is under way.
"""

from core.backup.contents import Contents
from core.backup.portable import look_into
from core.backup.restoring import Restored, restore
from core.backup.taking import back_up

__all__ = ["Contents", "Restored", "back_up", "look_into", "restore"]
