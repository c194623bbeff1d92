"""The queue of slow work: one for all replicas, in the instance's database."""

from core.jobs.jobs import Jobs, shared_jobs
from core.jobs.keyed import KeyedKind, asker_of
from core.jobs.kind import Begun, Kind, Run, Runner
from core.jobs.records import JSON, Asker, Seen, State, Ticket, Wish

__all__ = [
    "JSON",
    "Asker",
    "Begun",
    "Jobs",
    "KeyedKind",
    "Kind",
    "Run",
    "Runner",
    "Seen",
    "State",
    "Ticket",
    "Wish",
    "asker_of",
    "shared_jobs",
]
