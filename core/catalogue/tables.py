"""The tables of the catalogue as SQLAlchemy's ORM maps them; `core.database` makes them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.database.tables import KEY, Table


class SubsetRow(Table):
    """One entry. `version` guards each update: one that saw an older version changes nothing.

    `name_key` and `search_text` are casefolded, because SQLite folds ASCII alone.
    `owner_id` is empty where nobody had signed in.
    """

    __tablename__ = "subsets"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column()
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(KEY, index=True)
    note: Mapped[str]
    who: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(index=True)
    changed_by: Mapped[str]
    changed_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    query: Mapped[str]
    origin: Mapped[str]
    dataset: Mapped[str]
    annotation_hash: Mapped[str]
    model: Mapped[str | None]
    n_images: Mapped[int]
    categories: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    licences: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    checked: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    thumbnails: Mapped[Any] = mapped_column(JSON)
    package_file: Mapped[str | None]
    package_bytes: Mapped[int | None] = mapped_column(BigInteger)
    package_sha256: Mapped[str | None]
    search_text: Mapped[str]
    owner_id: Mapped[int | None]

    tags: Mapped[list["TagRow"]] = relationship(
        cascade="all, delete-orphan", lazy="selectin", order_by="TagRow.position"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class TagRow(Table):
    """A tag of an entry; `tag_key` is it casefolded."""

    __tablename__ = "subset_tags"

    subset_id: Mapped[int] = mapped_column(
        ForeignKey("subsets.id", ondelete="CASCADE"), primary_key=True
    )
    tag_key: Mapped[str] = mapped_column(KEY, primary_key=True, index=True)
    tag: Mapped[str]
    position: Mapped[int]


class RecipeRow(Table):
    """The recipe of an entry, apart from it because it may be long: JSON, deflated."""

    __tablename__ = "recipes"

    subset_id: Mapped[int] = mapped_column(
        ForeignKey("subsets.id", ondelete="CASCADE"), primary_key=True
    )
    content: Mapped[bytes] = mapped_column(LargeBinary)


class UploadRow(Table):
    """A picture that somebody searched with, PNG, so that the recipe outlives the upload."""

    __tablename__ = "subset_uploads"

    subset_id: Mapped[int] = mapped_column(
        ForeignKey("subsets.id", ondelete="CASCADE"), primary_key=True
    )
    sha256: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ChangeRow(Table):
    """Who made an entry the version that it then was, and what they changed."""

    __tablename__ = "subset_changes"

    subset_id: Mapped[int] = mapped_column(
        ForeignKey("subsets.id", ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int] = mapped_column(primary_key=True)
    what: Mapped[str]
    who: Mapped[str]
    at: Mapped[datetime]
