"""What a subset is made of: how often each category and each licence is in it."""

from collections.abc import Sequence

import numpy as np

from core.catalogue.entry import CategoryCount, LicenceCount
from core.coco import CocoDataset


def category_makeup(dataset: CocoDataset, image_ids: Sequence[int]) -> tuple[CategoryCount, ...]:
    """Count the pictures and the instances, crowds included, of each category that occurs.

    The category with the most pictures comes first, then by name. Instances of a category
    that the dataset does not list are left out.

    Raises:
        DatasetError: an id that the dataset does not have.
    """
    is_in = np.zeros(len(dataset.images), dtype=np.bool_)
    is_in[dataset.images.rows_of(image_ids)] = True
    instances = dataset.instances
    chosen = is_in[instances.image_rows]
    rows, category_ids = instances.image_rows[chosen], instances.category_ids[chosen]
    counts = []
    for category in dataset.categories:
        of_it = rows[category_ids == category.id]
        if of_it.size:
            counts.append(CategoryCount(category.name, np.unique(of_it).size, of_it.size))
    return tuple(sorted(counts, key=lambda count: (-count.images, count.name)))


def licence_makeup(dataset: CocoDataset, image_ids: Sequence[int]) -> tuple[LicenceCount, ...]:
    """Count the pictures under each licence, the most first; id -1 for none that is stated.

    Raises:
        DatasetError: an id that the dataset does not have.
    """
    of_each = dataset.images.license_ids[dataset.images.rows_of(image_ids)]
    known = {licence.id: licence for licence in dataset.licenses}
    counts = []
    for number, n_images in zip(*np.unique(of_each, return_counts=True), strict=True):
        licence = known.get(int(number))
        name, url = (licence.name, licence.url) if licence else ("", "")
        counts.append(LicenceCount(int(number), name, url, int(n_images)))
    return tuple(sorted(counts, key=lambda count: (-count.images, count.id)))
