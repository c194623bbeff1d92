"""Queries: one record says all that is asked; JSON, address and options are its forms."""

from core.query.address import IdLists, from_params, to_params
from core.query.ids import pack_ids, unpack_ids
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
from core.query.terms import (
    category_text,
    read_category,
    read_side,
    read_words,
    side_text,
    words_text,
)

__all__ = [
    "DEFAULT_TOP_K",
    "CategoryTerm",
    "Cut",
    "Filters",
    "IdLists",
    "Part",
    "Query",
    "SideBound",
    "Words",
    "category_text",
    "from_params",
    "pack_ids",
    "read_category",
    "read_side",
    "read_words",
    "side_text",
    "to_params",
    "unpack_ids",
    "words_text",
]
