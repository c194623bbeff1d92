"""People, their sessions and tokens, failed sign-ins, the trail, and whose a subset is."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _people()
    _sessions()
    _tokens()
    _rest()
    op.add_column("subsets", sa.Column("owner_id", sa.Integer))


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", _KEY, nullable=False),
        sa.Column("shown", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("way", sa.Text, nullable=False),
        sa.Column("password", sa.Text),
        sa.Column("password_until", _MOMENT),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT),
        sa.Column("disabled_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_people_name_key", "people", ["name_key"], unique=True)


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("token", _KEY, nullable=False),
        sa.Column("public_id", _KEY, nullable=False),
        sa.Column("person_id", sa.Integer, nullable=False),
        sa.Column("way", sa.Text, nullable=False),
        sa.Column("origin", _KEY),
        sa.Column("began_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT),
        sa.PrimaryKeyConstraint("token", name="pk_sessions"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_sessions_person_id"),
    )
    op.create_index("ix_sessions_public_id", "sessions", ["public_id"], unique=True)
    op.create_index("ix_sessions_person_id", "sessions", ["person_id"])
    op.create_index("ix_sessions_origin", "sessions", ["origin"], unique=True)
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("secret", _KEY, nullable=False),
        sa.Column("person_id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT),
        sa.Column("used_at", _MOMENT),
        sa.Column("revoked_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_tokens_person_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tokens_secret", "tokens", ["secret"], unique=True)
    op.create_index("ix_tokens_person_id", "tokens", ["person_id"])


def _rest() -> None:
    op.create_table(
        "sign_in_attempts",
        sa.Column("key", _KEY, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_at", _MOMENT, nullable=False),
        sa.Column("wait_until", _MOMENT),
        sa.Column("known_at", _MOMENT),
        sa.PrimaryKeyConstraint("key", name="pk_sign_in_attempts"),
    )
    op.create_index("ix_sign_in_attempts_last_at", "sign_in_attempts", ["last_at"])
    op.create_table(
        "instance",
        sa.Column("key", _KEY, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_instance"),
    )
    op.create_table(
        "trail",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("what", _KEY, nullable=False),
        sa.Column("who_id", sa.Integer, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("who_key", _KEY, nullable=False),
        sa.Column("way", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trail"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_trail_at", "trail", ["at"])
    op.create_index("ix_trail_what", "trail", ["what"])
