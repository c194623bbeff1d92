"""Which categories stand in one picture together, and how much oftener than chance has it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.analytics.lift import Lift, lift_of
from core.analytics.makeup import By, Ints, pictures_in, presence
from core.coco import CocoDataset

MOST = 20


@dataclass(frozen=True, slots=True, eq=False)
class Cooccurrence:
    """Pairs of categories in pictures; k categories, those of most pictures first.

    Attributes:
        names: of the k categories that are looked at.
        ids: int64, (k,): the first category id of each, which gives the colour.
        n_images: pictures looked at.
        n_categories: categories that these pictures have, of which k are looked at.
        together: int64, (k, k): pictures that have both; the diagonal: that have it.
        first, second: int64, (pairs,): places of each pair's categories, first < second.
        lift: of each pair, (pairs,): how many times as often the second is in pictures with
            the first as in all of these pictures; the same the other way round.
    """

    names: tuple[str, ...]
    ids: Ints
    n_images: int
    n_categories: int
    together: Ints
    first: Ints
    second: Ints
    lift: Lift

    def __post_init__(self) -> None:
        k = len(self.names)
        if self.together.shape != (k, k):
            raise ValueError(f"expected counts of shape ({k}, {k}), got {self.together.shape}")

    @property
    def images(self) -> Ints:
        """int64, (pairs,): pictures that have both."""
        return self.together[self.first, self.second]

    @property
    def expected(self) -> npt.NDArray[np.float64]:
        """float64, (pairs,): pictures that would have both if neither knew of the other."""
        alone = np.diagonal(self.together)
        return alone[self.first] * alone[self.second] / max(1, self.n_images)


def cooccurrence(
    dataset: CocoDataset,
    image_ids: Sequence[int] | Ints,
    by: By = "category",
    most: int = MOST,
) -> Cooccurrence:
    """Count the pictures that have both of two categories, for the most frequent ones.

    The lift of a pair is P(a and b) / (P(a) P(b)), with a share among the pictures looked
    at for each P (Brin, Motwani and Silverstein, SIGMOD 1997, call it interest). Its test is
    Fisher's, of "b" within the pictures with "a" against the others, and its interval and the
    rule for many pairs are those of `core.analytics.lift.lift_of`.

    Args:
        dataset: the pictures.
        image_ids: those looked at.
        by: "supercategory" rolls categories up.
        most: categories that are looked at, by the pictures that have them.

    Raises:
        DatasetError: an id that the dataset does not have.
    """
    whole = presence(dataset, by)
    is_in = pictures_in(dataset, image_ids)
    chosen = is_in[whole.rows]
    rows, groups, k = whole.rows[chosen], whole.groups[chosen], len(whole.names)
    images = np.bincount(groups, minlength=k)
    places = np.argsort(-images, kind="stable")[: min(most, int(np.count_nonzero(images)))]
    together = _pairs(rows, groups, places, k, len(is_in))
    first, second = (side.astype(np.int64) for side in np.triu_indices(len(places), 1))
    n = int(np.count_nonzero(is_in))
    alone = np.diagonal(together)
    return Cooccurrence(
        names=tuple(whole.names[place] for place in places),
        ids=whole.ids[places],
        n_images=n,
        n_categories=int(np.count_nonzero(images)),
        together=together,
        first=first,
        second=second,
        lift=lift_of(together[first, second], alone[first], alone[second], n),
    )


def _pairs(
    rows: npt.NDArray[np.int32],
    groups: npt.NDArray[np.int32],
    places: Ints,
    k: int,
    n_images: int,
) -> Ints:
    """Return the pictures that have both of two of the categories at `places`."""
    from scipy.sparse import csr_array

    new = np.full(k, -1, dtype=np.int64)
    new[places] = np.arange(len(places))
    columns = new[groups]
    keep = columns >= 0
    ones = np.ones(int(np.count_nonzero(keep)), dtype=np.int64)
    has = csr_array((ones, (rows[keep], columns[keep])), shape=(n_images, len(places)))
    together: Ints = (has.T @ has).toarray()
    return together
