"""Brings the tables of a catalogue from the revision that they have to the newest one.

A revision is a file in `versions/`, in Alembic's form. Once released it stays as it is: a
change of any `tables.py` comes with a revision of its own, and `HEAD` names it.
"""

import threading
from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from core.errors import CatalogueError

HEAD = "0005"
REVISION_TABLE = "catalogue_revision"

_UPDATE = "git pull && make install"
# Alembic keeps what it works on in a global.
_alembic_lock = threading.Lock()


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the tables, None where there are none of a catalogue."""
    # Asked by hand, because importing Alembic takes longer than all else of an opening.
    if not inspect(connection).has_table(REVISION_TABLE):
        return None
    known: str | None = connection.scalar(
        select(column("version_num")).select_from(table(REVISION_TABLE))
    )
    return known


def upgrade(connection: Connection, to: str = HEAD) -> None:
    """Make or change the tables until they are of the revision `to`.

    The caller holds a transaction that excludes others, and commits it: all or nothing.

    Raises:
        CatalogueError: the tables are of a revision that this code does not know.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    found = revision_of(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise CatalogueError(
            f"The catalogue was written by a newer CocoSift: it has revision {found!r:.40}, and "
            f"this one knows {HEAD} at most. Nothing was changed. Update this one: {_UPDATE}"
        )
    with _alembic_lock:
        command.upgrade(config, to)
