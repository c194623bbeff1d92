"""Queries: one record says all that is asked; JSON, address and options are its forms."""

from core.query.record import (
    DEFAULT_TOP_K,
    CategoryTerm,
    Cut,
    Filters,
    Part,
    Query,
    SideBound,
    Words,
)

__all__ = [
    "DEFAULT_TOP_K",
    "CategoryTerm",
    "Cut",
    "Filters",
    "Part",
    "Query",
    "SideBound",
    "Words",
]
