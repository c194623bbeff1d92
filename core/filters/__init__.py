"""Filters: which pictures of a dataset may be found, and how many each condition lets through.

    mask = passing(dataset, Filters(must=(CategoryTerm("person", count=3),)))

Every condition looks at columns of the dataset, so a filter costs milliseconds whatever
the pictures are.
"""

from core.filters.conditions import BoolArray
from core.filters.fitting import check, fitting
from core.filters.names import (
    pictures_by_category,
    pictures_by_license,
    pictures_without_terms,
)
from core.filters.passing import FilterCount, Filtered, filtered, passing

__all__ = [
    "BoolArray",
    "FilterCount",
    "Filtered",
    "check",
    "filtered",
    "fitting",
    "passing",
    "pictures_by_category",
    "pictures_by_license",
    "pictures_without_terms",
]
