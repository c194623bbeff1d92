"""What is known of a download, and what is done with it once it is whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from core.export import ExportReport, MissingPicture
from core.settings import Settings

URL_PREFIX = "/api/downloads"


@dataclass(frozen=True, slots=True)
class Finished:
    """A ZIP that has just become whole, as one of its askers is told of it.

    Attributes:
        filename: what the browser saves it as.
        is_first: no other asker who shares the file was told of it.
    """

    report: ExportReport
    filename: str
    is_first: bool


@dataclass(frozen=True, slots=True)
class Then:
    """What is done with a finished ZIP for its asker; it outlives the server that was asked.

    Attributes:
        what: the name of a `Follower`.
        details: JSON, for that one.
    """

    what: str
    details: Mapping[str, Any] = field(default_factory=dict)


Follower = Callable[[Settings, Finished, Mapping[str, Any]], str]
"""Told of a finished ZIP and of `Then.details`; returns a sentence for the person, or ""."""


class State(StrEnum):
    """Where a download stands."""

    PREPARING = "preparing"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Download:
    """One person's download as it stands at this moment; ask `Downloads.get` for news.

    Attributes:
        token: names it; cannot be guessed.
        owner: the id of the person whose it is; 0 is the operator.
        job_id: of the job that makes it, which others may share.
        filename: what the browser saves it as, ending in `.zip`.
        waiting: downloads that are to be made before this one begins; 0 once it has begun.
        done, total: bytes of the work, for a progress bar; equal when ready.
        path: the finished file, None until it is ready.
        report: what the finished file holds, None until it is ready.
        error: what went wrong, in words for the person; empty unless it failed or was
            given up because nobody asked for it any more.
        missing: the pictures that could not be had, if that is why it failed.
        note: a sentence on the finished file, or "".
        created, finished: seconds since the epoch; `finished` is None while it is made.
    """

    token: str
    owner: int
    job_id: int
    filename: str
    state: State
    waiting: int
    done: int
    total: int
    path: Path | None
    report: ExportReport | None
    error: str
    missing: tuple[MissingPicture, ...]
    note: str
    created: float
    finished: float | None

    @property
    def url(self) -> str:
        """The path of the route that serves the finished file."""
        return f"{URL_PREFIX}/{self.token}/{quote(self.filename)}"
