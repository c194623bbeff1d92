"""Who changed what; and the pictures that were searched with, kept beside the recipe.

Of entries that were there before, the history begins with what is known of them: who saved
them, and the last change.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "subset_changes",
        sa.Column("subset_id", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subset_id", "version", name="pk_subset_changes"),
        sa.ForeignKeyConstraint(
            ["subset_id"], ["subsets.id"], name="fk_subset_changes_subset_id", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "subset_uploads",
        sa.Column("subset_id", sa.Integer, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("subset_id", "sha256", name="pk_subset_uploads"),
        sa.ForeignKeyConstraint(
            ["subset_id"], ["subsets.id"], name="fk_subset_uploads_subset_id", ondelete="CASCADE"
        ),
    )
    op.execute(
        "INSERT INTO subset_changes (subset_id, version, what, who, at) "
        "SELECT id, 1, 'saved', who, created_at FROM subsets"
    )
    op.execute(
        "INSERT INTO subset_changes (subset_id, version, what, who, at) "
        "SELECT id, version, 'changed', changed_by, changed_at FROM subsets WHERE version > 1"
    )
