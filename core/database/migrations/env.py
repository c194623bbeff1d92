"""What Alembic runs first: it works on the connection that `upgrade` hands over."""

from alembic import context

from core.database.migrations import REVISION_TABLE
from core.database.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    version_table=REVISION_TABLE,
    # The caller's transaction; SQLite can roll back a CREATE TABLE, too.
    transactional_ddl=True,
)
context.run_migrations()
