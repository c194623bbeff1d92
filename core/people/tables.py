"""The tables of people and of what they sign in with; `core.database` makes them.

Of passwords only argon2id hashes lie here; of what the machine drew itself (tokens of sessions
and of the API, codes) sha256 is enough, because nobody can guess 256 bits.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.database.tables import KEY, Table


class PersonRow(Table):
    """A person; none is ever removed, so that what they did keeps its author.

    `name_key` is the name casefolded. `password_until` bounds a one-time password.
    """

    __tablename__ = "people"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(KEY, index=True, unique=True)
    shown: Mapped[str]
    role: Mapped[str]
    way: Mapped[str]
    password: Mapped[str | None]
    password_until: Mapped[datetime | None]
    made_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]


class SessionRow(Table):
    """A session of a browser. `ended_at` never becomes empty again, whatever the clock says.

    `public_id` names it where its token must not be; `origin` is the sha256 of the identity
    that began it, which can begin no other.
    """

    __tablename__ = "sessions"

    token: Mapped[str] = mapped_column(KEY, primary_key=True)
    public_id: Mapped[str] = mapped_column(KEY, index=True, unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    way: Mapped[str]
    origin: Mapped[str | None] = mapped_column(KEY, index=True, unique=True)
    began_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]

    person: Mapped[PersonRow] = relationship(lazy="joined", innerjoin=True)


class TokenRow(Table):
    """A token of the API; `secret` is its sha256."""

    __tablename__ = "tokens"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012

    id: Mapped[int] = mapped_column(primary_key=True)
    secret: Mapped[str] = mapped_column(KEY, index=True, unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    name: Mapped[str]
    scopes: Mapped[Any] = mapped_column(JSON)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    person: Mapped[PersonRow] = relationship(lazy="joined", innerjoin=True)


class AttemptRow(Table):
    """How often signing in failed: of a name, from an address, or of one from the other.

    `key` is a sha256: a password typed into the wrong field should not lie here.
    `known_at`: the name came in from that address before.
    """

    __tablename__ = "sign_in_attempts"

    key: Mapped[str] = mapped_column(KEY, primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)
    wait_until: Mapped[datetime | None]
    known_at: Mapped[datetime | None]


class InstanceRow(Table):
    """What this instance keeps for itself: its secret, and codes for its first admin."""

    __tablename__ = "instance"

    key: Mapped[str] = mapped_column(KEY, primary_key=True)
    value: Mapped[str]
    at: Mapped[datetime]


class DeedRow(Table):
    """One line of the trail: who did what, and when. `who_key` is for searching."""

    __tablename__ = "trail"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    what: Mapped[str] = mapped_column(KEY, index=True)
    who_id: Mapped[int]
    who: Mapped[str]
    who_key: Mapped[str] = mapped_column(KEY)
    way: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[Any] = mapped_column(JSON)
    address: Mapped[str]
