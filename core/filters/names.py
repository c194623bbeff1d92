"""The names by which filters speak of a dataset's categories and licences, and their pictures."""

from functools import lru_cache

import numpy as np

from core.coco import Category, CocoDataset
from core.coco.scanner import NO_ID
from core.coco.tables import IdIndex
from core.errors import QueryError
from core.licences import terms_of
from core.query.record import CategoryTerm
from core.query.terms import category_text

_GROUPS_AT_ONCE = 128  # bounds the memory: so many bytes a picture


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
        pictures = _pictures_with(dataset, list(names.values()))
        for name, count in zip(names, pictures, strict=True):
            counts[category_text(CategoryTerm(name, is_supercategory))] = count
    return counts


def pictures_by_license(dataset: CocoDataset) -> dict[int, int]:
    """Count the pictures of each licence that the dataset lists, by its id, in its order."""
    ids, counts = np.unique(dataset.images.license_ids, return_counts=True)
    found = dict(zip(ids.tolist(), counts.tolist(), strict=True))
    return {licence.id: found.get(licence.id, 0) for licence in dataset.licenses}


def pictures_without_terms(dataset: CocoDataset) -> int:
    """Count the pictures of which nobody knows what their licence allows.

    They name no licence, or one whose address `core.licences` does not know; a filter for a
    use that must be allowed lets none of them pass.
    """
    known = [licence.id for licence in dataset.licenses if terms_of(licence.url).is_known]
    ids = np.array([one for one in known if one != NO_ID], dtype=np.int64)
    return int(np.count_nonzero(~np.isin(dataset.images.license_ids, ids)))


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


def _pictures_with(dataset: CocoDataset, groups: list[list[int]]) -> list[int]:
    """Count the pictures with an instance of each group of category ids."""
    ids = np.array([one for group in groups for one in group], dtype=np.int64)
    group_of = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    instances = dataset.instances
    places = IdIndex(ids).find(instances.category_ids)
    numbers, rows = group_of[places[places >= 0]], instances.image_rows[places >= 0]
    counts: list[int] = []
    for first in range(0, len(groups), _GROUPS_AT_ONCE):
        chosen = (numbers >= first) & (numbers < first + _GROUPS_AT_ONCE)
        has = np.zeros((min(_GROUPS_AT_ONCE, len(groups) - first), len(dataset.images)), np.bool_)
        has[numbers[chosen] - first, rows[chosen]] = True
        counts.extend(np.count_nonzero(has, axis=1).tolist())
    return counts


def _spoken(name: str) -> str | None:
    try:
        return CategoryTerm(name).name
    except QueryError:
        return None
