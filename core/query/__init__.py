"""Queries: one record says all that is asked; JSON, address and options are its forms."""

from core.query.address import IdLists, from_params, to_params
from core.query.ids import pack_ids, unpack_ids
from core.query.json_form import canonical, from_json, to_json
from core.query.options import query_of, to_arguments
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
from core.query.words import query_words

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
    "canonical",
    "category_text",
    "from_json",
    "from_params",
    "pack_ids",
    "query_of",
    "query_words",
    "read_category",
    "read_side",
    "read_words",
    "side_text",
    "to_arguments",
    "to_json",
    "to_params",
    "unpack_ids",
    "words_text",
]
