"""From a mark of this page's charts to its pictures on Search."""

from typing import Any

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset
from core.errors import CocoSiftError
from core.query import CategoryTerm
from core.query.record import MAX_TERMS, SizeClass
from pages.shared import query_state
from pages.shared.doors import open_on_search
from pages.shared.subset_choice import Chosen


def open_pictures(chosen: Chosen, **conditions: Any) -> None:
    """As a callback: open those of the chosen pictures that meet conditions.

    Args:
        conditions: filters by their names in `core.query.Filters`.
    """
    try:
        query = chosen.query(**conditions)
    except CocoSiftError as problem:
        query_state.say(str(problem))
    else:
        open_on_search(query)


def open_ids(chosen: Chosen, image_ids: npt.NDArray[np.int64]) -> None:
    """As a callback: open some of the chosen pictures, which no other filter can name."""
    open_pictures(chosen, only=tuple(image_ids.tolist()))


def of_size(coco: CocoDataset, size: SizeClass, category: str | None) -> dict[str, Any] | None:
    """Return the filter for an instance of a size class; None when no filter can say it."""
    if category is not None:
        return {"must": (CategoryTerm(category, size=size),)}
    names = dict.fromkeys(one.supercategory for one in coco.categories)
    if not names or "" in names or len(names) > MAX_TERMS:
        return None
    return {"any_of": tuple(CategoryTerm(name, True, size) for name in names)}
