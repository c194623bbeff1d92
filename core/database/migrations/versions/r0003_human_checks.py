"""What a person said of a sample of a subset."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("subsets", sa.Column("checked", sa.JSON))
