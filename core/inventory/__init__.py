"""The inventory of a library: what is there, what fits together, and what is missing.

inventory = take_inventory(open_library())
inventory.pairs["demo", "demo"].state
"""

from core.inventory.checks import Check, Checks, shared_checks
from core.inventory.missing import Step, next_steps
from core.inventory.records import (
    AnnotationFile,
    Counts,
    DatasetEntry,
    DatasetState,
    Inventory,
    ModelEntry,
    PairEntry,
    PairState,
)
from core.inventory.taking import take_inventory

__all__ = [
    "AnnotationFile",
    "Check",
    "Checks",
    "Counts",
    "DatasetEntry",
    "DatasetState",
    "Inventory",
    "ModelEntry",
    "PairEntry",
    "PairState",
    "Step",
    "next_steps",
    "shared_checks",
    "take_inventory",
]
