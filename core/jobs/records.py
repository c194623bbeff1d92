"""What is known of a job, and of who asked for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

JSON = Any
"""What `json` can write."""


class State(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_under_way(self) -> bool:
        return self in (State.WAITING, State.RUNNING)


UNDER_WAY = (State.WAITING.value, State.RUNNING.value)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done.

    Attributes:
        kind: the name of its `Kind`.
        key: equal for two who want the same; they get one job.
        lane: the jobs of one lane wait for one another.
        subject: what it is about, in words for people.
        arguments: JSON.
        goes_on: it begins anew when the server that worked at it has ended; else it counts
            as interrupted.
    """

    kind: str
    key: str
    lane: str
    subject: str
    arguments: JSON
    goes_on: bool = True


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wants it.

    Attributes:
        owner_id: the person's; 0 is the operator.
        who: their name, for others.
        ticket: the sha256 of the secret by which they ask for news; None without one.
        details: JSON, for whoever reads the ticket.
        most: so many jobs may this person have under way at once; None does not count them.
    """

    owner_id: int
    who: str = ""
    ticket: str | None = None
    details: JSON = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A job as it stands at this moment.

    Attributes:
        words: what is done, such as "ZIP".
        subject: about what, in words.
        place: jobs of the same sort that come before it; 0 once it has begun.
        done, total: the progress in units of its own.
        owner_id: who asked first.
        owners: all who wait for it, by id, with the names that others read.
        made, began, ended: seconds since the epoch; None until then.
        result: JSON, what its kind keeps of it; None until it is over.
        error: what went wrong, in words for a person; "" unless something did.
        replica: the server that works at it; "" while none does.
    """

    id: int
    kind: str
    key: str
    lane: str
    words: str
    subject: str
    state: State
    place: int
    done: float
    total: float
    owner_id: int
    made: float
    began: float | None
    ended: float | None
    error: str = ""
    result: JSON = None
    replica: str = ""
    owners: Mapping[int, str] = field(default_factory=dict)

    @property
    def is_under_way(self) -> bool:
        return self.state.is_under_way

    @property
    def share(self) -> float:
        """Of the work that is done, 0 to 1."""
        return min(1.0, self.done / max(1, self.total))

    @property
    def who(self) -> str:
        """The names of those who wait for it, as far as they have one."""
        return ", ".join(filter(None, self.owners.values()))


@dataclass(frozen=True, slots=True)
class Ticket:
    """What one asker holds.

    Attributes:
        told: what was to be done for them once the job is done has been begun.
        note: what came of it, in words for them.
        made, seen: when they asked for it, and last asked how it stands; seconds since the
            epoch.
    """

    id: int
    job_id: int
    owner_id: int
    made: float
    seen: float
    withdrawn: bool
    told: bool
    note: str
    details: JSON
