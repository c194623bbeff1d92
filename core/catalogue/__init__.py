"""The catalogue of saved subsets: in a SQLite file, or on PostgreSQL."""

from core.catalogue.catalogue import DELETED_FOR, Catalogue, shared_catalogue
from core.catalogue.entry import (
    CategoryCount,
    Change,
    CheckFacts,
    Comparison,
    Entry,
    LicenceCount,
    Operation,
    PackageFacts,
    Page,
    Sort,
    TagCount,
)

__all__ = [
    "DELETED_FOR",
    "Catalogue",
    "CategoryCount",
    "Change",
    "CheckFacts",
    "Comparison",
    "Entry",
    "LicenceCount",
    "Operation",
    "PackageFacts",
    "Page",
    "Sort",
    "TagCount",
    "shared_catalogue",
]
