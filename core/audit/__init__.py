"""What people did on an instance: noted once, never changed, read by admins."""

from core.audit.trail import Trail, TrailLine, TrailPage, note, shared_trail
from core.people.deeds import DEEDS, Deed

__all__ = [
    "DEEDS",
    "Deed",
    "Trail",
    "TrailLine",
    "TrailPage",
    "note",
    "shared_trail",
]
