"""The names by which filters speak of a dataset's categories and licences, and their pictures."""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from core.coco import Category, CocoDataset
from core.errors import QueryError
from core.query.record import CategoryTerm
from core.query.terms import category_text


def pictures_by_category(dataset: CocoDataset) -> dict[str, int]:
    """Count the pictures with an instance of each category and each supercategory.

    Returns:
        Pictures by the text of a term (`dog`, `super:animal`, see
        `core.query.category_text`), in the order of the categories, then that of the
        supercategories. Categories of one name count together.
    """
    counts = {}
    for is_supercategory in (False, True):
        names = named_categories(dataset.categories, is_supercategory=is_supercategory)
        for name, ids in names.items():
            text = category_text(CategoryTerm(name, is_supercategory))
            counts[text] = _pictures_with(dataset, ids)
    return counts


def pictures_by_license(dataset: CocoDataset) -> dict[int, int]:
    """Count the pictures of each licence that the dataset lists, by its id, in its order."""
    ids, counts = np.unique(dataset.images.license_ids, return_counts=True)
    found = dict(zip(ids.tolist(), counts.tolist(), strict=True))
    return {licence.id: found.get(licence.id, 0) for licence in dataset.licenses}


@lru_cache(maxsize=32)
def named_categories(
    categories: tuple[Category, ...], *, is_supercategory: bool
) -> dict[str, list[int]]:
    """Return the ids of the categories of each name, or of each supercategory.

    Names are as terms have them, with single spaces; what has no name is left out.
    """
    ids: dict[str, list[int]] = {}
    for category in categories:
        name = _spoken(category.supercategory if is_supercategory else category.name)
        if name is not None:
            ids.setdefault(name, []).append(category.id)
    return ids


def _pictures_with(dataset: CocoDataset, category_ids: Iterable[int]) -> int:
    instances = dataset.instances
    wanted = np.isin(instances.category_ids, np.array(list(category_ids), dtype=np.int64))
    return len(np.unique(instances.image_rows[wanted]))


def _spoken(name: str) -> str | None:
    try:
        return CategoryTerm(name).name
    except QueryError:
        return None
