"""Subsets: an ordered set of pictures, chosen by a query and by hand."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from core.errors import QueryError

if TYPE_CHECKING:
    from core.found import Found
    from core.searchable import SearchableDataset


@dataclass(frozen=True, slots=True, eq=False)
class Subset:
    """Pictures of one dataset in rank order.

    Attributes:
        query: what ranked them, in words; "" if nothing did.
        image_ids: int64, shape (n,), unique.
        scores: float32, shape (n,), NaN where a picture has none, or None if no query
            ranked them.
        notes: plain sentences on what the model did not see or does not know of the query.
    """

    dataset: "SearchableDataset"
    query: str
    image_ids: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.scores is not None and self.scores.shape != self.image_ids.shape:
            raise ValueError(
                f"expected one score an id, got {self.scores.shape} for {self.image_ids.shape}"
            )

    def __len__(self) -> int:
        return len(self.image_ids)

    @classmethod
    def found(cls, found: "Found") -> "Subset":
        """Return what a search found, in its order."""
        return cls(found.dataset, found.words, found.image_ids, found.scores, found.notes)

    @classmethod
    def first(cls, dataset: "SearchableDataset", count: int) -> "Subset":
        """Return the first `count` pictures in the dataset's own order, unranked."""
        return cls(dataset, "", dataset.coco.images.ids[:count])

    @property
    def title(self) -> str:
        """What a file of it is called: the query, or the dataset's name, and the number."""
        return f"{self.query or self.dataset.name} {len(self)}"

    def only(self, image_ids: Iterable[int]) -> "Subset":
        """Return those of its pictures that are in `image_ids`, still in rank order.

        Raises:
            QueryError: one of them is not in the subset, or there is none.
        """
        chosen = np.fromiter(image_ids, dtype=np.int64)
        strange = chosen[~np.isin(chosen, self.image_ids)]
        if strange.size:
            raise QueryError(
                f"Expected pictures of this result, found {strange.size:,} others "
                f"(id {strange[0]}): the result has changed since. Search again."
            )
        if not chosen.size:
            raise QueryError("No picture is chosen. Choose one at least.")
        return self._where(np.isin(self.image_ids, chosen))

    def without(self, image_ids: Iterable[int]) -> "Subset":
        """Return it without the pictures that are in `image_ids`; strange ids are no matter.

        Raises:
            QueryError: nothing would be left.
        """
        keep = ~np.isin(self.image_ids, np.fromiter(image_ids, dtype=np.int64))
        if not keep.any():
            raise QueryError("No picture is left. Take one back, or widen the search.")
        return self._where(keep)

    def _where(self, keep: npt.NDArray[np.bool_]) -> "Subset":
        scores = None if self.scores is None else self.scores[keep]
        return replace(self, image_ids=self.image_ids[keep], scores=scores)
