"""Subsets with their tags and recipes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "subsets",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", _KEY, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.Column("deleted_at", _MOMENT),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("annotation_hash", sa.Text, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("n_images", sa.Integer, nullable=False),
        sa.Column("categories", sa.JSON),
        sa.Column("licences", sa.JSON),
        sa.Column("thumbnails", sa.JSON, nullable=False),
        sa.Column("package_file", sa.Text),
        sa.Column("package_bytes", sa.BigInteger),
        sa.Column("package_sha256", sa.Text),
        sa.Column("search_text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subsets"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_subsets_name_key", "subsets", ["name_key"])
    op.create_index("ix_subsets_created_at", "subsets", ["created_at"])
    op.create_table(
        "subset_tags",
        sa.Column("subset_id", sa.Integer, nullable=False),
        sa.Column("tag_key", _KEY, nullable=False),
        sa.Column("tag", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("subset_id", "tag_key", name="pk_subset_tags"),
        sa.ForeignKeyConstraint(
            ["subset_id"], ["subsets.id"], name="fk_subset_tags_subset_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_subset_tags_tag_key", "subset_tags", ["tag_key"])
    op.create_table(
        "recipes",
        sa.Column("subset_id", sa.Integer, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("subset_id", name="pk_recipes"),
        sa.ForeignKeyConstraint(
            ["subset_id"], ["subsets.id"], name="fk_recipes_subset_id", ondelete="CASCADE"
        ),
    )
