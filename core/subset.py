"""Subsets: an ordered set of pictures, chosen by a query and by hand."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from core.errors import QueryError
from core.library import Found, SearchableDataset


@dataclass(frozen=True, slots=True, eq=False)
class Subset:
    """Pictures of one dataset in rank order.

    Attributes:
        query: the text that ranked them; "" if none did.
        image_ids: int64, shape (n,), unique.
        scores: float32 cosine similarity, shape (n,), or None if no query ranked them.
        notes: plain sentences on what the model did not see or does not know of the query.
    """

    dataset: SearchableDataset
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
    def found(cls, found: Found) -> "Subset":
        """Return what a search found."""
        return cls(found.dataset, found.query, found.image_ids, found.scores, found.notes)

    @classmethod
    def first(cls, dataset: SearchableDataset, count: int) -> "Subset":
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
        keep = np.isin(self.image_ids, chosen)
        scores = None if self.scores is None else self.scores[keep]
        return replace(self, image_ids=self.image_ids[keep], scores=scores)
