"""The tables of the queue: jobs, and who asked for them."""

from typing import Any

from sqlalchemy import JSON, Double, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.database.tables import KEY, Table

IS_UNDER_WAY = text("state IN ('waiting', 'running')")


class JobRow(Table):
    """One job. Whoever works at it holds it by `replica` and `claim`, which grows each time.

    Times are seconds since the epoch. `beat` grows as long as the replica lives: others look
    whether it does and need no clock for it. `arguments` stands last, because it may be large,
    and goes when the job is over.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        # One under way of a kind and key, however many replicas there are.
        Index(
            "uq_jobs_kind_key",
            "kind",
            "key",
            unique=True,
            sqlite_where=IS_UNDER_WAY,
            postgresql_where=IS_UNDER_WAY,
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(KEY)
    key: Mapped[str] = mapped_column(KEY)
    lane: Mapped[str] = mapped_column(KEY)
    goes_on: Mapped[bool]
    owner_id: Mapped[int]
    subject: Mapped[str]
    state: Mapped[str] = mapped_column(KEY, index=True)
    done: Mapped[float] = mapped_column(Double)
    total: Mapped[float] = mapped_column(Double)
    claim: Mapped[int]
    deaths: Mapped[int]
    replica: Mapped[str]
    beat: Mapped[int]
    made: Mapped[float] = mapped_column(Double)
    began: Mapped[float | None] = mapped_column(Double)
    ended: Mapped[float | None] = mapped_column(Double)
    error: Mapped[str]
    result: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    arguments: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)


class AskerRow(Table):
    """Somebody who waits for a job, or for what it has made.

    `ticket` is the sha256 of the secret that they hold, None where they hold none. `seen` is
    when they last asked how it stands; `told` says that what was to be done for them once it
    is done has been begun.
    """

    __tablename__ = "job_askers"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    ticket: Mapped[str | None] = mapped_column(KEY, unique=True, index=True)
    owner_id: Mapped[int] = mapped_column(index=True)
    who: Mapped[str]
    made: Mapped[float] = mapped_column(Double)
    seen: Mapped[float] = mapped_column(Double)
    withdrawn: Mapped[bool]
    told: Mapped[bool]
    note: Mapped[str]
    details: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
