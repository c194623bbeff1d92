"""The queue of slow work that all replicas share, and who asked for it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_UNDER_WAY = sa.text("state IN ('waiting', 'running')")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("kind", _KEY, nullable=False),
        sa.Column("key", _KEY, nullable=False),
        sa.Column("lane", _KEY, nullable=False),
        sa.Column("goes_on", sa.Boolean, nullable=False),
        sa.Column("owner_id", sa.Integer, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("state", _KEY, nullable=False),
        sa.Column("done", sa.Double, nullable=False),
        sa.Column("total", sa.Double, nullable=False),
        sa.Column("claim", sa.Integer, nullable=False),
        sa.Column("deaths", sa.Integer, nullable=False),
        sa.Column("replica", sa.Text, nullable=False),
        sa.Column("beat", sa.Integer, nullable=False),
        sa.Column("made", sa.Double, nullable=False),
        sa.Column("began", sa.Double),
        sa.Column("ended", sa.Double),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("result", sa.JSON),
        sa.Column("arguments", sa.JSON),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_jobs_state", "jobs", ["state"])
    op.create_index(
        "uq_jobs_kind_key",
        "jobs",
        ["kind", "key"],
        unique=True,
        sqlite_where=_UNDER_WAY,
        postgresql_where=_UNDER_WAY,
    )
    op.create_table(
        "job_askers",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("job_id", sa.Integer, nullable=False),
        sa.Column("ticket", _KEY),
        sa.Column("owner_id", sa.Integer, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("made", sa.Double, nullable=False),
        sa.Column("seen", sa.Double, nullable=False),
        sa.Column("withdrawn", sa.Boolean, nullable=False),
        sa.Column("told", sa.Boolean, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("details", sa.JSON),
        sa.PrimaryKeyConstraint("id", name="pk_job_askers"),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_job_askers_job_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_job_askers_job_id", "job_askers", ["job_id"])
    op.create_index("ix_job_askers_owner_id", "job_askers", ["owner_id"])
    op.create_index("ix_job_askers_ticket", "job_askers", ["ticket"], unique=True)
